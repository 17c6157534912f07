/**
 * `cairn stream meta|delete`: what is said about a stream, and deleting it. Main thread.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { CairnError } from '../../base/errors.js';
import type { StreamMetadata } from '../../client/client.js';
import { type Column, RowWriter } from '../inspect/output.js';
import { expectedRevision } from './new-event.js';
import { ALL, addNodeOptions, type NodeFlags, wholeNumber, withClient } from './node-flags.js';

interface MetaFlags extends NodeFlags {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly unset?: readonly string[];
  readonly maxCount?: number;
  readonly maxAge?: number;
  readonly truncateBefore?: number;
}

interface DeleteFlags extends NodeFlags {
  readonly expected: string;
  readonly tombstone?: true;
}

const METADATA_COLUMNS: readonly Column[] = [
  { field: 'key', title: 'KEY', width: 16 },
  { field: 'value', title: 'VALUE', width: 24 },
];
const DELETE_COLUMNS: readonly Column[] = [
  { field: 'stream', title: 'STREAM', width: 24 },
  { field: 'lastRevision', title: 'LAST REVISION', width: 13, align: 'right' },
  { field: 'tombstone', title: 'TOMBSTONE', width: 9 },
];

export function addMeta(stream: Command): void {
  const command = stream
    .command('meta')
    .description('show what is said about a stream, or change it')
    .argument('<stream>', 'the name of the stream, which need not exist yet')
    .option('--max-count <n>', 'only the last n events can be read', wholeNumber(1))
    .option('--max-age <seconds>', 'only events that are not older can be read', wholeNumber(1))
    .option('--truncate-before <revision>', 'events before it can not be read', wholeNumber(0))
    .option('--set <key=json>', 'set any key; may be given more than once', keyAndValue)
    .option('--unset <key>', 'remove a key, such as $maxCount; may be given more than once', oneMore);
  addNodeOptions(command).action(meta);
}

export function addDelete(stream: Command): void {
  const command = stream
    .command('delete')
    .description('delete the events of a stream; with --tombstone the stream itself')
    .argument('<stream>', 'the name of the stream')
    .option('--expected <revision>', "any, exists, or the stream's last revision", 'any')
    .option('--tombstone', 'for good: nothing can ever be appended to it again');
  addNodeOptions(command).action(deleteStream);
}

async function meta(stream: string, flags: MetaFlags): Promise<void> {
  refuseAll(stream);
  const { url, output } = flags;
  await withClient(url, async (client) => {
    let { metadata, revision, isTombstoned } = await client.metadata(stream);
    const changed = changedBy(metadata, flags);
    if (changed !== undefined) {
      const expected = revision < 0 ? 'none' : revision;
      ({ revision } = await client.setMetadata(stream, changed, { expected }));
      metadata = changed;
    }
    if (output === 'json') {
      process.stdout.write(`${JSON.stringify({ stream, revision, isTombstoned, metadata })}\n`);
      return;
    }
    const rows = Object.entries(metadata).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
    if (isTombstoned) rows.push({ key: 'tombstoned', value: 'true' });
    const writer = new RowWriter(process.stdout, output, METADATA_COLUMNS);
    for (const row of rows) await writer.write(row);
    await writer.flush();
  });
}

async function deleteStream(
  stream: string,
  { url, output, expected, tombstone }: DeleteFlags,
): Promise<void> {
  refuseAll(stream);
  const options = { expected: expectedRevision(expected) };
  const isFinal = tombstone === true;
  await withClient(url, async (client) => {
    const { lastRevision } = await (isFinal
      ? client.tombstoneStream(stream, options)
      : client.deleteStream(stream, options));
    const writer = new RowWriter(process.stdout, output, DELETE_COLUMNS);
    await writer.write({ stream, lastRevision, tombstone: isFinal });
    await writer.flush();
  });
}

/** What is to be said instead; undefined if nothing is to be changed. */
function changedBy(metadata: StreamMetadata, flags: MetaFlags): StreamMetadata | undefined {
  const { set = {}, unset = [], maxCount, maxAge, truncateBefore } = flags;
  const named = { $maxCount: maxCount, $maxAge: maxAge, $tb: truncateBefore };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  if (given.length + Object.keys(set).length + unset.length === 0) return undefined;
  const all = Object.entries({ ...metadata, ...set, ...Object.fromEntries(given) });
  return Object.fromEntries(all.filter(([key]) => !unset.includes(key)));
}

function keyAndValue(text: string, before: Record<string, unknown> = {}): Record<string, unknown> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be a key, = and a value in JSON.');
  try {
    return { ...before, [text.slice(0, at)]: JSON.parse(text.slice(at + 1)) as unknown };
  } catch (error) {
    throw new InvalidArgumentError(`The value must be JSON: ${(error as SyntaxError).message}.`);
  }
}

function oneMore(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function refuseAll(stream: string): void {
  if (stream !== ALL) return;
  throw new CairnError('invalid-configuration', `'${ALL}' is the whole log: name a stream`);
}
