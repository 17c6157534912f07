/** What a route of the node's HTTP is: what it takes, what it answers, and which status an error has. Pure. */
import { CairnError, type ErrorCode, type ErrorDetails } from '../../base/errors.js';

export interface RouteRequest {
  /** What stands in the path where the route has `:name`, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Empty for GET. */
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  /** Sent as JSON, or, if it is a text, as it is. */
  readonly body: object | string;
  /** Further ones, or others than JSON's. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Instead of an answer: the connection breaks without a word. */
export const BROKEN = Symbol('broken');

export interface Route {
  readonly method: 'GET' | 'POST';
  /** `/admin/node/priority/:n`: segments with a colon take any one segment. */
  readonly path: string;
  /** Most bytes of a body; 0 = none is expected, and what comes is ignored within {@link IGNORED_BODY_BYTES_MAX}. */
  readonly bodyBytesMax: number;
  /** May throw a `CairnError`, which becomes the answer. */
  readonly handle: (request: RouteRequest) => Promise<Answer | typeof BROKEN> | Answer | typeof BROKEN;
}

/** Some programs send a body with every POST. */
export const IGNORED_BODY_BYTES_MAX = 4096;

export function ok(body: object): Answer {
  return { status: 200, body };
}

/** `{code, message, details}`: what every answer that is an error looks like. */
export function failure(
  status: number,
  code: ErrorCode,
  message: string,
  details: ErrorDetails = {},
): Answer {
  return { status, body: { code, message, details } };
}

/** 503: another node, or this one a little later, may answer. 409: not as things stand. 400: not at all. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  'invalid-request': 400,
  'request-too-large': 413,
  'change-refused': 409,
  'disk-full': 503,
  fenced: 503,
  'no-cluster': 503,
  'no-leader': 503,
  'no-quorum': 503,
  'not-leader': 503,
  'not-ready': 503,
  'outcome-unknown': 503,
  'shutting-down': 503,
  timeout: 504,
  'too-many-requests': 503,
};

export function answerOf({ code, message, details }: CairnError): Answer {
  return failure(STATUSES[code] ?? 500, code, message, details);
}

export function invalid(message: string, details?: ErrorDetails): CairnError {
  return new CairnError('invalid-request', message, details);
}
