/**
 * Who is there, by hearsay: each node tells a random other what it has heard, and hears what that one knows. Pure. It finds members and
 * shows them to people and clients; it never decides safety. Entries are merged by their owners' version counters (van Renesse, Minsky,
 * Hayden: A Gossip-Style Failure Detection Service, 1998), so order, doubles and losses do not matter.
 */
import { assert } from '../base/assert.js';
import { MEMBERS_MAX, type MemberId } from './configuration.js';
import { compareEntries, type GossipEntry, type GossipFacts, type HeardEntry } from './gossip-entry.js';

/** All members of the largest cluster, and as many who are gone, or not members yet. */
export const GOSSIP_ENTRIES_MAX = 2 * MEMBERS_MAX;
/** In its first rounds a node has most to learn. */
const FAST_ROUNDS = 20;
const FAST_INTERVAL_MS = 100;
/** One round in so many goes to somebody who is not heard, or a seed: so the halves of a parted cluster find each other again. */
const ROUNDS_PER_PROBE = 5;

export interface GossipOptions {
  readonly memberId: MemberId;
  readonly start: number;
  /** Names to tell as long as nobody else is known, and now and then afterwards. Its own may be among them. */
  readonly seeds: readonly string[];
  readonly intervalMs: number;
  /** Who is not heard for so long is dead. */
  readonly deadAfterMs: number;
  /** Who is not heard for so long is not told of any more. */
  readonly forgetAfterMs: number;
  /** A fraction in [0, 1). */
  readonly random: () => number;
}

/** What to tell, and to whom. */
export interface GossipRound {
  readonly to: string;
  readonly entries: readonly HeardEntry[];
}

export interface GossipMember {
  readonly entry: GossipEntry;
  readonly isAlive: boolean;
  /** How long nothing new is heard of it. */
  readonly silentMs: number;
}

interface Known {
  readonly entry: GossipEntry;
  /** When somebody first had this version, by this node's time, as far as is known. */
  readonly heardMs: number;
}

export class GossipState {
  readonly #options: GossipOptions;
  readonly #others = new Map<MemberId, Known>();
  #own: GossipEntry;
  /** The highest version that a copy of this node has told in this start: its own next one is higher. */
  #seenVersion = 0;
  #isCopied = false;
  #rounds = 0;
  #nextMs: number;

  constructor(options: GossipOptions, facts: GossipFacts, nowMs: number) {
    this.#options = options;
    const { memberId, start } = options;
    this.#own = { ...facts, memberId, start, version: 1 };
    this.#nextMs = nowMs;
  }

  get own(): GossipEntry {
    return this.#own;
  }

  /** Somebody tells of this node what it has not told: there is a copy of its folder, or a later start of it. For an alarm. */
  get isCopied(): boolean {
    return this.#isCopied;
  }

  /** When `tick` is wanted. */
  get deadlineMs(): number {
    return this.#nextMs;
  }

