/**
 * Whoever deletes and scavenges while a cluster is written to and struck. One writes streams of its own and hides them again, each step repeated with the same
 * ids until it is acknowledged, so that it knows what has to be there; the other asks one node after the other for a scavenge, or to stop. In the end, when
 * every node is through, each must show what is not hidden of those streams, and nothing else of them.
 */
import { METADATA_PREFIX } from '../../../src/base/stream-metadata.js';
import type { ExpectedRevision, NewEvent } from '../../../src/client/append-encoder.js';
import { CairnError, type Client, connect } from '../../../src/client/client.js';
import type { ScavengeStatus } from '../../../src/net/node-port.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import { SeededRandom } from '../random.js';
import { until, within } from '../within.js';
import { eventIdOf, SCRAP_PREFIX, scrapOf } from './event-content.js';
import { type KeptRange, keeping, ScrapStream, tombstone } from './scrap-stream.js';

export interface ClusterScavengesOptions {
  readonly seed: number;
  /** All nodes, whether they are up or not. */
  readonly urls: readonly string[];
}

/** At once; those with a tombstone are replaced by others. */
const STREAMS = 6;
const CHUNK_BYTES = 1024 * 1024;
const EVENTS_MAX = 12;
const COUNT_MAX = 30;
const HIDING_SHARE = 0.15;
/** With some ten kilobytes for each append, some chunks of 1 MiB are filled in a run. */
const WRITE_GAP_MS_MAX = 20;
const ASK_GAP_MS_MAX = 800;
const STOP_SHARE = 0.15;
/** A node that is silent for so long is left for another. */
const ANSWER_MS = 2_500;
/** Longer than a step takes, once all is healed. */
const STOP_DEADLINE_MS = 60_000;
/** So that ids are none of the load's, which has the seed itself. */
const SALT = 0x5c4a_0000;
/** Codes that say that a step can't be done, however often it is tried. None is to be expected of it. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...['wrong-expected-revision', 'event-id-conflict', 'invalid-request', 'invalid-metadata'],
  ...['stream-deleted', 'request-too-large'],
]);

export class ClusterScavenges {
  readonly problems: string[] = [];
  /** Scavenge points, stops, and orders that no node took. */
  readonly counts = { started: 0, stopped: 0, unanswered: 0 };
  readonly #options: ClusterScavengesOptions;
  readonly #random: SeededRandom;
  /** Of the other one: how often each is drawn from depends on how long things take. */
  readonly #asking: SeededRandom;
  readonly #live: ScrapStream[] = [];
  readonly #streams: ScrapStream[] = [];
  #client: Client | undefined;
  #steps = 0;
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterScavengesOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed * 1000 + 950);
    this.#asking = new SeededRandom(options.seed * 1000 + 951);
  }

  start(): void {
    this.#running = Promise.all([this.#write(), this.#ask()]);
    // Whoever stops it is told.
    this.#running.catch(() => undefined);
  }

  /** Resolves when the last step is acknowledged: to be called when there is a leader, or soon will be. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await within(STOP_DEADLINE_MS, 'the last scrap is acknowledged', this.#running);
    await within(STOP_DEADLINE_MS, 'a chunk is filled and deleted', this.#fillChunk());
    this.#leave();
  }

  /** Scavenges once more; resolves when every node is through with that. */
  async finish(deadlineMs: number): Promise<void> {
    const { urls } = this.#options;
    let statuses: readonly (ScavengeStatus | undefined)[] = [];
    let started: number | undefined;
    const look = async () => {
      started ??= await this.#order(this.#asking.pick(urls), 'start');
      if (started === undefined) return false;
      statuses = await Promise.all(urls.map(statusOf));
      const places = statuses.map((status) => status?.point?.position ?? -1);
      const isKnown = places.every((place) => place >= started! && place === places[0]);
      // An order to stop that nobody had answered may come late.
      if (isKnown && statuses.some((status) => status!.state === 'stopped')) started = undefined;
      return isKnown && statuses.every((status) => isThrough(status!));
    };
    await until(deadlineMs, 'every node is through with the last scavenge', look).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(statuses)}`);
    });
  }

  /** What is wrong with all that a node shows. */
  judge(name: string, log: readonly LoggedEvent[]): readonly string[] {
    const problems: string[] = [];
    for (const stream of this.#streams) {
      const problem = stream.findProblem(log.filter((event) => event.stream === stream.name));
      if (problem !== undefined) problems.push(`${name}: ${problem}`);
    }
    return problems;
  }

  /** What is wrong with what a node answers about each stream by itself. */
  async judgeStreams(url: string): Promise<readonly string[]> {
    const client = await connect(url, { discover: false, reconnect: false });
    const problems: string[] = [];
    try {
      for (const stream of this.#streams) {
        const shown = await readStream(client, stream.name);
        const problem = typeof shown === 'string' ? codeProblem(stream, shown) : stream.findProblem(shown);
        if (problem !== undefined) problems.push(`${url}, read by itself: ${problem}`);
      }
    } finally {
      await client.close();
    }
    return problems;
  }

  async #ask(): Promise<void> {
    const { urls } = this.#options;
    while (!this.#isStopping) {
      const url = this.#asking.pick(urls);
      const order = this.#asking.chance(STOP_SHARE) ? 'stop' : 'start';
      const position = await this.#order(url, order);
      if (position === undefined) this.counts.unanswered++;
      else if (order === 'start') this.counts.started++;
      else this.counts.stopped++;
      await pause(this.#asking.below(ASK_GAP_MS_MAX));
    }
  }

  /** Where in the log the order stands; undefined if nobody took it in time. */
  async #order(url: string, order: 'start' | 'stop'): Promise<number | undefined> {
    const path = order === 'start' ? 'start?throttlePercent=100' : 'stop';
    const response = await answerOf(`${httpOf(url)}/admin/scavenge/${path}`, 'POST');
    if (response === undefined) return undefined;
    const { status, body } = response;
    if (status === 200) return (JSON.parse(body) as { readonly position: number }).position;
    if (status < 501) this.problems.push(`${order} at ${url} was answered ${status}: ${body}`);
    return undefined;
  }

  async #write(): Promise<void> {
    while (!this.#isStopping) {
      const place = this.#random.below(STREAMS);
      const stream = this.#streamAt(place);
      if (stream.count === 0 || !this.#random.chance(HIDING_SHARE)) await this.#append(stream);
      else await this.#hide(stream);
      if (stream.isTombstoned) delete this.#live[place];
      await pause(this.#random.below(WRITE_GAP_MS_MAX));
    }
  }

  /** So that there is something to be removed, however little could be written under the strikes. */
  async #fillChunk(): Promise<void> {
    delete this.#live[0];
    const stream = this.#streamAt(0);
    for (let written = 0; written < CHUNK_BYTES; ) written += await this.#append(stream);
    await this.#keep(stream, { $tb: stream.count });
  }

  #streamAt(place: number): ScrapStream {
    let stream = this.#live[place];
    if (stream === undefined) {
      stream = new ScrapStream(`${SCRAP_PREFIX}${this.#streams.length}`);
      this.#live[place] = stream;
      this.#streams.push(stream);
    }
    return stream;
  }

  /** Returns the bytes of data that it got. */
  async #append(stream: ScrapStream): Promise<number> {
    const step = ++this.#steps;
    const count = 1 + this.#random.below(EVENTS_MAX);
    const ids = Array.from({ length: count }, (_, i) => this.#idOf(step, i));
    const expected = stream.count === 0 ? 'none' : stream.count - 1;
    const events = ids.map(scrapOf);
    await this.#send(stream.name, events, expected);
    stream.appended(ids);
    return events.reduce((sum, { data }) => sum + data.length, 0);
  }

  /** Says something new about the stream, which hides more of it or, now and then, less. */
  async #hide(stream: ScrapStream): Promise<void> {
    const random = this.#random;
    const { count, hidden } = stream;
    const kind = random.below(100);
    if (kind < 15) {
      const id = this.#idOf(++this.#steps, 0);
      await this.#send(METADATA_PREFIX + stream.name, [tombstone(id)], 'any');
      stream.tombstoned();
      return;
    }
    let kept: KeptRange = { $tb: count };
    if (kind < 40) kept = { $tb: hidden + random.below(count - hidden + 1) };
    else if (kind < 65) kept = { $maxCount: 1 + random.below(COUNT_MAX) };
    else if (kind < 75) kept = { $tb: random.below(hidden + 1) };
    await this.#keep(stream, kept);
  }

  async #keep(stream: ScrapStream, kept: KeptRange): Promise<void> {
    const id = this.#idOf(++this.#steps, 0);
    await this.#send(METADATA_PREFIX + stream.name, [keeping(id, kept)], 'any');
    stream.keeps(kept);
  }

  #idOf(step: number, index: number): string {
    return eventIdOf(this.#options.seed ^ SALT, step, index);
  }

  /** Tries it, here and there, until it is acknowledged. */
  async #send(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): Promise<void> {
    for (;;) {
      try {
        const client = await this.#connected();
        await client.append(stream, events, { expected });
        return;
      } catch (error) {
        if (!(error instanceof CairnError)) throw error;
        if (REFUSALS.has(error.code)) throw new Error(`${events.length} to ${stream}: ${error.message}`);
      }
      this.#leave();
      await pause(this.#random.below(WRITE_GAP_MS_MAX));
    }
  }

  async #connected(): Promise<Client> {
    const url = this.#random.pick(this.#options.urls);
    this.#client ??= await connect(url, { discover: false, reconnect: false, requestTimeoutMs: ANSWER_MS });
    return this.#client;
  }

  /** In the background: a node that is paused never answers the farewell. */
  #leave(): void {
    void this.#client?.close();
    this.#client = undefined;
  }
}

