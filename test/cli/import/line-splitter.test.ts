import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/cli/import/line-splitter.js';
import { inputOf, split } from './inputs.js';

describe('rows of NDJSON', () => {
  it.each([
    ['', []],
    ['\n\n \r\n', []],
    ['{}', ['{}']],
    ['{"a":1}\r\n\n  {"a":2}  \n3', ['{"a":1}', '{"a":2}', '3']],
    ['\ufeff1\n', ['1']],
  ])('of %j', async (text, rows) => {
    const result = await split(new LineSplitter(), inputOf(text));
    expect(result.rows.map((row) => row.text)).toEqual(rows);
  });

  it('is the same however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.jsonValue().map((value) => JSON.stringify(value)),
            fc.constantFrom('', ' ', '\r'),
          ),
        ),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 64 }),
        async (lines, isEnded, cuts, blockBytes) => {
          const text = lines.join('\n') + (isEnded ? '\n' : '');
          const { rows } = await split(new LineSplitter(), inputOf(text, cuts), { blockBytes });
          expect(rows.map((row) => row.text)).toEqual(lines.filter((line) => line.trim() !== ''));
          for (const row of rows) {
            expect(
              Buffer.from(text).toString('utf8', row.offset, row.offset + Buffer.byteLength(row.text)),
            ).toBe(row.text);
          }
        },
      ),
    );
  });

  it('does not hold more of a line than its limit', async () => {
    const { rows, failure } = await split(new LineSplitter(), inputOf(`1\n${'2'.repeat(2000)}`, [64]), {
      rowBytesMax: 500,
    });
    expect(rows).toHaveLength(1);
    expect(failure).toBe('byte 2, behind row 1: a row starts here that has not ended after 500 bytes');
  });
});
