/** The commands of a conversation. Links are written `n1->n2`, `n1<->n2`, `*->n2`, `n1->*`. */
import { assert } from '../../src/base/assert.js';
import type { MembershipChange } from '../../src/cluster/configuration.js';
import { Conversation } from './conversation.js';
import type { Folder } from './conversation-node.js';

type Command = (script: Script, words: readonly string[]) => void;

/** Long enough for a cluster to be founded and its clones to be members. */
const FOUNDING_MS = 900;
const JOINING_MS = 4000;

export class Script {
  readonly conversation = new Conversation();
  readonly folders = new Map<string, Folder>();
  requests = 0;

  /** Carries out one command; answers with what was seen. */
  run(line: string): readonly string[] {
    const [name, ...words] = line.split(/\s+/);
    const command = COMMANDS[name ?? ''];
    assert(command !== undefined, `there is no command ${name}`);
    command(this, words);
    this.conversation.deliverAll();
    return this.conversation.takeLines();
  }

  /** The links that a word names. */
  links(word: string | undefined): readonly string[] {
    const [, left, arrow, right] = /^(.+?)(->|<->)(.+)$/.exec(word ?? '') ?? [];
    assert(left !== undefined && right !== undefined, `${word} is no link`);
    const all = [...this.conversation.nodes.keys()];
    const froms = left === '*' ? all : left.split(',');
    const tos = right === '*' ? all : right.split(',');
    const pairs = froms.flatMap((from) => tos.filter((to) => to !== from).map((to) => [from, to] as const));
    const there = pairs.map(([from, to]) => `${from}->${to}`);
    const back = pairs.map(([from, to]) => `${to}->${from}`);
    return arrow === '->' ? there : [...there, ...back];
  }
}

