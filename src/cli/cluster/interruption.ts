/**
 * The signals that end a command which stays in the foreground. The first one asks it to end in order, a second one makes it end at once. Main
 * thread.
 */
import { EXIT_CODES, type ExitCode } from '../exit-codes.js';

/** SIGHUP: the terminal was closed. */
const SIGNALS = { SIGINT: EXIT_CODES.interrupted, SIGTERM: EXIT_CODES.terminated, SIGHUP: EXIT_CODES.ok };

export class Interruption {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<string, () => void>();

  /** `endNow` is called at the second signal, with the status to exit with. */
  constructor(endNow: (exitCode: ExitCode) => void) {
    for (const [name, exitCode] of Object.entries(SIGNALS)) {
      const handler = () => {
        if (this.#controller.signal.aborted) endNow(exitCode);
        else this.#controller.abort();
      };
      this.#handlers.set(name, handler);
      process.on(name, handler);
    }
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Signals end the process again, as they do by default. */
  release(): void {
    for (const [name, handler] of this.#handlers) process.off(name, handler);
  }
}
