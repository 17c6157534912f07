/**
 * Which node to connect to: the addresses that the user gave, what gossip says, which nodes failed lately, how far away each is, and whom the user
 * prefers. Pure; Node and browsers. It is about effort only: every node serves a client, a better chosen one serves it faster.
 */

import type { Member } from './members.js';

/**
 * Whom to talk to. `leader`: appends go the shortest way. `follower`: spares the leader; appends are forwarded to it. `nearest`: whoever answers fastest.
 * `random`: spreads clients over the nodes.
 */
export type NodePreference = 'leader' | 'follower' | 'random' | 'nearest';

export const NODE_PREFERENCES: readonly NodePreference[] = ['leader', 'follower', 'random', 'nearest'];

/** A node that failed is not gone to for so long if there is another: an election takes less, a restart often more. */
const AVOID_MS = 2_000;
/** A node must answer in less than this part of the time to be worth moving to: measurements differ by themselves. */
const NEARER = 0.7;

export class Route {
  readonly #seeds: readonly string[];
  readonly #preference: NodePreference;
  readonly #random: () => number;
  #members: readonly Member[] = [];
  /** Addresses by which members were reached that gossip knows by another. */
  readonly #aliases = new Map<string, string>();
  readonly #failedMs = new Map<string, number>();
  readonly #roundTripMs = new Map<string, number>();

  /** `random` gives numbers in [0, 1). */
  constructor(seeds: readonly string[], preference: NodePreference, random: () => number) {
    this.#seeds = preference === 'random' ? shuffled(seeds, random) : seeds;
    this.#preference = preference;
    this.#random = random;
  }

  /** Who is in the cluster, as the node at `url` says. */
  learn(members: readonly Member[], url: string): void {
    if (members.length === 0) return;
    this.#members = this.#preference === 'leader' ? members : shuffled(members, this.#random);
    const teller = members.find(({ isTeller }) => isTeller);
    if (teller !== undefined && teller.url !== url) this.#aliases.set(url, teller.url);
  }

  /** A node says that the one at `url` leads. */
  told(url: string): void {
    this.#failedMs.delete(url);
    const others = this.#members.filter((member) => member.url !== url);
    const leader = { url, isAlive: true, isLeader: true, isFollower: false, isTeller: false };
    this.#members = [leader, ...others.map((member) => ({ ...member, isLeader: false }))];
  }

  /** The node at `url` could not be reached, was lost, or could not answer. */
  failed(url: string, nowMs: number): void {
    this.#failedMs.set(url, nowMs);
    this.#failedMs.set(this.#known(url), nowMs);
  }

  worked(url: string): void {
    this.#failedMs.delete(url);
    this.#failedMs.delete(this.#known(url));
  }

  measured(url: string, roundTripMs: number): void {
    this.#roundTripMs.set(this.#known(url), roundTripMs);
  }

  /** Whether there is more than one node, as far as is known. */
  get hasAlternatives(): boolean {
    return new Set(this.#addresses().map((url) => this.#known(url))).size > 1;
  }

  /** Whether a leader is known. */
  get hasLeader(): boolean {
    return this.#members.some(({ isLeader, isAlive }) => isLeader && isAlive);
  }

  /** The members that should answer. */
  alive(): readonly string[] {
    return this.#members.filter(({ isAlive }) => isAlive).map(({ url }) => url);
  }

  /** All nodes, in the order in which to try them. */
  candidates(nowMs: number): readonly string[] {
    const rank = (url: string) => this.#rank(url, nowMs);
    // The sort is stable: what is equal stays in the order in which it was given.
    return [...this.#addresses()].sort((a, b) => rank(a) - rank(b));
  }

  /** {@link candidates} but for the node at `current`. */
  others(current: string, nowMs: number): readonly string[] {
    const here = this.#known(current);
    return this.candidates(nowMs).filter((url) => this.#known(url) !== here);
  }

  /** Where the client would rather be than at `current`; undefined if nowhere. */
  better(current: string, nowMs: number): string | undefined {
    const here = this.#known(current);
    const others = this.#members.filter(
      ({ url, isAlive }) => isAlive && url !== here && !this.#isAvoided(url, nowMs),
    );
    switch (this.#preference) {
      case 'random':
        return undefined;
      case 'leader':
        return this.#isSatisfied(here) ? undefined : others.find(({ isLeader }) => isLeader)?.url;
      case 'follower':
        return this.#isSatisfied(here) ? undefined : others.find(({ isFollower }) => isFollower)?.url;
      case 'nearest':
        return this.#nearer(
          here,
          others.map(({ url }) => url),
        );
    }
  }

  /** Whether the node at `current` is one that the user prefers, as far as is known. */
  isSatisfied(current: string): boolean {
    return this.#isSatisfied(this.#known(current));
  }

  /** Whether another node than the one at `current` leads, and is alive; or, with other preferences, whether that one is taken for dead. */
  isOverruled(current: string): boolean {
    const here = this.#known(current);
    if (this.#preference === 'leader') {
      return this.#members.some(({ url, isLeader, isAlive }) => isLeader && isAlive && url !== here);
    }
    return this.#members.some(({ url, isAlive }) => url === here && !isAlive);
  }

  #isSatisfied(here: string): boolean {
    const member = this.#members.find(({ url }) => url === here);
    switch (this.#preference) {
      case 'leader':
        return member?.isLeader === true;
      case 'follower':
        return member?.isFollower === true;
      default:
        return true;
    }
  }

  #nearer(here: string, others: readonly string[]): string | undefined {
    const distance = (url: string) => this.#roundTripMs.get(url) ?? Number.POSITIVE_INFINITY;
    const [nearest] = [...others].sort((a, b) => distance(a) - distance(b));
    return nearest !== undefined && distance(nearest) < NEARER * distance(here) ? nearest : undefined;
  }

  /** Lower is better. */
  #rank(url: string, nowMs: number): number {
    // Whoever failed longest ago is the best of those that failed.
    if (this.#isAvoided(url, nowMs)) return 1e6 - (nowMs - this.#failedMs.get(url)!);
    const member = this.#members.find((each) => each.url === url);
    // An address of a member that gossip knows by another: for when nobody here can reach that one.
    if (member === undefined) return this.#known(url) === url ? 1e5 : 5e5;
    if (!member.isAlive) return 2e5;
    if (this.#preference === 'nearest') return Math.min(9e4, this.#roundTripMs.get(url) ?? 9e4);
    return this.#preference !== 'random' && this.#isSatisfied(url) ? 0 : 1;
  }

  #isAvoided(url: string, nowMs: number): boolean {
    const failedMs = this.#failedMs.get(url);
    return failedMs !== undefined && nowMs - failedMs < AVOID_MS;
  }

  #addresses(): readonly string[] {
    return [...new Set([...this.#members.map(({ url }) => url), ...this.#seeds])];
  }

  #known(url: string): string {
    const alias = this.#aliases.get(url);
    return alias !== undefined && this.#members.some((member) => member.url === alias) ? alias : url;
  }
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
