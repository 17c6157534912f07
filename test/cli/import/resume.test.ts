import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeNode, seededRandom } from './fake-node.js';
import { importText } from './plans.js';

interface Row {
  readonly s: string;
  readonly n: number;
}

function ndjson(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

function expectOnceInOrder(node: FakeNode, rows: readonly Row[]): void {
  for (const stream of new Set([...rows.map(({ s }) => s), ...node.streams.keys()])) {
    const expected = rows.filter(({ s }) => s === stream).map((row) => JSON.stringify(row));
    expect(node.dataOf(stream)).toEqual(expected);
  }
}

const BY_STREAM = { mapping: { streamBy: 's' } } as const;
const ROWS: Row[] = Array.from({ length: 40 }, (_, n) => ({ s: 'abcab'[n % 5]!, n }));

/** Runs an import that may lose its connection. */
async function runBroken(
  node: FakeNode,
  text: string,
  operations: number,
  lanesMax?: number,
): Promise<boolean> {
  try {
    const importer = lanesMax === undefined ? {} : { lanesMax };
    await importText(text, node.connect(operations), { ...BY_STREAM, importer, blockBytes: 64 });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'connection-lost' });
    return false;
  }
}

describe('an import that is run again', () => {
  it('after its end, writes nothing', async () => {
    const node = new FakeNode(seededRandom(1));
    const first = await importText(ndjson(ROWS), node.connect(), BY_STREAM);
    expect(first).toMatchObject({ rows: 40, eventsWritten: 40, eventsAlreadyThere: 0, streams: 3 });
    const second = await importText(ndjson(ROWS), node.connect(), BY_STREAM);
    expect(second).toMatchObject({ rows: 40, eventsWritten: 0, eventsAlreadyThere: 40, streams: 3 });
    expectOnceInOrder(node, ROWS);
  });

  it('after a break at any point, has every row once and in order', async () => {
    for (let operations = 0; ; operations++) {
      const node = new FakeNode(seededRandom(operations), 0);
      const isDone = await runBroken(node, ndjson(ROWS), operations);
      node.settleLate();
      expect(await runBroken(node, ndjson(ROWS), Number.POSITIVE_INFINITY)).toBe(true);
      expectOnceInOrder(node, ROWS);
      if (isDone) break;
    }
  });

  it('goes on where a source that has grown since had ended', async () => {
    const node = new FakeNode(seededRandom(2));
    await importText(ndjson(ROWS.slice(0, 17)), node.connect(), BY_STREAM);
    const state = await importText(ndjson(ROWS), node.connect(), BY_STREAM);
    expect(state).toMatchObject({ eventsWritten: 23, eventsAlreadyThere: 17 });
    expectOnceInOrder(node, ROWS);
  });

  it('goes on behind a limit', async () => {
    const node = new FakeNode(seededRandom(3));
    const state = await importText(ndjson(ROWS), node.connect(), { ...BY_STREAM, rowsMax: 13 });
    expect(state).toMatchObject({ rows: 13, eventsWritten: 13 });
    await importText(ndjson(ROWS), node.connect(), { ...BY_STREAM, rowsMax: 5 });
    await importText(ndjson(ROWS), node.connect(), BY_STREAM);
    expectOnceInOrder(node, ROWS);
  });

  it('keeps other sources in the same streams apart', async () => {
    const node = new FakeNode(seededRandom(4));
    await importText(ndjson(ROWS), node.connect(), { ...BY_STREAM, sourceName: 'a' });
    await importText(ndjson(ROWS), node.connect(), { ...BY_STREAM, sourceName: 'b' });
    await importText(ndjson(ROWS), node.connect(), { ...BY_STREAM, sourceName: 'a' });
    expectOnceInOrder(node, [...ROWS, ...ROWS]);
  });

  it('with any breaks, late requests, other writers and few lanes in memory, has every row once and in order', async () => {
    const rows = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.array(fc.nat({ max: 60 }), { maxLength: 4 }),
        fc.integer(),
        fc.constantFrom(undefined, 1, 2),
        fc.constantFrom(0, 7, 1000),
        async (streams, breaks, seed, lanesMax, retryWindow) => {
          const random = seededRandom(seed);
          const node = new FakeNode(random, retryWindow);
          const source = streams.map((s, n) => ({ s, n }));
          for (const operations of [...breaks, Number.POSITIVE_INFINITY]) {
            const disturbance = disturb(node, random);
            const isDone = await runBroken(node, ndjson(source), operations, lanesMax);
            await disturbance.stop();
            if (random() < 0.7) node.settleLate();
            if (operations === Number.POSITIVE_INFINITY) expect(isDone).toBe(true);
          }
          node.settleLate();
          expectOnceInOrder(node, source);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** Other writers, and late requests that take effect while the import runs. */
function disturb(node: FakeNode, random: () => number): { stop(): Promise<void> } {
  let isStopped = false;
  const done = (async () => {
    for (let i = 0; i < 30 && !isStopped; i++) {
      await new Promise(setImmediate);
      if (random() < 0.3) node.writeForeign('abcde'[Math.floor(random() * 5)]!, 1 + Math.floor(random() * 5));
      if (random() < 0.1) node.settleLate();
    }
  })();
  return {
    stop: async () => {
      isStopped = true;
      await done;
    },
  };
}

describe('a source that was changed since', () => {
  const imported = ndjson(ROWS);

  async function importChanged(
    change: (rows: Row[]) => Row[],
    choices: object = BY_STREAM,
  ): Promise<unknown> {
    const node = new FakeNode(seededRandom(5));
    await importText(imported, node.connect(), BY_STREAM);
    const before = new Map([...node.streams].map(([stream, events]) => [stream, events.length]));
    const failure = await importText(ndjson(change([...ROWS])), node.connect(), choices).catch(
      (error: unknown) => error,
    );
    expect(new Map([...node.streams].map(([stream, events]) => [stream, events.length]))).toEqual(before);
    return failure;
  }

  it.each([
    ['in its first row', (rows: Row[]) => rows.with(0, { s: 'a', n: -1 })],
    ['in a row in the middle', (rows: Row[]) => rows.with(20, { s: 'a', n: -1 })],
    ['in its last row', (rows: Row[]) => rows.with(39, { s: 'b', n: -1 })],
    ['by a row left out', (rows: Row[]) => rows.toSpliced(3, 1)],
    ['by a row put in', (rows: Row[]) => rows.toSpliced(3, 0, { s: 'c', n: -1 })],
    ['by its end cut off', (rows: Row[]) => rows.slice(0, 30)],
  ])('%s is refused, and nothing is written', async (_, change) => {
    expect(await importChanged(change)).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining('the source was changed'),
    });
  });

  it('is refused when a row goes to another stream than before', async () => {
    const node = new FakeNode(seededRandom(6));
    await importText('{"s":"a","t":"a"}\n{"s":"b","t":"a"}\n', node.connect(), {
      mapping: { streamBy: 's' },
    });
    const again = importText('{"s":"a","t":"a"}\n{"s":"b","t":"a"}\n{"s":"a"}', node.connect(), {
      mapping: { streamBy: 's', streamPrefix: '' },
    });
    await expect(again).resolves.toMatchObject({ eventsWritten: 1 });
    const other = importText('{"s":"b"}\n{"s":"b"}\n{"s":"a"}\n{"s":"a"}', node.connect(), {
      mapping: { streamBy: 's' },
    });
    await expect(other).rejects.toMatchObject({ code: 'bad-input' });
  });
});

describe('somebody else who writes to the same stream', () => {
  it('for ever first, is told apart from a failure of the node', async () => {
    const node = new FakeNode(() => 0);
    const target = node.connect();
    const append = target.append;
    const jammed = {
      ...target,
      append: (...request: Parameters<typeof append>) => {
        node.writeForeign('rows', 1);
        return append(...request);
      },
    };
    await expect(importText('1\n', jammed)).rejects.toMatchObject({ code: 'wrong-expected-revision' });
  });
});
