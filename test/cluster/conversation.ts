/**
 * A conversation of cluster cores: a script of commands (`conversation-script.ts`), and what comes of each, in words. Deterministic: no
 * clock, no randomness; messages take no time and are delivered in the order in which they were sent, until it is quiet. It also holds the
 * nodes to the invariants that can be seen from here: one leader per epoch, and all commit the same bytes.
 */
import { assert } from '../../src/base/assert.js';
import { bytesEqual } from '../../src/base/bytes.js';
import type { NodeRole } from '../../src/cluster/effects.js';
import type { Message } from '../../src/cluster/messages.js';
import { freshNodeState } from '../../src/cluster/node-state.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { CHUNK_SIZE } from './conversation-log.js';
import { ConversationNetwork, overTheWire, type Sent } from './conversation-network.js';
import { type ConversationHost, ConversationNode, type Folder } from './conversation-node.js';
import { configurationWords, messageWords, Names } from './conversation-words.js';
import { idOf } from './ids.js';

/** Of a conversation that never gets quiet. */
const DELIVERIES_MAX = 20_000;
const TIMES = {
  electionTimeoutMs: 1000,
  heartbeatIntervalMs: 200,
  deadVoterTimeoutMs: 5000,
  diskStallTimeoutMs: 2000,
};
/** Said again and again; counted, not shown, unless they bring something new. */
const ROUTINE: ReadonlySet<Message['kind']> = new Set(['heartbeat', 'heartbeatReply', 'ack']);

export class Conversation implements ConversationHost {
  readonly names = new Names();
  readonly network = new ConversationNetwork();
  readonly nodes = new Map<string, ConversationNode>();
  clusterSize = 3;
  catchUpBytes = 262_144;
  seeds: readonly string[] = [];
  /** Whether more was destroyed than a cluster survives: then what was committed may be lost. */
  isLossExpected = false;
  #lines: string[] = [];
  #routine = 0;
  #foldersMade = 0;
  /** How many folders a node has had. */
  readonly #lives = new Map<string, number>();
  #clustersMade = 0;
  #startsMade = 0;
  /** By cluster. */
  readonly #committed = new Map<string, Uint8Array>();
  /** By cluster and epoch. */
  readonly #leaders = new Map<string, string>();
  /** The last ack of each link: one that says the same again is no news. */
  readonly #acks = new Map<string, string>();

  node(name: string | undefined): ConversationNode {
    const node = this.nodes.get(name ?? '');
    assert(node !== undefined, `there is no node ${name}`);
    return node;
  }

