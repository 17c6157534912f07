/**
 * Streams that are written, kept short, deleted and ended for good, as plain lists in memory; and the comparison of what a node answers about them, and about
 * the whole log, with those.
 */
import { CairnError, type Client, type StreamMetadata } from '../../../src/client/client.js';
import { checkEvents } from './model-check.js';
import type { ModelEvent } from './store-model.js';

/** A stream, and all that was ever said about it. */
export interface KeptStream {
  readonly name: string;
  readonly events: ModelEvent[];
  /** What was said last, and how often something was. */
  said: StreamMetadata;
  saidCount: number;
  isTombstoned: boolean;
}

/** All streams that there ever were, and all events in the order of the log. */
export interface KeptStore {
  readonly streams: readonly KeptStream[];
  readonly events: readonly ModelEvent[];
}

export function newStream(name: string): KeptStream {
  return { name, events: [], said: {}, saidCount: 0, isTombstoned: false };
}

export function visibleOf({ events, said, isTombstoned }: KeptStream): readonly ModelEvent[] {
  if (isTombstoned) return [];
  const { $tb = 0, $maxCount = Number.POSITIVE_INFINITY } = said;
  return events.slice(Math.max($tb, events.length - $maxCount, 0));
}

export async function expectCode(code: string, answer: Promise<unknown>): Promise<void> {
  const given = await answer.then(
    (value) => JSON.stringify(value),
    (error: unknown) => {
      if (error instanceof CairnError) return error.code;
      throw error;
    },
  );
  if (given !== code) throw new Error(`${given} instead of ${code}`);
}

/** Everything that a node answers about the stream. Throws if something is not so. */
export async function expectStream(client: Client, stream: KeptStream, backwards: boolean): Promise<void> {
  const { name, events, isTombstoned, said, saidCount } = stream;
  const wanted = visibleOf(stream);
  const given = client.readStream(name, { backwards }).toArray();
  if (isTombstoned) await expectCode('stream-deleted', given);
  else if (wanted.length === 0) await expectCode('stream-not-found', given);
  else checkEvents(name, await given, backwards ? wanted.toReversed() : wanted);
  const info = await client.streamInfo(name);
  const isHidden = events.length > 0 && wanted.length === 0;
  const state = isTombstoned ? 'tombstoned' : isHidden ? 'deleted' : 'live';
  const isThere = events.length > 0 || isTombstoned;
  // Of a stream with a tombstone a scavenge leaves nothing, sooner or later.
  const left = Math.min(events.length, (info?.revision ?? -1) + 1);
  const count = isTombstoned ? left : events.length;
  const isRight =
    info === undefined
      ? !isThere
      : info.revision === count - 1 && info.state === state && info.firstRevision === count - wanted.length;
  if (!isRight) throw new Error(`${name} is said to be ${JSON.stringify(info)}, and should be ${state}`);
  const { metadata, revision } = await client.metadata(name);
  const expected = isTombstoned ? {} : said;
  if (revision !== saidCount - 1 || JSON.stringify(metadata) !== JSON.stringify(expected))
    throw new Error(`of ${name} is said ${JSON.stringify({ metadata, revision, expected, saidCount })}`);
}

/** The whole log, as it is seen. */
export async function expectLog(
  client: Client,
  { streams, events }: KeptStore,
  backwards: boolean,
): Promise<void> {
  const seen = new Set(streams.flatMap(visibleOf));
  const visible = events.filter((event) => seen.has(event));
  const logged = await client.readAll({ backwards }).toArray();
  const all = logged.filter(({ stream }) => stream !== '$scavenges');
  const given = all.filter(({ stream }) => !stream.startsWith('$$'));
  checkEvents('the whole log', given, backwards ? visible.reverse() : visible);
  const said = streams.reduce((sum, { saidCount }) => sum + saidCount, 0);
  if (all.length - given.length !== said)
    throw new Error(`${all.length - given.length} events of metadata instead of ${said}`);
}
