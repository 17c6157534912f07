/**
 * Works out what points remove: goes through all streams that have metadata and finds how each stood at each point. Main thread, in small steps. Of the
 * points between two events of a metadata stream the last removes all that the others do, so that many points cost no more than few.
 */
import { randomInt } from 'node:crypto';
import type { Bytes } from '../../base/ports.js';
import {
  firstVisible,
  isOfStream,
  METADATA_TYPE,
  parseObject,
  type RetentionRules,
  rulesOf,
  SCAVENGES_STREAM,
  subjectOf,
  TOMBSTONE_TYPE,
} from '../../base/stream-metadata.js';
import type { Position, Revision } from '../../base/units.js';
import type { ListingPlace, MetadataStreamsPage, RecordPlace } from '../../indexer/commands.js';
import { LISTING_START } from '../../indexer/commands.js';
import type { DecodedRecord } from '../../log/decoded-record.js';
import { keepStepsFrom } from '../../scavenge/draft-steps.js';
import { RemovalRules } from '../../scavenge/removal-rules.js';
import type { ScavengePoint } from '../../scavenge/scavenge-events.js';
import { firstWhere, type LastEvent, type LogQuestions, type StreamEvent } from './log-questions.js';

/** Names that the index thread is asked for at once: a tenth of a millisecond of its time. */
const NAMES_PER_PAGE = 512;
/** Streams that are asked about at the same time: clients' reads have their place between them. */
const STREAMS_AT_ONCE = 16;
/** Streams of which something goes in one pass, at some 30 bytes and a name each. */
export const PLANNED_STREAMS_MAX = 16_777_216;

export interface PlanParts {
  readonly questions: LogQuestions;
  readonly listMetadataStreams: (place: ListingPlace, namesMax: number) => Promise<MetadataStreamsPage>;
  /** {@link PLANNED_STREAMS_MAX}, but for tests. */
  readonly streamsMax: number;
}

/** What a stream's metadata says at a point, which may be the last of several. */
interface Statement {
  readonly point: ScavengePoint;
  readonly rules: RetentionRules | 'tombstone';
}

/** A plan has no room for them all. One with some of them would be another on each node. */
export interface TooMuchToRemove {
  readonly tooMuch: string;
}

/** What the points, oldest first, remove. Rejects as a read does, and with what `signal` is aborted with. */
export async function planRemovals(
  { questions, listMetadataStreams, streamsMax }: PlanParts,
  points: readonly ScavengePoint[],
  signal: AbortSignal,
): Promise<RemovalRules | TooMuchToRemove> {
  const rules = new RemovalRules({ low: randomInt(2 ** 32), high: randomInt(2 ** 32) });
  const excluded = new TextEncoder().encode(SCAVENGES_STREAM);
  let place: ListingPlace | undefined = LISTING_START;
  while (place !== undefined) {
    const { names, next }: MetadataStreamsPage = await listMetadataStreams(place, NAMES_PER_PAGE);
    for (let at = 0; at < names.length; at += STREAMS_AT_ONCE) {
      signal.throwIfAborted();
      const some = names.slice(at, at + STREAMS_AT_ONCE);
      await Promise.all(
        some.map(async (name) => {
          if (!isOfStream(name, 0, name.length)) return;
          const stream = subjectOf(name, 0, name.length);
          if (Buffer.compare(stream, excluded) === 0) return;
          await new StreamPlan(questions, stream, name).add(points, rules);
        }),
      );
      if (rules.size > streamsMax)
        return {
          tooMuch: `something goes of more than ${streamsMax} streams, which is as many as one scavenge takes`,
        };
    }
    place = next;
  }
  return rules;
}

/** From which step on the steps of an open transaction stay at a point; 0 if all do. Rejects as a read does. */
export async function keepDraftFrom(
  questions: LogQuestions,
  name: Bytes,
  point: ScavengePoint,
): Promise<number> {
  const last = await questions.lastStep(name, point.position);
  return last === undefined ? 0 : keepStepsFrom(last, point.timestampUs);
}

class StreamPlan {
  readonly #questions: LogQuestions;
  readonly #stream: Bytes;
  readonly #metadataStream: Bytes;

  constructor(questions: LogQuestions, stream: Bytes, metadataStream: Bytes) {
    this.#questions = questions;
    this.#stream = stream;
    this.#metadataStream = metadataStream;
  }

  async add(points: readonly ScavengePoint[], rules: RemovalRules): Promise<void> {
    const { event, metadata } = await this.#questions.last(this.#stream);
    if (event === undefined) return;
    for (const statement of await this.#statements(points, metadata)) {
      const keepFrom = await this.#keepFrom(statement, event);
      if (keepFrom > 0) rules.add(this.#stream, statement.point.position, keepFrom);
    }
  }

  /** What holds at the points; `newest`: the metadata of now. */
  async #statements(points: readonly ScavengePoint[], newest: RecordPlace | undefined): Promise<Statement[]> {
    const byPlace = new Map<Position, { place: RecordPlace; point: ScavengePoint }>();
    for (const point of points) {
      const place = await this.#metadataAt(point, newest);
      if (place !== undefined) byPlace.set(place.position, { place, point });
    }
    const statements: Statement[] = [];
    for (const { place, point } of byPlace.values()) {
      const rules = rulesIn(await this.#questions.record(place));
      if (rules !== undefined) statements.push({ point, rules });
    }
    return statements;
  }

  async #metadataAt(
    { position }: ScavengePoint,
    newest: RecordPlace | undefined,
  ): Promise<RecordPlace | undefined> {
    if (newest !== undefined && newest.position < position) return newest;
    const { event } = await this.#questions.last(this.#metadataStream);
    return (await this.#questions.lastBefore(this.#metadataStream, position, event))?.place;
  }

  async #keepFrom({ point, rules }: Statement, last: StreamEvent): Promise<Revision> {
    if (rules === 'tombstone') return Number.POSITIVE_INFINITY;
    const head = await this.#questions.lastBefore(this.#stream, point.position, last);
    return head === undefined ? 0 : await this.#firstKept(head, rules, point);
  }

  /** The last event stays always, so that the stream's numbering goes on. */
  async #firstKept(
    { revision: head }: LastEvent,
    rules: RetentionRules,
    point: ScavengePoint,
  ): Promise<Revision> {
    const low = Math.min(head, firstVisible(rules, head));
    const oldestUs = point.timestampUs - rules.maxAgeUs;
    if (oldestUs === Number.NEGATIVE_INFINITY) return low;
    const isYoung = async (revision: Revision) =>
      !(await this.#questions.isOlder(this.#stream, revision, oldestUs));
    // Most often nothing is too old that is there still.
    if (low < head && (await isYoung(low))) return low;
    return await firstWhere(low, head, isYoung);
  }
}

/** What the record of an event of a metadata stream says; undefined if nothing. */
function rulesIn({ body }: DecodedRecord): Statement['rules'] | undefined {
  if (body.kind !== 'prepare') return undefined;
  if (body.eventType === TOMBSTONE_TYPE) return 'tombstone';
  const metadata = body.eventType === METADATA_TYPE ? parseObject(body.data) : undefined;
  return metadata === undefined ? undefined : rulesOf(metadata);
}
