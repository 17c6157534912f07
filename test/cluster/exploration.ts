/**
 * Explores all ways in which a small election can go: every order in which messages arrive, saves become durable, nodes time out
 * and crash, up to a number of timeouts and crashes. Nodes are deterministic, so a node is what it was told so far; a world is its
 * three nodes and what is under way between them, and two orders that tell each node the same lead to the same world. Each is
 * visited once (partial order reduction by construction).
 */
import { assert } from '../../src/base/assert.js';
import { ClusterNode } from '../../src/cluster/cluster-node.js';
import type { Effect, Input } from '../../src/cluster/effects.js';
import type { LogStart } from '../../src/cluster/known-log.js';
import type { Message, MessageKind } from '../../src/cluster/messages.js';
import { freshNodeState, type NodeState } from '../../src/cluster/node-state.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import { idOf } from './ids.js';

/** Where a node's log ends; all of it was written in epoch 1. */
export interface ExplorationOptions {
  readonly logEnds: readonly number[];
  /** How many timeouts there may be, of all nodes together. */
  readonly timeouts: number;
  readonly crashes: number;
  /** Whether saves are durable at once: fewer orders to look at, so longer ones are within reach. */
  readonly instantSaves: boolean;
  /** Gives up (says so) beyond it. */
  readonly worldsMax: number;
}

export interface Exploration {
  readonly worlds: number;
  readonly isComplete: boolean;
  /** How many of them have a leader. */
  readonly withLeader: number;
  readonly violations: readonly string[];
}

/** A node's past: what it was told last, after what. */
interface Past {
  readonly id: number;
  readonly before: Past | undefined;
  readonly start: NodeState;
  readonly input: Input | undefined;
  readonly nowMs: number;
  readonly effects: readonly Effect[];
  readonly deadlineMs: number;
}

interface Letter {
  readonly to: number;
  readonly message: Message;
  readonly key: string;
}

interface Save {
  readonly state: NodeState;
  readonly letters: readonly Letter[];
}

interface WorldNode {
  readonly past: Past;
  readonly durable: NodeState;
  readonly saves: readonly Save[];
}

interface World {
  readonly nodes: readonly WorldNode[];
  readonly letters: readonly Letter[];
  readonly timeouts: number;
  readonly crashes: number;
  /** `epoch:node` of all who ever led. */
  readonly leaders: readonly string[];
}

const CLUSTER_ID = idOf(0xc1);
const EPOCH_RECORD_BYTES = 64;
/** Pre-votes promise nothing and change nothing, so they are answered at once; what follows an election is not looked at. */
const EXPLORED: ReadonlySet<MessageKind> = new Set(['prepare', 'prepareOk', 'proposal', 'accept']);

export function explore(options: ExplorationOptions): Exploration {
  return new Explorer(options).run();
}

class Explorer {
  readonly #options: ExplorationOptions;
  readonly #pasts = new Map<string, Past>();
  readonly #seen = new Set<string>();
  readonly #violations = new Set<string>();
  /** What a quorum has: a leader must have it. */
  readonly #committed: number;
  #withLeader = 0;

  constructor(options: ExplorationOptions) {
    this.#options = options;
    this.#committed = [...options.logEnds].sort((a, b) => b - a)[Math.floor(options.logEnds.length / 2)]!;
  }

