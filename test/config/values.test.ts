import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OptionSpec } from '../../src/config/option-spec.js';
import { OPTION_NAMES, specOf } from '../../src/config/options.js';
import { formatSize, formatValue, parseValue } from '../../src/config/values.js';

const parse = (name: Parameters<typeof specOf>[0], text: string) => parseValue(specOf(name), text, '/work');

describe('the option table', () => {
  it.each(OPTION_NAMES)('%s: has a default that satisfies its own row, and a help text', (name) => {
    const spec = specOf(name);
    if (spec.kind !== 'path') {
      expect(parse(name, String(spec.default))).toEqual({ kind: 'value', value: spec.default });
    }
    expect(spec.help).toMatch(/^[A-Z].*\.$/);
  });
});

describe('a size', () => {
  it.each([
    ['65536', 65_536],
    ['64k', 65_536],
    ['64K', 65_536],
    ['64KiB', 65_536],
    ['64 KiB', 65_536],
    ['256MiB', 268_435_456],
    ['1g', 1_073_741_824],
    ['1GiB', 1_073_741_824],
    ['1.5MiB', 1_572_864],
    ['65536b', 65_536],
  ])('%s is %d bytes', (text, value) => {
    expect(parse('ChunkSize', text)).toEqual({ kind: 'value', value });
  });

  it.each([
    '',
    ' ',
    '-1',
    '64KB',
    '1MB',
    '1e9',
    '0x10000',
    'many',
    '64k64k',
    'NaN',
    'Infinity',
    '٦٤k',
    '9'.repeat(400),
  ])('is not %j', (text) => {
    expect(parse('ChunkSize', text)).toMatchObject({ kind: 'invalid' });
  });

  it('that can not be read is answered with how to write one', () => {
    const expected = 'a multiple of 4096 from 64 KiB to 1 GiB, written like 65536, 64k or 64KiB';
    expect(parse('ChunkSize', '256MB')).toEqual({ kind: 'invalid', expected });
  });

  it('keeps to its range, its multiple and its power of two', () => {
    for (const text of ['61440', '2GiB', '65537', '69632.5']) {
      expect(parse('ChunkSize', text)).toEqual({
        kind: 'invalid',
        expected: 'a multiple of 4096 from 64 KiB to 1 GiB',
      });
    }
    expect(parse('ChunkSize', '69632')).toEqual({ kind: 'value', value: 69_632 });
    expect(parse('RingSize', '3MiB')).toEqual({
      kind: 'invalid',
      expected: 'a power of two from 1 MiB to 1 GiB',
    });
  });

  it('is printed so that it parses back to the same number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1024, max: 16 * 1024 ** 2 }), (bytes) => {
        expect(parse('MaxAppendEventSize', formatSize(bytes).replace(' bytes', ''))).toEqual({
          kind: 'value',
          value: bytes,
        });
      }),
    );
  });
});

describe('a value', () => {
  it.each([
    ['NodePort', '0', 0],
    ['NodePort', '65535', 65_535],
    ['Insecure', 'TRUE', true],
    ['Insecure', '0', false],
    ['NodeIp', '::1', '::1'],
    ['SyncMode', 'DSYNC', 'dsync'],
    ['LogLevel', 'Verbose', 'trace'],
    ['LogLevel', 'Information', 'info'],
    ['LogConsoleFormat', 'json', 'Json'],
    ['Db', 'there', '/work/there'],
    ['Db', '/abs/./olute/', '/abs/olute'],
  ] as const)('of %s can be %j', (name, text, value) => {
    expect(parse(name, text)).toEqual({ kind: 'value', value });
  });

  it.each([
    ['NodePort', '65536'],
    ['NodePort', '-1'],
    ['NodePort', '80.5'],
    ['Insecure', 'maybe'],
    ['NodeIp', 'localhost'],
    ['NodeIp', '127.0.0.256'],
    ['SyncMode', 'none'],
    ['LogLevel', 'constructor'],
    ['Db', ''],
    ['Db', 'a\0b'],
  ] as const)('of %s can not be %j', (name, text) => {
    expect(parse(name, text)).toMatchObject({ kind: 'invalid' });
  });

  it('is not shown if it is a secret', () => {
    const spec: OptionSpec = {
      group: 'Interface',
      kind: 'path',
      default: '',
      help: 'A secret.',
      secret: true,
    };
    expect(formatValue(spec, 'hunter2')).toBe('********');
  });
});
