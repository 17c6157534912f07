import { describe, expect, it } from 'vitest';
import { FakeNode, seededRandom } from './fake-node.js';
import { importText } from './plans.js';

function newNode(): FakeNode {
  return new FakeNode(seededRandom(9));
}

describe('an import', () => {
  it('writes the bytes of a row as they stand', async () => {
    const node = newNode();
    await importText('{"n":1.0,  "big":12345678901234567890}\n', node.connect());
    expect(node.dataOf('rows')).toEqual(['{"n":1.0,  "big":12345678901234567890}']);
  });

  it('marks every event with its source and row', async () => {
    const node = newNode();
    await importText('[{"s":"a"},{"s":"b"}]', node.connect(), { format: 'json', mapping: { streamBy: 's' } });
    const [event] = node.streams.get('b')!;
    expect(JSON.parse(Buffer.from(event!.metadata).toString())).toEqual({
      $source: 'rows.ndjson?stream-by=s',
      $row: 2,
      $check: expect.stringMatching(/^[0-9a-f]{8}$/),
    });
  });

  it('sends no more events, and no more bytes, in one append than it may', async () => {
    const node = newNode();
    const target = node.connect();
    const sizes: number[] = [];
    const append = target.append;
    const counting = {
      ...target,
      append: (...request: Parameters<typeof append>) => {
        sizes.push(request[1].length);
        return append(...request);
      },
    };
    const text = '"0123456789"\n'.repeat(100);
    await importText(text, counting, {
      importer: { batch: { eventsMax: 7, bytesMax: 1 << 20, idsMayRepeat: false } },
    });
    await importText(text, counting, {
      sourceName: 'other',
      importer: { batch: { eventsMax: 50, bytesMax: 400, idsMayRepeat: false } },
    });
    expect(Math.max(...sizes.slice(0, 15))).toBe(7);
    expect(Math.max(...sizes.slice(15))).toBe(3);
    expect(node.dataOf('rows')).toHaveLength(200);
  });

  it('by two at the same time has every row once and in order', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const node = new FakeNode(seededRandom(seed), 0);
      const rows = Array.from({ length: 50 }, (_, n) => JSON.stringify({ s: 'abc'[n % 3], n }));
      const text = rows.join('\n');
      const choices = { mapping: { streamBy: 's' }, blockBytes: 64 };
      const states = await Promise.all([1, 2].map(() => importText(text, node.connect(), choices)));
      expect(states[0]!.eventsWritten + states[1]!.eventsWritten).toBe(50);
      for (const s of 'abc') expect(node.dataOf(s)).toEqual(rows.filter((row) => JSON.parse(row).s === s));
    }
  });
});

describe('a row that can not be used', () => {
  const TEXT = '{"s":"a","n":1}\n{"n":2}\n{"s":"a"\n{"s":"a","n":4}\n';
  const BY_STREAM = { mapping: { streamBy: 's' } } as const;

  it('ends the import, with all rows before it in place', async () => {
    const node = newNode();
    await expect(importText(TEXT, node.connect(), BY_STREAM)).rejects.toMatchObject({
      code: 'bad-input',
      message: 'row 2, at byte 16: it has no text or number at "s"',
      details: { row: 2, offset: 16 },
    });
    expect(node.dataOf('a')).toEqual(['{"s":"a","n":1}']);
  });

  it('is counted and left out if that is wanted, and the others keep their numbers', async () => {
    const node = newNode();
    const state = await importText(TEXT, node.connect(), { ...BY_STREAM, isSkippingBad: true });
    expect(state).toMatchObject({ rows: 4, rowsSkipped: 2, eventsWritten: 2, streams: 1 });
    const rows = node.streams
      .get('a')!
      .map(({ metadata }) => JSON.parse(Buffer.from(metadata).toString()).$row);
    expect(rows).toEqual([1, 4]);
  });

  it('is one that is larger than an event may be', async () => {
    const node = newNode();
    const target = node.connect(undefined, { eventBytesMax: 1000 });
    const text = `"${'x'.repeat(500)}"\n"${'x'.repeat(990)}"\n"${'x'.repeat(100_000)}"\n`;
    await expect(importText(text, target)).rejects.toThrow(
      'row 2, at byte 503: it is larger than an event may be (1000 bytes)',
    );
    await expect(importText(text, target, { isSkippingBad: true })).resolves.toMatchObject({
      rowsSkipped: 2,
      rows: 3,
    });
  });

  it('behind a place where the input breaks is never reached, also when bad rows are left out', async () => {
    const node = newNode();
    const json = '[1,2 3]';
    await expect(
      importText(json, node.connect(), { format: 'json', isSkippingBad: true }),
    ).rejects.toMatchObject({
      code: 'bad-input',
      details: { row: 3, offset: 5 },
    });
    expect(node.dataOf('rows')).toEqual(['1', '2']);
  });
});

describe('ids that come from the rows', () => {
  const BY_ID = { mapping: { idBy: 'id' } } as const;

  it('are found again like others', async () => {
    const node = newNode();
    const text = '{"id":"a"}\n{"id":"b"}\n';
    await importText(text, node.connect(), BY_ID);
    await expect(importText(text, node.connect(), BY_ID)).resolves.toMatchObject({
      eventsWritten: 0,
      eventsAlreadyThere: 2,
    });
  });

  it('twice in the input are refused rather than lost', async () => {
    const node = newNode();
    await expect(importText('{"id":"a"}\n{"id":"a"}\n', node.connect(), BY_ID)).rejects.toMatchObject({
      code: 'event-id-conflict',
      details: { stream: 'rows', row: 2 },
    });
    expect(node.dataOf('rows')).toEqual(['{"id":"a"}']);
  });
});
