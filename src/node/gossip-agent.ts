/**
 * A node's gossip for real: drives the pure `GossipState` with timers and HTTP, answers others, and compares clocks. Main thread. Nothing
 * that is heard here decides anything: it shows who is there, and where clients find them. At most one exchange with a peer is under way.
 */
import type { Logger } from 'pino';
import type { Clock } from '../base/ports.js';
import type { MemberId } from '../cluster/configuration.js';
import { type GossipMember, GossipState } from '../cluster/gossip.js';
import type { GossipFacts, HeardEntry } from '../cluster/gossip-entry.js';
import { GossipCaller, type GossipOutcome } from '../net/gossip-caller.js';
import { COUNTER_MAX, type GossipMessage } from '../net/gossip-message.js';
import type { GossipPort, GossipReply } from '../net/gossip-port.js';
import { ClockWatch } from './clock-watch.js';

export interface GossipAgentOptions {
  readonly memberId: MemberId;
  /** The number of this start of the node. */
  readonly start: number;
  /** What there is to tell of this node, now. Its name never changes. */
  readonly facts: () => GossipFacts;
  /** Undefined as long as the node belongs to none. */
  readonly clusterId: () => string | undefined;
  /** Whom to tell while nobody is known: looked at each time. */
  readonly seeds: { readonly names: readonly string[] };
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly allowedDifferenceMs: number;
  /** Who is not heard for so long is not told of any more. */
  readonly forgetAfterMs: number;
  readonly clock: Clock;
  /** A fraction in [0, 1). */
  readonly random: () => number;
  /** Fault injection: these names are neither asked nor answered. */
  readonly isBlocked: (name: string) => boolean;
  /** An exchange that this node began has ended. */
  readonly observe: (seconds: number, isSuccessful: boolean) => void;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** News needs some rounds to come around, as each node tells one other at a time. */
const ROUNDS_UNTIL_DEAD = 5;

export class GossipAgent implements GossipPort {
  readonly #options: GossipAgentOptions;
  readonly #state: GossipState;
  readonly #caller: GossipCaller;
  readonly #clocks: ClockWatch;
  readonly #underWay = new Set<string>();
  /** Name → since when nobody listens there. */
  readonly #gone = new Map<string, number>();
  /** Names by which this node has met itself. */
  readonly #ownNames = new Set<string>();
  #lastForeign = '';
  #hasToldOfCopy = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: GossipAgentOptions) {
    const { memberId, start, intervalMs, timeoutMs, forgetAfterMs, random, seeds } = options;
    this.#options = options;
    this.#caller = new GossipCaller(timeoutMs);
    this.#clocks = new ClockWatch(options.allowedDifferenceMs, options.logger);
    const deadAfterMs = ROUNDS_UNTIL_DEAD * intervalMs + timeoutMs;
    const ownNames = this.#ownNames;
    const settings = {
      ...{ memberId, start, intervalMs, deadAfterMs, forgetAfterMs, random },
      get seeds() {
        return seeds.names.filter((name) => !ownNames.has(name));
      },
    };
    this.#state = new GossipState(settings, options.facts(), this.#nowMs());
  }

  start(): void {
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#caller.close();
  }

