/** How a place in an input that can't be used is named. Pure. */
import { CairnError } from '../../base/errors.js';

/** A row by its number, from 1, and the offset of its first byte in the input. */
export interface RowPlace {
  readonly number: number;
  readonly offset: number;
}

/** A row that can't be imported. */
export function badRow(row: RowPlace, reason: string): CairnError {
  const { number, offset } = row;
  return new CairnError('bad-input', `row ${number}, at byte ${offset}: ${reason}`, { row: number, offset });
}

/** A place behind which no more rows can be told apart. */
export function brokenInput(rowsBefore: number, offset: number, reason: string): CairnError {
  const message = `byte ${offset}, behind row ${rowsBefore}: ${reason}`;
  return new CairnError('bad-input', message, { row: rowsBefore + 1, offset });
}
