/**
 * A random history of a real node, from a seed, in which streams are written, kept short, deleted and ended for good, over kills, restarts and damage to the
 * index; is scavenged; and is backed up, and restored elsewhere. Every answer is predicted by a plain list in memory.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, connect } from '../../../src/client/client.js';
import { eventIdOf, eventOf } from '../cluster/event-content.js';
import { NodeProcess } from '../node-process.js';
import type { SeededRandom } from '../random.js';
import { until, within } from '../within.js';
import {
  expectCode,
  expectLog,
  expectStream,
  type KeptStream,
  newStream,
  visibleOf,
} from './kept-streams.js';
import { RetentionBackups } from './retention-backups.js';
import { RetentionScavenges } from './retention-scavenges.js';
import type { ModelEvent } from './store-model.js';

/** Small, so that a short history makes many segments, and merges them. */
const FLAGS = ['--chunk-size', '128KiB', '--index-cache-size', '1MiB'];
const UNTIRING = { requestTimeoutMs: 30_000, reconnect: { attempts: 1_000_000, maxDelayMs: 100 } };
/** So many at a time; those with tombstones are replaced by new ones. */
const STREAMS = 12;
const BURST_MAX = 60;
const DEADLINE_MS = 40_000;

export class RetentionHistory {
  readonly #random: SeededRandom;
  readonly #folder: string;
  readonly #backups: RetentionBackups;
  readonly #scavenges: RetentionScavenges;
  readonly #salt: number;
  /** All that there ever were. */
  readonly #streams: KeptStream[] = [];
  readonly #events: ModelEvent[] = [];
  /** What the follower was given, by id. */
  readonly #followed: string[] = [];
  /** Perhaps not any more, as what is said about a stream may be taken back. */
  readonly #onceHidden = new Set<string>();
  #node!: NodeProcess;
  #client!: Client;
  #appends = 0;
  readonly counts = {
    lives: 1,
    deleted: 0,
    tombstoned: 0,
    said: 0,
    refused: 0,
    damaged: 0,
    backups: 0,
    restored: 0,
    scavenges: 0,
    scavengedChunks: 0,
  };

  /** `scratch`: an empty folder. */
  constructor(random: SeededRandom, scratch: string) {
    this.#random = random;
    this.#folder = join(scratch, 'data');
    this.#backups = new RetentionBackups(random, scratch);
    this.#scavenges = new RetentionScavenges(random, this.#folder);
    this.#salt = random.bits();
  }

