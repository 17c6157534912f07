/**
 * A random history of a real node, from a seed: appends, transactions and repeats in bursts, reads and subscriptions of all kinds, restarts and kills, with
 * the node at rest or under a burst, and damage to the files of its index. Every answer is predicted by a plain list in memory (`store-model.ts`).
 */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ExpectedRevision } from '../../../src/client/append-encoder.js';
import { CairnError, type Client, connect } from '../../../src/client/client.js';
import { eventIdOf, eventOf } from '../cluster/event-content.js';
import { NodeProcess } from '../node-process.js';
import type { SeededRandom } from '../random.js';
import { within } from '../within.js';
import { checkEvents } from './model-check.js';
import { type FollowerWish, ModelFollower } from './model-follower.js';
import { ModelTransaction } from './model-transaction.js';
import { type ModelPart, StoreModel, type Verdict } from './store-model.js';

const STREAMS = ['order-1', 'order-2', 'order-30', 'cart-1', 'cart-2', 'é', 'audit', 'rare-1', 'rare-2'];
/** Small, so that some seconds of load make many segments, and merge them. */
const FLAGS = ['--chunk-size', '128KiB', '--index-cache-size', '1MiB'];
/** Back as soon as the node is. */
const UNTIRING = { requestTimeoutMs: 30_000, reconnect: { attempts: 1_000_000, maxDelayMs: 100 } };
const BURST_MAX = 80;
const EVENTS_MAX = 12;
const PARTS_MAX = 4;
const TRANSACTION_SHARE = 0.25;
const REPEATED_SHARE = 0.08;
const WRONG_SHARE = 0.1;
const FOLLOWERS_MAX = 8;
/** That are open at the same time; all of one must fit into half a chunk. */
const TRANSACTIONS_MAX = 3;
const STEP_EVENTS_MAX = 4;
const TRANSACTION_EVENTS_MAX = 20;
/** Of subscriptions, one after the other. */
const CHANGES_MAX = 4;
const DAMAGES_MAX = 3;
const SECTOR_BYTES = 512;
/** Where streams' events are is most of what matters. */
const DAMAGED_FILES = ['segment-', 'segment-', 'segment-', 'segment-', 'ids-', 'manifest'];
const DEADLINE_MS = 40_000;

const WISHES: readonly FollowerWish[] = [
  { name: '$all', wants: () => true },
  ...STREAMS.slice(0, 5).map((stream) => ofStream(stream)),
  ofStream('rare-1'),
  {
    name: 'a prefix of streams',
    filter: { streamPrefix: ['order-', 'rare'] },
    wants: ({ stream }) => stream.startsWith('order-') || stream.startsWith('rare'),
  },
  {
    name: 'a pattern of streams',
    filter: { streamRegex: '^(order|cart)-[0-9]$' },
    wants: ({ stream }) => /^(?:order|cart)-[0-9]$/.test(stream),
  },
  {
    name: 'types of some streams',
    filter: { streamRegex: 'r', typePrefix: ['type-1', 'type-6'] },
    wants: ({ stream, type }) => stream.includes('r') && (type === 'type-1' || type === 'type-6'),
  },
];

function ofStream(name: string): FollowerWish {
  return { name, stream: name, wants: ({ stream }) => stream === name };
}

interface Running {
  node: NodeProcess;
  readonly writer: Client;
  readonly subscribers: Client;
}

export interface HistoryCounts {
  readonly events: number;
  readonly refused: number;
  readonly repeats: number;
  readonly lives: number;
  readonly damaged: number;
  readonly resumed: number;
  /** Open transactions that were committed. */
  readonly committed: number;
}

export class RandomHistory {
  readonly #random: SeededRandom;
  readonly #folder: string;
  readonly #salt: number;
  readonly #model = new StoreModel();
  readonly #followers: ModelFollower[] = [];
  readonly #transactions: ModelTransaction[] = [];
  /** Appends that were written, to be repeated. */
  readonly #written: (readonly ModelPart[])[] = [];
  readonly #counts = { events: 0, refused: 0, repeats: 0, lives: 1, damaged: 0, resumed: 0, committed: 0 };
  #appends = 0;
  #running: Running | undefined;

