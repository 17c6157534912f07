/**
 * Where a JSON document has its rows, if nobody said so: looked for in the whole file before the first row is imported,
 * because what was written to the log in error stays there. Main thread.
 */
import { CairnError } from '../../base/errors.js';
import type { Input } from './input.js';
import { type ArrayProperty, JsonSplitter } from './json-splitter.js';
import { readRowBlocks } from './row-blocks.js';

/**
 * The path to the rows: `[]` if the document is an array, else the name of its only array, or of its only array of
 * objects. Throws `CairnError` `bad-input` if there is none, or more than one.
 */
export async function surveyRows(input: Input): Promise<readonly string[]> {
  const splitter = new JsonSplitter(undefined);
  await runThrough(input, splitter);
  if (splitter.document !== 'object') return [];
  const arrays =
    splitter.arrays.length === 1 ? splitter.arrays : splitter.arrays.filter((array) => array.isOfObjects);
  if (arrays.length === 1) return [arrays[0]!.name];
  throw undecided(splitter.arrays.length > 0 ? splitter.arrays : arrays);
}

/** A document that is broken somewhere is looked at up to there; the import then says where, and in which row. */
async function runThrough(input: Input, splitter: JsonSplitter): Promise<void> {
  try {
    // Without a path there are no rows, so that the first step is the whole way.
    await readRowBlocks(input, splitter, { rowBytesMax: 0 }).next();
  } catch (error) {
    if (!(error instanceof CairnError && error.code === 'bad-input')) throw error;
  }
}

function undecided(arrays: readonly ArrayProperty[]): CairnError {
  const names = arrays.map(({ name }) => name).join(', ');
  const found = names === '' ? 'no array among its properties' : `these arrays: ${names}`;
  return new CairnError(
    'bad-input',
    `the document is an object with ${found}. Say with --rows where the rows are`,
  );
}
