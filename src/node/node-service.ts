/**
 * A node as its sockets see it: where appends are decided, when reads may begin, what it says about itself, what operators may ask of it.
 * Main thread.
 */
import { CairnError } from '../base/errors.js';
import { NOTHING_SCRUBBED } from '../base/scrub-status.js';
import type { Position } from '../base/units.js';
import { type Configuration, type MembershipChange, memberOf } from '../cluster/configuration.js';
import type { AppendPort } from '../net/engine-port.js';
import { FilterShelf } from '../net/filter-shelf.js';
import type { AdminPort, DiskSpaceStatus, NodePort, NodeStatus, ServedLog } from '../net/node-port.js';
import { NO_SUBSCRIPTIONS, NodeSubscriptions } from '../net/node-subscriptions.js';
import { type CountLimits, sessionLimits } from '../net/session-limits.js';
import { NOTHING_WRITTEN } from '../ring/writer-statistics.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import type { ReadConsistency } from '../wire/frames.js';
import type { AppendRouter } from './append-router.js';
import type { Engine } from './engine.js';
import type { Scavenger } from './scavenge/scavenger.js';

export interface NodeServiceParts {
  readonly engine: Engine;
  readonly appends: AppendRouter;
  readonly name: string;
  readonly zone: string;
  readonly counts: CountLimits;
  readonly maxSubscriptions: number;
  readonly diskSpace: () => DiskSpaceStatus;
  readonly scavenger: Scavenger;
  readonly gossip: () => object;
  /** What was mended since the start, and what is known to be damaged now. */
  readonly chunks: () => { readonly repairs: number; readonly damagedChunks: number };
  /** Sets whom this node does not speak with, for trials. */
  readonly block: (names: readonly string[]) => void;
}

/** How long a read waits for this node to have what the client has seen elsewhere. */
const CATCH_UP_MS_MAX = 2_000;

export class NodeService implements NodePort, AdminPort {
  readonly appends: AppendPort;
  readonly #parts: NodeServiceParts;
  #served: ServedLog | undefined;
  #priority: number;

  constructor(parts: NodeServiceParts, priority: number) {
    this.#parts = parts;
    this.appends = parts.appends;
    this.#priority = priority;
  }

  get served(): ServedLog | undefined {
    const { engine, counts, maxSubscriptions } = this.#parts;
    const { store } = engine;
    if (store === undefined) return undefined;
    this.#served ??= {
      logId: store.logId,
      reader: store.reader,
      limits: sessionLimits(store.limits, counts),
      subscriptions: new NodeSubscriptions(maxSubscriptions),
      filters: new FilterShelf(),
    };
    return this.#served;
  }

  admitRead(
    consistency: ReadConsistency,
    atLeast: Position = 0,
  ): Promise<Rejection | undefined> | Rejection | undefined {
    const { engine } = this.#parts;
    if (engine.role === 'fenced') return engine.appends.whyNot();
    if (consistency === 'leader' && !engine.isLeading) return engine.appends.whyNot();
    const isBehind = atLeast > (engine.store?.committed ?? 0);
    if (consistency !== 'linearizable') return isBehind ? this.#whenCaughtUp(atLeast) : undefined;
    return engine
      .readIndex()
      .then((refused) => refused ?? (isBehind ? this.#whenCaughtUp(atLeast) : undefined));
  }

  /** The log, as `/info` names it. */
  get log(): { readonly logId: string; readonly chunkSize: number } | undefined {
    return this.#parts.engine.store;
  }

  gossip(): object {
    return this.#parts.gossip();
  }

  change(change: MembershipChange): Promise<Configuration> {
    return this.#parts.engine.requests.change(change);
  }

  async resign(target?: string): Promise<void> {
    const { configuration } = this.#parts.engine.view;
    const member = configuration?.members.find(({ name, id }) => name === target || id === target);
    if (target !== undefined && member === undefined)
      throw new CairnError('change-refused', `no member is called ${target}`, { reason: 'no-successor' });
    await this.#parts.engine.requests.resign(member?.id);
  }

  setPriority(priority: number): void {
    this.#priority = priority;
    this.#parts.engine.requests.setPriority(priority);
  }

  startScavenge(throttlePercent: number): Promise<{ readonly position: Position }> {
    return this.#parts.scavenger.start(this.appends, throttlePercent);
  }

  stopScavenge(): Promise<{ readonly position: Position }> {
    return this.#parts.scavenger.stopAll(this.appends);
  }

  block(names: readonly string[]): void {
    this.#parts.block(names);
  }

  status(): NodeStatus {
    const { engine, name, zone } = this.#parts;
    const { store, view, memberId } = engine;
    const { role, leader, epoch, promisedEpoch, configuration, state, epochPosition, lagBytes } = view;
    const isServing =
      store !== undefined && role !== 'fenced' && (role !== 'leader' || engine.appends.isOpen);
    return {
      ...{ name, memberId, zone, role, leader, epoch, epochPosition, lagBytes, promisedEpoch, configuration },
      memberRole: configuration && memberOf(configuration, memberId)?.role,
      clusterId: state.clusterId,
      priority: this.#priority,
      published: store?.producer.published ?? 0,
      durable: store?.durable ?? 0,
      committed: store?.committed ?? 0,
      indexed: store?.indexed ?? 0,
      writer: store?.statistics ?? NOTHING_WRITTEN,
      ...this.#parts.chunks(),
      diskSpace: this.#parts.diskSpace(),
      scrub: store?.scrub ?? NOTHING_SCRUBBED,
      scavenge: this.#parts.scavenger.status,
      pendingAppends: engine.appends.pendingAppends,
      streamHeads: engine.appends.streamHeads,
      streamsWithMetadata: store?.streamsWithMetadata ?? { streams: 0, bytes: 0 },
      subscriptions: this.#served?.subscriptions.counts ?? NO_SUBSCRIPTIONS,
      ringBytes: store?.ringBytes ?? 0,
      ringBytesUsed: store?.ringBytesUsed ?? 0,
      members: engine.progress(),
      isReady: isServing && leader !== undefined,
    };
  }

  async #whenCaughtUp(position: Position): Promise<Rejection | undefined> {
    const { engine } = this.#parts;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), CATCH_UP_MS_MAX);
    });
    const outcome = await Promise.race([engine.whenCommitted(position), late]);
    clearTimeout(timer);
    if (outcome !== 'late') return undefined;
    const committed = engine.store?.committed ?? 0;
    const message = `this node knows the log up to ${committed}, and the read wants it up to ${position}; try another node`;
    return { code: 'not-ready', message, details: { committed } };
  }
}
