/** Which nodes must not hear which, for the parts of a cluster that `cairn cluster partition` names. Pure. */
import { CairnError } from '../../base/errors.js';

/** Node number → the nodes that it must not hear (and, unless it is one way, not send to). Nodes that nothing is said of are not in it. */
export type Blocks = ReadonlyMap<number, readonly number[]>;

/**
 * `1` or `1,2`: these on one side, all others on the other. `1|2,3`: these parts; a node in none of them goes on hearing all, so that
 * `1|3` of three leaves node 2 as a bridge. Throws `invalid-configuration`.
 */
export function parsePartition(text: string, all: readonly number[]): Blocks {
  const parts = partsOf(text, all);
  return new Map(
    parts.flatMap((part) => {
      const others = parts.filter((other) => other !== part).flat();
      return part.map((number) => [number, ascending(others)] as const);
    }),
  );
}

/**
 * The same for one direction: the second part doesn't hear the first, which hears it. `1`: nobody hears node 1. `2,3|1`: node 1 hears
 * nobody. Throws `invalid-configuration`.
 */
export function parseOneWay(text: string, all: readonly number[]): Blocks {
  const [senders, hearers, ...more] = partsOf(text, all);
  if (more.length > 0) throw invalid(`${text}: one way is between two parts`);
  return new Map(hearers!.map((number) => [number, ascending(senders!)]));
}

function partsOf(text: string, all: readonly number[]): readonly (readonly number[])[] {
  const named = text.split('|').map((part) => part.split(',').map((word) => numberOf(word, all)));
  const flat = named.flat();
  if (new Set(flat).size !== flat.length) throw invalid(`${text}: a node can be in one part only`);
  const parts = named.length > 1 ? named : [named[0]!, all.filter((number) => !flat.includes(number))];
  if (parts.some((part) => part.length === 0)) throw invalid(`${text}: there is nobody on the other side`);
  return parts;
}

function ascending(numbers: readonly number[]): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}

function numberOf(word: string, all: readonly number[]): number {
  const number = Number(word.trim());
  if (/^\d+$/.test(word.trim()) && all.includes(number)) return number;
  throw invalid(`${word.trim() || 'an empty part'}: there is no such node; there are ${all.join(', ')}`);
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
