/** A node's log store with its real threads on a real folder, and the log of a leader that it is to have. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CairnError } from '../../src/base/errors.js';
import type { ChainState } from '../../src/base/ports.js';
import type { AppendedRecord } from '../../src/cluster/effects.js';
import { recoverFolder } from '../../src/log/folder-recovery.js';
import { makeChunk } from '../../src/log/new-chunk.js';
import type { RecoveredLog } from '../../src/log/recovery.js';
import { openPlatform } from '../../src/native/platform.js';
import type { EngineOptions } from '../../src/node/engine-options.js';
import { LogDriver } from '../../src/node/log-driver.js';
import { LogStore } from '../../src/node/log-store.js';
import { endOf, NaiveLog } from '../log/naive-log.js';
import { until } from '../process/within.js';
import { CHUNK_BYTES, engineOptions } from './engine-rig.js';

const DEADLINE_MS = 30_000;
const LOG_ID = '018f4e5c-0000-7000-8000-00000000a001';

export class StoreRig {
  /** What the leader's log has. */
  readonly log: NaiveLog;
  readonly store: LogStore;
  readonly driver: LogDriver;
  readonly truncated: Readonly<ChainState>[] = [];
  readonly failures: CairnError[] = [];
  readonly appended: AppendedRecord[] = [];
  /** Whether records of its own may be appended. */
  hasRoomForOwn = true;
  /** Called whenever the store has got on, before the driver goes on. */
  onProgress: (() => void) | undefined;
  readonly #folder: string;
  readonly #keepAlive: NodeJS.Timeout;

  constructor(changes: Partial<EngineOptions> = {}) {
    this.#folder = mkdtempSync(join(tmpdir(), 'cairn-store-'));
    // Atomics.waitAsync alone does not keep the event loop alive.
    this.#keepAlive = setInterval(() => undefined, 1_000);
    const options = engineOptions(this.#folder, changes);
    const { chunkSize } = options;
    this.log = new NaiveLog(chunkSize);
    const { disk } = openPlatform();
    const ids = { logId: LOG_ID, chunkId: '018f4e5c-0000-7000-8000-00000000c000' };
    makeChunk(disk, this.#folder, { chunkNumber: 0, chunkSize, ...ids, createdUs: 1 });
    let driver: LogDriver | undefined;
    const progress = () => {
      this.onProgress?.();
      driver?.pump();
    };
    const failed = (error: CairnError) => this.failures.push(error);
    const start = { recovered: this.recover(), committed: 0, historyWritten: 0 };
    this.store = new LogStore(options, openPlatform(), start, {
      progress,
      failed,
      warn: () => undefined,
      damaged: () => false,
      sound: () => undefined,
      historyBefore: () => ({ epochs: [], configurations: [] }),
    });
    driver = new LogDriver(
      {
        store: this.store,
        appendRecord: (record) => this.#appendRecord(record),
        truncated: (end) => this.truncated.push(end),
        failed,
      },
      0,
    );
    this.driver = driver;
  }

  /** The log grows by what `write` adds; returns the bytes of that. */
  grow(write: (log: NaiveLog) => void): Buffer {
    const from = this.log.end;
    write(this.log);
    return this.log.bytes(from);
  }

  /** The same, and has the driver write it. */
  write(write: (log: NaiveLog) => void): void {
    this.driver.add({ kind: 'write', isCatchUp: false, bytes: this.grow(write) });
  }

  /** Commits what is durable, up to the end of a record. */
  commit(): void {
    const { store } = this;
    const durable = this.log.records
      .map(endOf)
      .filter((end) => end <= store.durable && end > store.committed);
    if (durable.length > 0) store.setCommitted(durable.at(-1)!);
  }

  async until(what: string, isSo: () => boolean): Promise<void> {
    await until(DEADLINE_MS, what, () => isSo() || this.failures.length > 0);
    if (this.failures.length > 0) throw this.failures[0]!;
  }

  untilDurable(): Promise<void> {
    return this.until('all of the log is durable', () => this.store.durable === this.log.end);
  }

  recover(): RecoveredLog {
    const { disk, kernel } = openPlatform();
    const recovered = recoverFolder(disk, kernel, this.#folder);
    if (recovered === undefined) throw new Error('there is a log');
    return recovered;
  }

  /** Ends the threads; the folder must have the log. */
  async stopAndCheck(): Promise<void> {
    await this.store.stop();
    const { disk } = openPlatform();
    const { end, chunks } = this.recover();
    expect(end).toEqual(this.log.stateAt(this.log.end));
    const whole = this.log.bytes();
    for (const { number, path } of chunks) {
      const file = disk.open(path, { access: 'read' });
      const data = disk.alignedBuffer(CHUNK_BYTES);
      disk.read(file, data, 0, Math.min(CHUNK_BYTES, this.log.chunkBytes), 4_096);
      disk.close(file);
      const expected = Buffer.alloc(CHUNK_BYTES);
      const from = number * this.log.chunkBytes;
      expected.set(whole.subarray(from, from + Math.min(CHUNK_BYTES, this.log.chunkBytes)));
      if (Buffer.compare(data, expected) !== 0) expect.fail(`chunk ${number} is not as the log`);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#keepAlive);
    await this.store.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** A record of the node's own, as one of the naive log. */
  #appendRecord(record: AppendedRecord): boolean {
    if (!this.hasRoomForOwn) return false;
    this.appended.push(record);
    const bytes = this.grow((log) => log.reign(log.epoch + 1));
    const { producer } = this.store;
    producer.take(bytes, 1, this.log.stateAt(this.log.end));
    return true;
  }
}
