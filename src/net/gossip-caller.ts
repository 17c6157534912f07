/**
 * Tells other nodes by `POST /gossip` over connections that are kept, and brings back what they answer. Main thread. Every exchange ends
 * within its timeout, and no answer can make it hold more than a message may have.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { parseEndpoint } from '../base/endpoint.js';
import { decodeGossip, encodeGossip, GOSSIP_BYTES_MAX, type GossipMessage } from './gossip-message.js';

export type GossipOutcome =
  | { readonly kind: 'answer'; readonly message: GossipMessage }
  /** `isGone`: there is a machine, and nobody listens at that port. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isGone: boolean };

/** A connection that nobody uses for so long is closed: many rounds, even to one of many peers. */
const IDLE_MS = 60_000;

export class GossipCaller {
  readonly #timeoutMs: number;
  readonly #agent = new Agent({ keepAlive: true, keepAliveMsecs: IDLE_MS, maxSockets: 1, timeout: IDLE_MS });

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Never rejects. */
  async tell(to: string, message: GossipMessage): Promise<GossipOutcome> {
    const body = encodeGossip(message);
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await this.#post(to, body, deadline).catch((error: unknown) => {
        // The other side closed a kept connection just as it was used again: that says nothing about the node.
        if (!(error instanceof StaleConnection)) throw error;
        return this.#post(to, body, deadline);
      });
    } catch (error) {
      return failed(deadline.aborted ? new Error('timeout', { cause: error }) : error);
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
  }

  #post(to: string, body: string, signal: AbortSignal): Promise<GossipOutcome> {
    const endpoint = parseEndpoint(to);
    if (endpoint === undefined) return Promise.resolve(failed(new Error('not an address')));
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const target = { ...endpoint, method: 'POST', path: '/gossip', headers, agent: this.#agent, signal };
    return new Promise((resolve, reject) => {
      const asked = request(target, (response) => {
        readAnswer(response).then(resolve, reject);
      });
      asked.on('error', (error) => reject(asked.reusedSocket ? new StaleConnection(error) : error));
      asked.end(body);
    });
  }
}

class StaleConnection extends Error {
  constructor(cause: unknown) {
    super('a kept connection was closed', { cause });
  }
}

async function readAnswer(response: IncomingMessage): Promise<GossipOutcome> {
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response as AsyncIterable<string>) {
    text += part;
    // Leaving the loop destroys the connection.
    if (text.length > GOSSIP_BYTES_MAX) return failed(new Error('the answer is too large'));
  }
  if (response.statusCode !== 200) return failed(new Error(`status ${response.statusCode}`));
  const message = decodeGossip(text);
  return message === undefined ? failed(new Error('the answer is no gossip')) : { kind: 'answer', message };
}

function failed(error: unknown): GossipOutcome {
  const { message, code } = error as NodeJS.ErrnoException;
  return { kind: 'failed', reason: code ?? message, isGone: code === 'ECONNREFUSED' };
}
