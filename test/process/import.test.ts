/** Real data, imported into a node that is killed in the middle: every row is there once, in its place, as it was. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { runImport, startImport } from '../cli/import/import-process.js';
import { longTest } from '../long-test.js';
import { endAllCommands } from './command-process.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';
import { until, within } from './within.js';

const DATA = fileURLToPath(new URL('../../node_modules/vega-datasets/data/', import.meta.url));
const EARTHQUAKES = `${DATA}earthquakes.json`;
const FLIGHTS = `${DATA}flights-10k.json`;
const BY_ORIGIN = [FLIGHTS, '--stream-by', 'origin', '--type', 'Flight'];
/** Small and few appends, so that the middle lasts. */
const SLOWLY = ['--batch', '10', '--in-flight', '4'];
/** The least that a node remembers: what is there must be found in the streams. */
const FORGETFUL = ['--retry-window-events', '1024'];
const DEADLINE_MS = 50_000;

const folders: string[] = [];
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await endAllCommands();
  await endAllNodes();
  for (const folder of folders.splice(0)) removeFolder(folder);
});

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder;
}

async function connected(node: NodeProcess): Promise<Client> {
  const client = await connect(node.url);
  clients.push(client);
  return client;
}

/** Resolves when the log has grown to `bytes`. */
async function untilGrown(node: NodeProcess, bytes: number): Promise<void> {
  const client = await connected(node);
  await until(DEADLINE_MS, `the log has ${bytes} bytes`, async () => {
    const [last] = await client.readAll({ backwards: true, count: 1 }).toArray();
    return last !== undefined && last.position > bytes;
  });
  clients.splice(clients.indexOf(client), 1);
  await client.close();
}

/** Every event of every stream against the rows it was made of; and that there are no others. */
async function compare<Row>(
  node: NodeProcess,
  rows: readonly Row[],
  streamOf: (row: Row) => string,
): Promise<void> {
  const expected = new Map<string, { row: Row; number: number }[]>();
  for (const [i, row] of rows.entries()) {
    const stream = streamOf(row);
    expected.set(stream, [...(expected.get(stream) ?? []), { row, number: i + 1 }]);
  }
  const client = await connected(node);
  for (const [stream, its] of expected) {
    const events = await client.readStream(stream).toArray();
    expect(events.map((event) => JSON.stringify(event.json()))).toEqual(
      its.map(({ row }) => JSON.stringify(row)),
    );
    expect(events.map((event) => event.metadataJson<{ $row: number }>()?.$row)).toEqual(
      its.map(({ number }) => number),
    );
    expect(events.map(({ revision }) => revision)).toEqual(its.map((_, i) => i));
  }
  let count = 0;
  for await (const events of client.readAll().batches()) count += events.length;
  expect(count).toBe(rows.length);
}

interface Flight {
  readonly origin: string;
}

test('a node killed while flights are imported: the import waits for it, and every flight is there once', async () => {
  const folder = newFolder();
  const node = await NodeProcess.start({ folder, flags: FORGETFUL });
  const port = new URL(node.url).port;
  const importing = startImport(node.url, [...BY_ORIGIN, ...SLOWLY]);
  await untilGrown(node, 900_000);
  await node.kill();
  const again = await NodeProcess.start({ folder, flags: [...FORGETFUL, '--node-port', port] });
  const { code, output, errors } = await within(DEADLINE_MS, 'the import ends', importing.exit);
  expect(errors).toContain('the connection is back');
  expect(code).toBe(0);
  const flights = JSON.parse(readFileSync(FLIGHTS, 'utf8')) as Flight[];
  const summary = JSON.parse(output) as { eventsWritten: number; eventsAlreadyThere: number };
  expect(summary).toMatchObject({ rows: flights.length, rowsSkipped: 0, streams: 201 });
  expect(summary.eventsWritten + summary.eventsAlreadyThere).toBe(flights.length);
  await compare(again, flights, ({ origin }) => origin);
});

longTest(
  'import and node killed in the middle, both twice: the last run leaves every flight there once',
  async () => {
    const folder = newFolder();
    for (const bytes of [600_000, 1_500_000]) {
      const node = await NodeProcess.start({ folder, flags: FORGETFUL });
      const importing = startImport(node.url, [...BY_ORIGIN, ...SLOWLY]);
      await untilGrown(node, bytes);
      importing.kill();
      await node.kill();
      await importing.exit;
    }
    const node = await NodeProcess.start({ folder, flags: FORGETFUL });
    const flights = JSON.parse(readFileSync(FLIGHTS, 'utf8')) as Flight[];
    const last = JSON.parse((await runImport(node.url, BY_ORIGIN)).output) as Record<string, number>;
    expect(last['eventsAlreadyThere']).toBeGreaterThan(1000);
    expect(last['eventsWritten']).toBeGreaterThan(1000);
    await compare(node, flights, ({ origin }) => origin);
    const none = await runImport(node.url, BY_ORIGIN);
    expect(JSON.parse(none.output)).toMatchObject({
      eventsWritten: 0,
      eventsAlreadyThere: flights.length,
      streams: 201,
    });
  },
);

interface Earthquake {
  readonly properties: { readonly net: string; readonly type: string };
}

test('earthquakes go into streams by their network, with their type, and not a second time', async () => {
  const node = await NodeProcess.start({ folder: newFolder() });
  const words = [EARTHQUAKES, '--stream-by', 'properties.net', '--type-by', 'properties.type'];
  const first = await runImport(node.url, [...words, '--rows', 'features']);
  const { features } = JSON.parse(readFileSync(EARTHQUAKES, 'utf8')) as { features: Earthquake[] };
  expect(JSON.parse(first.output)).toMatchObject({
    rows: features.length,
    eventsWritten: features.length,
    streams: 12,
  });
  await compare(node, features, ({ properties }) => properties.net);
  const client = await connected(node);
  const types = (await client.readStream('hv').toArray()).map(({ type }) => type);
  expect(types).toEqual(
    features.filter(({ properties }) => properties.net === 'hv').map(({ properties }) => properties.type),
  );
  // Without --rows the same array is found.
  const second = await runImport(node.url, words);
  expect(JSON.parse(second.output)).toMatchObject({ eventsWritten: 0, eventsAlreadyThere: features.length });
});

test('standard input ends at a bad row, with all rows before it in place; corrected, it goes on', async () => {
  const node = await NodeProcess.start({ folder: newFolder() });
  const words = ['-', '--format', 'ndjson', '--stream', 'lines', '--source', 'lines'];
  const { code, output, errors } = await runImport(node.url, words, '{"n":1}\n{"n":2}\n{"n":\n{"n":4}\n');
  expect([code, output]).toEqual([2, '']);
  expect(errors).toContain('row 3, at byte 16: not valid JSON');
  expect(errors).toContain('The 2 rows before it are in place.');
  const corrected = await runImport(node.url, words, '{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n');
  expect(JSON.parse(corrected.output)).toMatchObject({ eventsWritten: 2, eventsAlreadyThere: 2 });
  await compare(
    node,
    [1, 2, 3, 4].map((n) => ({ n })),
    () => 'lines',
  );
});

test('without a node the import says so', async () => {
  const node = await NodeProcess.start({ folder: newFolder() });
  await node.stop();
  const { code, errors } = await runImport(node.url, BY_ORIGIN);
  expect(code).toBe(7);
  expect(errors).toContain('[connection-refused]');
});
