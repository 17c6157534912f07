/** The known name that an unknown one was probably meant to be. Pure. */

/** Beyond this share of the longer word's letters, two words have nothing to do with each other. */
const DISTANCE_SHARE_MAX = 0.6;

/** The candidate with the smallest edit distance to `word`, letter case ignored; undefined if none is like it. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const limit = DISTANCE_SHARE_MAX * Math.max(word.length, candidate.length);
    if (distance < bestDistance && distance <= limit) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * Levenshtein's distance: the fewest insertions, deletions and replacements of a letter that turn `a` into `b`.
 * One row of the table at a time (Wagner and Fischer, "The string-to-string correction problem", 1974).
 */
export function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[b.length]!;
}
