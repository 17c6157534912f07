/**
 * How damage to the log is reported: always with the file, the offset in it and the position in the log, so that an
 * operator knows which file to restore and a cluster which range to fetch. Pure; any thread.
 */
import { CairnError } from '../base/errors.js';
import { fileOffsetOf } from './chunk.js';

/** Where in the log something stands. */
export interface Place {
  readonly file: string;
  /** Byte offset in the file. */
  readonly offset: number;
  /** Position in the log. */
  readonly position: number;
}

/** The place of a record or of a byte of data. */
export function placeOf(file: string, position: number, chunkSize: number): Place {
  return { file, offset: fileOffsetOf(position, chunkSize), position };
}

/** `log-corrupt`: something that was acknowledged, or must be assumed to have been, is not there as it was written. */
export function logCorrupt(place: Place, reason: string): CairnError {
  const { file, offset, position } = place;
  const message = `the log is damaged: ${reason} (${file}, offset ${offset}, position ${position}); nothing was changed`;
  return new CairnError('log-corrupt', message, { file, offset, position, reason });
}
