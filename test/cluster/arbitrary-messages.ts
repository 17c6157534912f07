/** Arbitrary messages of every kind, for properties. A kind that is missing here does not compile. */
import fc from 'fast-check';
import {
  type Configuration,
  MEMBER_NAME_BYTES_MAX,
  MEMBERS_MAX,
  type Member,
  type MemberRole,
  VOTERS_MAX,
  ZONE_BYTES_MAX,
} from '../../src/cluster/configuration.js';
import type { Foundation } from '../../src/cluster/foundation.js';
import type { PayloadOf } from '../../src/cluster/message-kinds.js';
import {
  EPOCHS_TOLD_MAX,
  type EpochEntry,
  type Message,
  type MessageKind,
} from '../../src/cluster/messages.js';

export const anyId = fc.uuid();
export const anyIdOrNone = fc.oneof(
  { weight: 4, arbitrary: anyId },
  { weight: 1, arbitrary: fc.constant('') },
);
export const anyPosition = fc
  .oneof(
    fc.nat(1000),
    fc.maxSafeNat().map((value) => Math.floor(value / 8)),
  )
  .map((value) => 8 * Math.min(value, 2 ** 50 - 1));
const anyEpoch = fc.integer({ min: 1, max: 0xffffffff });
const anyEpochOrNone = fc.integer({ min: 0, max: 0xffffffff });
const anyCount = fc.oneof(fc.nat(100), fc.maxSafeNat());
const anyPriority = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const anyRole = fc.constantFrom<MemberRole>('voter', 'clone', 'replica');
const anyChunkSize = fc.integer({ min: 16, max: 262_144 }).map((blocks) => blocks * 4096);
const anyClusterSize = fc.integer({ min: 1, max: VOTERS_MAX });

function textOf(bytesMin: number, bytesMax: number): fc.Arbitrary<string> {
  const fits = (text: string) => Buffer.byteLength(text) <= bytesMax;
  return fc.oneof(
    fc.string({ unit: 'grapheme', minLength: bytesMin, maxLength: 20 }).filter(fits),
    fc.string({ unit: 'grapheme-ascii', minLength: bytesMax, maxLength: bytesMax }),
  );
}

export const anyName = textOf(1, MEMBER_NAME_BYTES_MAX);
export const anyZone = textOf(0, ZONE_BYTES_MAX);
const anyMember: fc.Arbitrary<Member> = fc.record({ id: anyId, name: anyName, role: anyRole, zone: anyZone });

function membersOf(countMax: number): fc.Arbitrary<Member[]> {
  const options = { minLength: 1, maxLength: countMax, selector: (member: Member) => member.id };
  return fc.uniqueArray(anyMember, options).map((members) => members.sort((a, b) => (a.id < b.id ? -1 : 1)));
}

export const anyConfiguration: fc.Arbitrary<Configuration> = fc
  .record({ version: fc.integer({ min: 1 }), clusterSize: anyClusterSize, members: membersOf(MEMBERS_MAX) })
  .map((configuration) => ({ ...configuration, members: withVoters(configuration.members) }));

/** The same members with at least one voter and no more than may be. */
function withVoters(members: readonly Member[]): Member[] {
  let voters = 0;
  return members.map((member, i) => {
    const isVoter = i === 0 || (member.role === 'voter' && voters < VOTERS_MAX);
    if (isVoter) voters++;
    return { ...member, role: isVoter ? 'voter' : member.role === 'voter' ? 'clone' : member.role };
  });
}

const anyFoundation: fc.Arbitrary<Foundation> = fc
  .record({ clusterId: anyId, chunkSize: anyChunkSize, members: membersOf(VOTERS_MAX) })
  .map(({ clusterId, chunkSize, members }) => {
    const voters = members.map((member) => ({ ...member, role: 'voter' as const }));
    return { clusterId, chunkSize, founder: voters[0]!.id, members: voters };
  });

