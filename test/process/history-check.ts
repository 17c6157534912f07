/**
 * Holds a store against the history of what it was asked and what it said. The rules are those of a log that is durable
 * before it says yes:
 *
 * - every acknowledged event is there once, with the revision and the position that were told, and the bytes that were sent;
 * - a request that got no answer is there once or not at all, and whole; one that was refused is not there;
 * - the events of a request stand together, with consecutive revisions, and the revision before the first is the expected one;
 * - a stream's revisions are 0, 1, 2, … in the order of positions;
 * - backwards is forwards in reverse, and a stream is its part of the whole log.
 */
import { RawClient } from '../net/raw-client.js';
import type { AppendRequest, History } from './history.js';
import { type ReadEvent, readEvents } from './reading.js';

/** What was found. */
export interface Findings {
  readonly events: number;
  readonly streams: number;
  /** Requests that got no answer, and happened. */
  readonly silentlyWritten: number;
}

/** An event that was found, and its request. */
interface Found {
  readonly request: AppendRequest;
  readonly index: number;
  readonly revision: number;
  readonly position: number;
}

/** Reads everything that the node at `url` has, and throws at the first thing that is not as it must be. */
export async function checkHistory(history: History, url: string): Promise<Findings> {
  const { client } = await RawClient.greeted(url);
  try {
    const check = new HistoryCheck(history, client);
    return await check.run();
  } finally {
    await client.close();
  }
}

class HistoryCheck {
  readonly #history: History;
  readonly #client: RawClient;
  /** In the order of the log. */
  readonly #all: Found[] = [];
  readonly #streams = new Map<string, Found[]>();
  /** By number of the request: how many of its events were found. */
  readonly #found = new Map<number, number>();

  constructor(history: History, client: RawClient) {
    this.#history = history;
    this.#client = client;
  }

  async run(): Promise<Findings> {
    await readEvents(this.#client, {}, (event) => this.#take(event));
    this.#checkOutcomes();
    await this.#compare('$all backwards', { isBackwards: true }, this.#all.toReversed());
    for (const [stream, events] of this.#streams) {
      await this.#compare(stream, { stream }, events);
      await this.#compare(`${stream} backwards`, { stream, isBackwards: true }, events.toReversed());
    }
    const silentlyWritten = [...this.#found.keys()].filter(
      (number) => this.#history.requests[number]!.outcome !== 'acknowledged',
    ).length;
    return { events: this.#all.length, streams: this.#streams.size, silentlyWritten };
  }

  /** Takes the next event of the log. */
  #take(event: ReadEvent): void {
    const found = this.#identify(event);
    const { request, index, revision, position } = found;
    const before = this.#all.at(-1);
    if (before !== undefined && position <= before.position) fail(found, `comes after ${before.position}`);
    const isNext = index === 0 || (before?.request === request && before.index === index - 1);
    if (!isNext) fail(found, 'stands apart from the event before it in its request');
    const isBroken =
      before !== undefined && before.request !== request && before.index + 1 < before.request.sizes.length;
    if (isBroken) fail(before, 'is not followed by the rest of its request');
    const stream = this.#streams.get(request.stream) ?? [];
    this.#streams.set(request.stream, stream);
    if (revision !== stream.length) fail(found, `should have revision ${stream.length}`);
    if (index === 0 && !isExpected(request.expected, revision))
      fail(found, 'is not at the expected revision');
    const count = this.#found.get(request.number) ?? 0;
    if (count !== index) fail(found, 'is there twice');
    this.#found.set(request.number, count + 1);
    this.#all.push(found);
    stream.push(found);
  }

  #checkOutcomes(): void {
    const last = this.#all.at(-1);
    if (last !== undefined && last.index + 1 < last.request.sizes.length) {
      fail(last, 'is not followed by the rest of its request');
    }
    const { requests } = this.#history;
    for (const request of requests) {
      const isThere = this.#found.has(request.number);
      if (request.outcome === 'acknowledged' && !isThere) throw new Error(`${name(request)} was lost`);
      if (request.outcome === 'refused' && isThere)
        throw new Error(`${name(request)} was refused, and written`);
    }
    for (const { request, index, revision, position } of this.#all) {
      if (request.outcome !== 'acknowledged' || index + 1 < request.sizes.length) continue;
      if (request.revision === revision && request.position === position) continue;
      throw new Error(`${name(request)} was acknowledged elsewhere than it is, ${revision} at ${position}`);
    }
  }

  /** Reads again, and expects the same events, in this order. */
  async #compare(
    what: string,
    reading: { stream?: string; isBackwards?: boolean },
    expected: readonly Found[],
  ): Promise<void> {
    let next = 0;
    await readEvents(this.#client, reading, (event) => {
      const found = this.#identify(event);
      const should = expected[next++];
      const same =
        should?.request === found.request &&
        should.index === found.index &&
        should.revision === found.revision &&
        should.position === found.position;
      if (!same) fail(found, `is number ${next} of ${what}, where it should not be`);
    });
    if (next !== expected.length)
      throw new Error(`${what} has ${next} events and should have ${expected.length}`);
  }

  /** Finds out whose event this is, and makes sure of its bytes. */
  #identify({ header, body, id }: ReadEvent): Found {
    const owner = this.#history.ownerOf(id);
    if (owner === undefined) throw new Error(`an event that nobody sent, at ${header.position}`);
    const request = this.#history.requests[owner.number]!;
    const { revision } = body;
    const found = { request, index: owner.index, revision, position: header.position };
    const sent = this.#history.eventOf(request, owner.index);
    const same =
      body.stream === request.stream &&
      body.eventType === sent.type &&
      body.isJson === sent.isJson &&
      Buffer.compare(sent.id, new Uint8Array(id.buffer, id.byteOffset, 16)) === 0 &&
      Buffer.compare(sent.metadata!, body.metadata) === 0 &&
      Buffer.compare(sent.data, body.data) === 0;
    if (!same) fail(found, 'is not as it was sent');
    return found;
  }
}

function isExpected(expected: number, revision: number): boolean {
  if (expected >= -1) return revision === expected + 1;
  return expected === -2 || revision > 0;
}

function name({ number, stream, expected, sizes }: AppendRequest): string {
  return `request ${number} (${stream}, expected ${expected}, ${sizes.length} events)`;
}

function fail({ request, index, revision, position }: Found, problem: string): never {
  throw new Error(`event ${index} of ${name(request)}, revision ${revision} at ${position}, ${problem}`);
}
