/**
 * Appends straight to an engine in this process: the write path without a network. Each request is an encoded frame that
 * is opened, sequenced and framed as a session would do it; answers come back without a promise. Main thread.
 */
import { join } from 'node:path';
import { assert } from '../src/base/assert.js';
import { CairnError } from '../src/base/errors.js';
import { defaultValues, nodeOptionsOf } from '../src/config/options.js';
import type { Engine } from '../src/node/engine.js';
import { openEngine } from '../src/node/open-engine.js';
import type { AppendSink, Rejection } from '../src/sequencer/pending-replies.js';
import { AppendCursor } from '../src/wire/append-frame.js';
import type { AppendOptions } from './options.js';
import { EVENT_TYPE, EventIds, RequestFrames, randomSalt, streamName } from './request-frames.js';
import { recordBytesOf } from './row.js';
import { type AppendTarget, type Completed, unattached, type WriterBytes } from './target.js';

/** Slots are the tokens of their requests. */
class EngineTarget implements AppendTarget, AppendSink {
  readonly isReentrant = true;
  readonly recordBytes: number;
  completed: Completed = unattached;
  firstError: CairnError | undefined;
  readonly #engine: Engine;
  readonly #ids: EventIds;
  readonly #frames: RequestFrames;
  readonly #cursor = new AppendCursor();
  /** Slots whose request the engine had no room for, first come first. */
  readonly #waiting: number[] = [];

  constructor(engine: Engine, options: AppendOptions) {
    const salt = randomSalt();
    const streams = Array.from({ length: options.streams }, (_, index) => streamName(salt, index));
    this.#engine = engine;
    this.#ids = new EventIds(salt);
    this.#frames = new RequestFrames(streams, options, options.inFlight);
    this.recordBytes = recordBytesOf(streams[0]!.length, EVENT_TYPE.length, options.eventBytes);
  }

  submit(slot: number): void {
    // Behind those that wait already: they must not starve.
    if (this.#waiting.length > 0) this.#waiting.push(slot);
    else if (!this.#send(slot)) this.#wait(slot);
  }

  appended(token: number): void {
    this.completed(token, true);
  }

  rejected(token: number, { code, message, details }: Rejection): void {
    this.firstError ??= new CairnError(code, message, details);
    this.completed(token, false);
  }

  writerBytes(): Promise<WriterBytes> {
    return Promise.resolve(this.#engine.statistics().writer);
  }

  async close(): Promise<void> {
    await this.#engine.stop();
  }

  /** False if the engine has no room now. */
  #send(slot: number): boolean {
    const { bytes, view, frameBytes } = this.#frames;
    const at = this.#frames.stamp(slot, this.#ids);
    const fault = this.#cursor.open(bytes, view, at, frameBytes);
    assert(fault === undefined, 'the benchmark builds valid frames');
    return this.#engine.append(this.#cursor, this, slot) === 'taken';
  }

  #wait(slot: number): void {
    this.#waiting.push(slot);
    this.#engine.whenRoom(() => this.#resume());
  }

  #resume(): void {
    const slots = this.#waiting.splice(0);
    for (let i = 0; i < slots.length; i++) {
      if (this.#send(slots[i]!)) continue;
      this.#waiting.push(...slots.slice(i));
      this.#engine.whenRoom(() => this.#resume());
      return;
    }
  }
}

/** Opens an engine with the node's default settings on a fresh folder. */
export async function openEngineTarget(options: AppendOptions, folder: string): Promise<AppendTarget> {
  const defaults = nodeOptionsOf(defaultValues());
  const engine = await openEngine(
    { ...defaults, folder: join(folder, 'data'), syncMode: options.syncMode },
    { note: () => undefined, failed: endProcess },
  );
  return new EngineTarget(engine, options);
}

/** A thread died. What it was asked to make durable will never be answered. */
function endProcess(error: CairnError): void {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
