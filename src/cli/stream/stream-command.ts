/**
 * `cairn stream append|read|info`: the client library from the command line. Main thread. What always holds: standard output gets
 * what was asked for and nothing else.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CairnError } from '../../base/errors.js';
import {
  type AckPolicy,
  type Client,
  connect,
  type EventRead,
  type ReadConsistency,
} from '../../client/client.js';
import { type Column, type OutputFormat, type Row, RowWriter } from '../inspect/output.js';
import { addUrlOption } from '../node-urls.js';
import { EVENT_COLUMNS, eventLine, eventRow } from './event-line.js';
import { type EventFlags, expectedRevision, newEvent } from './new-event.js';

interface NodeFlags {
  readonly url: readonly string[];
  readonly output: OutputFormat;
}

interface AppendFlags extends NodeFlags, EventFlags {
  readonly expected: string;
  readonly ack?: AckPolicy;
}

interface FreshnessFlags extends NodeFlags {
  readonly consistency?: ReadConsistency;
}

interface ReadFlags extends FreshnessFlags {
  readonly from?: number;
  readonly count?: number;
  readonly backwards?: true;
}

/** The name under which the whole log can be read. */
const ALL = '$all';
/** Lines are handed over in pieces of about this size. */
const BUFFER_CHARACTERS = 65_536;

const INFO_COLUMNS: readonly Column[] = [
  { field: 'stream', title: 'STREAM', width: 24 },
  { field: 'revision', title: 'REVISION', width: 10, align: 'right' },
  { field: 'position', title: 'POSITION', width: 14, align: 'right' },
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
  addInfo(stream);
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
  addNodeOptions(addConsistency(command)).action(read);
}

function addInfo(stream: Command): void {
  const command = stream
    .command('info')
    .description('show where a stream ends')
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

function addNodeOptions(command: Command): Command {
  return addUrlOption(command).addOption(
    new Option('-o, --output <format>', 'a table, or JSON: one object a line')
      .choices(['table', 'json'])
      .default('table'),
  );
}

function wholeNumber(lowest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= lowest) return value;
    throw new InvalidArgumentError(`It must be a whole number, ${lowest} or more.`);
  };
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

async function read(stream: string, { url, output, ...range }: ReadFlags): Promise<void> {
  await withClient(url, async (client) => {
    const events = stream === ALL ? client.readAll(range) : client.readStream(stream, range);
    await (output === 'json' ? printLines(events) : printTable(events));
  });
}

async function info(stream: string, { url, output, ...freshness }: FreshnessFlags): Promise<void> {
  await withClient(url, async (client) => {
    const found = await client.streamInfo(stream, freshness);
    if (found === undefined)
      throw new CairnError('stream-not-found', `there is no stream ${stream}`, { stream });
    await printRow(output, INFO_COLUMNS, { stream, ...found });
  });
}

async function withClient(urls: readonly string[], use: (client: Client) => Promise<void>): Promise<void> {
  const client = await connect(urls, {
    name: 'cairn stream',
    onDisconnect: ({ message }) =>
      tell(`the connection to ${urls.join(', ')} was lost (${message}); trying to come back`),
    onReconnect: () => tell('the connection is back'),
  });
  try {
    await use(client);
  } finally {
    await client.close();
  }
}

function tell(line: string): void {
  process.stderr.write(`cairn: ${line}\n`);
}

async function printRow(output: OutputFormat, columns: readonly Column[], row: Row): Promise<void> {
  const writer = new RowWriter(process.stdout, output, columns);
  await writer.write(row);
  await writer.flush();
}

async function printTable(events: EventRead): Promise<void> {
  const writer = new RowWriter(process.stdout, 'table', EVENT_COLUMNS);
  for await (const batch of events.batches()) {
    for (const event of batch) await writer.write(eventRow(event));
    await writer.flush();
  }
  // Titles alone, if there are no events. After a failure there is nothing left to print.
  await writer.flush();
}

/** Past the cells of a row writer: an event's data is JSON already. What a batch has is out before the next is taken. */
async function printLines(events: EventRead): Promise<void> {
  for await (const batch of events.batches()) {
    let text = '';
    for (const event of batch) {
      text += `${eventLine(event)}\n`;
      if (text.length < BUFFER_CHARACTERS) continue;
      await print(text);
      text = '';
    }
    await print(text);
  }
}

/** Resolves when the text is written, not only buffered: the process exits right after the last one. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
