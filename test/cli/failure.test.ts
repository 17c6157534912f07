import { describe, expect, it } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { DiskError } from '../../src/base/ports.js';
import { describeFailure } from '../../src/cli/failure.js';

describe('a failure', () => {
  it('is one line with its code, then its facts, and no stack', () => {
    const error = new CairnError('wrong-expected-revision', 'the stream moved on', {
      stream: 's',
      current: 7,
    });
    expect(describeFailure(error, false)).toEqual({
      lines: ['cairn: the stream moved on [wrong-expected-revision]', '  stream: s', '  current: 7'],
      exitCode: 8,
    });
  });

  it.each([
    ['ENOSPC', 'disk-full'],
    ['EFBIG', 'disk-full'],
    ['EIO', 'disk-failure'],
  ])('of the disk (%s) is told as %s', (errno, code) => {
    const { lines, exitCode } = describeFailure(new DiskError(errno, 'pwrite', '/d/chunk'), false);
    expect(lines[0]).toBe(`cairn: pwrite /d/chunk: ${errno} [${code}]`);
    expect(exitCode).toBe(5);
  });

  it.each([new TypeError('x is not a function'), 'x is not a function'])(
    'of ours is called a bug: %s',
    (error) => {
      const { lines, exitCode } = describeFailure(error, false);
      expect(lines[0]).toBe('cairn: unexpected failure: x is not a function [unexpected]');
      expect(lines).toHaveLength(2);
      expect(exitCode).toBe(1);
    },
  );

  it('comes with its stack and those of its causes when debugging', () => {
    const cause = new TypeError('inner');
    const { lines } = describeFailure(new CairnError('timeout', 'outer', {}, cause), true);
    expect(lines.join('\n')).toMatch(
      /outer.*failure\.test\.ts.*caused by TypeError: inner.*failure\.test\.ts/s,
    );
  });
});
