/**
 * Long lives of a log: ranges written in batches, cuts, and power that goes before any change of the disk, also while the log is recovered.
 * The test keeps the log's bytes and what was told to be durable; what recovery finds must be a prefix that holds all of that.
 */
import { describe, expect, test } from 'vitest';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import { batchLength } from '../../../src/log/write-batches.js';
import { NodeLog } from '../../../src/sim/disk/node-log.js';
import { type CrashKind, SimulatedDisk } from '../../../src/sim/disk/simulated-disk.js';
import { type BuiltRecords, RecordBuilder } from '../../../src/sim/node/record-bytes.js';
import { Random } from '../../../src/sim/random.js';

const FOLDER = '/data';
const CHUNK_SIZE = 65_536;
const LIVES = 25;
const STEPS = 25;

class PowerCut extends Error {}

class Life {
  readonly random: Random;
  readonly disk: SimulatedDisk;
  log: NodeLog;
  crashes = 0;
  cuts = 0;
  /** All that the log may hold now. */
  #bytes = new Uint8Array(0);
  /** The log never ends before this. */
  #promised = 0;
  /** The highest position that a Commit in `#bytes` names, or that was known when it was written. */
  #committed = 0;
  /** Ends of transactions, and of records outside of them. */
  #ends = [0];
  #epoch = 1;
  /** While it writes without regard to what Commits name: recovery is told. */
  #catchingUpFrom: number | undefined;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.disk = new SimulatedDisk(this.random.fork());
    const { random, disk } = this;
    const options = { logId: random.uuid(), chunkSize: CHUNK_SIZE, newId: () => random.uuid() };
    this.log = NodeLog.create(disk, kernel, FOLDER, options);
  }

  step(): void {
    const isCut = this.#ends.length > 1 && this.random.chance(0.25);
    const act = isCut ? () => this.#cut() : () => this.#append();
    if (this.random.chance(0.5)) act();
    else if (!this.#interrupt(act)) this.#recover();
    else if (this.random.chance(0.3)) this.#recover();
    this.#check();
  }

  /** As a follower does: a range of transactions and Commits, batch by batch. */
  #append(): void {
    const { random, log } = this;
    const { end, chunkSize, lastTimestampUs } = log;
    const builder = new RecordBuilder(kernel, { end, chunkSize, timestampUs: lastTimestampUs });
    const epoch = builder.appendEpoch(++this.#epoch, random.uuid());
    const parts = [epoch.bytes];
    const ends = [epoch.position, epoch.end.position];
    for (let i = random.below(8); i > 0; i--) {
      const isCommit = random.chance(0.3);
      const committed = isCommit
        ? random.pick([...this.#ends, ...ends].filter((at) => at >= this.#committed))
        : 0;
      if (isCommit) this.#committed = committed;
      const built = isCommit ? builder.appendCommit(committed) : this.#transaction(builder);
      parts.push(built.bytes);
      // Equal to the end before, unless there is Padding, which is no part of the transaction.
      ends.push(built.position, built.end.position);
    }
    const range = new Uint8Array(Buffer.concat(parts));
    this.#bytes = new Uint8Array(Buffer.concat([this.#bytes, range]));
    this.#ends.push(...ends);
    const isCatchUp = random.chance(0.5);
    if (isCatchUp) this.#catchingUpFrom ??= log.durable;
    for (let at = 0; at < range.length; ) {
      const length = isCatchUp ? range.length : batchLength(range, at, range.length - at, log.durable);
      if (length > 0) log.write(range.subarray(at, at + length), isCatchUp);
      at += length;
      if (at < range.length || random.chance(isCatchUp ? 0.3 : 0.8)) log.sync();
      // A batch may end in a transaction, and recovery drops that.
      this.#promise(this.#ends.filter((position) => position <= log.durable).at(-1)!);
    }
    if (log.durable === log.end.position && random.chance(0.5)) this.#catchingUpFrom = undefined;
  }

  #transaction(builder: RecordBuilder): BuiltRecords {
    const { random } = this;
    const sizes = Array.from({ length: random.between(1, 3) }, () =>
      random.below(random.pick([50, 3000, 60_000])),
    );
    const events = sizes.map((size, revision) => {
      const data = new Uint8Array(size).fill(random.below(3) * 77);
      return { stream: 's', type: 't', eventId: random.uuid(), revision, data };
    });
    return builder.appendPrepares(events, this.log.lastTimestampUs + 1, this.#epoch);
  }

  #cut(): void {
    const end = this.log.end.position;
    const to = this.random.pick(
      this.#ends.filter((position) => position >= this.#committed && position <= end),
    );
    this.cuts++;
    this.#promised = Math.min(this.#promised, to);
    const truncation = this.log.truncate(to);
    expect(truncation).toMatchObject({ kind: 'truncated', end: { position: to } });
    this.#catchingUpFrom = undefined;
    this.#forget(to);
    this.#promise(to);
  }

  /** Whether `act` came to its end. */
  #interrupt(act: () => void): boolean {
    let left = this.random.below(this.random.pick([3, 12]));
    this.disk.beforeChange = () => {
      if (left-- === 0) throw new PowerCut();
    };
    try {
      act();
      return true;
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      return false;
    } finally {
      this.disk.beforeChange = undefined;
    }
  }

  #recover(): void {
    const { random, disk } = this;
    const options = { newId: () => random.uuid(), catchingUpFrom: this.#catchingUpFrom };
    this.crashes++;
    do {
      disk.crash(random, random.pick<CrashKind>(['torn', 'torn', 'lose-all', 'keep-all']));
    } while (random.chance(0.5) && !this.#interrupt(() => NodeLog.recover(disk, kernel, FOLDER, options)));
    disk.crash(random, 'torn');
    this.log = NodeLog.recover(disk, kernel, FOLDER, options)!;
    this.#catchingUpFrom = undefined;
    const end = this.log.end.position;
    expect(end).toBeGreaterThanOrEqual(this.#promised);
    expect(this.#ends).toContain(end);
    this.#forget(end);
    this.#promise(end);
  }

  /** What is in the log behind `end` is gone; Commits there named nothing behind it, or were never told. */
  #forget(end: number): void {
    this.#bytes = this.#bytes.slice(0, end);
    this.#ends = this.#ends.filter((position) => position <= end);
    this.#committed = Math.min(this.#committed, end);
  }

  #promise(position: number): void {
    this.#promised = Math.max(this.#promised, position);
  }

  #check(): void {
    const { log } = this;
    const end = log.end.position;
    expect(log.durable).toBeLessThanOrEqual(end);
    expect(Buffer.compare(log.read(0, end), this.#bytes)).toBe(0);
    expect(Buffer.compare(log.readFromDisk(0, log.durable), this.#bytes.subarray(0, log.durable))).toBe(0);
    // Its own file, and no other.
    expect(this.disk.openCount).toBeLessThanOrEqual(1);
  }
}

describe('a log', () => {
  test('holds what was told to be durable through writes, cuts and power cuts', () => {
    let crashes = 0;
    let cuts = 0;
    for (let seed = 1; seed <= LIVES; seed++) {
      const life = new Life(seed);
      try {
        for (let step = 0; step < STEPS; step++) life.step();
      } catch (error) {
        throw new Error(`the life of seed ${seed} failed`, { cause: error });
      }
      crashes += life.crashes;
      cuts += life.cuts;
    }
    expect(crashes).toBeGreaterThan(LIVES * 5);
    expect(cuts).toBeGreaterThan(LIVES * 3);
  });
});
