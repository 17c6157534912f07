/** How messages, roles and alarms of a conversation read. Ids are said as names of nodes; see {@link Names}. */
import { unreachable } from '../../src/base/assert.js';
import { type Configuration, quorumOf } from '../../src/cluster/configuration.js';
import type { Alarm } from '../../src/cluster/effects.js';
import type { Foundation } from '../../src/cluster/foundation.js';
import type { Message } from '../../src/cluster/messages.js';
import type { NodeState } from '../../src/cluster/node-state.js';

/** Subscriptions, and rounds of pre-votes, are numbered through all starts of a node. */
const NUMBERS_PER_START = 2 ** 32;

/** Ids → words, given by whoever made the ids: the folders of one node are `n1`, `n1'`, `n1''`. */
export class Names {
  readonly #words = new Map<string, string>([['', 'nobody']]);

  add(id: string, words: string): void {
    this.#words.set(id, words);
  }

  of(id: string | undefined): string {
    return this.#words.get(id ?? '') ?? id ?? '';
  }

  all(ids: readonly { readonly id: string }[]): string {
    return ids.map(({ id }) => this.of(id)).join(' ');
  }
}

export function messageWords(message: Message, names: Names): string {
  switch (message.kind) {
    case 'hello':
    case 'found':
    case 'foundAgreed':
    case 'foundRefused':
    case 'founded':
    case 'foundAbandoned':
    case 'invite':
      return foundingWords(message, names);
    case 'preVote':
    case 'preVoteReply':
    case 'prepare':
    case 'prepareOk':
    case 'proposal':
    case 'accept':
    case 'stale':
      return electionWords(message, names);
    default:
      return reignWords(message);
  }
}

type WordsOf<K extends Message['kind']> = Extract<Message, { kind: K }>;

function foundingWords(
  message: WordsOf<
    'hello' | 'found' | 'foundAgreed' | 'foundRefused' | 'founded' | 'foundAbandoned' | 'invite'
  >,
  names: Names,
): string {
  const cluster = names.of(message.clusterId);
  switch (message.kind) {
    case 'hello':
      return message.isAnswer ? 'hello, too' : `hello, a ${message.role}`;
    case 'found':
      return `found ${foundationWords(message.foundation, names)}`;
    case 'foundRefused':
      return `foundRefused ${cluster}: holds ${names.of(message.heldClusterId)} of ${names.of(message.heldFounder)}`;
    default:
      return `${message.kind} ${cluster}`;
  }
}

function electionWords(
  message: WordsOf<'preVote' | 'preVoteReply' | 'prepare' | 'prepareOk' | 'proposal' | 'accept' | 'stale'>,
  names: Names,
): string {
  switch (message.kind) {
    case 'preVote':
      return `preVote ${numberWords(message.round)}`;
    case 'preVoteReply': {
      const { granted, round, promisedEpoch } = message;
      return `preVoteReply ${numberWords(round)}: ${granted ? 'granted' : 'refused'}, promised ${promisedEpoch}`;
    }
    case 'prepare':
      return `prepare ${message.epoch}${message.resigning === '' ? '' : `, ${names.of(message.resigning)} resigns`}`;
    case 'prepareOk': {
      const { epoch, lastEpoch, position, commit, priority } = message;
      const wish = priority === 0 ? '' : `, priority ${priority}`;
      return `prepareOk ${epoch}: has epoch ${lastEpoch} to ${position}, commit ${commit}${wish}`;
    }
    case 'proposal': {
      const { epoch, leader, lastEpoch, position } = message;
      return `proposal ${epoch}: ${names.of(leader)}, who has epoch ${lastEpoch} to ${position}`;
    }
    case 'accept':
      return `accept ${message.epoch}`;
    case 'stale':
      return `stale: promised ${message.promisedEpoch}`;
    default:
      return unreachable(message);
  }
}

