/**
 * All links of a topology, as a network between processes of this machine: who connects through a gate reaches the node behind it, and every message
 * takes as long as it would from the one's zone to the other's. Runs in a thread of its own, `proxy-thread.ts`.
 */
import { Random } from '../../../src/sim/random.js';
import { type LinkShape, NO_DELAY } from '../link-shape.js';
import { linkKey } from '../topology.js';
import { Alarm } from './alarm.js';
import { DueList } from './due-list.js';
import { LinkPipe } from './link-pipe.js';
import type { Passage } from './passages.js';

/** Somebody at an end of links. */
export interface Party {
  /** A node's name in the topology, or a client's zone in brackets. */
  readonly name: string;
  readonly zone: string;
}

/** Passages kept at most: some hundred bytes each. What comes later is not recorded. */
const PASSAGES_MAX = 1_000_000;

export class ProxyCore {
  readonly #due = new DueList();
  readonly #alarm: Alarm;
  readonly #pipes = new Map<string, { readonly pipe: LinkPipe; readonly zones: string }>();
  readonly #random: Random;
  #links: ReadonlyMap<string, LinkShape> = new Map();
  #cut: ReadonlySet<string> = new Set();
  #passages: Passage[] | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#alarm = new Alarm(() => this.#run());
  }

  /** By {@link linkKey} of zones; between others there is no delay. Holds for what enters from now on. */
  set links(links: ReadonlyMap<string, LinkShape>) {
    this.#links = links;
    for (const { pipe, zones } of this.#pipes.values()) pipe.shape = links.get(zones) ?? NO_DELAY;
  }

  /** What is under way from or to these zones, and all that would be, is lost, without a word. */
  set cut(zones: ReadonlySet<string>) {
    this.#cut = zones;
  }

  isCut(party: Party | undefined): boolean {
    return party !== undefined && this.#cut.has(party.zone);
  }

  /** Record from now on, or stop and hand over. */
  record(isOn: boolean): readonly Passage[] {
    const passages = this.#passages ?? [];
    this.#passages = isOn ? [] : undefined;
    return passages;
  }

  get isRecording(): boolean {
    return this.#passages !== undefined && this.#passages.length < PASSAGES_MAX;
  }

  note(passage: Passage): void {
    this.#passages?.push(passage);
  }

  /** The link from one to the other. */
  pipe(from: Party, to: Party): LinkPipe {
    const key = linkKey(from.name, to.name);
    const zones = linkKey(from.zone, to.zone);
    let known = this.#pipes.get(key);
    if (known === undefined) {
      known = { zones, pipe: new LinkPipe(this.#links.get(zones) ?? NO_DELAY, this.#random.fork()) };
      this.#pipes.set(key, known);
    }
    return known.pipe;
  }

  /** Does something when the time has come; at once if it has. */
  at(atMs: number, act: () => void): void {
    this.#due.add(atMs, act);
    this.#run();
  }

  #run(): void {
    this.#due.run(Alarm.nowMs);
    this.#alarm.set(this.#due.nextMs);
  }
}
