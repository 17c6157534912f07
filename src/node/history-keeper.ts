/**
 * Writes the file `history` each time that the committed log has reached another chunk, so that the next start reads on from there. Main
 * thread; never blocks it, and nothing waits for it: if it can't be written, a start reads more of the log.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChainState } from '../base/ports.js';
import { FIRST_POSITION, type Position } from '../base/units.js';
import { encodeHistory, HISTORY_FILE, type KnownHistory } from '../cluster/history-file.js';
import { CHUNK_FOOTER_BYTES, chainAfter, chunkFileName, decodeFooter } from '../log/chunk.js';
import { replaceFile } from './replace-file.js';

/** Whom it asks, and tells. */
export interface HistoryKeeperEvents {
  /** Epochs and configurations of the log before `position`. */
  historyBefore(position: Position): Omit<KnownHistory, 'end'>;
  warn(message: string, facts: Readonly<Record<string, unknown>>): void;
}

export interface HistoryKeeperParts {
  readonly folder: string;
  readonly logId: string;
  readonly chunkSize: number;
  /** What the file covers already; 0 if there is none. */
  readonly written: Position;
  readonly events: HistoryKeeperEvents;
}

export class HistoryKeeper {
  readonly #parts: HistoryKeeperParts;
  /** How far the file covers the log. */
  #written: Position = FIRST_POSITION;
  /** When the commit gets there, something is to be written. */
  #next: Position = FIRST_POSITION;
  /** As far as it was told. */
  #committed: Position = FIRST_POSITION;
  #writing: Promise<void> | undefined;

  constructor(parts: HistoryKeeperParts) {
    this.#parts = parts;
    this.#written = parts.written;
    this.#next = parts.written + parts.chunkSize;
  }

  /** Before it, all is known to be committed, also after a restart. */
  get written(): Position {
    return this.#written;
  }

  /** Everything before `position` is committed, and durable here. */
  committed(position: Position): void {
    this.#committed = position;
    if (position < this.#next || this.#writing !== undefined) return;
    const { chunkSize } = this.#parts;
    const end = position - (position % chunkSize);
    this.#next = end + chunkSize;
    this.#writing = this.#write(end).finally(() => {
      this.#writing = undefined;
      // The commit may have reached a further chunk meanwhile, and go no further.
      this.committed(this.#committed);
    });
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(end: Position): Promise<void> {
    const { folder, logId, events } = this.#parts;
    // Now: what is before the end stays as it is, what is behind it may be cut off meanwhile.
    const { epochs, configurations } = events.historyBefore(end);
    try {
      const state = await this.#stateAt(end);
      if (state === undefined) return;
      const bytes = encodeHistory(logId, { end: state, epochs, configurations });
      await replaceFile(folder, HISTORY_FILE, bytes);
      this.#written = end;
    } catch (error) {
      const { message } = error as Error;
      events.warn('the history of the log could not be saved: the next start reads more of it', {
        reason: message,
      });
    }
  }

  /** What the footer of the chunk that ends there says; undefined if it is damaged. */
  async #stateAt(end: Position): Promise<ChainState | undefined> {
    const { folder, chunkSize } = this.#parts;
    const file = await open(join(folder, chunkFileName(end / chunkSize - 1, 0)), 'r');
    try {
      const block = new Uint8Array(CHUNK_FOOTER_BYTES);
      const { size } = await file.stat();
      await file.read(block, 0, CHUNK_FOOTER_BYTES, size - CHUNK_FOOTER_BYTES);
      const decoded = decodeFooter(block);
      return decoded.kind === 'footer' ? chainAfter(decoded.footer) : undefined;
    } finally {
      await file.close();
    }
  }
}