  /** Something has changed that others should know at once, such as who leads: tells everybody who is alive, now. */
  announce(): void {
    if (this.#isStopped) return;
    this.#state.update(this.#options.facts());
    const entries = this.#state.tell(this.#nowMs());
    for (const { entry, isAlive } of this.members())
      if (isAlive && entry.memberId !== this.#options.memberId) void this.#exchange(entry.name, entries);
  }

  /** The connection to this node has closed: until something newer is heard of it, it counts as dead. */
  noteGone(name: string): void {
    this.#gone.set(name, this.#nowMs());
  }

  receive(message: GossipMessage): GossipReply {
    if (this.#options.isBlocked(message.from)) return { kind: 'blocked' };
    const clusterId = this.#options.clusterId();
    if (this.#isForeign(message)) return { kind: 'foreign', clusterId: clusterId! };
    this.#merge(message, message.wallMs);
    this.#state.update(this.#options.facts());
    return { kind: 'answer', message: this.#message(this.#state.answer(message.entries, this.#nowMs())) };
  }

  members(): readonly GossipMember[] {
    const nowMs = this.#nowMs();
    return this.#state.members(nowMs).map((member) => {
      if (member.entry.memberId === this.#options.memberId)
        return { ...member, entry: { ...member.entry, ...this.#options.facts() } };
      const goneMs = this.#gone.get(member.entry.name);
      const isHeardSince = goneMs === undefined || nowMs - member.silentMs > goneMs;
      return { ...member, isAlive: member.isAlive && isHeardSince };
    });
  }

  /** Whether no other node is known to be alive. */
  isAlone(): boolean {
    return !this.members().some(({ entry, isAlive }) => isAlive && entry.memberId !== this.#options.memberId);
  }

  /** Where clients find the node of this name; undefined if nothing is heard of it. */
  clientAddressOf(name: string): string | undefined {
    const known = this.members().filter(({ entry }) => entry.name === name);
    return (known.find(({ isAlive }) => isAlive) ?? known[0])?.entry.clientAddress;
  }

  get clockDifferencesMs(): ReadonlyMap<string, number> {
    return this.#clocks.differencesMs;
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #wallMs(): number {
    return Math.floor(this.#options.clock.wallUs() / 1000);
  }

  #schedule(): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#round(),
      Math.max(0, Math.ceil(this.#state.deadlineMs - this.#nowMs())),
    );
  }

  #round(): void {
    this.#state.update(this.#options.facts());
    const round = this.#state.tick(this.#nowMs());
    this.#forget();
    if (round !== undefined) void this.#exchange(round.to, round.entries);
    this.#schedule();
  }

  /** Tells one node, and takes what it answers. Never rejects. */
  async #exchange(to: string, entries: readonly HeardEntry[]): Promise<void> {
    if (this.#underWay.has(to) || this.#options.isBlocked(to)) return;
    this.#underWay.add(to);
    const [beganMs, beganWallMs] = [this.#nowMs(), this.#wallMs()];
    const outcome = await this.#caller.tell(to, this.#message(entries));
    this.#underWay.delete(to);
    if (this.#isStopped || this.#options.isBlocked(to)) return;
    this.#options.observe((this.#nowMs() - beganMs) / 1000, outcome.kind === 'answer');
    this.#noteOutcome(to, outcome, beganWallMs);
  }

  #noteOutcome(to: string, outcome: GossipOutcome, beganWallMs: number): void {
    if (outcome.kind === 'failed') {
      if (outcome.isGone) this.noteGone(to);
      return;
    }
    this.#gone.delete(to);
    const { message } = outcome;
    if (message.memberId === this.#options.memberId) this.#noteOwnName(to);
    else if (!this.#isForeign(message)) {
      // It looked at its clock somewhere between our question and now.
      const halfWayMs = (this.#wallMs() - beganWallMs) / 2;
      this.#merge(message, message.wallMs + halfWayMs);
    }
  }

  /** A node whose seeds are all itself finds nobody: whoever started it should hear of it. */
  #noteOwnName(name: string): void {
    if (this.#ownNames.has(name)) return;
    this.#ownNames.add(name);
    const { logger, seeds, clusterId } = this.#options;
    if (clusterId() !== undefined || !seeds.names.every((seed) => this.#ownNames.has(seed))) return;
    logger.warn(
      { seeds: seeds.names.join(',') },
      'all seeds of this node are the node itself, and it belongs to no cluster: it waits for others to find it; if there are none, start it without GossipSeed',
    );
  }

  /** `wallMs`: the teller's clock now, as far as is known. */
  #merge(message: GossipMessage, wallMs: number): void {
    const { memberId, logger } = this.#options;
    // A made-up version near the largest would leave no room for this node's own ones, and nobody would hear it any more.
    const believable = message.entries.filter(
      ({ entry }) => entry.memberId !== memberId || entry.version < COUNTER_MAX / 2,
    );
    this.#state.merge(believable, this.#nowMs());
    if (message.memberId !== memberId) this.#clocks.note(message.from, wallMs - this.#wallMs());
    if (!this.#state.isCopied || this.#hasToldOfCopy) return;
    this.#hasToldOfCopy = true;
    logger.warn({ from: message.from }, 'gossip tells of a copy of this node, or of a later start of it');
  }

  #isForeign({ clusterId, from }: GossipMessage): boolean {
    const own = this.#options.clusterId();
    if (own === undefined || clusterId === undefined || own === clusterId) return false;
    if (this.#lastForeign !== from) {
      this.#lastForeign = from;
      this.#options.logger.warn(
        { from, clusterId },
        'a node of another cluster gossips here: check its seeds',
      );
    }
    return true;
  }

  #message(entries: readonly HeardEntry[]): GossipMessage {
    const { memberId, clusterId } = this.#options;
    const { name } = this.#state.own;
    return { from: name, memberId, clusterId: clusterId(), wallMs: this.#wallMs(), entries };
  }

  /** Keeps notes about those alone who are known, so that made-up names can't pile up. */
  #forget(): void {
    const known = new Set(this.#options.seeds.names);
    for (const { entry } of this.#state.members(this.#nowMs())) known.add(entry.name);
    for (const name of this.#gone.keys()) if (!known.has(name)) this.#gone.delete(name);
    for (const name of this.#ownNames) if (!known.has(name)) this.#ownNames.delete(name);
    this.#clocks.keep(known);
  }
}