function reignWords(
  message: Exclude<Message, Parameters<typeof foundingWords>[0] | Parameters<typeof electionWords>[0]>,
): string {
  switch (message.kind) {
    case 'heartbeat':
      return `heartbeat ${message.epoch}: commit ${message.commit}, end ${message.end}`;
    case 'heartbeatReply':
      return `heartbeatReply ${message.epoch}`;
    case 'steppedDown':
    case 'transfer':
      return `${message.kind} ${message.epoch}`;
    case 'subscribe': {
      const epochs = message.epochs.map(({ epoch, position }) => `${epoch}@${position}`).join(' ');
      const { end, commit } = message;
      return `subscribe ${attemptWords(message)}: epochs ${epochs || 'none'}, end ${end}, commit ${commit}`;
    }
    case 'subscribed':
      return `subscribed ${attemptWords(message)}: from ${message.position}`;
    case 'range': {
      const { position, bytes, commit } = message;
      return `range ${attemptWords(message)}: ${position} to ${position + bytes.length}, commit ${commit}`;
    }
    case 'ack':
      return `ack ${attemptWords(message)}: ${message.durable}`;
    case 'readIndex':
      return 'readIndex';
    case 'readIndexReply':
      return message.position < 0 ? 'readIndexReply: ask elsewhere' : `readIndexReply: ${message.position}`;
    case 'fenced':
      return `fenced (${message.reason}): start ${message.seenStart}`;
    default:
      return unreachable(message);
  }
}

/** `2#1.3`: epoch 2, the third subscription of the node's first start. */
function attemptWords({ epoch, attempt }: { readonly epoch: number; readonly attempt: number }): string {
  return `${epoch}${numberWords(attempt)}`;
}

function numberWords(number: number): string {
  return `#${Math.floor(number / NUMBERS_PER_START)}.${number % NUMBERS_PER_START}`;
}

export function alarmWords(alarm: Alarm, names: Names): string {
  switch (alarm.kind) {
    case 'truncation-refused':
      return `truncation-refused: asked for ${alarm.asked}, commit is ${alarm.commit}`;
    case 'foreign-cluster':
      return `foreign-cluster: ${alarm.fromName} of ${names.of(alarm.clusterId)}`;
    case 'bad-range':
      return `bad-range at ${alarm.position}: ${alarm.reason}`;
    case 'fenced':
      return `fenced: ${alarm.reason}`;
    case 'member-fenced':
      return `member-fenced: ${names.of(alarm.member)}, ${alarm.reason}`;
    case 'committed-missing':
      return `committed-missing: commit is ${alarm.commit}, the best log ends at ${alarm.best}`;
    default:
      return unreachable(alarm);
  }
}

export function foundationWords({ clusterId, members }: Foundation, names: Names): string {
  return `${names.of(clusterId)} of ${names.all(members)}`;
}

export function configurationWords(configuration: Configuration | undefined, names: Names): string {
  if (configuration === undefined) return 'no members';
  const { version, clusterSize, members } = configuration;
  const roles = (['voter', 'clone', 'replica'] as const).map((role) => {
    const those = members.filter((member) => member.role === role);
    return those.length === 0 ? '' : `, ${role}s ${names.all(those)}`;
  });
  return `v${version}${roles.join('')}, size ${clusterSize}, quorum ${quorumOf(configuration)}`;
}

/** What a save changes; '' if nothing. */
export function changeWords(before: NodeState, after: NodeState, names: Names): string {
  const words: string[] = [];
  if (after.promisedEpoch !== before.promisedEpoch) words.push(`promised ${after.promisedEpoch}`);
  if (after.acceptedEpoch !== before.acceptedEpoch)
    words.push(`accepted ${names.of(after.acceptedLeader)} in ${after.acceptedEpoch}`);
  if (after.foundation?.clusterId !== before.foundation?.clusterId) {
    const { foundation } = after;
    words.push(
      foundation === undefined ? 'no foundation' : `agreed to ${foundationWords(foundation, names)}`,
    );
  }
  if (after.clusterId !== before.clusterId) words.push(`member of ${names.of(after.clusterId)}`);
  if (after.founded !== before.founded) words.push('founded');
  const { catchingUpFrom } = after;
  if (catchingUpFrom !== before.catchingUpFrom)
    words.push(catchingUpFrom === undefined ? 'not catching up' : `catching up from ${catchingUpFrom}`);
  if (after.fenced !== before.fenced) words.push('fenced');
  return words.join(', ');
}
