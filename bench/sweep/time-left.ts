/** How long a plan of steps will still take: what they were expected to take, corrected by how long those before them really took. Pure. */

export class TimeLeft {
  readonly #expected: readonly number[];
  #done = 0;
  #expectedOfDone = 0;
  #seconds = 0;

  /** `expectedSeconds`: of each step, in their order. */
  constructor(expectedSeconds: readonly number[]) {
    this.#expected = expectedSeconds;
  }

  /** The next step is over; it took so long. */
  finished(seconds: number): void {
    this.#expectedOfDone += this.#expected[this.#done++] ?? 0;
    this.#seconds += seconds;
  }

  /** In seconds. */
  get left(): number {
    const expected = this.#expected.slice(this.#done).reduce((sum, each) => sum + each, 0);
    return this.#expectedOfDone === 0 ? expected : (expected * this.#seconds) / this.#expectedOfDone;
  }
}

/** `90 s`, `4 min`: what somebody who waits wants to know. */
export function durationText(seconds: number): string {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
