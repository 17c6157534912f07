/** Marks of free space as people write them: sizes, shares, both; and what is refused. */
import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../../src/config/options.js';
import { parseSpaceMark } from '../../src/config/space-mark.js';
import { parseValue } from '../../src/config/values.js';

const ANY = Number.MAX_SAFE_INTEGER;

describe('a mark of free space', () => {
  it.each([
    ['0', { bytes: 0, share: 1 }],
    ['512MiB', { bytes: 512 * 1024 ** 2, share: 1 }],
    ['5%', { bytes: ANY, share: 0.05 }],
    ['0.5 %', { bytes: ANY, share: 0.005 }],
    ['2%,1GiB', { bytes: 1024 ** 3, share: 0.02 }],
    ['1GiB, 2%', { bytes: 1024 ** 3, share: 0.02 }],
  ])('%j is %j', (text, mark) => {
    expect(parseSpaceMark(text)).toEqual(mark);
  });

  it.each(['', 'much', '-1', '5', '60%', '-5%', '5%,6%', '1GiB,2GiB', '1%,2%,3GiB', '5%,', '10MB', '1e3%'])(
    '%j is none, or a plain number of bytes',
    (text) => {
      const mark = parseSpaceMark(text);
      if (text === '5') expect(mark).toEqual({ bytes: 5, share: 1 });
      else expect(mark).toBeUndefined();
    },
  );

  it('is kept as it was written, without blanks, and the defaults are marks', () => {
    expect(parseValue(OPTIONS.DiskSpaceReserve, '1 GiB, 2 %', '/')).toEqual({
      kind: 'value',
      value: '1GiB,2%',
    });
    for (const name of ['DiskSpaceReserve', 'DiskSpaceWarning'] as const)
      expect(parseSpaceMark(OPTIONS[name].default)).toBeDefined();
  });
});
