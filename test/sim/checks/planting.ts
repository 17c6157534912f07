/** Tools for bending a legal history: to find a place for an anomaly, and to plant it there. */
import type { AnomalyKind } from '../../../src/sim/checks/anomaly.js';
import type { LoggedEvent } from '../../../src/sim/checks/logged-event.js';
import type { AppendOperation, ReadOperation } from '../../../src/sim/clients/history.js';
import type { Random } from '../../../src/sim/random.js';
import { EVENT_BYTES, type World } from './legal-history.js';

export type Outcome<Kind extends string> = Extract<AppendOperation['outcome'], { kind: Kind }>;
export type Answered<Kind extends string> = AppendOperation & { outcome: Outcome<Kind> };
export type ReadOk = ReadOperation & { outcome: Extract<ReadOperation['outcome'], { kind: 'ok' }> };

/** Bends a world at a random place; false if there is none. */
export type Plant = (world: World, random: Random) => boolean;

export function appends<Kind extends AppendOperation['outcome']['kind']>(
  world: World,
  kind: Kind,
): Answered<Kind>[] {
  return world.operations.filter(
    (operation): operation is Answered<Kind> =>
      operation.kind === 'append' && operation.outcome.kind === kind,
  );
}

export function reads(world: World, mode: ReadOperation['mode']): ReadOk[] {
  return world.operations.filter(
    (operation): operation is ReadOk =>
      operation.kind === 'read' && operation.mode === mode && operation.outcome.kind === 'ok',
  );
}

/** Shuffled, so that `find` finds any. */
export function inAnyOrder<T>(items: readonly T[], random: Random): T[] {
  return random.shuffle([...items]);
}

export function eventsOf(world: World, append: AppendOperation): LoggedEvent[] {
  return world.events.filter(({ eventId }) => append.eventIds.includes(eventId));
}

export function committedAt({ marks }: World, sequence: number): number {
  return marks.filter((mark) => mark.sequence < sequence).at(-1)?.end ?? 0;
}

/** Where transactions end. */
export function ends(world: World): number[] {
  return [0, ...world.events.filter(({ isLast }) => isLast).map(({ end }) => end)];
}

export function replaceEvent(world: World, event: LoggedEvent, changes: Partial<LoggedEvent>): void {
  world.events[world.events.indexOf(event)] = { ...event, ...changes };
}

/** Puts a transaction behind the log, committed at the very end. */
export function appendTransaction(world: World, stream: string, eventIds: readonly string[]): void {
  const revision = world.events.filter((event) => event.stream === stream).length;
  const position = world.marks.at(-1)!.end;
  for (const [i, eventId] of eventIds.entries()) {
    world.events.push({
      stream,
      revision: revision + i,
      eventId,
      position: position + i * EVENT_BYTES,
      end: position + (i + 1) * EVENT_BYTES,
      isFirst: i === 0,
      isLast: i === eventIds.length - 1,
    });
  }
  world.marks.push({ sequence: Number.MAX_SAFE_INTEGER, end: world.events.at(-1)!.end });
}

/** Changes the outcome of any append of that kind. */
export function bend<Kind extends AppendOperation['outcome']['kind']>(
  kind: Kind,
  change: (append: Answered<Kind>, world: World, random: Random) => AppendOperation['outcome'] | undefined,
): Plant {
  return (world, random) =>
    inAnyOrder(appends(world, kind), random).some((append) => {
      const outcome = change(append, world, random);
      if (outcome !== undefined) (append as AppendOperation).outcome = outcome;
      return outcome !== undefined;
    });
}

/** Changes what any read of that mode has seen. */
export function bendRead(
  mode: ReadOperation['mode'],
  change: (read: ReadOk, world: World, random: Random) => Partial<ReadOk['outcome']> | undefined,
): Plant {
  return (world, random) =>
    inAnyOrder(reads(world, mode), random).some((read) => {
      const changes = change(read, world, random);
      if (changes !== undefined) read.outcome = { ...read.outcome, ...changes };
      return changes !== undefined;
    });
}

export interface PlantedAnomaly {
  readonly name: string;
  readonly kind: AnomalyKind;
  readonly plant: Plant;
  /** Nothing else is found: the anomaly breaks one rule alone. */
  readonly isPure?: boolean;
}
