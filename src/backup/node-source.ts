/**
 * The log of nodes that run: their committed chunks, over HTTP. A node that doesn't answer, or breaks off, is followed by the next one, as
 * the committed log is the same on all of them. On a thread of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { chunkFileName } from '../log/chunk.js';
import { ChunkCaller } from '../net/chunk-caller.js';
import { BACKUP_CALLER } from '../net/chunk-routes.js';
import type { LogShape } from './backup-chunk.js';
import type { BackupSource, ChunkTarget } from './backup-source.js';

/** Nodes of one log, and what they said. */
export interface NodesOfLog extends LogShape {
  /** `host:port` of each. */
  readonly peers: readonly string[];
  readonly committed: Position;
}

/** Between two rounds of asking everybody. */
const ROUND_MS = 1_000;
/** A node that restarts, or serves another backup, is waited for. */
const PATIENCE_MS = 60_000;

export class NodeSource implements BackupSource {
  readonly logId: string;
  readonly chunkSize: number;
  readonly committed: Position;
  readonly #peers: readonly string[];
  readonly #caller: ChunkCaller;
  /** Who gave the last chunk is asked first. */
  #current = 0;

  constructor({ logId, chunkSize, committed, peers }: NodesOfLog) {
    this.logId = logId;
    this.chunkSize = chunkSize;
    this.committed = committed;
    this.#peers = peers;
    this.#caller = new ChunkCaller({ name: BACKUP_CALLER, logId, chunkSize });
  }

  get name(): string {
    return this.#peers.join(', ');
  }

  fileOf(number: number): string {
    return `${chunkFileName(number, 0)} of ${this.#peer}`;
  }

  async read(number: number, length: number, { restart, take }: ChunkTarget): Promise<Position> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (let attempt = 1; ; attempt++) {
      restart();
      const read = await this.#readFrom(this.#peer, number, { length, take });
      if (typeof read === 'number') return read;
      const { reason } = read;
      if (performance.now() > deadlineMs) throw this.#unanswered(number, reason);
      this.#current++;
      if (attempt % this.#peers.length === 0) await sleep(ROUND_MS);
    }
  }

  close(): void {
    // Each chunk has a connection of its own.
  }

  get #peer(): string {
    return this.#peers[this.#current % this.#peers.length]!;
  }

  /** Up to where the peer had committed if all of it came, else why not. */
  async #readFrom(
    peer: string,
    number: number,
    { length, take }: { length: number; take: (piece: Bytes) => Promise<void> },
  ): Promise<Position | { readonly reason: string }> {
    const fetched = await this.#caller.fetch(peer, number, take, length);
    if (fetched.kind === 'failed') return fetched;
    if (fetched.bytes < length) return { reason: 'it has committed less than another node' };
    return fetched.committed;
  }

  #unanswered(number: number, reason: string): CairnError {
    const message = `chunk ${number} could not be had from ${this.#peer}: ${reason}. Run it again: it goes on where it stopped`;
    return new CairnError('connection-lost', message, { node: this.#peer, reason });
  }
}