const COMMANDS: Readonly<Record<string, Command>> = {
  /** `nodes 3`: fresh nodes that know each other, not started. `nodes 4 size 3`: of a cluster of three voters. */
  nodes: ({ conversation }, [count, , size]) => {
    conversation.seeds = Array.from({ length: Number(count) }, (_, i) => `n${i + 1}`);
    conversation.clusterSize = Number(size ?? count);
    for (const name of conversation.seeds) conversation.make(name, 'voter');
  },
  /** `node n4 [voter|clone|replica] [knows n1,n2]` */
  node: ({ conversation }, [name, role, , seeds]) => {
    conversation.make(name!, (role ?? 'voter') as 'voter', seeds?.split(',') ?? conversation.seeds);
  },
  /** `cluster 3`, `cluster 3 and 1`: founded, with clones, led by n1; its founding is not told. */
  cluster: (script, [voters, , clones]) => {
    const { conversation } = script;
    const { nodes } = conversation;
    script.run(`nodes ${voters}`);
    for (const name of conversation.seeds) conversation.start(name);
    conversation.wait([...nodes.values()], FOUNDING_MS);
    for (let i = 1; i <= Number(clones ?? 0); i++) {
      const name = `n${Number(voters) + i}`;
      conversation.make(name, 'voter');
      conversation.start(name);
      conversation.wait([...nodes.values()], JOINING_MS);
    }
    conversation.takeLines();
    conversation.status();
  },
  start: ({ conversation }, names) => {
    for (const name of names) conversation.start(name);
  },
  crash: ({ conversation }, names) => {
    for (const name of names) conversation.node(name).crash();
  },
  /** A stopped node gets an empty folder. */
  wipe: ({ conversation }, [name]) => {
    const node = conversation.node(name);
    node.restore(conversation.emptyFolder(node.name));
  },
  /** Keeps a copy of a node's folder under a word. */
  backup: ({ conversation, folders }, [name, , as]) => {
    folders.set(as!, conversation.node(name).folder);
  },
  /** A stopped node, or a new one, gets a copy of that folder. */
  restore: ({ conversation, folders }, [name, , from]) => {
    const folder = folders.get(from!);
    assert(folder !== undefined, `there is no backup ${from}`);
    if (conversation.nodes.has(name!)) conversation.node(name).restore(folder);
    else conversation.makeWith(name!, folder);
  },
  /** A stopped node's log comes back shorter. */
  'lose-log': ({ conversation }, [name, position]) => conversation.node(name).log?.truncate(Number(position)),
  /** `wait 1000`: for all; `wait 1000 n1 n2`: only for these time goes by. */
  wait: ({ conversation }, [ms, ...names]) => {
    const nodes =
      names.length > 0 ? names.map((name) => conversation.node(name)) : conversation.nodes.values();
    conversation.wait([...nodes], Number(ms));
  },
  /** Transactions: `append n1 a b (c d)`. */
  append: ({ conversation }, [name, ...words]) => {
    const text = words.join(' ');
    const transactions = [...text.matchAll(/\(([^)]*)\)|(\S+)/g)].map(([, many, one]) => {
      return many === undefined ? [one!] : many.split(' ');
    });
    appendTo(conversation, name!, transactions);
  },
  'append-commit': ({ conversation }, [name]) => conversation.node(name).appendCommit(),

  'hold-disk': ({ conversation }, names) => {
    for (const name of names) {
      conversation.node(name).isLogHeld = true;
      conversation.node(name).areSavesHeld = true;
    }
  },
  'hold-log': ({ conversation }, [name]) => {
    conversation.node(name).isLogHeld = true;
  },
  'hold-saves': ({ conversation }, [name]) => {
    conversation.node(name).areSavesHeld = true;
  },
  'expect-loss': ({ conversation }) => {
    conversation.isLossExpected = true;
  },
  /** Its ranges hold one record each. */
  'small-ranges': ({ conversation }, [name]) => {
    conversation.node(name).hasSmallRanges = true;
  },
  /** The size of the cluster that nodes made from now on want. */
  size: ({ conversation }, [size]) => {
    conversation.clusterSize = Number(size);
  },
  /** How far nodes made from now on are behind when they catch up. */
  'catch-up': ({ conversation }, [bytes]) => {
    conversation.catchUpBytes = Number(bytes);
  },
  /** Nothing gets into the log any more. */
  'fill-disk': ({ conversation }, [name]) => {
    conversation.node(name).isLineStuck = true;
  },
  'release-disk': ({ conversation }, [name]) => conversation.node(name).releaseDisk(),

  cut: (script, words) => {
    for (const word of words)
      for (const link of script.links(word)) script.conversation.network.cut.add(link);
  },
  heal: (script, words) => {
    const { cut } = script.conversation.network;
    if (words.length === 0) cut.clear();
    for (const word of words) for (const link of script.links(word)) cut.delete(link);
  },
  /** Messages of these links wait for `deliver`, `drop` or `release`. */
  hold: (script, words) => {
    for (const word of words)
      for (const link of script.links(word)) script.conversation.network.held.add(link);
  },
  release: (script, words) => {
    const { held } = script.conversation.network;
    if (words.length === 0) held.clear();
    for (const word of words) for (const link of script.links(word)) held.delete(link);
  },
  /** `deliver n1->n2 [kind]`: the next one that is held. */
  deliver: ({ conversation }, [link, kind]) => {
    const sent = conversation.network.take(link!, kind);
    assert(sent !== undefined, `nothing waits on ${link}`);
    conversation.deliver(sent);
  },
  /** `drop n1->n2 [kind]`: it, and whatever else of that kind waits there. */
  drop: (script, [word, kind]) => {
    const { network } = script.conversation;
    for (const link of script.links(word)) while (network.take(link, kind) !== undefined);
  },
  /** `replay n1->n2 accept`: the last one of this kind on this link comes again. */
  replay: ({ conversation }, [link, kind]) => {
    const sent = conversation.network.last(link!, kind!);
    assert(sent !== undefined, `no ${kind} was ever sent on ${link}`);
    conversation.deliver(sent);
  },

  /** `alarm n2 n3 about n1`: they are told that nobody listens at n1 any more, whether or not that is so. */
  alarm: ({ conversation }, words) => {
    const about = words.at(-1)!;
    for (const name of words.slice(0, -2)) conversation.node(name).take({ kind: 'unreachable', name: about });
  },

  read: (script, [name]) => {
    script.requests++;
    script.conversation.node(name).take({ kind: 'read', request: script.requests });
  },
  /** `resign n1 [to n2]` */
  resign: ({ conversation }, [name, , to]) => {
    const target = to === undefined ? {} : { target: conversation.node(to).id };
    conversation.node(name).take({ kind: 'resign', ...target });
  },
  priority: ({ conversation }, [name, priority]) => {
    conversation.node(name).take({ kind: 'priority', priority: Number(priority) });
  },
  /** `change n1 promote n4`, `change n1 resize 5`: asks n1. */
  change: (script, [name, kind, what]) => {
    script.requests++;
    const change = changeOf(script.conversation, kind!, what!);
    script.conversation.node(name).take({ kind: 'change', request: script.requests, change });
  },
  status: ({ conversation }) => conversation.status(),
  log: ({ conversation }, names) => {
    for (const name of names) {
      const { log, core } = conversation.node(name);
      const words = log?.records.map(({ position, words: record }) => `${position} ${record}`) ?? [];
      const commit = core === undefined ? '' : `, commit ${core.view.commit}`;
      conversation.say(`${name}: ${words.join(' | ')}`);
      conversation.say(`   end ${log?.end.position}, durable ${log?.durable}${commit}`);
    }
  },
};

/** A client's writes: refused where no leader takes them, and answered as held where they are held already. */
function appendTo(
  conversation: Conversation,
  name: string,
  transactions: readonly (readonly string[])[],
): void {
  const node = conversation.node(name);
  const role = node.core?.view.role;
  if (role !== 'leader') {
    conversation.say(`${name} takes no writes: it is ${role ?? 'down'}`);
    return;
  }
  const recordOf = (event: string | undefined) =>
    node.log!.records.find(({ words }) => words.replace(/[()]/g, '') === event);
  for (const [event] of transactions) {
    const record = recordOf(event);
    if (record === undefined) continue;
    const isCommitted = record.end.position <= node.core!.view.commit;
    conversation.say(`${name} holds ${event} at ${record.position}${isCommitted ? ', committed' : ''}`);
  }
  const unknown = transactions.filter(([event]) => recordOf(event) === undefined);
  if (unknown.length > 0) node.append(unknown);
}

function changeOf(conversation: Conversation, kind: string, what: string): MembershipChange {
  if (kind === 'resize') return { kind, clusterSize: Number(what) };
  const { id, name } = conversation.node(what);
  switch (kind) {
    case 'add':
      return { kind, member: { id, name, role: 'clone', zone: '' } };
    case 'remove':
    case 'promote':
    case 'demote':
      return { kind, id };
    default:
      throw new Error(`there is no change ${kind}`);
  }
}