  constructor(random: SeededRandom, folder: string) {
    this.#random = random;
    this.#folder = folder;
    this.#salt = random.bits();
  }

  /** Throws at the first answer that is not the model's. */
  async run(steps: number): Promise<HistoryCounts> {
    const node = await this.#start([]);
    const [writer, subscribers] = [await connect(node.url, UNTIRING), await connect(node.url, UNTIRING)];
    this.#running = { node, writer, subscribers };
    try {
      for (let step = 0; step < steps; step++) await this.#step();
      await this.#settle();
      await this.#restart('stop');
      await this.#readAll();
      await this.#settle();
    } finally {
      for (const follower of this.#followers) await follower.close();
      await Promise.all([writer.close(), subscribers.close()]);
      await this.#running.node.end();
    }
    return { ...this.#counts, events: this.#model.events.length };
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const roll = random.below(100);
    if (roll < 40) await this.#burst(() => Promise.resolve());
    else if (roll < 52) await this.#transact();
    else if (roll < 58) {
      const how = random.pick(['kill', 'kill', 'stop'] as const);
      if (random.chance(0.7)) await this.#burst(() => this.#restart(how));
      else if (random.chance(0.5)) await Promise.all([this.#transact(), this.#restart(how)]);
      else await this.#restart(how);
      // By now the index is read from its files.
      await this.#readStreams();
    } else if (roll < 66) this.#damage();
    else if (roll < 82) await this.#read();
    else if (roll < 96) for (let i = random.below(CHANGES_MAX); i >= 0; i--) await this.#subscribe();
    else await this.#settle();
  }

  /** Many appends without waiting, and something else meanwhile. */
  async #burst(meanwhile: () => Promise<void>): Promise<void> {
    const count = 1 + this.#random.below(BURST_MAX);
    const answers: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      const parts = this.#invent();
      answers.push(this.#append(parts, this.#model.append(parts)));
    }
    const all = Promise.all(answers);
    // What fails is told by whoever waits below.
    all.catch(() => undefined);
    await Promise.race(answers);
    await meanwhile();
    await within(DEADLINE_MS, 'all appends are answered', all);
  }

  async #append(parts: readonly ModelPart[], verdict: Verdict): Promise<void> {
    const what = JSON.stringify(
      parts.map(({ stream, expected, ids }) => ({ stream, expected, events: ids.length })),
    );
    const { writer } = this.#running!;
    const streams = parts.map(({ ids, ...part }) => ({ ...part, events: ids.map(eventOf) }));
    let given: Awaited<ReturnType<Client['transact']>>;
    try {
      given = await writer.transact(streams);
    } catch (error) {
      if (!(error instanceof CairnError) || error.code !== 'wrong-expected-revision') throw error;
      if (verdict.kind === 'refused' && verdict.streams.includes(String(error.details['stream']))) return;
      throw new Error(`${what} was refused (${error.message}), and should be ${JSON.stringify(verdict)}`);
    }
    const { revisions, position, duplicate } = given;
    const isRight =
      verdict.kind === 'written' &&
      JSON.stringify(revisions) === JSON.stringify(verdict.revisions) &&
      (verdict.last.position ?? position) === position &&
      (duplicate || !verdict.isRepeat);
    if (!isRight)
      throw new Error(`${what} came to ${JSON.stringify(given)} instead of ${JSON.stringify(verdict)}`);
    verdict.last.position = position;
  }

  /** Goes on with an open transaction, or begins one. What it has is seen by none of the others before it is committed. */
  async #transact(): Promise<void> {
    const random = this.#random;
    const isNew =
      this.#transactions.length === 0 || (this.#transactions.length < TRANSACTIONS_MAX && random.chance(0.4));
    if (isNew) this.#transactions.push(new ModelTransaction(this.#running!.writer));
    const transaction = isNew ? this.#transactions.at(-1)! : random.pick(this.#transactions);
    for (let i = isNew ? 0 : random.below(3); i < 3; i++) {
      const stream = this.#pickStream();
      const number = this.#appends++;
      const ids = Array.from({ length: 1 + random.below(STEP_EVENTS_MAX) }, (_, i) =>
        eventIdOf(this.#salt, number, i),
      );
      await transaction.append(stream, ids, random.chance(0.7) ? 'any' : this.#right(stream));
    }
    if (transaction.events < TRANSACTION_EVENTS_MAX && random.chance(0.35)) return;
    this.#transactions.splice(this.#transactions.indexOf(transaction), 1);
    if (random.chance(0.2)) await transaction.abandon();
    else if (await transaction.commit(this.#model)) this.#counts.committed++;
  }

  #invent(): readonly ModelPart[] {
    const random = this.#random;
    if (this.#written.length > 0 && random.chance(REPEATED_SHARE)) {
      this.#counts.repeats++;
      return random.pick(this.#written);
    }
    const count = random.chance(TRANSACTION_SHARE) ? 2 + random.below(PARTS_MAX - 1) : 1;
    const streams = new Set(Array.from({ length: count }, () => this.#pickStream()));
    const isWrong = random.chance(WRONG_SHARE);
    const number = this.#appends++;
    const parts = [...streams].map((stream, part) => {
      const events = random.chance(0.6) ? 1 : 1 + random.below(EVENTS_MAX);
      const ids = Array.from({ length: events }, (_, i) =>
        eventIdOf(this.#salt, number, part * EVENTS_MAX + i),
      );
      return { stream, expected: isWrong && part === 0 ? this.#wrong(stream) : this.#right(stream), ids };
    });
    if (isWrong) this.#counts.refused++;
    else this.#written.push(parts);
    return parts;
  }

  /** Some streams get most of the events, others hardly any. */
  #pickStream(): string {
    const random = this.#random;
    return random.chance(0.7)
      ? STREAMS[random.below(3)]!
      : random.pick(STREAMS.slice(0, random.chance(0.1) ? 9 : 7));
  }

  #right(stream: string): ExpectedRevision {
    const head = this.#model.headOf(stream);
    return this.#random.pick(['any', head < 0 ? 'none' : 'exists', head < 0 ? 'none' : head] as const);
  }

  /** Never right, whatever is written: an append whose refusal was lost with the connection is asked again. */
  #wrong(stream: string): ExpectedRevision {
    const head = this.#model.headOf(stream);
    return head > 0 ? this.#random.pick(['none', head - 1, head + 1_000_000] as const) : 1_000_000;
  }

  #start(flags: readonly string[]): Promise<NodeProcess> {
    return NodeProcess.start({ folder: this.#folder, flags: [...FLAGS, ...flags] });
  }

  /** Ends the node; perhaps something happens to its index; and starts it again, at the same port. */
  async #restart(how: 'kill' | 'stop'): Promise<void> {
    const running = this.#running!;
    if (how === 'kill') await running.node.kill();
    else await running.node.stop();
    for (let i = this.#random.below(DAMAGES_MAX + 1); i > 0; i--) this.#damage();
    running.node = await this.#start(['--node-port', new URL(running.node.url).port]);
    this.#counts.lives++;
  }

  /** To a file of the index: a flipped bit, a lost end, or all of it. */
  #damage(): void {
    const random = this.#random;
    const folder = join(this.#folder, 'index');
    const files = existsSync(folder) ? readdirSync(folder).sort() : [];
    const drawn = {
      kind: random.pick(DAMAGED_FILES),
      ...{ file: random.bits(), at: random.bits(), how: random.below(10) },
    };
    const ofKind = files.filter((name) => name.startsWith(drawn.kind));
    if (ofKind.length === 0) return;
    const path = join(folder, ofKind[drawn.file % ofKind.length]!);
    try {
      const bytes = readFileSync(path);
      if (drawn.how === 0) rmSync(path);
      else if (drawn.how === 1) truncateSync(path, drawn.at % (bytes.length + 1));
      else if (drawn.how < 5) {
        // A sector that came to a wrong place.
        const [from, to] = [drawn.at, drawn.file].map(
          (bits) => SECTOR_BYTES * (bits % Math.ceil(bytes.length / SECTOR_BYTES)),
        );
        writeAt(path, to!, bytes.subarray(from, from! + SECTOR_BYTES));
      } else if (bytes.length > 0) {
        // Most of a page may be empty.
        const content = [...bytes.keys()].filter((i) => bytes[i] !== 0);
        const at = content[drawn.at % content.length] ?? 0;
        bytes[at]! ^= 1 << (drawn.how & 7);
        writeAt(path, at, bytes.subarray(at, at + 1));
      }
      this.#counts.damaged++;
    } catch (error) {
      // The node has just replaced it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  async #read(): Promise<void> {
    const random = this.#random;
    const { writer } = this.#running!;
    const wish = random.pick([...WISHES, ...STREAMS.map(ofStream), ofStream('nobody')]);
    const wanted = this.#model.events.filter(wish.wants);
    const backwards = random.chance(0.5);
    const count = random.pick([1, 10, 200]);
    const what = `a read ${backwards ? 'backwards ' : ''}of ${count} of ${wish.name}`;
    if (wish.stream !== undefined) {
      if (wanted.length === 0) return await this.#expectNoStream(wish.stream);
      const from = random.below(wanted.length);
      const given = await writer.readStream(wish.stream, { from, count, backwards }).toArray();
      const expected = backwards ? wanted.slice(0, from + 1).reverse() : wanted.slice(from);
      checkEvents(`${what} from ${from}`, given, expected.slice(0, count));
      const info = await writer.streamInfo(wish.stream);
      if (info?.revision !== wanted.length - 1)
        throw new Error(`${wish.name} is said to be at ${info?.revision}`);
      return;
    }
    const given = await writer
      .readAll({ count, backwards, ...(wish.filter && { filter: wish.filter }) })
      .toArray();
    checkEvents(what, given, (backwards ? wanted.reverse() : wanted).slice(0, count));
  }

  async #expectNoStream(stream: string): Promise<void> {
    const { writer } = this.#running!;
    if ((await writer.streamInfo(stream)) !== undefined) throw new Error(`${stream} should not exist`);
    const code = await writer
      .readStream(stream)
      .toArray()
      .then(
        () => 'none',
        (error: CairnError) => error.code,
      );
    if (code !== 'stream-not-found')
      throw new Error(`a read of ${stream}, which there is not, ended with ${code}`);
  }

  /** Everything, both ways. */
  async #readAll(): Promise<void> {
    const { writer } = this.#running!;
    const { events } = this.#model;
    checkEvents('the whole log', await writer.readAll().toArray(), events);
    checkEvents(
      'the whole log backwards',
      await writer.readAll({ backwards: true }).toArray(),
      events.toReversed(),
    );
    await this.#readStreams();
  }

  async #readStreams(): Promise<void> {
    const { writer } = this.#running!;
    for (const stream of this.#model.streams)
      checkEvents(stream, await writer.readStream(stream).toArray(), this.#model.eventsOf(stream));
  }

  /** Opens one more, closes one, or opens one again. */
  async #subscribe(): Promise<void> {
    const random = this.#random;
    const { subscribers } = this.#running!;
    if (this.#followers.length < FOLLOWERS_MAX && random.chance(0.4)) {
      const how = { isFromEnd: random.chance(0.3), isSlow: random.chance(0.2) };
      const follower = new ModelFollower(this.#model, random.pick(WISHES), how);
      this.#followers.push(follower);
      return await follower.open(subscribers);
    }
    if (this.#followers.length === 0) return;
    const follower = random.pick(this.#followers);
    if (follower.isOpen) return await follower.close();
    await this.#resume(follower);
  }

  async #resume(follower: ModelFollower): Promise<void> {
    this.#counts.resumed++;
    await follower.open(this.#running!.subscribers);
  }

  /** All subscribers have what is there for them. */
  async #settle(): Promise<void> {
    for (const follower of this.#followers) {
      if (!follower.isOpen) await this.#resume(follower);
      await follower.untilCaughtUp();
    }
  }
}

function writeAt(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}
