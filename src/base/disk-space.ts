/**
 * How much room a disk has, and what that means to a node: enough, little, or so little that appends are refused. Pure. What always holds:
 * a level is left at a higher mark than it was entered at, so that a disk at a mark makes no noise.
 */

/** Of a file system, for whoever is not root. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** So many bytes, or such a part of the disk; of both the smaller one, so that a share of a large disk is no waste. */
export interface SpaceMark {
  readonly bytes: number;
  /** From 0 to 1. */
  readonly share: number;
}

export interface SpaceMarks {
  /** With less free there is a warning. */
  readonly warning: SpaceMark;
  /** With less free appends are refused; chunks leave so much. */
  readonly reserve: SpaceMark;
}

/** `unknown`: it can't be found out, and so refuses nothing. */
export type SpaceLevel = 'unknown' | 'ok' | 'low' | 'short';

export const SPACE_LEVELS: ReadonlySet<string> = new Set<SpaceLevel>(['unknown', 'ok', 'low', 'short']);

/** A level is left a tenth above where it was entered, or half-way to the whole disk if that is nearer. */
const HYSTERESIS = 1 / 10;

/** What a mark is on a disk of this size, in bytes. */
export function markBytes(
  { bytes, share }: SpaceMark,
  { totalBytes }: Pick<DiskSpace, 'totalBytes'>,
): number {
  return Math.floor(Math.min(bytes, share * totalBytes));
}

/** The level of a disk that had the level `before`. */
export function levelOf(before: SpaceLevel, space: DiskSpace, marks: SpaceMarks): SpaceLevel {
  const isBelow = (mark: SpaceMark, isThere: boolean) => {
    const bytes = markBytes(mark, space);
    return space.freeBytes < (isThere ? endOf(bytes, space) : bytes);
  };
  if (isBelow(marks.reserve, before === 'short')) return 'short';
  return isBelow(marks.warning, before === 'short' || before === 'low') ? 'low' : 'ok';
}

function endOf(bytes: number, { totalBytes }: DiskSpace): number {
  return Math.floor(Math.min(bytes * (1 + HYSTERESIS), (bytes + totalBytes) / 2));
}
