/**
 * The bytes of queries to the index thread and of its answers, as messages of a mailbox. Pure; main writes queries and reads
 * answers, the index thread the other way round.
 *
 *   query:  u32 id · u32 0 forwards, 1 backwards, 2 a snapshot, 3 metadata streams (both answered by a report) · f64 committed · f64 from · f64 eventsMax · f64 bytesMax · stream name
 *           of metadata streams: from = first chunk, eventsMax = names, bytesMax = last chunk, name = the last one known
 *   outcome of a job: JSON
 *   answer: u32 id · u32 number of runs · f64 head · f64 next · f64 position of the metadata, −1 = none · f64 its bytes · runs: f64 position, u32 bytes, u32 events each
 */
import type { Bytes } from '../base/ports.js';
import type { Position, Revision } from '../base/units.js';
import type { MailboxReceiver, MailboxSender } from '../ring/mailbox.js';
import type { Direction, ListingPlace, RecordPlace, StreamQuery, StreamRuns } from './commands.js';
import type { JobOutcome } from './jobs.js';
import type { RunCollector } from './run-collector.js';

const QUERY = {
  id: 0,
  kind: 4,
  committed: 8,
  from: 16,
  eventsMax: 24,
  bytesMax: 32,
  stream: 40,
} as const;
/** What a query is. */
const KIND = { forwards: 0, backwards: 1, snapshot: 2, metadataStreams: 3 } as const;
const ANSWER = {
  id: 0,
  runCount: 4,
  head: 8,
  next: 16,
  metadata: 24,
  metadataBytes: 32,
  runs: 40,
} as const;
const RUN = { position: 0, bytes: 8, events: 12, size: 16 } as const;

/** A query as the index thread sees it: its name still lies in the mailbox. */
export interface ReceivedQuery {
  readonly id: number;
  /** It wants all of the index, not a stream. */
  readonly isSnapshot: boolean;
  /** It wants names of metadata streams. */
  readonly isListing: boolean;
  readonly direction: Direction;
  /** The index must be this far before it answers, so that whoever asks finds what was committed before. */
  readonly committed: Position;
  readonly from: Revision;
  readonly eventsMax: number;
  readonly bytesMax: number;
  readonly bytes: Bytes;
  readonly nameAt: number;
  readonly nameBytes: number;
}

/** What an answer says about the stream besides the runs. */
export interface AnswerHead {
  readonly id: number;
  readonly head: Revision;
  readonly next: Revision;
  readonly metadata?: RecordPlace | undefined;
}

/** Sends a query; false if the mailbox is full. */
export function sendQuery(
  sender: MailboxSender,
  id: number,
  committed: Position,
  query: StreamQuery,
): boolean {
  const at = sender.claim(QUERY.stream + query.stream.length);
  if (at < 0) return false;
  const { view, bytes } = sender;
  view.setUint32(at + QUERY.id, id, true);
  view.setUint32(at + QUERY.kind, KIND[query.direction], true);
  view.setFloat64(at + QUERY.committed, committed, true);
  view.setFloat64(at + QUERY.from, query.from, true);
  view.setFloat64(at + QUERY.eventsMax, query.eventsMax, true);
  view.setFloat64(at + QUERY.bytesMax, query.bytesMax, true);
  bytes.set(query.stream, at + QUERY.stream);
  sender.send();
  return true;
}

/** Asks for a snapshot of the index as of `committed` or later; false if the mailbox is full. */
export function sendSnapshotQuery(sender: MailboxSender, committed: Position): boolean {
  const at = sender.claim(QUERY.stream);
  if (at < 0) return false;
  sender.view.setUint32(at + QUERY.kind, KIND.snapshot, true);
  sender.view.setFloat64(at + QUERY.committed, committed, true);
  sender.send();
  return true;
}

/** Asks for names of metadata streams, as of `committed` or later; false if the mailbox is full. */
export function sendListingQuery(
  sender: MailboxSender,
  committed: Position,
  { firstChunk, lastChunk, after }: ListingPlace,
  namesMax: number,
): boolean {
  const at = sender.claim(QUERY.stream + after.length);
  if (at < 0) return false;
  const { view, bytes } = sender;
  view.setUint32(at + QUERY.kind, KIND.metadataStreams, true);
  view.setFloat64(at + QUERY.committed, committed, true);
  view.setFloat64(at + QUERY.from, firstChunk, true);
  view.setFloat64(at + QUERY.eventsMax, namesMax, true);
  view.setFloat64(at + QUERY.bytesMax, lastChunk, true);
  bytes.set(after, at + QUERY.stream);
  sender.send();
  return true;
}

