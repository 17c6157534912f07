/**
 * One node whose whole world is the test: the other members are words that it is told, its disk does what the test says. For checks that each
 * stand behind another one, so that no run of a whole cluster can show that they are there.
 */
import { assert } from '../../src/base/assert.js';
import type { ChainState } from '../../src/base/ports.js';
import { ClusterNode } from '../../src/cluster/cluster-node.js';
import type { Configuration } from '../../src/cluster/configuration.js';
import type { Effect, Input } from '../../src/cluster/effects.js';
import type { LogStart } from '../../src/cluster/known-log.js';
import type { Message, Payload } from '../../src/cluster/messages.js';
import { freshNodeState, type NodeState } from '../../src/cluster/node-state.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { type BuiltRecords, RecordBuilder } from '../../src/sim/node/record-bytes.js';
import { configurationOf, idOf, memberOf } from './ids.js';

export const ELECTION_TIMEOUT_MS = 1000;
export const HEARTBEAT_MS = 100;
export const DISK_STALL_MS = 3000;
export const CATCH_UP_BYTES = 1000;
const CLUSTER = idOf(0xc1);
const CHUNK_SIZE = 65_536;
const LOG_BEGIN: Readonly<ChainState> = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
/** This node is member 1. */
const ME = 1;

export interface LoneNodeOptions {
  readonly voters?: number;
  readonly clones?: number;
  /** The epochs of its log: each has its record, and one of the membership, which only counts up. */
  readonly epochs?: readonly number[];
  readonly state?: Partial<NodeState>;
}

export class LoneNode {
  readonly core: ClusterNode;
  readonly configuration: Configuration;
  nowMs = 0;
  /** Where its log ends. */
  end: Readonly<ChainState>;
  readonly builder: RecordBuilder;
  /** Where the epochs of its log begin, and what their records continue. */
  readonly epochs: {
    readonly epoch: number;
    readonly position: number;
    readonly before: Readonly<ChainState>;
  }[] = [];
  /** All that it wanted done, since the last {@link take}. */
  #effects: Effect[] = [];

  constructor({ voters = 3, clones = 0, epochs = [1], state }: LoneNodeOptions = {}) {
    this.configuration = configurationOf(voters, clones);
    this.builder = builderAt(LOG_BEGIN);
    const log = this.#makeLog(epochs);
    this.end = log.end;
    const start = { state: { ...stateOf(), promisedEpoch: epochs.at(-1)!, ...state }, log };
    this.core = new ClusterNode(optionsOf(voters), start, this.nowMs);
  }

  get role(): string {
    return this.core.view.role;
  }

  step(input: Input): void {
    this.#effects.push(...this.core.step(input, this.nowMs));
  }

  /** A member says something; `envelope` is what is unusual about it. */
  hear(member: number, payload: Payload, envelope: Partial<Message> = {}): void {
    this.step({ kind: 'message', message: { ...envelopeOf(member), ...payload, ...envelope } as Message });
  }

