/**
 * A client of one node in one of its lives, through the client library, that writes into the history what it asks and what it is told. When the
 * connection is lost it is over: whoever wants to go on makes another, perhaps to another node.
 */
import {
  CairnError,
  type Client,
  connect,
  type ReadOptions,
  type StreamAppend,
  type TransactionResult,
} from '../../../src/client/client.js';
import type { ClusterAppend, ClusterHistory, ReadQuestion, ShownEvent } from './cluster-history.js';
import { eventOf, isGenuine, isOfLoad } from './event-content.js';

/** A node as it is found at the moment. */
export interface Target {
  readonly name: string;
  /** `ws://HOST:PORT`. */
  readonly url: string;
  /** How often it was started. */
  readonly life: number;
}

/** `no`: it did not take effect, and this attempt never will. */
export type Verdict = 'yes' | 'no' | 'unknown';

/** Codes that say that an append had no effect. All others leave it open. */
const NO_EFFECT: ReadonlySet<string> = new Set([
  ...['wrong-expected-revision', 'event-id-conflict', 'not-leader', 'no-leader', 'no-quorum', 'no-cluster'],
  ...['fenced', 'not-ready', 'disk-full', 'too-many-requests', 'ack-policy-unmet', 'request-too-large'],
]);
/** Codes after which another node is worth a try. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  ...[
    'not-leader',
    'no-leader',
    'no-quorum',
    'no-cluster',
    'fenced',
    'not-ready',
    'shutting-down',
    'timeout',
  ],
  ...['connection-lost', 'connection-refused', 'disk-full', 'outcome-unknown'],
]);

export class NodeConnection {
  readonly target: Target;
  readonly #client: Client;
  readonly #history: ClusterHistory;
  readonly #name: string;
  #isUseful = true;

  private constructor(target: Target, client: Client, history: ClusterHistory, name: string) {
    this.target = target;
    this.#client = client;
    this.#history = history;
    this.#name = name;
  }

  /** Undefined if nobody answers there. `name`: of the client, for the history. */
  static async open(
    target: Target,
    history: ClusterHistory,
    name: string,
    timeoutMs: number,
  ): Promise<NodeConnection | undefined> {
    try {
      const client = await connect(target.url, {
        reconnect: false,
        discover: false,
        requestTimeoutMs: timeoutMs,
      });
      return new NodeConnection(target, client, history, name);
    } catch (error) {
      if (error instanceof CairnError) return undefined;
      throw error;
    }
  }

  /** Whether to go on with it, after the last answer. */
  get isUseful(): boolean {
    return this.#isUseful && this.#client.isConnected;
  }

  /** Makes one attempt at an append; of a part of a transaction, at all of it. */
  async append(append: ClusterAppend): Promise<Verdict> {
    const parts = append.parts ?? [append];
    const isFirst = append.attempts === 0;
    for (const part of parts) {
      part.attempts++;
      part.unsettled++;
    }
    const invoked = this.#history.moment();
    try {
      const { revisions, position, duplicate } = await this.#send(append);
      for (const [index, part] of parts.entries()) {
        part.unsettled--;
        this.#history.acknowledge(part, revisions[index]!, position);
      }
      if (duplicate && isFirst)
        this.#contradict(`append ${append.number} was there before it was first sent`);
      return 'yes';
    } catch (error) {
      const { code, details } = this.#note(error);
      if (!NO_EFFECT.has(code)) return 'unknown';
      for (const part of parts) {
        part.unsettled--;
        part.hasConflict ||= code === 'event-id-conflict';
        if (code === 'wrong-expected-revision' && details['stream'] === part.stream)
          this.#history.refuse(part, this.target.name, invoked, details['current'] as number);
      }
      return 'no';
    }
  }

  async #send({ stream, expected, eventIds, parts }: ClusterAppend): Promise<TransactionResult> {
    if (parts === undefined) {
      const { revision, ...result } = await this.#client.append(stream, eventIds.map(eventOf), { expected });
      return { ...result, revisions: [revision] };
    }
    const appends = parts.map((part) => ({
      stream: part.stream,
      expected: part.expected,
      events: part.eventIds.map(eventOf),
    }));
    return await (parts[0]!.number % 2 === 0 ? this.#client.transact(appends) : this.#inSteps(appends));
  }

  /** The same, as a transaction that stays open over several requests; after a failure nobody ends it. */
  async #inSteps(appends: readonly StreamAppend[]): Promise<TransactionResult> {
    const transaction = this.#client.begin();
    for (const { stream, events, expected = 'any' } of appends)
      await transaction.append(stream, events, { expected });
    return await transaction.commit();
  }

  /** Reads to the end of what is asked for; false if that failed. What was shown until then counts all the same. */
  async read(asked: Omit<ReadQuestion, 'client' | 'node' | 'life'>): Promise<boolean> {
    const { name: node, life } = this.target;
    const question: ReadQuestion = { ...asked, client: this.#name, node, life };
    const begun = { invoked: this.#history.moment(), invokedMs: performance.now() };
    const shown: ShownEvent[] = [];
    const by = `a ${asked.consistency} read of ${this.#name} at ${node}`;
    let others = 0;
    try {
      for await (const event of this.#open(asked)) {
        const { stream, revision, position, id, type, data } = event;
        const before = shown.at(-1);
        if (asked.stream === undefined && !isOfLoad(stream)) {
          others++;
          continue;
        }
        if (!isGenuine(id, type, data)) this.#contradict(`${by} shows ${id} not as it was sent`);
        if (asked.stream !== undefined && stream !== asked.stream) this.#contradict(`${by} shows ${stream}`);
        if (before !== undefined && position > before.position === asked.isBackwards) {
          this.#contradict(`${by} shows ${position} after ${before.position}`);
        }
        const sighting = { stream, revision, position, eventId: id };
        this.#history.see(sighting, by);
        shown.push(sighting);
      }
    } catch (error) {
      const { code } = this.#note(error);
      if (code !== 'stream-not-found') return false;
    }
    // It was asked for so many of the load's events as there was room for beside the others.
    const count = asked.count - others;
    if (count > 0) this.#history.completeRead({ ...question, count }, begun, shown);
    return true;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #open({ stream, from, count, isBackwards, consistency }: Omit<ReadQuestion, 'client' | 'node' | 'life'>) {
    const options: ReadOptions & { consistency: string } = {
      backwards: isBackwards,
      consistency,
      ...(from === undefined ? {} : { from }),
      ...(count === Number.POSITIVE_INFINITY ? {} : { count }),
    };
    return stream === undefined ? this.#client.readAll(options) : this.#client.readStream(stream, options);
  }

  #note(error: unknown): CairnError {
    if (!(error instanceof CairnError)) throw error;
    if (ELSEWHERE.has(error.code)) this.#isUseful = false;
    return error;
  }

  #contradict(what: string): void {
    this.#history.contradictions.push(what);
  }
}
