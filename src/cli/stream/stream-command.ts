/**
 * `cairn stream append|read|tail|info|meta|delete`: the client library from the command line. Main thread. What always holds: standard output gets
 * what was asked for and nothing else.
 */
import { type Command, Option } from 'commander';
import { CairnError } from '../../base/errors.js';
import type { AckPolicy, ReadConsistency } from '../../client/client.js';
import { type Column, type OutputFormat, type Row, RowWriter } from '../inspect/output.js';
import { eventPrinter } from './event-output.js';
import { addFilterOptions, type FilterFlags, filterOf } from './filter-flags.js';
import { addDelete, addMeta } from './metadata-commands.js';
import { type EventFlags, expectedRevision, newEvent } from './new-event.js';
import { ALL, addNodeOptions, type NodeFlags, wholeNumber, withClient } from './node-flags.js';
import { addTail } from './tail-command.js';

interface AppendFlags extends NodeFlags, EventFlags {
  readonly expected: string;
  readonly ack?: AckPolicy;
}

interface FreshnessFlags extends NodeFlags {
  readonly consistency?: ReadConsistency;
}

interface ReadFlags extends FreshnessFlags, FilterFlags {
  readonly from?: number;
  readonly count?: number;
  readonly backwards?: true;
}

const INFO_COLUMNS: readonly Column[] = [
  { field: 'stream', title: 'STREAM', width: 24 },
  { field: 'revision', title: 'REVISION', width: 10, align: 'right' },
  { field: 'position', title: 'POSITION', width: 14, align: 'right' },
];
const STATE_COLUMNS: readonly Column[] = [
  ...INFO_COLUMNS,
  { field: 'firstRevision', title: 'FIRST', width: 10, align: 'right' },
  { field: 'state', title: 'STATE', width: 10 },
  { field: 'metadata', title: 'METADATA', width: 10 },
];
const APPEND_COLUMNS: readonly Column[] = [
  ...INFO_COLUMNS,
  { field: 'duplicate', title: 'DUPLICATE', width: 9 },
];

/** Adds `stream` and its commands to the command line. */
export function registerStream(program: Command): void {
  const stream = program.command('stream').description('append events to streams, and read them');
  addAppend(stream);
  addRead(stream);
  addTail(stream);
  addInfo(stream);
  addMeta(stream);
  addDelete(stream);
}

function addAppend(stream: Command): void {
  const command = stream
    .command('append')
    .description('append an event')
    .argument('<stream>', 'the name of the stream; it comes into being with its first event')
    .requiredOption('--type <name>', 'what happened, such as OrderPlaced')
    .option('--data <json>', "the event's data")
    .option('--data-file <file>', "the event's data: JSON or any bytes; - = standard input")
    .option('--metadata <json>', 'what else is known about it')
    .option('--id <uuid>', 'the id by which a retry is recognised (default: a random one)')
    .option('--expected <revision>', "any, none, exists, or the stream's last revision", 'any')
    .addOption(
      new Option('--ack <policy>', 'answer when the event is durable on the leader, a quorum, …').choices([
        'leader',
        'quorum',
        'all',
        'quorum-and-zone',
      ]),
    );
  addNodeOptions(command).action(append);
}

function addRead(stream: Command): void {
  const command = stream
    .command('read')
    .description('read events; with -o json one JSON object a line')
    .argument('<stream>', `the name of the stream, or '${ALL}' for the whole log`)
    .option('--from <n>', `the revision to start from; in ${ALL} a position`, wholeNumber(0))
    .option('--count <n>', 'read at most so many', wholeNumber(1))
    .option('--backwards', 'newest first');
  addNodeOptions(addConsistency(addFilterOptions(command))).action(read);
}

function addInfo(stream: Command): void {
  const command = stream
    .command('info')
    .description('show where a stream begins and ends, whether it is deleted, and what is said about it')
    .argument('<stream>', 'the name of the stream');
  addNodeOptions(addConsistency(command)).action(info);
}

function addConsistency(command: Command): Command {
  return command.addOption(
    new Option(
      '--consistency <kind>',
      'local: what a node knows; leader: what the leader knows; linearizable: all that was acknowledged before',
    ).choices(['local', 'leader', 'linearizable']),
  );
}

async function append(stream: string, flags: AppendFlags): Promise<void> {
  if (stream === ALL) throw invalid(`'${ALL}' is the whole log: name a stream to append to`);
  const expected = expectedRevision(flags.expected);
  const event = await newEvent(flags);
  await withClient(flags.url, async (client) => {
    const ack = flags.ack === undefined ? {} : { ackPolicy: flags.ack };
    const { revision, position, duplicate } = await client.append(stream, event, { expected, ...ack });
    await printRow(flags.output, APPEND_COLUMNS, { stream, revision, position, duplicate });
  });
}

async function read(stream: string, flags: ReadFlags): Promise<void> {
  const { url, output, from, count, backwards, consistency } = flags;
  const range = {
    ...(from === undefined ? {} : { from }),
    ...(count === undefined ? {} : { count }),
    ...(backwards === undefined ? {} : { backwards }),
    ...(consistency === undefined ? {} : { consistency }),
    ...filterOf(stream, flags),
  };
  await withClient(url, async (client) => {
    const events = stream === ALL ? client.readAll(range) : client.readStream(stream, range);
    const print = eventPrinter(output);
    for await (const batch of events.batches()) await print(batch);
    // Titles alone, if there are no events. After a failure there is nothing left to print.
    await print([]);
  });
}

async function info(stream: string, { url, output, ...freshness }: FreshnessFlags): Promise<void> {
  await withClient(url, async (client) => {
    const found = await client.streamInfo(stream, freshness);
    if (found === undefined)
      throw new CairnError('stream-not-found', `there is no stream ${stream}`, { stream });
    const { metadata } = await client.metadata(stream, freshness);
    const row = { stream, ...found };
    if (output === 'json') process.stdout.write(`${JSON.stringify({ ...row, metadata })}\n`);
    else await printRow(output, STATE_COLUMNS, { ...row, metadata: JSON.stringify(metadata) });
  });
}

async function printRow(output: OutputFormat, columns: readonly Column[], row: Row): Promise<void> {
  const writer = new RowWriter(process.stdout, output, columns);
  await writer.write(row);
  await writer.flush();
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
