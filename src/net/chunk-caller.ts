/** Asks another node for a chunk of the log: the other side of `chunk-routes.ts`. What comes is not checked here but for its length. Any thread. */
import { get, type IncomingMessage } from 'node:http';
import { CHUNK_HEADER } from './chunk-routes.js';

export interface ChunkCallerOptions {
  /** This node's own name. */
  readonly name: string;
  readonly logId: string;
  readonly chunkSize: number;
}

/** How it went; `failed`: why the other node is of no help now. */
export type FetchedChunk =
  /** `committed`: up to where the other node had committed its log then. */
  | { readonly kind: 'fetched'; readonly bytes: number; readonly committed: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** What the pieces of a chunk are handed to; the next one comes when what it returns is settled. */
export type TakePiece = (piece: Uint8Array) => unknown;

/** A node that says nothing for so long is of no help. */
const SILENCE_MS = 10_000;
/** Of an answer that is no chunk. */
const REASON_BYTES_MAX = 4096;

export class ChunkCaller {
  readonly #options: ChunkCallerOptions;

  constructor(options: ChunkCallerOptions) {
    this.#options = options;
  }

  /**
   * Hands the data of chunk `number`, as far as `peer` has it committed, to `take`, piece by piece, and waits for it where it is not done at once; no
   * more than `bytesMax`. What `take` throws is thrown.
   */
  async fetch(
    peer: string,
    number: number,
    take: TakePiece,
    bytesMax = Number.POSITIVE_INFINITY,
  ): Promise<FetchedChunk> {
    let response: IncomingMessage;
    try {
      response = await this.#ask(peer, number);
    } catch (error) {
      return failed(describe(error));
    }
    const { statusCode, headers } = response;
    if (statusCode !== 200) return failed(await reasonOf(response));
    const { logId, chunkSize } = this.#options;
    const bytes = Number(headers['content-length']);
    const committed = Number(headers[CHUNK_HEADER.committed]);
    const fits =
      headers[CHUNK_HEADER.cluster] === logId &&
      headers[CHUNK_HEADER.chunkSize] === String(chunkSize) &&
      bytes > 0 &&
      bytes <= chunkSize &&
      committed >= number * chunkSize + bytes;
    if (!fits) {
      response.destroy();
      return failed('its answer is no chunk of this log');
    }
    const outcome = await receive(response, { promised: bytes, wanted: Math.min(bytes, bytesMax) }, take);
    return outcome.kind === 'failed' ? outcome : { ...outcome, committed };
  }

  #ask(peer: string, number: number): Promise<IncomingMessage> {
    const { logId, name } = this.#options;
    const headers = { [CHUNK_HEADER.cluster]: logId, [CHUNK_HEADER.name]: name };
    return new Promise((resolve, reject) => {
      const request = get(`http://${peer}/log/chunks/${number}`, {
        headers,
        agent: false,
        timeout: SILENCE_MS,
      });
      request.once('response', resolve);
      request.on('timeout', () => request.destroy(new Error('it is silent')));
      request.on('error', reject);
    });
  }
}

/** The same, without what the other node said besides. */
type Received =
  | { readonly kind: 'fetched'; readonly bytes: number }
  | Extract<FetchedChunk, { kind: 'failed' }>;

async function receive(
  response: IncomingMessage,
  { promised, wanted }: { readonly promised: number; readonly wanted: number },
  take: TakePiece,
): Promise<Received> {
  let received = 0;
  let isTaking = false;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      const part = piece.subarray(0, wanted - received);
      received += part.length;
      isTaking = true;
      await take(part);
      isTaking = false;
      // Leaving the loop ends the connection.
      if (received === wanted && wanted < promised) break;
    }
  } catch (error) {
    if (isTaking) throw error;
    return failed(`it broke off after ${received} bytes: ${describe(error)}`);
  }
  if (received < wanted) return failed(`it broke off after ${received} bytes`);
  return { kind: 'fetched', bytes: wanted };
}

/** What an answer that is no chunk says. */
async function reasonOf(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const piece of response) {
      text += (piece as Buffer).toString('utf8');
      if (text.length > REASON_BYTES_MAX) break;
    }
    const { error } = JSON.parse(text) as { error?: string };
    return error ?? `status ${response.statusCode}`;
  } catch {
    // Whatever it is, it is not a node that serves chunks.
    return `status ${response.statusCode}`;
  }
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' ? 'nobody listens there' : message;
}

function failed(reason: string): Extract<FetchedChunk, { kind: 'failed' }> {
  return { kind: 'failed', reason };
}