/** The next query, or undefined. It is valid until `receiver.release()`. */
export function receiveQuery(receiver: MailboxReceiver): ReceivedQuery | undefined {
  const at = receiver.poll();
  if (at < 0) return undefined;
  const { view, bytes } = receiver;
  const kind = view.getUint32(at + QUERY.kind, true);
  return {
    id: view.getUint32(at + QUERY.id, true),
    isSnapshot: kind === KIND.snapshot,
    isListing: kind === KIND.metadataStreams,
    direction: kind === KIND.backwards ? 'backwards' : 'forwards',
    committed: view.getFloat64(at + QUERY.committed, true),
    from: view.getFloat64(at + QUERY.from, true),
    eventsMax: view.getFloat64(at + QUERY.eventsMax, true),
    bytesMax: view.getFloat64(at + QUERY.bytesMax, true),
    bytes,
    nameAt: at + QUERY.stream,
    nameBytes: receiver.length - QUERY.stream,
  };
}

/** Sends an answer with the runs in `collector`; false if the mailbox is full. */
export function sendAnswer(sender: MailboxSender, answer: AnswerHead, collector: RunCollector): boolean {
  const { runCount, positions, bytes, events } = collector;
  const at = sender.claim(ANSWER.runs + RUN.size * runCount);
  if (at < 0) return false;
  const { view } = sender;
  view.setUint32(at + ANSWER.id, answer.id, true);
  view.setUint32(at + ANSWER.runCount, runCount, true);
  view.setFloat64(at + ANSWER.head, answer.head, true);
  view.setFloat64(at + ANSWER.next, answer.next, true);
  view.setFloat64(at + ANSWER.metadata, answer.metadata?.position ?? -1, true);
  view.setFloat64(at + ANSWER.metadataBytes, answer.metadata?.bytes ?? 0, true);
  for (let i = 0, run = at + ANSWER.runs; i < runCount; i++, run += RUN.size) {
    view.setFloat64(run + RUN.position, positions[i]!, true);
    view.setUint32(run + RUN.bytes, bytes[i]!, true);
    view.setUint32(run + RUN.events, events[i]!, true);
  }
  sender.send();
  return true;
}

/** Takes the next answer out of the mailbox, or returns undefined. */
export function takeAnswer(receiver: MailboxReceiver): { id: number; runs: StreamRuns } | undefined {
  const at = receiver.poll();
  if (at < 0) return undefined;
  const { view } = receiver;
  const runCount = view.getUint32(at + ANSWER.runCount, true);
  const positions = new Float64Array(runCount);
  const bytes = new Uint32Array(runCount);
  const events = new Uint32Array(runCount);
  for (let i = 0, run = at + ANSWER.runs; i < runCount; i++, run += RUN.size) {
    positions[i] = view.getFloat64(run + RUN.position, true);
    bytes[i] = view.getUint32(run + RUN.bytes, true);
    events[i] = view.getUint32(run + RUN.events, true);
  }
  const head = view.getFloat64(at + ANSWER.head, true);
  const next = view.getFloat64(at + ANSWER.next, true);
  const id = view.getUint32(at + ANSWER.id, true);
  const position = view.getFloat64(at + ANSWER.metadata, true);
  const metadata =
    position < 0 ? undefined : { position, bytes: view.getFloat64(at + ANSWER.metadataBytes, true) };
  receiver.release();
  return { id, runs: { head, next, runCount, positions, bytes, events, metadata } };
}

/** What came of a job, or that one is to be tried again. */
export type JobMessage = JobOutcome | { readonly kind: 'again' };

/** That, or that it is time to read everything again; or which chunks were scavenged, and that no more will be for now. */
export type OutcomeMessage =
  | JobMessage
  | { readonly kind: 'next-round' }
  | { readonly kind: 'scavenged'; readonly chunks: readonly number[] }
  | { readonly kind: 'scavenge-ended' };

/** Tells what came of a job; false if the mailbox is full. */
export function sendOutcome(sender: MailboxSender, outcome: OutcomeMessage): boolean {
  const bytes = new TextEncoder().encode(JSON.stringify(outcome));
  const at = sender.claim(bytes.length);
  if (at < 0) return false;
  sender.bytes.set(bytes, at);
  sender.send();
  return true;
}

/** Takes the next outcome out of the mailbox, or returns undefined. */
export function takeOutcome(receiver: MailboxReceiver): OutcomeMessage | undefined {
  const at = receiver.poll();
  if (at < 0) return undefined;
  // A copy: a decoder of text refuses shared memory.
  const text = new TextDecoder().decode(receiver.bytes.slice(at, at + receiver.length));
  receiver.release();
  return JSON.parse(text) as OutcomeMessage;
}
