import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonSplitter } from '../../../src/cli/import/json-splitter.js';
import { surveyRows } from '../../../src/cli/import/rows-survey.js';
import { inputOf, split } from './inputs.js';

async function texts(json: string, path: readonly string[] = []): Promise<string[]> {
  const { rows, failure } = await split(new JsonSplitter(path), inputOf(json));
  expect(failure).toBeUndefined();
  return rows.map(({ text }) => text);
}

async function failureOf(json: string, path: readonly string[] = []): Promise<string | undefined> {
  return (await split(new JsonSplitter(path), inputOf(json))).failure;
}

describe('rows of a JSON document', () => {
  it.each([
    ['[]', []],
    [' [ ] ', []],
    ['[1, -2.5e3 ,true,null , "x"]', ['1', '-2.5e3', 'true', 'null', '"x"']],
    ['[{"a":[{"b":"]"}]} , [1,[2]]]', ['{"a":[{"b":"]"}]}', '[1,[2]]']],
    ['["\\"", "\\\\", "a\\\\\\"]"]', ['"\\""', '"\\\\"', '"a\\\\\\"]"']],
    ['[{"é":"日本"}]\n', ['{"é":"日本"}']],
    ['\ufeff[1]', ['1']],
  ])('of %s', async (json, rows) => {
    expect(await texts(json)).toEqual(rows);
  });

  it.each([
    ['{"a":[1,2]}', ['a'], ['1', '2']],
    ['{"x":{"a":[9]},"a":[1],"z":"]}"}', ['a'], ['1']],
    ['{"a":{"x":[7],"b":{"c":[1,{"c":[2]}]}},"c":[3]}', ['a', 'b', 'c'], ['1', '{"c":[2]}']],
    ['{"a":{},"b":[1]}', ['b'], ['1']],
    ['{"\\u0061\\"":[1]}', ['a"'], ['1']],
    ['{"x":1,"y":"}","z":[[]],"a":[]}', ['a'], []],
  ])('of %s at a path', async (json, path, rows) => {
    expect(await texts(json, path)).toEqual(rows);
  });

  it('says at which byte each row starts', async () => {
    const { rows } = await split(new JsonSplitter(['a']), inputOf('{"é":0,"a":[ {} ,\n"x"]}'));
    expect(rows.map(({ offset }) => offset)).toEqual([14, 19]);
  });

  it('is the same however the bytes are cut', async () => {
    const value = fc.jsonValue();
    await fc.assert(
      fc.asyncProperty(
        fc.array(value),
        fc.option(fc.record({ before: value, behind: value })),
        fc.integer({ min: 0, max: 3 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 64 }),
        async (elements, around, indent, cuts, blockBytes) => {
          const document =
            around === null ? elements : { before: around.before, rows: elements, behind: around.behind };
          const json = JSON.stringify(document, undefined, indent);
          const splitter = new JsonSplitter(around === null ? [] : ['rows']);
          const { rows, failure } = await split(splitter, inputOf(json, cuts), { blockBytes });
          expect(failure).toBeUndefined();
          // -0 is written as 0.
          expect(rows.map(({ text }) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(elements)));
          for (const { text, offset } of rows) {
            expect(Buffer.from(json).toString('utf8', offset, offset + Buffer.byteLength(text))).toBe(text);
          }
        },
      ),
    );
  });
});

describe('a JSON document that is not as it should be', () => {
  it.each([
    ['', [], 'byte 0, behind row 0: there is nothing in it'],
    ['7', [], 'byte 0, behind row 0: the document is neither an array nor an object'],
    ['[1,2', [], 'byte 4, behind row 1: the document ends too early'],
    ['[1,]', [], 'byte 3, behind row 1: expected a row'],
    ['[1,,2]', [], 'byte 3, behind row 1: expected a row'],
    ['[{} {}]', [], 'byte 4, behind row 1: expected "," or "]" behind a row'],
    ['{"a":1}\n{"a":2}', ['b'], 'byte 6, behind row 0: the document has no "b"'],
    [
      '[1] x',
      [],
      'byte 4, behind row 1: something follows the end of the document; one JSON value a line is --format ndjson',
    ],
    [
      '{"a":[1]}',
      [],
      'byte 0, behind row 0: the document is an object, not an array; say with --rows which of its properties holds the rows',
    ],
    [
      '[1]',
      ['a'],
      'byte 0, behind row 0: the document is an array, so there is no property to take rows from; leave out --rows',
    ],
    ['{"a":1}', ['a'], 'byte 5, behind row 0: "a" is not an array'],
    ['{"a":[]}', ['a', 'b'], 'byte 5, behind row 0: "a" is not an object'],
    [
      '{"x":[],"y":[]}',
      ['a'],
      'byte 14, behind row 0: the document has no "a"; the arrays of its outermost object are: x, y',
    ],
    ['{"a":[1],"a":[2]}', ['a'], 'byte 13, behind row 1: "a" occurs twice'],
    ['{a:1}', ['a'], 'byte 1, behind row 0: expected a property name'],
    ['{"a" 1}', ['a'], 'byte 5, behind row 0: expected ":" behind a property name'],
    ['{"a":1 "b":2}', ['b'], 'byte 7, behind row 0: expected "," or "}" behind a property'],
    ['{"a":,"b":2}', ['b'], 'byte 5, behind row 0: expected a value for "a"'],
    ['{"\\x":1}', ['b'], 'byte 4, behind row 0: a property name is not valid JSON'],
    ['{"a":"x', ['b'], 'byte 7, behind row 0: the document ends too early'],
  ])('%s', async (json, path, failure) => {
    expect(await failureOf(json, path)).toBe(failure);
  });

  it('gives out the rows before the place where it breaks', async () => {
    const { rows, failure } = await split(new JsonSplitter([]), inputOf('[{"a":1}, {"a":2} oops'));
    expect(rows.map(({ text }) => text)).toEqual(['{"a":1}', '{"a":2}']);
    expect(failure).toContain('byte 18, behind row 2');
  });

  it('does not hold more of a row than its limit', async () => {
    const json = `["short", "${'x'.repeat(5000)}"]`;
    const { rows, failure } = await split(new JsonSplitter([]), inputOf(json, [100]), {
      rowBytesMax: 500,
      blockBytes: 128,
    });
    expect(rows).toHaveLength(1);
    expect(failure).toBe('byte 10, behind row 1: a row starts here that has not ended after 500 bytes');
  });
});

describe('the survey of a document that nobody said a path for', () => {
  it.each([
    ['[{"a":[1]}]', []],
    ['{"type":"x","features":[{}],"bbox":[1,2]}', ['features']],
    ['{"bbox":[1,2]}', ['bbox']],
    ['{"a":[]}', ['a']],
    ['\ufeff{"a":[{}]}', ['a']],
    ['{"a":[ {}], oops', ['a']],
    ['', []],
  ])('finds the rows of %s', async (json, path) => {
    expect(await surveyRows(inputOf(json, [3]))).toEqual(path);
  });

  it.each([
    ['{"nodes":[{}],"links":[{}]}', 'these arrays: nodes, links'],
    ['{"a":[1],"b":[2]}', 'these arrays: a, b'],
    ['{"a":{"b":[]}}', 'no array among its properties'],
  ])('refuses to guess in %s', async (json, found) => {
    await expect(surveyRows(inputOf(json))).rejects.toMatchObject({
      code: 'bad-input',
      message: `the document is an object with ${found}. Say with --rows where the rows are`,
    });
  });
});