  /** A node with an empty folder, not started. */
  make(name: string, role: 'voter' | 'clone' | 'replica', seeds = this.seeds): ConversationNode {
    const node = new ConversationNode(this, this.#options(name, role, seeds), this.emptyFolder(name));
    this.nodes.set(name, node);
    return node;
  }

  /** A new folder has a new id: `n1'` is the second one of n1. */
  emptyFolder(name: string): Folder {
    const lives = this.#lives.get(name) ?? 0;
    this.#lives.set(name, lives + 1);
    this.#foldersMade++;
    const id = idOf(this.#foldersMade);
    this.names.add(id, name + "'".repeat(lives));
    const state = { ...freshNodeState(id, 0), start: 0 };
    return { state, log: undefined };
  }

  /** A node of another name with a folder that there is already. */
  makeWith(name: string, folder: Folder): void {
    this.nodes.set(name, new ConversationNode(this, this.#options(name, 'voter', this.seeds), folder));
  }

  start(name: string | undefined): void {
    this.#startsMade++;
    this.node(name).start(this.#startsMade);
  }

  /** What was said since the last time. */
  takeLines(): readonly string[] {
    const lines = this.#lines;
    if (this.#routine > 0) lines.push(`(and ${this.#routine} of routine)`);
    this.#lines = [];
    this.#routine = 0;
    return lines;
  }

  say(words: string): void {
    this.#lines.push(words);
  }

  send(from: ConversationNode, to: string, message: Message): void {
    const sent = { from: from.name, to, message };
    const fate = this.network.send(sent);
    if (this.#isRoutine(sent, fate)) {
      this.#routine++;
      return;
    }
    const isDown = this.nodes.get(to)?.isUp !== true;
    const loss = fate === 'cut' ? ' (lost)' : isDown ? ' (nobody is there)' : '';
    const words = `${messageWords(message, this.names)}${this.#contentOf(from, message)}`;
    this.say(`${from.name} -> ${to}: ${words}${fate === 'held' ? ' (held)' : loss}`);
  }

  deliver({ to, message }: Sent): void {
    const node = this.nodes.get(to);
    if (node?.isUp === true) node.take({ kind: 'message', message: overTheWire(message) });
  }

  /** Until nothing is on the way but what is held. */
  deliverAll(): void {
    for (let i = 0; ; i++) {
      assert(i < DELIVERIES_MAX, 'it gets quiet at some point');
      const sent = this.network.next();
      if (sent === undefined) return;
      this.deliver(sent);
    }
  }

  /** Lets time go by for some nodes: each ticks when it wants to, the earliest first. */
  wait(nodes: readonly ConversationNode[], ms: number): void {
    for (let leftMs = ms; ; ) {
      this.deliverAll();
      const running = nodes.filter(({ isUp }) => isUp);
      const inMs = Math.min(...running.map(({ core, nowMs }) => Math.max(0, core!.deadlineMs - nowMs)));
      const stepMs = Math.min(inMs, leftMs);
      for (const node of nodes) node.nowMs += stepMs;
      leftMs -= stepMs;
      const due = running.filter(({ core, nowMs }) => core!.deadlineMs <= nowMs);
      for (const node of due) if (node.core!.deadlineMs <= node.nowMs) node.take({ kind: 'tick' });
      if (due.length === 0 && leftMs === 0) return;
    }
  }

  roleTaken(node: ConversationNode, role: NodeRole, epoch: number): void {
    if (role !== 'preLeader') return;
    const reign = `${node.clusterId} ${epoch}`;
    const leader = this.#leaders.get(reign);
    assert(leader === undefined || leader === node.id, 'at most one leader in an epoch');
    this.#leaders.set(reign, node.id);
  }

  committed(node: ConversationNode, position: number): void {
    const log = node.log!;
    assert(position <= log.durable, 'what is committed is durable');
    const bytes = log.read(0, position);
    assert(bytes.length === position, 'what is committed is whole records');
    const open = log.records.find(({ end, isOpen }) => end.position === position && isOpen);
    assert(open === undefined, 'commit never stands in a transaction');
    if (this.isLossExpected) return;
    const known = this.#committed.get(node.clusterId) ?? new Uint8Array(0);
    const shared = Math.min(position, known.length);
    assert(bytesEqual(bytes, 0, known, 0, shared), 'all commit the same');
    if (position > known.length) this.#committed.set(node.clusterId, bytes);
  }

  status(): void {
    let saidMembers = '';
    for (const node of this.nodes.values()) {
      const { name, core, log } = node;
      if (core === undefined) {
        this.say(`${name} is down`);
        continue;
      }
      const { role, epoch, leader, promisedEpoch, commit, configuration } = core.view;
      const reign = epoch === 0 ? '' : ` in ${epoch} of ${leader}`;
      const ends = `log ${log?.end.position ?? 0}, durable ${log?.durable ?? 0}, commit ${commit}`;
      this.say(`${name} is ${role}${reign}, promised ${promisedEpoch}; ${ends}`);
      const members = configurationWords(configuration, this.names);
      if (members !== saidMembers) this.say(`   ${members}`);
      saidMembers = members;
    }
  }

  #isRoutine({ from, to, message }: Sent, fate: string): boolean {
    if (!ROUTINE.has(message.kind)) return false;
    const receiver = this.nodes.get(to)?.core;
    if (message.kind === 'heartbeat') {
      const isDeaf = receiver === undefined || receiver.view.role === 'fenced';
      return fate === 'cut' || isDeaf || receiver.view.epoch === message.epoch;
    }
    if (message.kind === 'heartbeatReply') return true;
    const link = `${from}->${to}`;
    const words = messageWords(message, this.names);
    const isSaid = this.#acks.get(link) === words;
    this.#acks.set(link, words);
    return isSaid;
  }

  #contentOf(from: ConversationNode, message: Message): string {
    if (message.kind !== 'range') return '';
    const { position, bytes } = message;
    return ` [${from.log?.wordsOf(position, position + bytes.length) ?? ''}]`;
  }

  #options(name: string, role: 'voter' | 'clone' | 'replica', seeds: readonly string[]) {
    const newId = (): string => {
      this.#clustersMade++;
      const id = idOf(0xc000 + this.#clustersMade);
      this.names.add(id, `cluster-${this.#clustersMade}`);
      return id;
    };
    const { clusterSize, catchUpBytes } = this;
    const zone = '';
    const identity = { name, zone, role, clusterSize, chunkSize: CHUNK_SIZE, seeds, priority: 0 };
    return { ...identity, ...TIMES, catchUpBytes, random: () => 0, newId, kernel: javascriptKernel };
  }
}
