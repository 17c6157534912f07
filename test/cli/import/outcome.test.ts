import { describe, expect, it } from 'vitest';
import { CairnError } from '../../../src/base/errors.js';
import { badRow } from '../../../src/cli/import/bad-input.js';
import { jsonSummary, tableSummary, withAdvice } from '../../../src/cli/import/outcome.js';
import { ProgressText, showProgress } from '../../../src/cli/import/progress.js';

const STATE = {
  rows: 5000,
  eventsWritten: 3000,
  eventsAlreadyThere: 2000,
  rowsSkipped: 0,
  streams: 7,
  bytes: 12345,
};

describe('the summary', () => {
  it('is one line of JSON', () => {
    expect(JSON.parse(jsonSummary(STATE, 2.00049))).toEqual({ ...STATE, seconds: 2, rowsPerSecond: 2499 });
  });

  it('is a table', () => {
    expect(tableSummary({ ...STATE, rowsSkipped: 1 }, 2)).toBe(
      [
        'rows                   5,000',
        'events written         3,000',
        'events already there   2,000',
        'rows skipped               1',
        'streams                    7',
        'bytes                 12,345',
        'seconds                 2.00',
        'rows/s                 2,500',
      ].join('\n'),
    );
  });
});

describe('the advice after a failure', () => {
  const bad = badRow({ number: 5001, offset: 999 }, 'not valid JSON');
  const lost = new CairnError('connection-lost', 'the connection was lost');

  it.each([
    [
      bad,
      STATE,
      true,
      'row 5001, at byte 999: not valid JSON. The 5,000 rows before it are in place. Correct the input',
    ],
    [bad, STATE, false, 'Standard input without --source is not known again'],
    [bad, { ...STATE, rows: 0 }, true, 'Nothing was imported.'],
    [lost, STATE, true, 'the connection was lost. 3,000 events were written. Run the same command again'],
    [lost, STATE, false, 'Standard input without --source is not known again'],
  ])('%s', (error, state, isNamed, text) => {
    const advised = withAdvice(error, state, isNamed) as CairnError;
    expect(advised.message).toContain(text);
    expect([advised.code, advised.details]).toEqual([error.code, error.details]);
  });

  it('takes the place of what the client library advises', () => {
    const advised = withAdvice(
      new CairnError('connection-lost', 'lost: try again', {}, lost),
      STATE,
      true,
    ) as CairnError;
    expect(advised.message).toMatch(/^the connection was lost\. 3,000 events/);
  });

  it('is none where nothing was written, where running again does not help, and for bugs', () => {
    const none = { ...STATE, eventsWritten: 0, eventsAlreadyThere: 0 };
    const refused = new CairnError('event-id-conflict', 'no');
    const bug = new Error('bug');
    expect([
      withAdvice(lost, none, true),
      withAdvice(refused, STATE, true),
      withAdvice(bug, STATE, true),
    ]).toEqual([lost, refused, bug]);
  });
});

describe('the progress', () => {
  it('tells share, rows, the rate of the last seconds, and the time left', () => {
    const text = new ProgressText(1000);
    expect(text.line({ nowMs: 0, rows: 0, bytes: 0 }, true)).toBe(
      `[${'.'.repeat(24)}]   0 %  0 rows  0 rows/s`,
    );
    text.line({ nowMs: 1000, rows: 900_000, bytes: 10 }, true);
    text.line({ nowMs: 2000, rows: 900_100, bytes: 200 }, true);
    const line = text.line({ nowMs: 7000, rows: 901_100, bytes: 500 }, true);
    expect(line).toBe(`[${'#'.repeat(12)}${'.'.repeat(12)}]  50 %  901,100 rows  200 rows/s  0:08 left`);
    expect(text.line({ nowMs: 7000, rows: 901_100, bytes: 500 }, false)).toMatch(/^ 50 % {2}901,100 rows/);
  });

  it('tells bytes where the size is not known', () => {
    expect(new ProgressText(undefined).line({ nowMs: 0, rows: 1, bytes: 2048 }, true)).toBe(
      '2,048 bytes  1 rows  0 rows/s',
    );
  });

  it('tells hours of a long way', () => {
    const text = new ProgressText(10_001);
    text.line({ nowMs: 0, rows: 0, bytes: 0 }, false);
    expect(text.line({ nowMs: 1000, rows: 1, bytes: 1 }, false)).toContain('2:46:40 left');
  });

  it('leaves nothing on a terminal, and nothing at all in a pipe, of an import that was quick', () => {
    const shown: string[] = [];
    const output = { write: (text: string) => shown.push(text) };
    showProgress(output, 10, () => ({ rows: 0, bytes: 0 }))();
    expect(shown).toEqual([]);
    showProgress({ ...output, isTTY: true }, 10, () => ({ rows: 0, bytes: 0 }))();
    expect(shown).toEqual(['\r\u001b[2K']);
  });
});