  run(): Exploration {
    const stack = [this.#beginning()];
    while (stack.length > 0 && this.#seen.size < this.#options.worldsMax) {
      const world = stack.pop()!;
      const key = keyOf(world);
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      this.#check(world);
      stack.push(...this.#next(world));
    }
    return {
      worlds: this.#seen.size,
      isComplete: stack.every((world) => this.#seen.has(keyOf(world))),
      withLeader: this.#withLeader,
      violations: [...this.#violations],
    };
  }

  #beginning(): World {
    const nodes = this.#options.logEnds.map((_, index) => {
      const state = firstState(index, this.#options.logEnds.length);
      return { past: this.#start(state), durable: state, saves: [] };
    });
    const { timeouts, crashes } = this.#options;
    return { nodes, letters: [], timeouts, crashes, leaders: [] };
  }

  #check(world: World): void {
    if (world.leaders.length > 0) this.#withLeader++;
    const byEpoch = new Map<string, string>();
    for (const leader of world.leaders) {
      const [epoch, node] = leader.split(':') as [string, string];
      const other = byEpoch.get(epoch);
      if (other !== undefined) this.#violations.add(`epoch ${epoch} has two leaders: ${other} and ${node}`);
      byEpoch.set(epoch, node);
      if (this.#options.logEnds[Number(node)]! < this.#committed) {
        this.#violations.add(`node ${node} leads and lacks what is committed`);
      }
    }
  }

  #next(world: World): World[] {
    const worlds: World[] = [];
    world.letters.forEach((letter, index) => {
      const letters = world.letters.filter((_, other) => other !== index);
      worlds.push(this.#tell({ ...world, letters }, letter.to, { kind: 'message', message: letter.message }));
    });
    world.nodes.forEach((node, index) => {
      const [save, ...saves] = node.saves;
      if (save !== undefined) {
        const after = replaced(world, index, { ...node, durable: save.state, saves });
        worlds.push(this.#deliver(after, save.letters));
      }
      if (world.timeouts > 0) {
        worlds.push(this.#tell({ ...world, timeouts: world.timeouts - 1 }, index, { kind: 'tick' }));
      }
      if (world.crashes > 0) worlds.push(this.#crash(world, index));
    });
    return worlds;
  }

  /** What isn't durable is gone; what was sent is still under way. */
  #crash(world: World, index: number): World {
    const { durable } = world.nodes[index]!;
    const state = { ...durable, start: durable.start + 1, nonce: durable.nonce + 1 };
    const node = { past: this.#start(state), durable: state, saves: [] };
    return replaced({ ...world, crashes: world.crashes - 1 }, index, node);
  }

  #tell(world: World, index: number, input: Input): World {
    const node = world.nodes[index]!;
    const nowMs = input.kind === 'tick' ? node.past.deadlineMs : node.past.nowMs;
    const past = this.#after(node.past, input, nowMs);
    let next = replaced(world, index, { ...node, past });
    for (const effect of past.effects) next = this.#carryOut(next, index, effect);
    return next;
  }

  #carryOut(world: World, index: number, effect: Effect): World {
    const node = world.nodes[index]!;
    switch (effect.kind) {
      case 'send':
        return this.#send(world, effect.to, effect.message);
      case 'save': {
        const letters = effect.thenSend.map(({ to, message }) => letterTo(to, message)).filter(isExplored);
        if (this.#options.instantSaves) {
          return this.#deliver(replaced(world, index, { ...node, durable: effect.state }), letters);
        }
        return replaced(world, index, { ...node, saves: [...node.saves, { state: effect.state, letters }] });
      }
      case 'role': {
        if (effect.role !== 'preLeader') return world;
        return { ...world, leaders: [...new Set([...world.leaders, `${effect.epoch}:${index}`])].sort() };
      }
      default:
        return world;
    }
  }

  #send(world: World, to: string, message: Message): World {
    if (message.kind === 'preVote' || message.kind === 'preVoteReply') {
      return this.#tell(world, indexOf(to), { kind: 'message', message });
    }
    const letter = letterTo(to, message);
    if (message.to === message.from) return this.#deliver(world, [letter]);
    return isExplored(letter) ? { ...world, letters: [...world.letters, letter] } : world;
  }

  /** What a node says to itself it hears at once; the rest is under way. */
  #deliver(world: World, letters: readonly Letter[]): World {
    const toOthers = letters.filter(({ message }) => message.to !== message.from);
    let after: World = { ...world, letters: [...world.letters, ...toOthers] };
    for (const { to, message } of letters) {
      if (message.to === message.from) after = this.#tell(after, to, { kind: 'message', message });
    }
    return after;
  }

  #start(state: NodeState): Past {
    return this.#interned(`start ${JSON.stringify(state)}`, () => {
      const deadlineMs = this.#live(state, []).deadlineMs;
      return { before: undefined, start: state, input: undefined, nowMs: 0, effects: [], deadlineMs };
    });
  }

  #after(before: Past, input: Input, nowMs: number): Past {
    return this.#interned(`${before.id} ${nowMs} ${JSON.stringify(input)}`, () => {
      const told = [{ input, nowMs }];
      for (let past = before; past.before !== undefined; past = past.before) {
        told.unshift({ input: past.input!, nowMs: past.nowMs });
      }
      const { effects, deadlineMs } = this.#live(before.start, told);
      return { before, start: before.start, input, nowMs, effects, deadlineMs };
    });
  }

  #interned(key: string, make: () => Omit<Past, 'id'>): Past {
    const known = this.#pasts.get(key);
    if (known !== undefined) return known;
    const past = { id: this.#pasts.size, ...make() };
    this.#pasts.set(key, past);
    return past;
  }

  /** Lives a node's past again, and tells what came out last. */
  #live(state: NodeState, told: readonly { readonly input: Input; readonly nowMs: number }[]) {
    const index = indexOf(nameOf(this.#indexOf(state)));
    const node = new ClusterNode(optionsOf(index), { state, log: logOf(this.#options.logEnds[index]!) }, 0);
    let effects: readonly Effect[] = [];
    for (const { input, nowMs } of told) effects = node.step(input, nowMs);
    return { effects, deadlineMs: node.deadlineMs };
  }

  #indexOf(state: NodeState): number {
    return this.#options.logEnds.findIndex((_, index) => idOf(index + 1) === state.memberId);
  }
}

function keyOf({ nodes, letters, timeouts, crashes, leaders }: World): string {
  const own = nodes.map(({ past, saves, durable }) => `${past.id}/${saves.length}/${durable.start}`);
  const underWay = letters.map(({ key }) => key).sort();
  return `${own.join(' ')} ${timeouts} ${crashes} ${leaders.join(' ')} ${underWay.join(' ')}`;
}

function replaced(world: World, index: number, node: WorldNode): World {
  return { ...world, nodes: world.nodes.map((other, at) => (at === index ? node : other)) };
}

function letterTo(to: string, message: Message): Letter {
  return { to: indexOf(to), message, key: JSON.stringify(message) };
}

function isExplored({ message }: Letter): boolean {
  return EXPLORED.has(message.kind);
}

function nameOf(index: number): string {
  return `n${index + 1}`;
}

function indexOf(name: string): number {
  const index = Number(name.slice(1)) - 1;
  assert(index >= 0, `not a node of the exploration: ${name}`);
  return index;
}

function optionsOf(index: number): ConstructorParameters<typeof ClusterNode>[0] {
  return {
    name: nameOf(index),
    zone: '',
    role: 'voter',
    clusterSize: 3,
    chunkSize: 65_536,
    seeds: [],
    priority: 0,
    electionTimeoutMs: 1000,
    heartbeatIntervalMs: 200,
    deadVoterTimeoutMs: 60_000,
    diskStallTimeoutMs: 5000,
    random: () => 0,
    newId: () => CLUSTER_ID,
    kernel: javascriptKernel,
  };
}

function logOf(end: number): LogStart {
  return {
    end: { position: end, chain: 1, previousLength: EPOCH_RECORD_BYTES, epoch: 1 },
    epochs: [{ epoch: 1, position: 0 }],
    configurations: [],
    committed: 0,
  };
}

function firstState(index: number, size: number): NodeState {
  const members = Array.from({ length: size }, (_, other) => {
    return { id: idOf(other + 1), name: nameOf(other), role: 'voter', zone: '' } as const;
  });
  return {
    ...freshNodeState(idOf(index + 1), 7),
    clusterId: CLUSTER_ID,
    promisedEpoch: 1,
    acceptedEpoch: 1,
    acceptedLeader: idOf(1),
    foundation: { clusterId: CLUSTER_ID, founder: idOf(1), chunkSize: 65_536, members },
    founded: true,
  };
}