function isThrough({ state, chunksDone, chunksTotal }: ScavengeStatus): boolean {
  return state === 'idle' && chunksDone === chunksTotal;
}

/** Undefined if the node does not answer. */
async function statusOf(url: string): Promise<ScavengeStatus | undefined> {
  const answer = await answerOf(`${httpOf(url)}/admin/scavenge`, 'GET');
  return answer?.status === 200 ? JSON.parse(answer.body) : undefined;
}

async function answerOf(
  url: string,
  method: string,
): Promise<{ readonly status: number; readonly body: string } | undefined> {
  try {
    const response = await fetch(url, { method, signal: AbortSignal.timeout(ANSWER_MS) });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    // It is down, or cut off, or stands still.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function httpOf(url: string): string {
  return url.replace(/^ws/, 'http');
}

/** What a node shows of a stream, or the code with which it says that there is nothing. */
async function readStream(
  client: Client,
  name: string,
): Promise<readonly Pick<LoggedEvent, 'stream' | 'revision' | 'eventId' | 'position'>[] | string> {
  try {
    const events = await client.readStream(name).toArray();
    return events.map(({ stream, revision, position, id }) => ({ stream, revision, position, eventId: id }));
  } catch (error) {
    if (error instanceof CairnError) return error.code;
    throw error;
  }
}

function codeProblem(stream: ScrapStream, code: string): string | undefined {
  const isKnown = stream.isTombstoned ? code === 'stream-deleted' : code === 'stream-not-found';
  return isKnown ? stream.findProblem([]) : `${stream.name} is answered ${code}`;
}

/** Not to wait for something, but to leave some time to others. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
