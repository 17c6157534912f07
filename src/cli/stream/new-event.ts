/** From the arguments of `cairn stream append` to the event. Main thread: the data may be in a file. */
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { CairnError } from '../../base/errors.js';
import type { ExpectedRevision, NewEvent } from '../../client/client.js';

/** As commander hands them over. */
export interface EventFlags {
  readonly type: string;
  readonly data?: string;
  readonly dataFile?: string;
  readonly metadata?: string;
  readonly id?: string;
}

/** The name of standard input, in place of a file. */
const STANDARD_INPUT = '-';

/** The event to append. Throws `CairnError` `invalid-configuration`. */
export async function newEvent({ type, data, dataFile, metadata, id }: EventFlags): Promise<NewEvent> {
  if ((data === undefined) === (dataFile === undefined)) {
    throw invalid('give the data of the event: either --data or --data-file');
  }
  const content =
    data === undefined ? await fileContent(dataFile!) : { data: json('--data', data), isJson: true };
  return {
    type,
    ...content,
    ...(metadata === undefined ? {} : { metadata: json('--metadata', metadata) }),
    ...(id === undefined ? {} : { id }),
  };
}

/** `any`, `none`, `exists` or a revision. Throws `CairnError` `invalid-configuration`. */
export function expectedRevision(text: string): ExpectedRevision {
  if (text === 'any' || text === 'none' || text === 'exists') return text;
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw invalid(`--expected must be any, none, exists or a revision (0, 1, …), not '${text}'`);
}

/** The text itself, so that it is stored as it was written. */
function json(option: string, text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw invalid(`${option} is not JSON: ${(error as SyntaxError).message}`);
  }
}

/** What is JSON becomes JSON data, anything else bytes. */
async function fileContent(path: string): Promise<{ data: Uint8Array; isJson: boolean }> {
  const data = path === STANDARD_INPUT ? await buffer(process.stdin) : await contentOf(path);
  return { data, isJson: isJson(data) };
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw invalid(`can't read ${path}: ${(error as Error).message}`);
  }
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
