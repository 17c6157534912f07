/** How far a backup is, on standard error: one line that is written over on a terminal, else a line now and then. Main thread. */
import { CLEAR_LINE, type ProgressOutput } from '../import/progress.js';

/** A log file is not flooded, and one can see that it lives. */
const LINE_PERIOD_MS = 5_000;

export class BackupProgress {
  readonly #output: ProgressOutput;
  /** What is done, as in `copied`. */
  readonly #word: string;
  readonly #startedMs = performance.now();
  #first: number | undefined;
  #lineMs = performance.now();

  constructor(output: ProgressOutput, word: string) {
    this.#output = output;
    this.#word = word;
  }

  /** `done` of `total` bytes. */
  show(done: number, total: number): void {
    const nowMs = performance.now();
    this.#first ??= done;
    const line = this.#line(done, total, nowMs);
    if (this.#output.isTTY === true) {
      this.#output.write(CLEAR_LINE + line.slice(0, (this.#output.columns ?? 80) - 1));
    } else if (nowMs - this.#lineMs >= LINE_PERIOD_MS) {
      this.#lineMs = nowMs;
      this.#output.write(`${line}\n`);
    }
  }

  clear(): void {
    if (this.#output.isTTY === true) this.#output.write(CLEAR_LINE);
  }

  #line(done: number, total: number, nowMs: number): string {
    // What was there already when it began was not done by this run.
    const seconds = (nowMs - this.#startedMs) / 1000;
    const rate = seconds === 0 ? 0 : (done - this.#first!) / seconds;
    const share = total === 0 ? 100 : Math.floor((100 * done) / total);
    const left = rate === 0 ? '' : `, ${Math.ceil((total - done) / rate)} s left`;
    return `${String(share).padStart(3)} %  ${megabytes(done)} of ${megabytes(total)} ${this.#word}, ${megabytes(rate)}/s${left}`;
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;
}
