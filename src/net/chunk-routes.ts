/**
 * `GET /log/chunks` and `GET /log/chunks/N`: committed chunks of the log, for members of the same cluster that have lost theirs, and for backups
 * (docs/http.md). Main thread. What goes out is not checked here: whoever asks has to check it in any case. A few transfers at a time, and all of them
 * together at a limited rate, so that a repair elsewhere is not felt by this node's clients.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Position } from '../base/units.js';

/** A log whose committed part can be read. */
export interface ChunkSource {
  readonly logId: string;
  readonly chunkSize: number;
  readonly committed: Position;
  /** Fills `target` with the log's bytes from `position`, all of them committed. */
  read(position: Position, target: Uint8Array): Promise<void>;
  /** Another one as soon as another file is in the chunk's place: its bytes may be other ones, so what was read before doesn't go with what is read then. */
  fileVersionOf(chunkNumber: number): number;
}

export interface ChunkRoutesOptions {
  /** Undefined as long as the node has no log that it can vouch for. */
  readonly source: () => ChunkSource | undefined;
  /** For trials: these nodes get nothing. */
  readonly isBlocked: (name: string) => boolean;
}

/** What a caller and this node tell each other besides the bytes. */
export const CHUNK_HEADER = {
  cluster: 'cairn-cluster',
  name: 'cairn-name',
  chunkSize: 'cairn-chunk-size',
  committed: 'cairn-committed',
} as const;

/** How a backup calls itself: no address of a node has a space. */
export const BACKUP_CALLER = 'cairn backup';

const PATH = '/log/chunks';
/** Two members that mend themselves at once are a bad day already; each transfer holds one piece. */
const TRANSFERS_MAX = 2;
/** Backups may be slow, and a member that mends itself must not wait for them. */
const BACKUP_TRANSFERS_MAX = 1;
/** A chunk of 256 MiB takes under three seconds, and a disk or a link of today has most of its rate left. */
const BYTES_PER_MS = 100_000;
const PIECE_BYTES = 256 * 1024;
/** A debt smaller than what a timer can wait for is carried on. */
const SLEEP_MS_MIN = 4;
/** Who takes nothing for so long is gone. */
const STALL_MS = 30_000;
/** Entries of one answer; `from` asks for more. */
const LISTED_MAX = 1000;

export class ChunkRoutes {
  readonly #options: ChunkRoutesOptions;
  #transfers = 0;
  /** How many of these are for backups. */
  #backupTransfers = 0;
  /** When everything sent so far would have left at the limited rate. */
  #paidUntilMs = 0;

  constructor(options: ChunkRoutesOptions) {
    this.#options = options;
  }

  /** Answers the request if it is for these routes; false if it is not. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const [path, search = ''] = (request.url ?? '').split('?', 2) as [string, string?];
    if (path !== PATH && !path.startsWith(`${PATH}/`)) return false;
    const source = this.#options.source();
    const { method, headers } = request;
    const name = headers[CHUNK_HEADER.name];
    if (method !== 'GET') refuse(response, 405, 'only GET');
    else if (typeof name === 'string' && this.#options.isBlocked(name)) request.destroy();
    else if (source === undefined) refuse(response, 503, 'this node has no log at the moment');
    else if (headers[CHUNK_HEADER.cluster] !== source.logId)
      refuse(response, 409, 'another cluster, or none named');
    else if (path === PATH) list(response, source, new URLSearchParams(search));
    else this.#answerChunk(response, source, path.slice(PATH.length + 1), name === BACKUP_CALLER);
    return true;
  }

  #answerChunk(response: ServerResponse, source: ChunkSource, number: string, isBackup: boolean): void {
    const start = Number(number) * source.chunkSize;
    const isBusy =
      this.#transfers >= TRANSFERS_MAX || (isBackup && this.#backupTransfers >= BACKUP_TRANSFERS_MAX);
    if (!/^\d{1,6}$/.test(number)) refuse(response, 404, 'no chunk number');
    else if (start >= source.committed) refuse(response, 404, 'nothing is committed there yet');
    else if (isBusy) refuse(response, 503, 'other transfers are under way');
    else void this.#send(response, source, start, isBackup);
  }

  /** What breaks on the way breaks the connection: the length was promised, so the other side notices. */
  async #send(
    response: ServerResponse,
    source: ChunkSource,
    from: Position,
    isBackup: boolean,
  ): Promise<void> {
    const to = Math.min(from + source.chunkSize, source.committed);
    const chunk = from / source.chunkSize;
    const version = source.fileVersionOf(chunk);
    const asBackup = isBackup ? 1 : 0;
    this.#transfers++;
    this.#backupTransfers += asBackup;
    response.setTimeout(STALL_MS, () => response.destroy());
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': to - from,
      [CHUNK_HEADER.cluster]: source.logId,
      [CHUNK_HEADER.chunkSize]: source.chunkSize,
      [CHUNK_HEADER.committed]: source.committed,
    });
    try {
      for (let position = from; position < to && !response.destroyed; position += PIECE_BYTES) {
        const piece = new Uint8Array(Math.min(PIECE_BYTES, to - position));
        await source.read(position, piece);
        if (source.fileVersionOf(chunk) !== version) throw new Error('another file is in its place');
        await this.#pay(piece.length);
        // Who has the last byte may ask for the next chunk at once: this transfer is over by then.
        if (position + piece.length === to) response.end(piece);
        else if (!response.write(piece)) await drained(response);
      }
    } catch (error) {
      // A part that can't be read here is to be had from another node.
      response.destroy(error as Error);
    } finally {
      this.#transfers--;
      this.#backupTransfers -= asBackup;
    }
  }

  async #pay(bytes: number): Promise<void> {
    const nowMs = performance.now();
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs) + bytes / BYTES_PER_MS;
    const debtMs = this.#paidUntilMs - nowMs;
    if (debtMs >= SLEEP_MS_MIN) await sleep(debtMs, undefined, { ref: false });
  }
}

function list(response: ServerResponse, source: ChunkSource, query: URLSearchParams): void {
  const { logId, chunkSize, committed } = source;
  const first = Math.max(0, Math.floor(Number(query.get('from') ?? 0)) || 0);
  const count = Math.max(0, Math.min(LISTED_MAX, Math.ceil(committed / chunkSize) - first));
  const chunks = Array.from({ length: count }, (_, i) => {
    const end = (first + i + 1) * chunkSize;
    return { number: first + i, sealed: end <= committed, end: Math.min(end, committed) };
  });
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ logId, chunkSize, committed, chunks })}\n`);
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ error })}\n`);
}

/** Resolves when the other side has taken what was sent, or has left. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
