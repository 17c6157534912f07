/**
 * One HTTP request to a node, as the commands make them: JSON there and back, an end to the waiting, and every failure a `CairnError`. Main
 * thread. A request that only the leader can answer follows its hint once.
 */
import { request } from 'node:http';
import { CairnError, ERROR_NUMBERS, type ErrorCode, type ErrorDetails } from '../../base/errors.js';

/** A change of the membership waits for a quorum's disks. */
const ADMIN_DEADLINE_MS = 15_000;
/** A gossip of the largest cluster has a few KiB; who sends more is no node. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

export interface JsonRequest {
  readonly method: 'GET' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** `127.0.0.1:2113`, `ws://…`, `http://…/` → `http://127.0.0.1:2113`. Throws `invalid-configuration`. */
function baseUrl(address: string): string {
  const text = address.includes('://') ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isKnown = url !== undefined && /^(?:ws|http):$/.test(url.protocol) && url.host !== '';
  if (isKnown) return `http://${url.host}`;
  throw new CairnError('invalid-configuration', `${address} is no address of a node, such as 127.0.0.1:2113`);
}

/** `host:port` of an address: the name by which other nodes know the node there. */
export function nameOf(address: string): string {
  const { hostname, port } = new URL(baseUrl(address));
  return `${hostname}:${port === '' ? '80' : port}`;
}

/** Asks the node at this address; resolves to the JSON of its answer. Throws `CairnError`. */
export async function askNode(address: string, asked: JsonRequest): Promise<unknown> {
  const { status, text } = await exchange(address, asked);
  const value = parseJson(text);
  if (status >= 200 && status < 300) return value;
  throw failureOf(address, status, value);
}

/** Asks these nodes in turn for what only the leader can do, until one answers or says who leads. Throws `CairnError`. */
export async function askLeader(addresses: readonly string[], path: string): Promise<unknown> {
  let unanswered: unknown = new CairnError('connection-refused', 'no node of the cluster is known');
  for (const address of addresses) {
    try {
      return await askFollowing(address, path);
    } catch (error) {
      if (!isNoAnswer(error)) throw error;
      unanswered = error;
    }
  }
  throw unanswered;
}

/** Whether a node said nothing at all, so that another one may be asked. */
export function isNoAnswer(error: unknown): boolean {
  return error instanceof CairnError && (error.code === 'connection-refused' || error.code === 'timeout');
}

async function askFollowing(address: string, path: string): Promise<unknown> {
  const asked: JsonRequest = { method: 'POST', path, deadlineMs: ADMIN_DEADLINE_MS };
  try {
    return await askNode(address, asked);
  } catch (error) {
    const leader =
      error instanceof CairnError && error.code === 'not-leader' ? leaderIn(error.details) : undefined;
    if (leader === undefined) throw error;
    return await askNode(leader, asked);
  }
}

function leaderIn({ url, leader }: ErrorDetails): string | undefined {
  const hint = url ?? leader;
  return typeof hint === 'string' && hint !== '' ? hint : undefined;
}

function exchange(
  address: string,
  { method, path, body, headers = {}, deadlineMs }: JsonRequest,
): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(noAnswer(address, error));
    const outgoing = request(
      new URL(path, baseUrl(address)),
      {
        method,
        agent: false,
        signal: AbortSignal.timeout(deadlineMs),
        headers: payload === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
          if (text.length > ANSWER_BYTES_MAX) response.destroy(new Error('its answer is too long'));
        });
        response.once('error', fail);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    outgoing.once('error', fail);
    outgoing.end(payload);
  });
}

function noAnswer(address: string, error: Error): CairnError {
  const name = nameOf(address);
  if (error.name === 'AbortError' || error.name === 'TimeoutError')
    return new CairnError('timeout', `${name} does not answer in time`, { node: name }, error);
  const reason = (error as NodeJS.ErrnoException).code ?? error.message;
  return new CairnError('connection-refused', `${name} can't be reached (${reason})`, { node: name }, error);
}

function failureOf(address: string, status: number, value: unknown): CairnError {
  const { code, message, details } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const node = nameOf(address);
  if (typeof code === 'string' && Object.hasOwn(ERROR_NUMBERS, code))
    return new CairnError(code as ErrorCode, String(message ?? code), { ...detailsOf(details) });
  const what = status === 404 ? 'does not know this request: is it a Cairn node of this version?' : 'refuses';
  return new CairnError('invalid-request', `${node} ${what}`, { node, status });
}

function detailsOf(value: unknown): ErrorDetails {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter(([, fact]) => typeof fact === 'string' || typeof fact === 'number'),
  ) as ErrorDetails;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
