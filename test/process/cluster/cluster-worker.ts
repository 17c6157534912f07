/**
 * One client of a cluster: appends with every kind of expected revision, alone and in bursts, repeats what it got no answer to, and some of
 * what it did, and reads in every way, at one node until it moves on to another. What it does is drawn from a seed; when things happen is up to
 * the cluster.
 */
import type { ExpectedRevision } from '../../../src/client/append-encoder.js';
import type { SeededRandom } from '../random.js';
import type { ClusterAppend, ClusterHistory, Consistency } from './cluster-history.js';
import { eventIdOf } from './event-content.js';
import { NodeConnection, type Target, type Verdict } from './node-connection.js';

export interface ClusterWorkerOptions {
  readonly name: string;
  readonly salt: number;
  readonly random: SeededRandom;
  readonly history: ClusterHistory;
  /** Where nodes are at the moment. */
  readonly targets: () => readonly Target[];
  /** What all clients know of each stream's last revision: read and written. */
  readonly heads: Map<string, number>;
}

const SHARED_STREAMS = ['shared-0', 'shared-1', 'shared-2'];
/** A node that is silent for so long is left for another. Longer than an election takes, shorter than most pauses of nodes. */
const TIMEOUT_MS = 2_500;
const ATTEMPTS_MAX = 6;
const PAUSE_MS_MAX = 6;
/** Before another node is tried. */
const ELSEWHERE_PAUSE_MS_MAX = 60;
const BURST_MAX = 8;
const MOVE_SHARE = 0.02;
/** Of appends without an answer that are repeated; the others remain unknown. */
const REPEATED_SHARE = 0.7;
/** Of appends that were acknowledged or refused, and are repeated all the same. */
const NEEDLESSLY_REPEATED_SHARE = 0.06;
const EVENTS_MAX = 4;
const TRANSACTION_SHARE = 0.2;
/** Beyond two; some turn out to be of the same stream. */
const PARTS_MORE = 3;
const ALL = Number.POSITIVE_INFINITY;

export class ClusterWorker {
  readonly #options: ClusterWorkerOptions;
  readonly #random: SeededRandom;
  #connection: NodeConnection | undefined;
  #isStopping = false;

  constructor(options: ClusterWorkerOptions) {
    this.#options = options;
    this.#random = options.random;
  }

  /** Goes on until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#isStopping) {
      const connection = await this.#connected();
      if (connection === undefined) {
        await pause(this.#random.below(ELSEWHERE_PAUSE_MS_MAX));
        continue;
      }
      if (this.#random.chance(0.6)) await this.#write(connection);
      else await this.#read(connection);
      if (!connection.isUseful || this.#random.chance(MOVE_SHARE)) await this.#leave();
      else await pause(this.#random.below(PAUSE_MS_MAX));
    }
    await this.#leave();
  }

  /** Begins nothing new. */
  stop(): void {
    this.#isStopping = true;
  }

  async #connected(): Promise<NodeConnection | undefined> {
    if (this.#connection !== undefined) return this.#connection;
    const { targets, history, name } = this.#options;
    const found = targets();
    if (found.length === 0) return undefined;
    this.#connection = await NodeConnection.open(this.#random.pick(found), history, name, TIMEOUT_MS);
    return this.#connection;
  }

  async #leave(): Promise<void> {
    // In the background: a node that is paused never answers the farewell.
    this.#connection?.close().catch(() => undefined);
    this.#connection = undefined;
    await pause(this.#random.below(ELSEWHERE_PAUSE_MS_MAX));
  }

  async #write(connection: NodeConnection): Promise<void> {
    const burst = this.#random.chance(0.2) ? 2 + this.#random.below(BURST_MAX - 1) : 1;
    const appends = Array.from({ length: burst }, () => this.#invent());
    const verdicts = await Promise.all(appends.map((append) => connection.append(append)));
    for (const [i, append] of appends.entries()) {
      this.#learnAll(append);
      await this.#followUp(append, verdicts[i]!);
    }
  }

