/**
 * Where the bytes of an import come from: a file, or standard input. Main thread. A byte order mark at the start is no part of
 * the text and is left out.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { CairnError } from '../../base/errors.js';

/** Bytes in order. */
export interface Input {
  /** Bytes in all, if that is known beforehand. */
  readonly sizeBytes: number | undefined;
  /** Bytes read so far. */
  readonly bytesRead: number;
  /** Fills some of `target[at, at+length)`; returns how much, 0 at the end. Throws `CairnError`. */
  read(target: Buffer, at: number, length: number): Promise<number>;
  close(): Promise<void>;
}

/** Opens a file; one that is a pipe or a device has no known size. Throws `CairnError` `invalid-configuration` if it can't be read. */
export async function openFile(path: string): Promise<Input> {
  try {
    const file = await open(path, 'r');
    const status = await file.stat();
    return new FileInput(file, path, status.isFile() ? status.size : undefined);
  } catch (error) {
    throw unreadable(path, error);
  }
}

class FileInput implements Input {
  bytesRead = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    readonly sizeBytes: number | undefined,
  ) {}

  async read(target: Buffer, at: number, length: number): Promise<number> {
    try {
      const { bytesRead } = await this.file.read(target, at, length, null);
      this.bytesRead += bytesRead;
      return bytesRead;
    } catch (error) {
      throw unreadable(this.path, error);
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

function unreadable(path: string, error: unknown): CairnError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CairnError('invalid-configuration', `${path} can't be read: ${reason}`, { path }, error);
}

/** Bytes that arrive in pieces of their own choosing, such as standard input. */
export class StreamInput implements Input {
  readonly sizeBytes = undefined;
  bytesRead = 0;
  readonly #pieces: AsyncIterator<Buffer>;
  #piece: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.#pieces = stream[Symbol.asyncIterator]();
  }

  async read(target: Buffer, at: number, length: number): Promise<number> {
    while (this.#piece.length === 0) {
      const { value, done } = await this.#pieces.next();
      if (done === true) return 0;
      this.#piece = value;
    }
    const copied = this.#piece.copy(target, at, 0, Math.min(length, this.#piece.length));
    this.#piece = this.#piece.subarray(copied);
    this.bytesRead += copied;
    return copied;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
