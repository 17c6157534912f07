/**
 * What clients asked of a cluster and what they were told, with the moment of each: what `cluster-check.ts` judges. Moments come
 * from one counter of the one process that all clients run in, so "before" is exact, however fast things go. Of what reads showed every event
 * is kept once, by its position: any two reads that show something there must show the same. Pure.
 */
import type { ExpectedRevision } from '../../../src/client/append-encoder.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import type { ClusterSubscription } from './subscription-history.js';

export type Consistency = 'local' | 'leader' | 'linearizable';

/** An answer that said yes. */
export interface Acknowledgement {
  readonly answered: number;
  /** Of the last event in the stream. */
  readonly revision: number;
  /** Of the last event of all. */
  readonly position: number;
}

/** An answer that said: the stream is at another revision. */
export interface Refusal {
  readonly invoked: number;
  readonly answered: number;
  readonly node: string;
  readonly current: number;
}

/** An append with all attempts at it; each of its attempts carries the same event ids. */
export interface ClusterAppend {
  readonly number: number;
  readonly client: string;
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly eventIds: readonly string[];
  /** Of a transaction over several streams: all its parts, this one among them. */
  readonly parts?: readonly ClusterAppend[];
  /** The moment of the first attempt. */
  readonly invoked: number;
  readonly invokedMs: number;
  attempts: number;
  /** Attempts that got no answer, or one that leaves it open: each may still take effect. */
  unsettled: number;
  readonly acknowledgements: Acknowledgement[];
  readonly refusals: Refusal[];
  /** Whether an answer said that its ids are there in part. */
  hasConflict: boolean;
}

export interface ReadQuestion {
  readonly client: string;
  /** Who is asked, and in which of its lives. */
  readonly node: string;
  readonly life: number;
  readonly consistency: Consistency;
  /** Undefined = the whole log. */
  readonly stream: string | undefined;
  readonly isBackwards: boolean;
  /** A revision or a position; undefined = from the beginning (backwards: the end). */
  readonly from: number | undefined;
  /** Most events; `Infinity` = all. */
  readonly count: number;
}

/** A read that was answered to its end. */
export interface ClusterRead extends ReadQuestion {
  readonly number: number;
  readonly invoked: number;
  readonly invokedMs: number;
  readonly answered: number;
  /** Positions of the first and the last event that it showed, in the order of reading; undefined if it showed none. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly shown: number;
}

export type ShownEvent = Pick<LoggedEvent, 'stream' | 'revision' | 'eventId' | 'position'>;

/** An event, and the first time that a read showed it. */
export interface Sighting extends ShownEvent {
  readonly moment: number;
  readonly by: string;
}

type AskedPart = Pick<ClusterAppend, 'client' | 'stream' | 'expected' | 'eventIds' | 'parts'>;

export class ClusterHistory {
  readonly appends: ClusterAppend[] = [];
  readonly reads: ClusterRead[] = [];
  readonly subscriptions: ClusterSubscription[] = [];
  /** By position. */
  readonly seen = new Map<number, Sighting>();
  /** What reads showed that can't be, whatever the log turns out to be. */
  readonly contradictions: string[] = [];
  #moment = 0;
  #acknowledged = 0;

  /** Appends that were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The next moment: later than all before. */
  moment(): number {
    return ++this.#moment;
  }

  ask(append: AskedPart): ClusterAppend {
    return this.#ask(append, this.moment());
  }

  /** A transaction over several streams. */
  askParts(parts: readonly AskedPart[]): readonly ClusterAppend[] {
    const invoked = this.moment();
    const asked: ClusterAppend[] = [];
    for (const part of parts) asked.push(this.#ask({ ...part, parts: asked }, invoked));
    return asked;
  }

  #ask(append: AskedPart, invoked: number): ClusterAppend {
    const number = this.appends.length;
    const none = { attempts: 0, unsettled: 0, acknowledgements: [], refusals: [], hasConflict: false };
    const asked: ClusterAppend = { number, ...append, invoked, invokedMs: performance.now(), ...none };
    this.appends.push(asked);
    return asked;
  }

  acknowledge(append: ClusterAppend, revision: number, position: number): void {
    if (append.acknowledgements.length === 0) this.#acknowledged++;
    append.acknowledgements.push({ answered: this.moment(), revision, position });
  }

  refuse(append: ClusterAppend, node: string, invoked: number, current: number): void {
    append.refusals.push({ invoked, answered: this.moment(), node, current });
  }

  /** A read, or what came of it before it failed, shows this event. */
  see(event: ShownEvent, by: string): void {
    const { position, stream, revision, eventId } = event;
    const before = this.seen.get(position);
    if (before === undefined) {
      this.seen.set(position, { position, stream, revision, eventId, moment: this.moment(), by });
    } else if (before.eventId !== eventId || before.stream !== stream || before.revision !== revision) {
      this.contradictions.push(
        `${by} shows ${stream} @${revision} (${eventId}) at ${position}; ` +
          `${before.by} showed ${before.stream} @${before.revision} (${before.eventId}) there`,
      );
    }
  }

  /** A read came to its end. */
  completeRead(
    question: ReadQuestion,
    invoked: Pick<ClusterRead, 'invoked' | 'invokedMs'>,
    shown: readonly ShownEvent[],
  ): void {
    this.reads.push({
      ...question,
      ...invoked,
      number: this.reads.length,
      answered: this.moment(),
      first: shown[0]?.position,
      last: shown.at(-1)?.position,
      shown: shown.length,
    });
  }
}

/** One line about an append, for people. */
export function describeAppend(append: ClusterAppend): string {
  const { number, client, stream, expected, eventIds, attempts, unsettled, acknowledgements, refusals } =
    append;
  const answers = [
    ...acknowledgements.map(({ revision, position }) => `yes: revision ${revision} at ${position}`),
    ...refusals.map(({ node, current }) => `no of ${node}: stream at ${current}`),
  ].join('; ');
  return (
    `append ${number} of ${client} (${eventIds.length} to ${stream}, expecting ${expected}, ${attempts} attempts, ` +
    `${unsettled} without an answer, from ${append.invokedMs.toFixed()} ms on; ${answers || 'no answer'})`
  );
}

/** One line about a read, for people. */
export function describeRead(read: ClusterRead): string {
  const { number, client, node, consistency, stream, isBackwards, from, count, shown, invokedMs } = read;
  const what = `${consistency} read ${number} of ${client} at ${node}: ${stream ?? '$all'}`;
  const range = `${isBackwards ? 'backwards' : 'forwards'} from ${from ?? 'the end of it'}, at most ${count}`;
  return `${what} ${range}, asked at ${invokedMs.toFixed()} ms, showed ${shown} (${read.first} to ${read.last})`;
}
