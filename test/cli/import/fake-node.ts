/**
 * A node in memory, as far as an import sees one: expected revisions, recognised retries over a short window, answers in any
 * order between streams, and deaths of the importer, at which requests under way take effect never, at once, or later.
 */
import { CairnError } from '../../../src/base/errors.js';
import type { ImportEvent, ImportTarget, PastEvent } from '../../../src/cli/import/import-target.js';

export interface StoredEvent extends PastEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** The same sequence for the same seed (mulberry32): a number in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Request {
  readonly stream: string;
  readonly events: readonly ImportEvent[];
  readonly expected: number;
}

const FOREIGN: ImportEvent = {
  id: '',
  type: 'Foreign',
  metadata: Buffer.from('{"$source":"other","$row":5}'),
  data: Buffer.from('{}'),
  isJson: true,
};

export class FakeNode {
  readonly streams = new Map<string, StoredEvent[]>();
  /** Requests of dead importers that have not taken effect yet. */
  #late: Request[] = [];
  #recent: { stream: string; id: string; revision: number }[] = [];
  #foreignIds = 0;
  requests = 0;

  constructor(
    private readonly random: () => number,
    private readonly retryWindow = 50,
  ) {}

  /** A connection that works for `operations` requests and breaks then. */
  connect(
    operations = Number.POSITIVE_INFINITY,
    limits: Partial<Pick<ImportTarget, 'eventBytesMax'>> = {},
  ): ImportTarget {
    let left = operations;
    const spend = (): boolean => left-- <= 0;
    return {
      eventBytesMax: 1 << 20,
      appendBytesMax: 1 << 22,
      streamsMax: 64,
      ...limits,
      append: async (stream, events, expected) => {
        const request = { stream, events, expected };
        await this.#pause();
        if (spend()) throw this.#broken(request);
        const revision = this.#apply(request);
        await this.#pause();
        if (spend()) throw this.#broken();
        return revision;
      },
      readBackwards: (stream) => this.#read(stream, () => (spend() ? this.#broken() : undefined)),
    };
  }

  /** Somebody else writes to a stream. */
  writeForeign(stream: string, count: number): void {
    const events = Array.from({ length: count }, () => ({ ...FOREIGN, id: `foreign ${this.#foreignIds++}` }));
    this.#apply({ stream, events, expected: this.#eventsOf(stream).length - 1 });
  }

  /** What dead importers had sent takes effect now, or fails. */
  settleLate(): void {
    for (const request of this.#late.splice(0)) this.#applyQuietly(request);
  }

  /** The data of the events that are not foreign. */
  dataOf(stream: string): string[] {
    return this.#eventsOf(stream)
      .filter(({ type }) => type !== FOREIGN.type)
      .map(({ data }) => data);
  }

  #broken(request?: Request): CairnError {
    if (request !== undefined && this.random() < 0.5) this.#late.push(request);
    return new CairnError('connection-lost', 'the connection was lost');
  }

  #applyQuietly(request: Request): void {
    try {
      this.#apply(request);
    } catch (error) {
      if (!(error instanceof CairnError)) throw error;
    }
  }

  #apply({ stream, events, expected }: Request): number {
    this.requests++;
    const known = this.#recognise(stream, events);
    if (known !== undefined) return known;
    const stored = this.#eventsOf(stream);
    if (stored.length - 1 !== expected) {
      throw new CairnError(
        'wrong-expected-revision',
        `${stream} is at ${stored.length - 1}, not ${expected}`,
      );
    }
    for (const { id, type, metadata, data } of events) {
      const event = { revision: stored.length, id, type, metadata, data: Buffer.from(data).toString() };
      stored.push(event);
      this.#recent.push({ stream, id: event.id, revision: event.revision });
    }
    this.streams.set(stream, stored);
    this.#recent = this.#recent.slice(Math.max(0, this.#recent.length - this.retryWindow));
    return stored.length - 1;
  }

  /** The original answer if all ids are known, as docs/protocol.md has it. */
  #recognise(stream: string, events: readonly ImportEvent[]): number | undefined {
    const ids = events.map(({ id }) => id);
    if (new Set(ids).size < ids.length) throw new CairnError('invalid-request', 'an id occurs twice');
    const known = ids.map((id) => this.#recent.find((event) => event.id === id));
    if (known.every((event) => event === undefined)) return undefined;
    const first = known[0]?.revision;
    const isRetry = known.every((event, i) => event?.stream === stream && event.revision === first! + i);
    if (isRetry) return known.at(-1)!.revision;
    throw new CairnError('event-id-conflict', 'some ids are known');
  }

  async *#read(stream: string, broken: () => Error | undefined): AsyncGenerator<StoredEvent[]> {
    await this.#pause();
    const events = this.#eventsOf(stream).toReversed();
    while (events.length > 0) {
      const failure = broken();
      if (failure !== undefined) throw failure;
      yield events.splice(0, 1 + Math.floor(this.random() * 4));
      await this.#pause();
    }
  }

  #eventsOf(stream: string): StoredEvent[] {
    return this.streams.get(stream) ?? [];
  }

  /** A few turns of the event loop, so that requests overtake each other. */
  async #pause(): Promise<void> {
    for (let turns = Math.floor(this.random() * 3); turns > 0; turns--) await new Promise(setImmediate);
  }
}