  /** Time passes; timers go off when they are due. */
  wait(lengthMs: number): void {
    const untilMs = this.nowMs + lengthMs;
    while (this.core.deadlineMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.core.deadlineMs);
      this.step({ kind: 'tick' });
    }
    this.nowMs = untilMs;
  }

  /** What it wanted done since it was asked last, without messages. */
  take(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** What it said to a member since it was asked last, kind for kind; its saves are durable at once. */
  said(member: number): readonly Message[] {
    const outgoing = this.take().flatMap((effect) => {
      if (effect.kind === 'save') return effect.thenSend;
      return effect.kind === 'send' ? [effect] : [];
    });
    return outgoing.filter(({ to }) => to === memberOf(member).name).map(({ message }) => message);
  }

  kindsOf(effects: readonly Effect[] = this.take()): readonly string[] {
    return effects.map(({ kind }) => kind);
  }

  /** Node 2 proposes a leader, and those who voted say so. */
  elect(epoch: number, leader: number, voters: readonly number[]): void {
    this.hear(2, { kind: 'prepare', epoch, resigning: '' });
    const { position } = this.end;
    const { id, name } = memberOf(leader);
    this.hear(2, {
      kind: 'proposal',
      epoch,
      leader: id,
      leaderName: name,
      lastEpoch: this.end.epoch,
      position,
    });
    for (const voter of voters) this.hear(voter, { kind: 'accept', epoch });
  }

  /** It leads, and its Epoch record is in its log; durable, if the disk is well. */
  lead(epoch: number, isDurable = true): void {
    this.elect(epoch, ME, [1, 2, 3]);
    this.appended(this.builder.appendEpoch(epoch, idOf(ME)), { type: 'epoch', epoch });
    if (isDurable) this.step({ kind: 'durable', position: this.end.position });
  }

  /** Records that it has asked for are in its log. */
  appended(
    { begin: position, end }: BuiltRecords,
    record?: Extract<Input, { kind: 'appended' }>['record'],
  ): void {
    this.end = end;
    if (record !== undefined) this.step({ kind: 'appended', record, position, end: end.position });
    this.step({ kind: 'published', end });
  }

  /** It leads: a member whose log holds nothing subscribes. */
  subscribedBy(member: number, epoch: number, attempt: number): void {
    const epochs = [{ epoch: 1, position: 0 }];
    this.hear(member, { kind: 'subscribe', epoch, attempt, epochs, end: 0, commit: 0 });
    this.step({ kind: 'shipped', to: idOf(member), attempt, end: this.end.position });
  }

  /** It follows node 2 in this epoch, and both logs agree. Answers with the number of its subscription. */
  follow(epoch: number): number {
    this.take();
    this.hear(2, { kind: 'heartbeat', epoch, round: 1, commit: 0, end: this.end.position });
    const subscribe = this.said(2).find(({ kind }) => kind === 'subscribe');
    assert(subscribe?.kind === 'subscribe', 'a follower subscribes');
    return subscribe.attempt;
  }

  #makeLog(epochs: readonly number[]): LogStart {
    const configurations: { position: number; end: number; configuration: Configuration }[] = [];
    for (const epoch of epochs) {
      const before = { ...this.builder.end };
      const { position } = this.builder.appendEpoch(epoch, idOf(ME));
      this.epochs.push({ epoch, position, before });
      const configuration = { ...this.configuration, version: configurations.length + 1 };
      const built = this.builder.appendMembership(configuration);
      configurations.push({ position: built.position, end: built.end.position, configuration });
    }
    return { end: this.builder.end, epochs: this.epochs, configurations, committed: 0 };
  }
}

/** Builds records that continue a log. */
export function builderAt(end: Readonly<ChainState>): RecordBuilder {
  return new RecordBuilder(kernel, { end, chunkSize: CHUNK_SIZE, timestampUs: 0 });
}

/** One event, in a transaction of its own. */
export function anEvent(builder: RecordBuilder, epoch: number): BuiltRecords {
  const event = { stream: 's', type: 't', eventId: idOf(99), revision: 0, data: new Uint8Array(8) };
  return builder.appendPrepares([event], 0, epoch);
}

function envelopeOf(member: number): Omit<Message, keyof Payload> {
  const { id, name } = memberOf(member);
  return { clusterId: CLUSTER, from: id, fromName: name, start: 1, nonce: member, to: '' } as Omit<
    Message,
    keyof Payload
  >;
}

function stateOf(): NodeState {
  return { ...freshNodeState(idOf(ME), ME), clusterId: CLUSTER };
}

export function optionsOf(clusterSize: number): ConstructorParameters<typeof ClusterNode>[0] {
  return {
    name: memberOf(ME).name,
    zone: '',
    role: 'voter',
    clusterSize,
    chunkSize: CHUNK_SIZE,
    seeds: [],
    priority: 0,
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    heartbeatIntervalMs: HEARTBEAT_MS,
    deadVoterTimeoutMs: 10 * ELECTION_TIMEOUT_MS,
    catchUpBytes: CATCH_UP_BYTES,
    diskStallTimeoutMs: DISK_STALL_MS,
    random: () => 0.5,
    newId: () => CLUSTER,
    kernel,
  };
}
