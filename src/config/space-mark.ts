/** Marks of free disk space as options have them: `2GiB`, `5%`, or both, of which the smaller counts: `5%,2GiB`. Pure. */
import type { SpaceMark } from '../base/disk-space.js';
import { sizeOf } from './sizes.js';

const PERCENT_PATTERN = /^(\d+(?:\.\d+)?) ?%$/;
/** Who keeps more than half of a disk free has set the wrong option. */
const PERCENT_MAX = 50;

/** Undefined if the text is none. */
export function parseSpaceMark(text: string): SpaceMark | undefined {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length > 2) return undefined;
  let mark: SpaceMark = { bytes: Number.MAX_SAFE_INTEGER, share: 1 };
  let sizes = 0;
  for (const part of parts) {
    const percent = PERCENT_PATTERN.exec(part)?.[1];
    const bytes = percent === undefined ? sizeOf(part) : undefined;
    if (percent !== undefined && Number(percent) <= PERCENT_MAX)
      mark = { ...mark, share: Number(percent) / 100 };
    else if (bytes !== undefined && Number.isSafeInteger(bytes)) {
      mark = { ...mark, bytes };
      sizes++;
    } else return undefined;
  }
  // Two of the same kind say two things.
  return parts.length === 2 && sizes !== 1 ? undefined : mark;
}

/** Which marks an option takes, in words. */
export const SPACE_MARKS = `a size, or up to ${PERCENT_MAX}% of the disk, or both with a comma between them: then the smaller counts`;
