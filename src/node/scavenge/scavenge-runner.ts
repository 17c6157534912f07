/**
 * Carries out scavenge points on this node: one pass at a time over the chunks that were not gone over through the newest point, each pass for all points
 * that a chunk still lacks. Main thread; what blocks is done by others. Whatever stops it, the next attempt goes on where it was.
 */
import { CairnError } from '../../base/errors.js';
import type { Bytes } from '../../base/ports.js';
import type { Position } from '../../base/units.js';
import { chunkFileBytes } from '../../log/chunk.js';
import type { ScavengeStatus } from '../../net/node-port.js';
import { type KnownDrafts, NO_KNOWN_DRAFTS, withDrafts } from '../../scavenge/draft-steps.js';
import type { RemovalRules } from '../../scavenge/removal-rules.js';
import type { ScavengeEvent, ScavengePoint } from '../../scavenge/scavenge-events.js';
import { ChunkLedger, type LedgerFile } from './chunk-ledger.js';
import type { ChunkSurvey, ChunkWork, ScavengeReport } from './scavenge-job.js';
import type { TooMuchToRemove } from './scavenge-plan.js';
import { type ProgressClock, ScavengeProgress } from './scavenge-progress.js';

export interface ScavengePorts {
  readonly logId: string;
  readonly chunkSize: number;
  readonly clock: ProgressClock;
  readonly file: LedgerFile;
  readonly worker: {
    use(rules: RemovalRules | undefined): void;
    survey(chunks: number): Promise<ChunkSurvey>;
    scavenge(work: ChunkWork, signal: AbortSignal): Promise<ScavengeReport>;
  };
  /** Everything before it is committed. */
  readonly committed: () => Position;
  /** Before it, chunks are known to be committed as a whole, also after a restart. */
  readonly sealedEnd: () => Position;
  /** Resolves when that is not about to move: it follows the commit of the point by a write. */
  readonly sealedEndSettled: () => Promise<void>;
  readonly plan: (
    points: readonly ScavengePoint[],
    signal: AbortSignal,
  ) => Promise<RemovalRules | TooMuchToRemove>;
  readonly keepDraftFrom: (name: Bytes, point: ScavengePoint) => Promise<number>;
  /** Why there is no room for a file of so many bytes; undefined if there is. */
  readonly lackOf: (bytes: number) => string | undefined;
  /** The chunk has another file. */
  readonly rewritten: (chunk: number) => void;
  /** No further chunk gets another file for now. */
  readonly ended: () => void;
  /** Which chunk of this log the error says is damaged, unreadable or gone; undefined if it is about something else. */
  readonly damagedChunkOf: (error: CairnError) => number | undefined;
  /** Met damage. */
  readonly damaged: (error: CairnError) => void;
  /** Resolves after so long. */
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>;
  readonly note: (message: string, facts: Readonly<Record<string, unknown>>) => void;
  readonly warn: (message: string, facts: Readonly<Record<string, unknown>>) => void;
}

/** What a full disk, an unreadable chunk or a leader that is gone is given to get better. */
const REST_MS = 15_000;
/** By how much a point may be ahead of this node's clock: clocks differ a little. */
const AHEAD_MAX_MS = 60_000;
/** Transactions that the index is asked about at the same time. */
const DRAFTS_AT_ONCE = 16;

const BEING_MENDED = 'a chunk is being mended';

/** One pass. */
interface Pass {
  readonly point: ScavengePoint;
  readonly signal: AbortSignal;
  readonly files: ChunkSurvey;
}

export class ScavengeRunner {
  readonly #ports: ScavengePorts;
  readonly #ledger: ChunkLedger;
  readonly #progress: ScavengeProgress;
  /** Oldest first. */
  readonly #points: ScavengePoint[] = [];
  /** Chunks that can't be gone over until they are mended. */
  readonly #damaged = new Set<number>();
  /** More goes for it than a plan has room for: to try again would end the same way. */
  #refused: ScavengePoint | undefined;
  /** How many others are at the files of chunks. */
  #holds = 0;
  #isStopped = false;
  #isClosed = false;
  /** Whether something has come since the last run began. */
  #isWanted = false;
  #pass = new AbortController();
  #running: Promise<void> | undefined;
  /** The job that is under way. */
  #current: { readonly abort: AbortController; readonly ended: Promise<unknown> } | undefined;
  #wake: () => void = () => undefined;

  constructor(ports: ScavengePorts) {
    this.#ports = ports;
    this.#ledger = new ChunkLedger(ports.logId, ports.file);
    this.#progress = new ScavengeProgress(ports.clock, ports.chunkSize);
  }

  get status(): ScavengeStatus {
    return this.#progress.status;
  }

  /** Further events of `$scavenges`, in order; the first time all that there are. */
  take(events: readonly ScavengeEvent[]): void {
    for (const event of events) {
      if (event.kind === 'invalid') continue;
      this.#isStopped = event.kind === 'stop';
      if (event.kind !== 'point') continue;
      this.#points.push(event.point);
      this.#progress.heard(event.point);
    }
    if (this.#isStopped) {
      this.#pass.abort();
      this.#progress.becomes('stopped');
    } else this.#begin();
  }