  /** Repeats what is unknown, and some of the rest, with the same ids. */
  async #followUp(append: ClusterAppend, first: Verdict): Promise<void> {
    let verdict = first;
    const isRepeated = this.#random.chance(
      verdict === 'unknown' ? REPEATED_SHARE : NEEDLESSLY_REPEATED_SHARE,
    );
    if (!isRepeated) return;
    do {
      if (this.#connection?.isUseful !== true) await this.#leave();
      const connection = await this.#connected();
      if (connection !== undefined) verdict = await connection.append(append);
      this.#learnAll(append);
    } while (verdict === 'unknown' && append.attempts < ATTEMPTS_MAX && !this.#isStopping);
  }

  /** An append, or the first part of a transaction. */
  #invent(): ClusterAppend {
    const { history } = this.#options;
    if (!this.#random.chance(TRANSACTION_SHARE)) return history.ask(this.#inventPart(0));
    const parts = Array.from({ length: 2 + this.#random.below(PARTS_MORE) }, (_, i) => this.#inventPart(i));
    const streams = new Set(parts.map(({ stream }) => stream));
    return history.askParts([...streams].map((stream) => parts.find((part) => part.stream === stream)!))[0]!;
  }

  /** `index`: which part of the same transaction it is. */
  #inventPart(index: number): Pick<ClusterAppend, 'client' | 'stream' | 'expected' | 'eventIds'> {
    const random = this.#random;
    const { name, salt, history, heads } = this.#options;
    const kind = random.below(100);
    let stream = random.pick(SHARED_STREAMS);
    let expected: ExpectedRevision = 'any';
    if (kind < 30) stream = name;
    else if (kind < 65) expected = heads.get(stream) ?? 'none';
    else if (kind < 70) expected = Math.max(0, (heads.get(stream) ?? 0) - 1);
    else if (kind < 75) expected = 'exists';
    else if (kind < 85) {
      stream = `race-${history.appends.length >> 4}`;
      expected = 'none';
    }
    const events = random.chance(0.7) ? 1 : 2 + random.below(EVENTS_MAX - 1);
    const number = history.appends.length;
    const eventIds = Array.from({ length: events }, (_, i) =>
      eventIdOf(salt, number, index * EVENTS_MAX + i),
    );
    return { client: name, stream, expected, eventIds };
  }

  #learnAll(append: ClusterAppend): void {
    for (const part of append.parts ?? [append]) this.#learn(part);
  }

  #learn({ stream, acknowledgements, refusals }: ClusterAppend): void {
    const { heads } = this.#options;
    const known = acknowledgements.at(-1)?.revision ?? refusals.at(-1)?.current ?? -1;
    if (known > (heads.get(stream) ?? -1)) heads.set(stream, known);
  }

  async #read(connection: NodeConnection): Promise<void> {
    const random = this.#random;
    const { heads, history, name } = this.#options;
    const consistency: Consistency = random.pick([
      'local',
      'local',
      'leader',
      'linearizable',
      'linearizable',
    ]);
    const stream = random.pick([...SHARED_STREAMS, name, `race-${history.appends.length >> 4}`]);
    const head = heads.get(stream) ?? -1;
    const common = { consistency, count: ALL, from: undefined, isBackwards: false, stream };
    const kind = random.below(100);
    if (kind < 30) await connection.read({ ...common, from: Math.max(0, head - random.below(20)) });
    else if (kind < 35 && head < 300) await connection.read(common);
    else if (kind < 60) await connection.read({ ...common, isBackwards: true, count: 1 + random.below(10) });
    else if (kind < 65 && head >= 0) {
      await connection.read({ ...common, isBackwards: true, from: random.below(head + 1), count: 10 });
    } else if (kind < 85) {
      const count = 1 + random.below(30);
      await connection.read({ ...common, stream: undefined, isBackwards: true, count });
    } else await this.#readOn(connection, consistency);
  }

  /** Reads the log on from an append that was acknowledged lately. */
  async #readOn(connection: NodeConnection, consistency: Consistency): Promise<void> {
    const { appends } = this.#options.history;
    const append = appends[Math.max(0, appends.length - 1 - this.#random.below(200))];
    const from = append?.acknowledgements[0]?.position;
    if (from === undefined) return;
    const count = this.#random.chance(0.5) ? 20 : ALL;
    await connection.read({ consistency, stream: undefined, isBackwards: false, from, count });
  }
}

/** Not to wait for something, but to leave some time to others. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
