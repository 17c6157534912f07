import { describe, expect, it } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { openLog } from '../../src/cli/log.js';

function logged(logConsoleFormat: 'Plain' | 'Json'): { lines: string[]; log: ReturnType<typeof openLog> } {
  const lines: string[] = [];
  const log = openLog({ logLevel: 'info', logConsoleFormat }, { write: (line) => lines.push(line) });
  return { lines, log };
}

describe('the log', () => {
  it('for people is time, level, message and fields', () => {
    const { lines, log } = logged('Plain');
    log.info({ url: 'ws://h:1/client', path: 'a b', count: 3 }, 'listening');
    log.debug('not asked for');
    expect(lines).toEqual([
      expect.stringMatching(
        /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}listening url=ws:\/\/h:1\/client path="a b" count=3\n$/,
      ),
    ]);
  });

  it('for people shows a known error by its code, and a bug by its stack', () => {
    const { lines, log } = logged('Plain');
    log.error({ err: new CairnError('disk-full', 'no space') }, 'append');
    log.fatal({ err: new TypeError('x') }, 'bug');
    expect(lines[0]).toMatch(/Z ERROR append: no space \[disk-full\]\n$/);
    expect(lines[1]).toMatch(/Z FATAL bug\nTypeError: x\n +at .*log\.test\.ts/);
  });

  it('for machines is one JSON object a line', () => {
    const { lines, log } = logged('Json');
    log.warn({ a: 1 }, 'hm');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 40,
      a: 1,
      msg: 'hm',
      pid: process.pid,
      time: expect.stringMatching(/Z$/),
    });
  });
});
