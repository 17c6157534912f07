import { describe, expect, it } from 'vitest';
import { JsonRows } from '../../../src/cli/import/json-rows.js';
import { type Mapped, type MappingOptions, rowMapping } from '../../../src/cli/import/row-mapping.js';

const PLAIN: MappingOptions = {
  stream: 'all',
  streamBy: undefined,
  streamPrefix: '',
  type: 'Imported',
  typeBy: undefined,
  idBy: undefined,
};

function map(row: string, options: Partial<MappingOptions>): Mapped {
  const rows = new JsonRows();
  const bytes = Buffer.from(row);
  const [decoded] = rows.decode({ bytes, ranges: [0, bytes.length], offset: 0, rowsBefore: 0 });
  return rowMapping({ ...PLAIN, ...options }, (path) => rows.fieldReader(path))(decoded!);
}

describe('the stream of a row', () => {
  it.each([
    ['{}', {}, 'all'],
    ['{}', { streamPrefix: 'p-' }, 'p-all'],
    ['{"a":{"b":"x"}}', { streamBy: 'a.b' }, 'x'],
    ['{"a.b":"whole","a":{"b":"x"}}', { streamBy: 'a.b' }, 'whole'],
    ['{"a":[{"b":7}]}', { streamBy: 'a.0.b', streamPrefix: 'p-' }, 'p-7'],
    ['{"a":false}', { streamBy: 'a' }, 'false'],
    [`{"a":"${'é'.repeat(512)}"}`, { streamBy: 'a' }, 'é'.repeat(512)],
  ])('of %s with %j is %s', (row, options, stream) => {
    expect(map(row, options)).toMatchObject({ kind: 'mapped', stream, type: 'Imported', id: undefined });
  });

  it.each([
    ['{}', 'it has no text or number at "a"'],
    ['{"a":null}', 'it has no text or number at "a"'],
    ['{"a":""}', 'it has no text or number at "a"'],
    ['{"a":{}}', 'it has no text or number at "a"'],
    ['[1]', 'it has no text or number at "a"'],
    ['{"a":"\\ud800"}', 'what it has at "a" is not valid text'],
    [`{"a":"${'é'.repeat(513)}"}`, 'what it has at "a" exceeds 1024 bytes'],
  ])('can not be told of %s', (row, reason) => {
    expect(map(row, { streamBy: 'a' })).toEqual({ kind: 'fault', reason });
  });

  it('is no inherited property', () => {
    expect(map('{}', { streamBy: 'constructor.name' }).kind).toBe('fault');
  });
});

describe('type and id of a row', () => {
  it('come from its fields', () => {
    const id = '01234567-89AB-cdef-0123-456789abcdef';
    const row = JSON.stringify({ t: 'Quake', id });
    expect(map(row, { type: undefined, typeBy: 't', idBy: 'id' })).toMatchObject({
      type: 'Quake',
      id: id.toLowerCase(),
    });
  });

  it('of a row without a type is the type given besides, if there is one', () => {
    expect(map('{}', { typeBy: 't' })).toMatchObject({ type: 'Imported' });
    expect(map('{}', { type: undefined, typeBy: 't' })).toMatchObject({ kind: 'fault' });
  });

  it('make an id of what is no UUID, another one in another stream', () => {
    const ids = ['a', 'b'].map((stream) => map('{"id":"ci37868143"}', { stream, idBy: 'id' }));
    expect(ids[0]).toEqual(map('{"id":"ci37868143"}', { stream: 'a', idBy: 'id' }));
    expect(ids[0]).not.toMatchObject({ id: (ids[1] as { id: string }).id });
  });

  it('are refused without an id where ids come from the rows', () => {
    expect(map('{}', { idBy: 'id' })).toMatchObject({
      kind: 'fault',
      reason: 'it has no text or number at "id"',
    });
  });
});
