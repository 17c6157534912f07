/**
 * Looks again and again how much room the data folder's disk has, says so once when it becomes little and once when that is over, and
 * refuses appends below the reserve. Main thread. What can't be found out refuses nothing: the disk itself will.
 */
import type { Logger } from 'pino';
import {
  type DiskSpace,
  levelOf,
  markBytes,
  type SpaceLevel,
  type SpaceMarks,
} from '../../base/disk-space.js';
import type { DiskSpaceStatus } from '../../net/node-port.js';
import type { Rejection } from '../../sequencer/pending-replies.js';
import { belowReserve } from '../out-of-space.js';

export interface DiskSpaceWatchParts {
  readonly marks: SpaceMarks;
  /** Undefined if the disk does not say. */
  readonly look: () => Promise<DiskSpace | undefined>;
  /** Whether there is no room for the next chunk, whatever is free: appends go on until those that there are are full. */
  readonly lacksChunk: () => boolean;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** After each look. */
  readonly looked: () => void;
}

/** Appends are taken again so soon after there is room: half the time that people wait before they wonder. */
const INTERVAL_MS = 500;

export class DiskSpaceWatch {
  readonly #parts: DiskSpaceWatchParts;
  #level: SpaceLevel = 'unknown';
  /** As it was told of last. */
  #told: SpaceLevel = 'unknown';
  #space: DiskSpace | undefined;
  #hasFailed = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: DiskSpaceWatchParts) {
    this.#parts = parts;
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    await this.#look();
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.start(), INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Whether there is less than the reserve: asked for each append. */
  get isShort(): boolean {
    return this.#level === 'short';
  }

  /** What an append is told; undefined: there is room. */
  get shortage(): Rejection | undefined {
    return this.isShort ? belowReserve(this.status) : undefined;
  }

  get status(): DiskSpaceStatus {
    const { freeBytes = 0, totalBytes = 0 } = this.#space ?? {};
    const { warning, reserve } = this.#parts.marks;
    const [warningBytes, reserveBytes] = [warning, reserve].map((mark) => markBytes(mark, { totalBytes }));
    return {
      ...{ level: this.#parts.lacksChunk() ? 'short' : this.#level, freeBytes, totalBytes },
      ...{ warningBytes: warningBytes!, reserveBytes: reserveBytes! },
    };
  }

  async #look(): Promise<void> {
    try {
      this.#space = await this.#parts.look();
      this.#hasFailed = false;
    } catch (error) {
      this.#space = undefined;
      this.#noteFailure(error as Error);
    }
    if (this.#isStopped) return;
    this.#level =
      this.#space === undefined ? 'unknown' : levelOf(this.#level, this.#space, this.#parts.marks);
    this.#tell();
    this.#parts.looked();
  }

  #noteFailure({ message: reason }: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const message =
      'the free space of the disk is not known: nobody is warned, and no append is refused for it';
    this.#parts.log.warn({ reason }, message);
  }

  #tell(): void {
    const { log } = this.#parts;
    // As `space`: a line of the log has a `level` of its own.
    const { level: space, ...bytes } = this.status;
    const facts = { space, ...bytes };
    const before = this.#told;
    if (space === before) return;
    this.#told = space;
    if (space === 'short') {
      log.warn(
        facts,
        'the disk is almost full: appends are refused, or soon will be, until there is space; reads go on',
      );
      return;
    }
    // Why it is not known was said, and that nobody is refused for it.
    if (space === 'unknown') return;
    if (before === 'short') log.info(facts, 'the disk has space again: appends are taken');
    if (space === 'low') {
      log.warn(facts, 'the disk is filling up: make room before appends are refused');
      return;
    }
    if (before === 'low') log.info(facts, 'the disk is not filling up any more');
  }
}
