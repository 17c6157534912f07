/** How far a long run is, on standard error: one line that changes on a terminal, a line each time elsewhere. */

export class ProgressLine {
  readonly #isTerminal = process.stderr.isTTY === true;
  #isOpen = false;

  /** Instead of what it said before. */
  show(line: string): void {
    if (!this.#isTerminal) {
      console.error(line);
      return;
    }
    const fitting = line.slice(0, Math.max(0, (process.stderr.columns ?? 80) - 1));
    process.stderr.write(`\r\x1b[2K${fitting}`);
    this.#isOpen = true;
  }

  /** Something that is to stay. */
  note(line: string): void {
    this.end();
    console.error(line);
  }

  /** What comes next begins on a line of its own. */
  end(): void {
    if (this.#isOpen) process.stderr.write('\n');
    this.#isOpen = false;
  }
}
