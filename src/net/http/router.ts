/**
 * Finds the route of an HTTP request, reads its body within its limit, and sends the answer. Main thread. Pages of other sites may change
 * nothing here: browsers name the page in Origin, and origin.ts says which may.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CairnError } from '../../base/errors.js';
import { isAllowedOrigin } from '../origin.js';
import {
  type Answer,
  answerOf,
  BROKEN,
  failure,
  IGNORED_BODY_BYTES_MAX,
  type Route,
  type RouteRequest,
} from './route.js';

interface Match {
  readonly route: Route;
  readonly parameters: Readonly<Record<string, string>>;
}

const NOT_FOUND =
  'not found; try /info, /gossip, /health/live, /health/ready, /metrics, or a WebSocket at /client';

export class Router {
  readonly #listenHost: string;
  readonly #routes: readonly { readonly route: Route; readonly segments: readonly string[] }[];

  /** `listenHost`: the address that the node listens on. */
  constructor(listenHost: string, routes: readonly Route[]) {
    this.#listenHost = listenHost;
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/') }));
  }

  /** Answers a request; what breaks on the way (the other side leaves) breaks its connection alone. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#answer(request).then(
      (answer) => (answer === BROKEN ? request.socket.destroy() : send(request, response, answer)),
      (error: unknown) => {
        response.destroy();
        if (!(error instanceof BodyLost)) throw error;
      },
    );
  }

  async #answer(request: IncomingMessage): Promise<Answer | typeof BROKEN> {
    const [path, search] = splitUrl(request.url ?? '');
    const matches = this.#matches(path);
    if (matches.length === 0) return failure(404, 'invalid-request', NOT_FOUND);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const match = matches.find(({ route }) => route.method === method);
    if (match === undefined) return wrongMethod(matches);
    const { route, parameters } = match;
    if (route.method === 'POST' && !isAllowedOrigin(request.headers.origin, this.#listenHost))
      return failure(403, 'invalid-request', 'pages of other sites may not do this');
    try {
      const body = route.method === 'POST' ? await readBody(request, route.bodyBytesMax) : '';
      const asked: RouteRequest = { parameters, query: new URLSearchParams(search), body };
      return await route.handle(asked);
    } catch (error) {
      if (error instanceof CairnError) return answerOf(error);
      throw error;
    }
  }

  #matches(path: string): readonly Match[] {
    const given = path.split('/');
    const found: Match[] = [];
    for (const { route, segments } of this.#routes) {
      const parameters = parametersOf(segments, given);
      if (parameters !== undefined) found.push({ route, parameters });
    }
    return found;
  }
}

function wrongMethod(matches: readonly Match[]): Answer {
  const allow = matches.map(({ route }) => (route.method === 'GET' ? 'GET, HEAD' : route.method)).join(', ');
  return { ...failure(405, 'invalid-request', `this path takes ${allow}`), headers: { allow } };
}

function splitUrl(url: string): readonly [string, string] {
  const question = url.indexOf('?');
  return question < 0 ? [url, ''] : [url.slice(0, question), url.slice(question + 1)];
}

/** What the path gives for the route's `:names`; undefined if it is not the route's. */
function parametersOf(
  segments: readonly string[],
  given: readonly string[],
): Record<string, string> | undefined {
  if (segments.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (!segment.startsWith(':')) {
      if (segment !== given[index]) return undefined;
      continue;
    }
    const value = decoded(given[index]!);
    if (value === undefined || value === '') return undefined;
    parameters[segment.slice(1)] = value;
  }
  return parameters;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A broken escape is no name of anything.
    return undefined;
  }
}

/** The other side left before its body was complete: nobody waits for an answer. */
class BodyLost extends Error {}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  const most = Math.max(bytesMax, IGNORED_BODY_BYTES_MAX);
  try {
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > most) break;
      parts.push(part);
    }
  } catch (error) {
    throw new BodyLost('the request broke off', { cause: error });
  }
  if (bytes > most)
    throw new CairnError('request-too-large', `a body has at most ${most} bytes here`, { bytesMax: most });
  return bytesMax === 0 ? '' : Buffer.concat(parts).toString('utf8');
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, headers }: Answer): void {
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  response.setHeader('content-type', 'application/json');
  response.setHeader('x-content-type-options', 'nosniff');
  // A body that nobody has read to its end would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  response.writeHead(status, headers).end(text);
}
