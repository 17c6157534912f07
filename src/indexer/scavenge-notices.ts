/**
 * Tells the index thread which chunks were scavenged, and when a scavenge is over. Main thread. The thread may be busy or wait for a mended chunk, and
 * its mailbox is for outcomes of jobs, which must always find room: so a notice is sent only when the one before was taken.
 */
import type { Doorbell } from '../ring/doorbell.js';
import type { MailboxSender } from '../ring/mailbox.js';
import { sendOutcome } from './messages.js';

/** Nothing waits for it. */
const TRY_AGAIN_MS = 1_000;
/** Of one notice: some 8 KiB, an eighth of the mailbox. */
const CHUNKS_MAX = 1_000;

export class ScavengeNotices {
  readonly #outcomes: MailboxSender;
  readonly #indexerBell: Doorbell;
  /** What is to be told: these chunks, and then perhaps that this is all. */
  #chunks: number[] = [];
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(outcomes: MailboxSender, indexerBell: Doorbell) {
    this.#outcomes = outcomes;
    this.#indexerBell = indexerBell;
  }

  /** The file of this chunk has fewer records now. */
  scavenged(chunk: number): void {
    this.#chunks.push(chunk);
    this.#isOver = false;
    this.#tell();
  }

  /** No more chunks are scavenged for now. */
  ended(): void {
    this.#isOver = true;
    this.#tell();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#chunks = [];
    this.#isOver = false;
  }

  #tell(): void {
    clearTimeout(this.#timer);
    while (this.#chunks.length > 0 || this.#isOver) {
      if (!this.#outcomes.isEmpty) {
        this.#timer = setTimeout(() => this.#tell(), TRY_AGAIN_MS);
        this.#timer.unref();
        return;
      }
      const chunks = this.#chunks.splice(0, CHUNKS_MAX);
      if (chunks.length === 0) this.#isOver = false;
      sendOutcome(
        this.#outcomes,
        chunks.length > 0 ? { kind: 'scavenged', chunks } : { kind: 'scavenge-ended' },
      );
      this.#indexerBell.ring();
    }
  }
}
