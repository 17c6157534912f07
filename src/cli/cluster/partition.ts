/** Which nodes must not hear which, for the parts of a cluster that `cairn cluster partition` names. Pure. */
import { CairnError } from '../../base/errors.js';

/** Node number → the nodes that it must neither send to nor hear. Nodes that nothing is said of are not in it. */
export type Blocks = ReadonlyMap<number, readonly number[]>;

/**
 * `1` or `1,2`: these on one side, all others on the other. `1|2,3`: these parts; a node in none of them goes on hearing all, so that
 * `1|3` of three leaves node 2 as a bridge. Throws `invalid-configuration`.
 */
export function parsePartition(text: string, all: readonly number[]): Blocks {
  const named = text.split('|').map((part) => part.split(',').map((word) => numberOf(word, all)));
  const flat = named.flat();
  if (new Set(flat).size !== flat.length) throw invalid(`${text}: a node can be in one part only`);
  const parts = named.length > 1 ? named : [named[0]!, all.filter((number) => !flat.includes(number))];
  if (parts.some((part) => part.length === 0)) throw invalid(`${text}: there is nobody on the other side`);
  return new Map(
    parts.flatMap((part) => {
      const others = parts.filter((other) => other !== part).flat();
      return part.map((number) => [number, [...others].sort((a, b) => a - b)] as const);
    }),
  );
}

function numberOf(word: string, all: readonly number[]): number {
  const number = Number(word.trim());
  if (/^\d+$/.test(word.trim()) && all.includes(number)) return number;
  throw invalid(`${word.trim() || 'an empty part'}: there is no such node; there are ${all.join(', ')}`);
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