  /** Somebody else is about to replace a chunk: resolves when nothing is done to any of them here, to what lets it go on. */
  async hold(): Promise<() => void> {
    this.#holds++;
    this.#current?.abort.abort();
    await this.#current?.ended;
    return () => {
      this.#holds--;
      this.#wake();
    };
  }

  /** It is sound, perhaps by another file. */
  mended(number: number): void {
    // What another chunk could not be gone over for may have been this one.
    this.#damaged.clear();
    this.#ledger.forget(number);
    this.#begin();
  }

  /** Resolves when nothing is done any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pass.abort();
    this.#wake();
    await this.#running;
  }

  #begin(): void {
    this.#wake();
    this.#isWanted = true;
    this.#launch();
  }

  #launch(): void {
    if (this.#isClosed || this.#isStopped || this.#running !== undefined) return;
    this.#isWanted = false;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      // Something may have come while it was ending.
      if (this.#isWanted) this.#launch();
    });
  }

  async #run(): Promise<void> {
    for (let isThrough = false; !isThrough && !this.#isClosed && !this.#isStopped; ) {
      const point = this.#points.at(-1);
      if (point === undefined) return;
      this.#pass = new AbortController();
      const { signal } = this.#pass;
      const outcome = await this.#attempt(point, signal);
      if (outcome !== undefined) {
        do await this.#waitFor(outcome, signal);
        while (!signal.aborted && !this.#canGoOn(point));
      }
      isThrough = outcome === undefined && !signal.aborted && point === this.#points.at(-1);
    }
    if (!this.#isStopped) this.#progress.becomes('idle');
  }

  /** Whether another attempt would get any further. */
  #canGoOn(point: ScavengePoint): boolean {
    if (point !== this.#points.at(-1)) return true;
    if (point === this.#refused || this.#tooEarlyFor(point) !== undefined) return false;
    const { chunkSize, sealedEnd } = this.#ports;
    const pending = this.#ledger.pending(Math.floor(point.position / chunkSize), point.position);
    return pending.some((number) => !this.#damaged.has(number) && (number + 1) * chunkSize <= sealedEnd());
  }

  /**
   * What a leader has written whose clock was far ahead: by its time, events would count as too old that can be read still. What goes is the
   * same on every node whenever it goes; the clock only says that it may.
   */
  #tooEarlyFor({ timestampUs }: ScavengePoint): string | undefined {
    const nowMs = this.#ports.clock.wallMs();
    const pointMs = Math.floor(timestampUs / 1000);
    if (pointMs <= nowMs + AHEAD_MAX_MS) return undefined;
    const [written, now] = [pointMs, nowMs].map((ms) => new Date(ms).toISOString());
    return `the point is from the future: its time is ${written}, and this node's clock says ${now}`;
  }

  /** Undefined if nothing is left to do for the point, or nobody wants it any more; else what is in the way. */
  async #attempt(point: ScavengePoint, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#carryOut(point, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof CairnError)) throw error;
      this.#ports.warn('a scavenge could not go on', { reason: error.message, againInMs: REST_MS });
      return error.message;
    }
  }

  async #carryOut(point: ScavengePoint, signal: AbortSignal): Promise<string | undefined> {
    const { chunkSize, worker, note } = this.#ports;
    this.#progress.becomes('planning');
    const total = Math.floor(point.position / chunkSize);
    const files = total === 0 ? [] : await unlessAborted(worker.survey(total), signal);
    await this.#ledger.compare(files);
    const pending = this.#ledger.pending(total, point.position);
    const bytes = files.reduce((sum, file) => sum + (file?.fileBytes ?? 0), 0);
    this.#progress.begin(total, total - pending.length, bytes);
    if (pending.length === 0) return undefined;
    const tooEarly = this.#tooEarlyFor(point);
    if (tooEarly !== undefined) return tooEarly;
    const rules = await this.#plan(pending, signal);
    if ('tooMuch' in rules) {
      this.#refused = point;
      return rules.tooMuch;
    }
    await this.#ports.sealedEndSettled();
    note('a scavenge begins', { point: point.position, chunks: pending.length, streams: rules.size });
    worker.use(rules);
    const blocked = await this.#goOver(pending, { point, signal, files });
    if (blocked !== undefined) return blocked;
    // Meanwhile a chunk may have been mended.
    if (this.#ledger.pending(total, point.position).length > 0) return await this.#carryOut(point, signal);
    this.#progress.ended();
    const { bytesBefore, bytesAfter } = this.status;
    note('a scavenge is through', { point: point.position, bytesBefore, bytesAfter });
    return undefined;
  }

  #plan(pending: readonly number[], signal: AbortSignal): Promise<RemovalRules | TooMuchToRemove> {
    const through = Math.min(...pending.map((number) => this.#ledger.through(number)));
    const lacking = this.#points.filter(({ position }) => position > through);
    return unlessAborted(this.#ports.plan(lacking, signal), signal);
  }

  /** Returns what keeps some of the chunks from being gone over now. */
  async #goOver(pending: readonly number[], pass: Pass): Promise<string | undefined> {
    const { rewrittenChunks } = this.status;
    let blocked: string | undefined;
    try {
      for (const number of pending) blocked = (await this.#chunk(number, pass)) ?? blocked;
    } finally {
      this.#ports.worker.use(undefined);
      if (this.status.rewrittenChunks > rewrittenChunks) this.#ports.ended();
    }
    return blocked;
  }

  async #chunk(number: number, { point, signal, files }: Pass): Promise<string | undefined> {
    const { chunkSize, sealedEnd, lackOf } = this.#ports;
    for (let drafts = NO_KNOWN_DRAFTS; ; ) {
      signal.throwIfAborted();
      if (this.#damaged.has(number)) return `chunk ${number} is damaged`;
      if ((number + 1) * chunkSize > sealedEnd()) return `chunk ${number} is not known to be committed yet`;
      const isHeld = this.#holds > 0;
      const lack = isHeld ? BEING_MENDED : lackOf(files[number]?.fileBytes ?? chunkFileBytes(chunkSize));
      if (lack !== undefined) {
        await this.#waitFor(lack, signal);
        continue;
      }
      this.#progress.becomes('running');
      const report = await this.#job(number, point, { signal, drafts });
      if (report.kind === 'undecided') {
        const keepFroms = await this.#keepFromsOf(report.names, point, signal);
        drafts = withDrafts(drafts, report.names, keepFroms);
      } else if (report.kind === 'failed') await this.#failed(number, report, signal);
      else if (report.kind === 'kept' || report.kind === 'rewritten') {
        return await this.#done(number, report, { point, signal, files });
      }
    }
  }

  async #job(
    number: number,
    { throttlePercent }: ScavengePoint,
    { signal, drafts }: { readonly signal: AbortSignal; readonly drafts: KnownDrafts },
  ): Promise<ScavengeReport> {
    const abort = new AbortController();
    const work = { number, committed: this.#ports.committed(), throttlePercent, drafts };
    const ended = this.#ports.worker.scavenge(work, AbortSignal.any([signal, abort.signal]));
    this.#current = { abort, ended: ended.catch(() => undefined) };
    try {
      return await ended;
    } finally {
      this.#current = undefined;
    }
  }

  async #keepFromsOf(
    names: readonly Bytes[],
    point: ScavengePoint,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const keepFroms: number[] = [];
    for (let at = 0; at < names.length; at += DRAFTS_AT_ONCE) {
      signal.throwIfAborted();
      const some = names.slice(at, at + DRAFTS_AT_ONCE);
      const asked = Promise.all(some.map((name) => this.#ports.keepDraftFrom(name, point)));
      keepFroms.push(...(await unlessAborted(asked, signal)));
    }
    return keepFroms;
  }

  async #done(
    number: number,
    report: Extract<ScavengeReport, { kind: 'kept' | 'rewritten' }>,
    { point, files }: Pass,
  ): Promise<string | undefined> {
    if (report.kind === 'rewritten') this.#ports.rewritten(number);
    this.#progress.done(report.kind === 'rewritten' ? report : undefined);
    const chunkId = report.kind === 'rewritten' ? report.chunkId : files[number]?.chunkId;
    if (chunkId === undefined) return `chunk ${number} can not be told from others`;
    try {
      await this.#ledger.done(number, { chunkId, through: point.position });
    } catch (error) {
      const reason = (error as Error).message;
      this.#ports.warn(
        'how far a scavenge is could not be saved: after a restart it does some chunks again',
        { reason },
      );
    }
    return undefined;
  }

  /** Damage is for others to mend, and a full disk gets better; else the pass is given up for now. */
  async #failed(
    number: number,
    report: Extract<ScavengeReport, { kind: 'failed' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { code, message, details, isOutOfSpace } = report;
    const error = new CairnError(code, message, details);
    if (isOutOfSpace) return await this.#waitFor(`there was no space for chunk ${number}`, signal);
    // Such as a temporary file that can't be written or read back: nobody would ever mend that.
    if (this.#ports.damagedChunkOf(error) === undefined) throw error;
    this.#damaged.add(number);
    this.#ports.damaged(error);
  }

  async #waitFor(why: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#progress.becomes('waiting', why);
    const woken = new AbortController();
    const awake = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([this.#ports.pause(REST_MS, AbortSignal.any([signal, woken.signal])), awake]);
    woken.abort();
    this.#wake = () => undefined;
  }
}

/** For what waits, perhaps, for something that never comes when the node ends: a mended chunk, an index made anew. */
async function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  let give: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    give = () => reject(signal.reason as Error);
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
  try {
    return await Promise.race([asked, aborted]);
  } finally {
    signal.removeEventListener('abort', give);
  }
}
