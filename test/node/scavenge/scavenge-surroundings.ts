/** What is around a scavenge runner, played: a folder that outlives runners, and what each of them asks for. */
import { onTestFinished } from 'vitest';
import type { CairnError } from '../../../src/base/errors.js';
import { damagedChunkOf } from '../../../src/node/repair/damage-report.js';
import type { ChunkWork, ScavengeReport } from '../../../src/node/scavenge/scavenge-job.js';
import { ScavengeRunner } from '../../../src/node/scavenge/scavenge-runner.js';
import { RemovalRules } from '../../../src/scavenge/removal-rules.js';
import type { ScavengeEvent, ScavengePoint } from '../../../src/scavenge/scavenge-events.js';

const CHUNK = 1_000;
const LOG_ID = '10111213-1415-1617-1819-1a1b1c1d1e1f';
const FOLDER = '/data';

export function point(position: number): ScavengeEvent {
  return { kind: 'point', point: { position, timestampUs: position, throttlePercent: 30 } };
}

/** The id of the n-th file that a chunk has had. */
function idOf(chunk: number, version: number): string {
  return `00000000-0000-0000-${String(version).padStart(4, '0')}-${String(chunk).padStart(12, '0')}`;
}

/** Undefined: the chunk is written anew. */
type Answer = ScavengeReport | undefined;

/** A node's folder, which outlives runners, and what was asked for. */
export class Surroundings {
  readonly versions = [0, 0, 0, 0, 0];
  readonly asked: string[] = [];
  readonly damages: CairnError[] = [];
  state: Uint8Array | undefined;
  sealedEnd = 5 * CHUNK;
  lack: string | undefined;
  /** What becomes of a chunk, other than that it is written anew. */
  report: ((work: ChunkWork, signal: AbortSignal) => Answer | Promise<Answer>) | undefined;
  saveError: Error | undefined;
  wallMs = 1;
  tooMuch: string | undefined;
  /** What is never answered, and whether it was asked for. */
  unanswered: string | undefined;
  isReached = false;
  endPause: () => void = () => undefined;

  runner(): ScavengeRunner {
    const runner = new ScavengeRunner({
      ...{ logId: LOG_ID, chunkSize: CHUNK },
      clock: { monotonicMs: () => performance.now(), wallMs: () => this.wallMs },
      file: {
        load: async () => this.state,
        save: async (bytes) => {
          if (this.saveError !== undefined) throw this.saveError;
          this.state = bytes;
        },
      },
      worker: {
        use: () => undefined,
        survey: async (chunks) => {
          await this.#reach('survey');
          return this.versions
            .slice(0, chunks)
            .map((version, chunk) => ({ chunkId: idOf(chunk, version), fileBytes: 100 }));
        },
        scavenge: async (work, signal) => await this.#scavenge(work, signal),
      },
      committed: () => 9_999,
      sealedEnd: () => this.sealedEnd,
      sealedEndSettled: async () => undefined,
      plan: async (points: readonly ScavengePoint[]) => {
        await this.#reach('plan');
        this.asked.push(`plan ${points.map(({ position }) => position).join(' ')}`);
        return this.tooMuch === undefined ? new RemovalRules({ low: 1, high: 2 }) : { tooMuch: this.tooMuch };
      },
      keepDraftFrom: async (name, { position }) => {
        await this.#reach('draft');
        this.asked.push(`draft ${name[0]} at ${position}`);
        return 7;
      },
      lackOf: () => this.lack,
      rewritten: (chunk) => this.asked.push(`rewritten ${chunk}`),
      ended: () => this.asked.push('ended'),
      damagedChunkOf: (error) => damagedChunkOf(error, FOLDER, CHUNK),
      damaged: (error) => this.damages.push(error),
      // Only what the test does ends a wait.
      pause: (_delayMs, signal) =>
        new Promise((resolve) => {
          this.endPause = resolve;
          signal.addEventListener('abort', () => resolve());
        }),
      note: () => undefined,
      warn: (message) => this.asked.push(message),
    });
    onTestFinished(() => runner.close());
    return runner;
  }

  /** What was asked for since the last call. */
  taken(): string[] {
    return this.asked.splice(0);
  }

  async #reach(question: string): Promise<void> {
    if (question !== this.unanswered) return;
    this.isReached = true;
    await new Promise(() => undefined);
  }

  async #scavenge(work: ChunkWork, signal: AbortSignal): Promise<ScavengeReport> {
    const other = await this.report?.(work, signal);
    if (other !== undefined) return other;
    this.asked.push(`chunk ${work.number}`);
    const chunkId = idOf(work.number, ++this.versions[work.number]!);
    return { kind: 'rewritten', chunkId, removed: 3, bytesBefore: 100, bytesAfter: 60 };
  }
}

export const chunkFile = (chunk: number) => `${FOLDER}/chunk-00000${chunk}.000000`;
