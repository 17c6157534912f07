/**
 * What simulated clients and nodes say to each other: plain data, carried by the simulation. Pure. A client's connection is like
 * a TCP session: what it carries may be lost or come late (also after the client has given up waiting), but not twice; an
 * answer belongs to the request with the same number. The history's verdicts on refusals rest on that.
 */
import type { Position, Revision } from '../../base/units.js';

/** What an append asks of its stream: anything, no events yet, some event, or this revision as its last. */
export type Expected = 'any' | 'none' | 'exists' | Revision;

/** `linearizable`: as fresh as anything known when it was asked. `committed`: some committed state, as this node knows it. */
export type ReadMode = 'linearizable' | 'committed';

export interface AppendRequest {
  readonly kind: 'append';
  /** Numbers a client's requests, each attempt anew. */
  readonly request: number;
  readonly client: string;
  readonly stream: string;
  readonly expected: Expected;
  /** The same in each attempt: what tells a retry from a new append. */
  readonly eventIds: readonly string[];
}

export interface ReadRequest {
  readonly kind: 'read';
  readonly request: number;
  readonly client: string;
  readonly stream: string;
  readonly mode: ReadMode;
}

export type ClientRequest = AppendRequest | ReadRequest;

/** A whole stream, summed up. Of a stream without events: revision -1, digest 0, lastEventId ''. */
export interface StreamState {
  /** Of its last event. */
  readonly revision: Revision;
  /** Over the ids of all its events, by {@link extendDigest}. */
  readonly digest: number;
  readonly lastEventId: string;
}

export const NO_EVENTS: StreamState = { revision: -1, digest: 0, lastEventId: '' };

export type ClientResponse =
  /** The events are committed: the first at `position` with `firstRevision`, the last ends at `end`. Also for a retry. */
  | {
      readonly kind: 'appendOk';
      readonly request: number;
      readonly firstRevision: Revision;
      readonly position: Position;
      readonly end: Position;
    }
  /** The stream's last revision (-1: no events) is not the expected one. Nothing was written by this request. */
  | { readonly kind: 'appendRejected'; readonly request: number; readonly current: Revision }
  /** Some of the ids are in the log, but not as this request. Clients here never ask for that. */
  | { readonly kind: 'appendConflict'; readonly request: number }
  /** Nothing was done with this request, and nothing ever will be. `leader`: whom to ask instead, if known. */
  | { readonly kind: 'appendRefused'; readonly request: number; readonly leader: string | undefined }
  /** The stream as it is in the log before `upTo`, all of that committed. */
  | {
      readonly kind: 'readOk';
      readonly request: number;
      readonly state: StreamState;
      readonly upTo: Position;
      /** Tells the node's starts apart, as its nonce does: what it knows to be committed may be less after a restart or a wipe. */
      readonly start: number;
    }
  | { readonly kind: 'readRefused'; readonly request: number; readonly leader: string | undefined };

/** FNV-1a's prime (Fowler, Noll and Vo). */
const FNV_PRIME = 0x0100_0193;

/** The digest of a stream with one event more. Not for adversaries: two streams that differ agree once in 2^32. */
export function extendDigest(digest: number, eventId: string): number {
  let hash = (digest ^ 0x811c_9dc5) | 0;
  for (let i = 0; i < eventId.length; i++) hash = Math.imul(hash ^ eventId.charCodeAt(i), FNV_PRIME);
  return hash >>> 0;
}
