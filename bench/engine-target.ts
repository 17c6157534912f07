/**
 * Appends straight to an engine in this process: the write path without a network. Each request is an encoded frame that
 * is opened, sequenced and framed as a session would do it; answers come back without a promise. Main thread.
 */
import { join } from 'node:path';
import { assert } from '../src/base/assert.js';
import { CairnError } from '../src/base/errors.js';
import { defaultValues, nodeOptionsOf } from '../src/config/options.js';
import type { Engine } from '../src/node/engine.js';
import { openLoneEngine } from '../src/node/lone-engine.js';
import type { WriterStatistics } from '../src/ring/writer-statistics.js';
import type { AppendSink, Rejection } from '../src/sequencer/pending-replies.js';
import type { AppendOutcome } from '../src/sequencer/sequencer.js';
import { AppendCursor } from '../src/wire/append-frame.js';
import type { AppendOptions } from './options.js';
import { EVENT_TYPE, EventIds, RequestFrames, randomSalt, streamName } from './request-frames.js';
import { recordBytesOf } from './row.js';
import { BatchSamples } from './statistics/batch-samples.js';
import { type AppendTarget, type Completed, unattached } from './target.js';

/** What the requests look like, and how many are open at once. */
export type EngineLoad = Pick<AppendOptions, 'streams' | 'inFlight' | 'eventBytes' | 'eventsPerRequest'>;

/** Requests are gathered for a turn of the event loop, as a socket would deliver them. Their ids are their slots + 1. */
export class EngineTarget implements AppendTarget, AppendSink {
  readonly recordBytes: number;
  completed: Completed = unattached;
  firstError: CairnError | undefined;
  readonly batches: BatchSamples;
  readonly #engine: Engine;
  readonly #ids: EventIds;
  readonly #frames: RequestFrames;
  readonly #cursor = new AppendCursor();
  /** The requests that are to be sent: frames from number `#first` on, round and round. */
  #first = 0;
  #gathered = 0;
  #isSendScheduled = false;

  /** `namesSalt`: tells its streams from those of others; the same names again with the same salt. */
  constructor(engine: Engine, options: EngineLoad, namesSalt = randomSalt()) {
    const streams = Array.from({ length: options.streams }, (_, index) => streamName(namesSalt, index));
    this.#engine = engine;
    this.batches = new BatchSamples(() => engine.store!.statisticsAtOnce);
    this.#ids = new EventIds(randomSalt());
    this.#frames = new RequestFrames(streams, options, options.inFlight);
    this.recordBytes = recordBytesOf(streams[0]!.length, EVENT_TYPE.length, options.eventBytes);
  }

  submit(slot: number): void {
    const { count } = this.#frames;
    const next = this.#first + this.#gathered++;
    this.#frames.stamp(next < count ? next : next - count, slot + 1, this.#ids);
    if (this.#isSendScheduled) return;
    this.#isSendScheduled = true;
    queueMicrotask(this.#send);
  }

  appended(token: number): void {
    this.completed(token - 1, true);
  }

  appendedParts(): never {
    assert(false, 'the benchmark appends to one stream at a time');
  }

  rejected(token: number, { code, message, details }: Rejection): void {
    this.firstError ??= new CairnError(code, message, details);
    this.completed(token - 1, false);
  }

  /** Up to where chunks exist. */
  get preparedEnd(): number {
    return this.#engine.store!.preparedEnd;
  }

  writerTotals(): Promise<WriterStatistics> {
    return Promise.resolve(this.#engine.store!.statistics);
  }

  async close(): Promise<void> {
    await this.#engine.stop();
  }

  /** Hands what is gathered to the engine, as a session does with a message. */
  readonly #send = () => {
    this.batches.sample();
    while (this.#gathered > 0) {
      const { count, frameBytes, bytes } = this.#frames;
      const frames = Math.min(this.#gathered, count - this.#first);
      const message = bytes.subarray(this.#first * frameBytes, (this.#first + frames) * frameBytes);
      const run = { bytes: message, at: 0, appendsLeft: frames };
      this.#engine.appends.appendRun(run, this);
      const left = frames - run.appendsLeft;
      this.#sent(left);
      const outcome = left === frames ? 'taken' : this.#sendOne();
      if (outcome === 'taken') continue;
      if (outcome === 'retry') this.#engine.appends.whenRoom(this.#send);
      else this.#engine.appends.whenFound(this.#send);
      return;
    }
    this.#isSendScheduled = false;
  };

  /** Hands over the first frame by itself, unless that has to wait. */
  #sendOne(): AppendOutcome {
    const { bytes, view, frameBytes } = this.#frames;
    const fault = this.#cursor.open(bytes, view, this.#first * frameBytes, frameBytes);
    assert(fault === undefined, 'the benchmark builds valid frames');
    const outcome = this.#engine.appends.append(this.#cursor, this, this.#cursor.requestId);
    if (outcome === 'retry' || outcome === 'sought') return outcome;
    if (outcome !== 'taken') this.rejected(this.#cursor.requestId, outcome);
    this.#sent(1);
    return 'taken';
  }

  #sent(frames: number): void {
    this.#gathered -= frames;
    this.#first = (this.#first + frames) % this.#frames.count;
  }
}

/** Opens an engine on a fresh folder, with the node's default settings where the options say nothing else. */
export async function openEngineTarget(options: AppendOptions, folder: string): Promise<EngineTarget> {
  const defaults = nodeOptionsOf(defaultValues());
  const {
    chunks,
    batchBytesMax = defaults.batchBytesMax,
    chunkSize = defaults.chunkSize,
    preparedChunks = defaults.preparedChunks,
  } = options.engine ?? {};
  const data = join(folder, 'data');
  const own = { folder: data, syncMode: options.syncMode, batchBytesMax, chunkSize, preparedChunks };
  const blocks = chunks === 'fresh' ? { prewrittenBytes: 0 } : {};
  const engine = await openLoneEngine(
    { ...defaults, ...own, ...blocks },
    { note: () => undefined, warn: () => undefined, failed: endProcess },
  );
  return new EngineTarget(engine, options);
}

/** A thread died. What it was asked to make durable will never be answered. */
function endProcess(error: CairnError): void {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