const anyEpochs: fc.Arbitrary<EpochEntry[]> = fc
  .uniqueArray(fc.integer({ min: 1, max: 10_000 }), { maxLength: EPOCHS_TOLD_MAX })
  .map((epochs) => epochs.sort((a, b) => b - a).map((epoch) => ({ epoch, position: epoch * 64 })));

const anyBytes = fc.nat(12).chain((words) => fc.uint8Array({ minLength: 8 * words, maxLength: 8 * words }));

type Fields<K extends MessageKind> = Omit<PayloadOf<K>, 'kind' | 'clusterId'>;

/** What each kind says besides the envelope. */
const PAYLOADS: { readonly [K in MessageKind]: fc.Arbitrary<Fields<K>> } = {
  hello: fc.record({
    role: anyRole,
    zone: anyZone,
    clusterSize: anyClusterSize,
    chunkSize: anyChunkSize,
    isAnswer: fc.boolean(),
  }),
  found: fc.record({ foundation: anyFoundation }),
  foundAgreed: fc.record({}),
  foundRefused: fc.record({ heldClusterId: anyId, heldFounder: anyId }),
  founded: fc.record({}),
  foundAbandoned: fc.record({}),
  invite: fc.record({ chunkSize: anyChunkSize }),
  preVote: fc.record({ round: anyCount }),
  preVoteReply: fc.record({ round: anyCount, granted: fc.boolean(), promisedEpoch: anyEpochOrNone }),
  prepare: fc.record({ epoch: anyEpoch, resigning: anyIdOrNone }),
  prepareOk: fc.record({
    epoch: anyEpoch,
    lastEpoch: anyEpochOrNone,
    position: anyPosition,
    commit: anyPosition,
    priority: anyPriority,
  }),
  proposal: fc.record({
    epoch: anyEpoch,
    leader: anyId,
    leaderName: anyName,
    lastEpoch: anyEpochOrNone,
    position: anyPosition,
  }),
  accept: fc.record({ epoch: anyEpoch }),
  stale: fc.record({ promisedEpoch: anyEpochOrNone }),
  heartbeat: fc.record({ epoch: anyEpoch, round: anyCount, commit: anyPosition, end: anyPosition }),
  heartbeatReply: fc.record({ epoch: anyEpoch, round: anyCount, priority: anyPriority }),
  steppedDown: fc.record({ epoch: anyEpoch }),
  transfer: fc.record({ epoch: anyEpoch }),
  subscribe: fc.record({
    epoch: anyEpoch,
    attempt: anyCount,
    epochs: anyEpochs,
    end: anyPosition,
    commit: anyPosition,
  }),
  subscribed: fc.record({ epoch: anyEpoch, attempt: anyCount, position: anyPosition }),
  range: fc.record({
    epoch: anyEpoch,
    attempt: anyCount,
    position: anyPosition,
    commit: anyPosition,
    bytes: anyBytes,
  }),
  ack: fc.record({ epoch: anyEpoch, attempt: anyCount, durable: anyPosition }),
  readIndex: fc.record({ request: anyCount }),
  readIndexReply: fc.record({ request: anyCount, position: fc.oneof(anyPosition, fc.constant(-1)) }),
  fenced: fc.record({
    seenStart: anyCount,
    seenNonce: anyCount,
    reason: fc.constantFrom('copy' as const, 'lost-data' as const, 'removed' as const),
  }),
};

const anyEnvelope = fc.record({
  clusterId: anyIdOrNone,
  from: anyId,
  fromName: anyName,
  start: anyCount,
  nonce: anyCount,
  to: anyIdOrNone,
});

export const MESSAGE_KINDS = Object.keys(PAYLOADS) as MessageKind[];

export function anyMessageOf(kind: MessageKind): fc.Arbitrary<Message> {
  const payload: fc.Arbitrary<object> = PAYLOADS[kind];
  return fc
    .tuple(anyEnvelope, payload)
    .map(([envelope, fields]) => ({ ...envelope, kind, ...fields }) as Message);
}

export const anyMessage = fc.constantFrom(...MESSAGE_KINDS).chain(anyMessageOf);