  /** This node has changed. */
  update(facts: Partial<GossipFacts>): void {
    const { memberId, start } = this.#options;
    const version = Math.max(this.#own.version, this.#seenVersion) + 1;
    this.#own = { ...this.#own, ...facts, memberId, start, version };
  }

  /** What another node has told. The result is the same whatever the order in which things are told, and however often. */
  merge(heard: readonly HeardEntry[], nowMs: number): void {
    for (const { entry, ageMs } of heard) {
      if (entry.memberId === this.#options.memberId) this.#mergeOwn(entry);
      else if (ageMs < this.#options.forgetAfterMs) this.#mergeOther(entry, nowMs - Math.max(0, ageMs));
    }
    this.#forget(nowMs);
  }

  /** If a round is due: whom to tell, and what. */
  tick(nowMs: number): GossipRound | undefined {
    if (nowMs < this.#nextMs) return undefined;
    const isFast = this.#rounds < FAST_ROUNDS;
    this.#nextMs =
      nowMs + (isFast ? Math.min(FAST_INTERVAL_MS, this.#options.intervalMs) : this.#options.intervalMs);
    this.#rounds++;
    this.#forget(nowMs);
    // A new version says that it lives, even if nothing else has changed.
    this.update({});
    const to = this.#choosePeer(nowMs);
    return to === undefined ? undefined : { to, entries: this.tell(nowMs) };
  }

  /** All that it knows. */
  tell(nowMs: number): readonly HeardEntry[] {
    return this.#sorted().map(({ entry, heardMs }) => ({
      entry,
      ageMs: this.#silenceOf(heardMs, nowMs, entry),
    }));
  }

  /** The answer to what another has told, once that is merged: only what it does not know as well. */
  answer(heard: readonly HeardEntry[], nowMs: number): readonly HeardEntry[] {
    const theirs = new Map(heard.map(({ entry }) => [entry.memberId, entry]));
    return this.tell(nowMs).filter(({ entry }) => {
      const told = theirs.get(entry.memberId);
      return told === undefined || compareEntries(entry, told) > 0;
    });
  }

  /** Everybody who is known, this node too, sorted by member id. */
  members(nowMs: number): readonly GossipMember[] {
    return this.tell(nowMs).map(({ entry, ageMs }) => ({
      entry,
      silentMs: ageMs,
      isAlive: ageMs < this.#options.deadAfterMs,
    }));
  }

  #silenceOf(heardMs: number, nowMs: number, entry: GossipEntry): number {
    return entry === this.#own ? 0 : Math.max(0, nowMs - heardMs);
  }

  #mergeOwn(entry: GossipEntry): void {
    if (compareEntries(entry, this.#own) <= 0) return;
    this.#isCopied = true;
    if (entry.start === this.#options.start) this.#seenVersion = Math.max(this.#seenVersion, entry.version);
  }

  #mergeOther(entry: GossipEntry, heardMs: number): void {
    const known = this.#others.get(entry.memberId);
    const order = known === undefined ? 1 : compareEntries(entry, known.entry);
    if (order > 0) this.#others.set(entry.memberId, { entry, heardMs });
    else if (order === 0 && heardMs > known!.heardMs) this.#others.set(entry.memberId, { entry, heardMs });
  }

  /** Drops who is silent for too long, whose name has a new owner, and, if there are too many, who is silent for the longest. */
  #forget(nowMs: number): void {
    const { deadAfterMs, forgetAfterMs } = this.#options;
    const isAlive = ({ heardMs }: Known) => nowMs - heardMs < deadAfterMs;
    const livingNames = new Set([this.#own.name]);
    for (const known of this.#others.values()) if (isAlive(known)) livingNames.add(known.entry.name);
    for (const [id, known] of this.#others) {
      const isSuperseded = !isAlive(known) && livingNames.has(known.entry.name);
      if (isSuperseded || nowMs - known.heardMs >= forgetAfterMs) this.#others.delete(id);
    }
    const surplus = this.#others.size + 1 - GOSSIP_ENTRIES_MAX;
    if (surplus > 0)
      for (const { entry } of this.#bySilence().slice(0, surplus)) this.#others.delete(entry.memberId);
    assert(this.#others.size < GOSSIP_ENTRIES_MAX, 'gossip is bounded');
  }

  #bySilence(): readonly Known[] {
    const byId = (a: Known, b: Known) => (a.entry.memberId < b.entry.memberId ? 1 : -1);
    return [...this.#others.values()].sort((a, b) => a.heardMs - b.heardMs || byId(a, b));
  }

  #sorted(): readonly Known[] {
    const all = [...this.#others.values(), { entry: this.#own, heardMs: 0 }];
    return all.sort((a, b) => (a.entry.memberId < b.entry.memberId ? -1 : 1));
  }

  /** A random living node; sometimes one that is not heard, or a seed. Undefined if there is nobody but itself. */
  #choosePeer(nowMs: number): string | undefined {
    const { deadAfterMs, seeds, random } = this.#options;
    const living = new Set<string>();
    const silent = new Set(seeds);
    for (const { entry, heardMs } of this.#others.values()) {
      if (nowMs - heardMs < deadAfterMs) living.add(entry.name);
      else silent.add(entry.name);
    }
    for (const name of [...living, this.#own.name]) silent.delete(name);
    living.delete(this.#own.name);
    const isProbe = living.size === 0 || (silent.size > 0 && random() < 1 / ROUNDS_PER_PROBE);
    const names = [...(isProbe ? silent : living)].sort();
    return names[Math.floor(random() * names.length)];
  }
}