  /** Throws at the first answer that is not the model's. */
  async run(steps: number): Promise<void> {
    this.#node = await NodeProcess.start({ folder: this.#folder, flags: FLAGS });
    this.#client = await connect(this.#node.url, UNTIRING);
    const follower = await connect(this.#node.url, UNTIRING);
    const following = this.#follow(follower);
    following.catch(() => undefined);
    try {
      for (let step = 0; step < steps; step++) await this.#step();
      await this.#restart();
      await this.#scavenges.finish(this.#node.url);
      for (const stream of this.#streams) await this.#expectStream(stream);
      await this.#expectAll();
      await this.#expectFollowed();
      await this.#restore('oldest');
      await this.#restore('any');
      await Promise.all([this.#client.close(), follower.close()]);
      await this.#node.stop();
      this.counts.scavengedChunks = await this.#scavenges.verifyFolder();
    } finally {
      await Promise.all([this.#client.close(), follower.close()]);
      await this.#node.end();
    }
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const roll = random.below(100);
    if (roll < 50) await this.#burst(() => Promise.resolve());
    else if (roll < 60) await (random.chance(0.6) ? this.#burst(() => this.#restart()) : this.#restart());
    else if (roll < 72) await this.#delete();
    else if (roll < 86) await this.#expectStream(random.pick(this.#streams));
    else if (roll < 91) await this.#expectAll();
    else if (roll < 95) await this.#scavenge();
    else {
      // Nothing is under way: it has all that was answered.
      await this.#backups.make(this.#node.url, { streams: this.#streams, events: this.#events });
      this.counts.backups++;
      if (random.chance(0.3)) await this.#restore('any');
    }
  }

  /** It goes on while other things happen, kills among them. */
  async #scavenge(): Promise<void> {
    await this.#scavenges.begin(this.#node.url);
    this.counts.scavenges++;
  }

  async #restore(which: 'oldest' | 'any'): Promise<void> {
    if (this.#backups.count === 0) return;
    await this.#backups.restore(which);
    this.counts.restored++;
  }

  /** Appends, metadata and tombstones without waiting, and something else meanwhile. */
  async #burst(meanwhile: () => Promise<void>): Promise<void> {
    const answers = Array.from({ length: 1 + this.#random.below(BURST_MAX) }, () => this.#change());
    const all = Promise.all(answers);
    all.catch(() => undefined);
    await Promise.race(answers);
    await meanwhile();
    await within(DEADLINE_MS, 'all changes are answered', all);
  }

  #change(): Promise<void> {
    const random = this.#random;
    const stream = this.#pick();
    const roll = random.below(100);
    if (stream.isTombstoned) return this.#expectRefused(stream);
    if (roll < 85) return this.#append(stream);
    return roll < 98 ? this.#say(stream) : this.#tombstone(stream);
  }

  #pick(): KeptStream {
    const random = this.#random;
    const alive = this.#streams.filter(({ isTombstoned }) => !isTombstoned);
    if (alive.length < STREAMS) this.#streams.push(newStream(`stream-${this.#streams.length}`));
    if (random.chance(0.05)) return random.pick(this.#streams);
    return alive.length === 0 ? this.#streams.at(-1)! : random.pick(alive);
  }

  async #append(stream: KeptStream): Promise<void> {
    const number = this.#appends++;
    const ids = Array.from({ length: 1 + this.#random.below(5) }, (_, i) => eventIdOf(this.#salt, number, i));
    for (const id of ids) {
      const place = { stream: stream.name, revision: stream.events.length, position: undefined };
      const event: ModelEvent = { id, type: eventOf(id).type!, ...place };
      stream.events.push(event);
      this.#events.push(event);
    }
    this.#noteHidden(stream);
    const expected = stream.events.length - 1;
    const { revision } = await this.#client.append(stream.name, ids.map(eventOf));
    if (revision !== expected) throw new Error(`${stream.name} came to ${revision} instead of ${expected}`);
  }

  async #say(stream: KeptStream): Promise<void> {
    const random = this.#random;
    if (random.chance(0.2)) return await this.#sayWrongly(stream);
    const all = {
      $maxCount: 1 + random.below(20),
      $tb: random.below(stream.events.length + 1),
      own: random.bits(),
    };
    const some = Object.fromEntries(Object.entries(all).filter(() => random.chance(0.5)));
    // What was hidden when it was scavenged may be gone, and is not shown again.
    const first = stream.events.length - visibleOf(stream).length;
    const $tb = Math.min(stream.events.length, first + random.below(6));
    const said = this.counts.scavenges > 0 ? { ...some, $tb } : some;
    const expected = stream.saidCount === 0 ? ('none' as const) : stream.saidCount - 1;
    stream.said = said;
    stream.saidCount++;
    this.#noteHidden(stream);
    this.counts.said++;
    await this.#client.setMetadata(stream.name, said, random.chance(0.5) ? { expected } : {});
  }

  async #sayWrongly({ name }: KeptStream): Promise<void> {
    this.counts.refused++;
    const wrong = this.#random.pick([{ $tb: 1_000_000 }, { $maxCount: 0 }, { $unknown: 1 }] as const);
    await expectCode('invalid-metadata', this.#client.setMetadata(name, wrong));
  }

  async #tombstone(stream: KeptStream): Promise<void> {
    stream.isTombstoned = true;
    stream.saidCount++;
    this.#noteHidden(stream);
    this.counts.tombstoned++;
    await this.#client.tombstoneStream(stream.name);
  }

  async #expectRefused({ name }: KeptStream): Promise<void> {
    this.counts.refused++;
    const id = eventIdOf(this.#salt, this.#appends++, 0);
    const client = this.#client;
    await Promise.all([
      expectCode('stream-deleted', client.append(name, eventOf(id))),
      expectCode('stream-deleted', client.setMetadata(name, {})),
      expectCode('stream-deleted', client.tombstoneStream(name)),
    ]);
  }

  async #delete(): Promise<void> {
    const stream = this.#pick();
    const { name, events, isTombstoned, said } = stream;
    if (isTombstoned) return await expectCode('stream-deleted', this.#client.deleteStream(name));
    if (events.length === 0) return await expectCode('stream-not-found', this.#client.deleteStream(name));
    const head = events.length - 1;
    await expectCode('wrong-expected-revision', this.#client.deleteStream(name, { expected: head + 1_000 }));
    const { lastRevision } = await this.#client.deleteStream(name, { expected: head });
    if (lastRevision !== head) throw new Error(`${name} was deleted to ${lastRevision} instead of ${head}`);
    this.counts.deleted++;
    for (const { id } of events) this.#onceHidden.add(id);
    if (said.$tb === head + 1) return;
    stream.said = { ...said, $tb: head + 1 };
    stream.saidCount++;
  }

  async #restart(): Promise<void> {
    if (this.#random.chance(0.6)) await this.#node.kill();
    else await this.#node.stop();
    if (this.#random.chance(0.4)) this.#damage();
    const port = new URL(this.#node.url).port;
    this.#node = await NodeProcess.start({ folder: this.#folder, flags: [...FLAGS, '--node-port', port] });
    this.counts.lives++;
  }

  /** Flips a bit of a segment. */
  #damage(): void {
    const folder = join(this.#folder, 'index');
    const files = readdirSync(folder).filter((name) => name.startsWith('segment-'));
    if (files.length === 0) return;
    const path = join(folder, this.#random.pick(files.sort()));
    const bytes = readFileSync(path);
    bytes[this.#random.below(bytes.length)]! ^= 1 << this.#random.below(8);
    writeFileSync(path, bytes);
    this.counts.damaged++;
  }

  #expectStream(stream: KeptStream): Promise<void> {
    return expectStream(this.#client, stream, this.#random.chance(0.5));
  }

  #expectAll(): Promise<void> {
    const store = { streams: this.#streams, events: this.#events };
    return expectLog(this.#client, store, this.#random.chance(0.5));
  }

  #noteHidden(stream: KeptStream): void {
    const hidden = stream.events.slice(0, stream.events.length - visibleOf(stream).length);
    for (const { id } of hidden) this.#onceHidden.add(id);
  }

  async #follow(client: Client): Promise<void> {
    for await (const { stream, id } of client.subscribeAll())
      if (!stream.startsWith('$')) this.#followed.push(id);
  }

  /** Who follows has got each event at most once, in order, and all that were never hidden. */
  async #expectFollowed(): Promise<void> {
    const wanted = this.#events.filter(({ id }) => !this.#onceHidden.has(id));
    const last = wanted.at(-1)?.id;
    await until(
      DEADLINE_MS,
      'the follower has everything',
      () => last === undefined || this.#followed.includes(last),
    );
    const order = new Map(this.#events.map(({ id }, i) => [id, i]));
    const places = this.#followed.map((id) => order.get(id)!);
    if (places.some((place, i) => i > 0 && !(place > places[i - 1]!)))
      throw new Error('the follower was given events out of order, or twice');
    const given = new Set(this.#followed);
    const missing = wanted.filter(({ id }) => !given.has(id));
    if (missing.length > 0) throw new Error(`the follower was not given ${JSON.stringify(missing[0])}`);
  }
}
