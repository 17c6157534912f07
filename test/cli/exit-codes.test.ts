import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_NUMBERS, type ErrorCode } from '../../src/base/errors.js';
import { EXIT_CODES, exitCodeOf } from '../../src/cli/exit-codes.js';

const CODES = Object.keys(ERROR_NUMBERS) as ErrorCode[];
const rows = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));

describe('docs/errors.md', () => {
  it.each(CODES)('tells about %s: its number, and the exit status', (code) => {
    const [row, ...more] = rows.filter((cells) => cells[1] === code);
    expect(more).toEqual([]);
    expect(row?.[2]).toBe(String(ERROR_NUMBERS[code]));
    expect(row?.[3]).toBe(String(exitCodeOf(code)));
    expect(row?.[4]).toMatch(/^[A-Z].{20}/);
    expect(row?.[5]).toMatch(/^[A-Z].{10}/);
  });

  it.each(Object.values(EXIT_CODES))('tells what exit status %d means', (exitCode) => {
    expect(rows.filter((cells) => cells[1] === String(exitCode))).toHaveLength(1);
  });
});

describe('exit statuses', () => {
  it('never change', () => {
    expect(EXIT_CODES).toEqual({
      ok: 0,
      unexpected: 1,
      usage: 2,
      folderInUse: 3,
      badData: 4,
      disk: 5,
      cannotListen: 6,
      noAnswer: 7,
      refused: 8,
      damageFound: 9,
      floorMissed: 10,
      interrupted: 130,
      terminated: 143,
    });
  });
});
