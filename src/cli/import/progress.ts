/**
 * How far an import is, on standard error: a bar that is drawn again and again on a terminal, otherwise a line now and then.
 * Main thread. It only looks; nothing waits for it.
 */

/** What there is to tell at one moment. */
export interface ProgressSample {
  /** Milliseconds on a clock that never goes back. */
  readonly nowMs: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Where progress is shown; `process.stderr` is one. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Smooth to the eye, and costs nothing. */
const BAR_PERIOD_MS = 200;
/** A log file is not flooded, and one can see that it lives. */
const LINE_PERIOD_MS = 5000;
/** The rate is that of the last seconds: rows that are there already go by faster than those that are written. */
const RATE_SPAN_MS = 5000;
const BAR_CELLS = 24;
/** Back to the start of a terminal's line, and nothing left on it. */
export const CLEAR_LINE = '\r\u001b[2K';

/** Says where an import is, from samples. Pure. */
export class ProgressText {
  readonly #samples: ProgressSample[] = [];

  /** `sizeBytes`: of the whole input, undefined if unknown. */
  constructor(private readonly sizeBytes: number | undefined) {}

  /** One line without its line break; `hasBar`: with a picture. */
  line(sample: ProgressSample, hasBar: boolean): string {
    const samples = this.#samples;
    samples.push(sample);
    while (samples.length > 2 && sample.nowMs - samples[0]!.nowMs > RATE_SPAN_MS) samples.shift();
    const first = samples[0]!;
    const seconds = (sample.nowMs - first.nowMs) / 1000;
    const rowRate = seconds === 0 ? 0 : (sample.rows - first.rows) / seconds;
    const byteRate = seconds === 0 ? 0 : (sample.bytes - first.bytes) / seconds;
    const rows = `${grouped(sample.rows)} rows  ${grouped(rowRate)} rows/s`;
    if (this.sizeBytes === undefined || this.sizeBytes === 0)
      return `${grouped(sample.bytes)} bytes  ${rows}`;
    const share = Math.min(1, sample.bytes / this.sizeBytes);
    const left = byteRate === 0 ? '' : `  ${duration((this.sizeBytes - sample.bytes) / byteRate)} left`;
    const bar = hasBar ? `[${'#'.repeat(Math.floor(share * BAR_CELLS)).padEnd(BAR_CELLS, '.')}] ` : '';
    return `${bar}${String(Math.floor(100 * share)).padStart(3)} %  ${rows}${left}`;
  }
}

/** Shows progress until the function that it returns is called. */
export function showProgress(
  output: ProgressOutput,
  sizeBytes: number | undefined,
  sample: () => Omit<ProgressSample, 'nowMs'>,
): () => void {
  const text = new ProgressText(sizeBytes);
  const isTerminal = output.isTTY === true;
  const line = () => text.line({ nowMs: performance.now(), ...sample() }, isTerminal);
  line();
  const show = isTerminal
    ? () => output.write(CLEAR_LINE + line().slice(0, (output.columns ?? 80) - 1))
    : () => output.write(`${line()}\n`);
  const timer = setInterval(show, isTerminal ? BAR_PERIOD_MS : LINE_PERIOD_MS);
  return () => {
    clearInterval(timer);
    if (isTerminal) output.write(CLEAR_LINE);
  };
}

/** `1234567.8` → `1,234,568`. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Seconds as `m:ss` or `h:mm:ss`. */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  const ss = String(whole % 60).padStart(2, '0');
  if (minutes < 60) return `${minutes}:${ss}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${ss}`;
}
