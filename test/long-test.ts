/** Tests that would have `npm test` take more than ten minutes, and have a shorter sibling there. `npm run test:long` runs them with all others. */
import { test } from 'vitest';

/** Whether long tests are asked for. */
export const isLong = process.env['LONG_TESTS'] === '1';

/** As `test`; skipped, and its title says why, unless long tests are asked for. */
export function longTest(title: string, body: () => Promise<void>, timeoutMs?: number): void {
  if (isLong) test(title, body, timeoutMs);
  else test.skip(`${title} (skipped: it is long, npm run test:long)`, body);
}

/** All cases of the next test, or without long tests only those that are quick: then another title says how many are skipped. */
export function shortly<Case>(all: readonly Case[], isQuick: (one: Case) => boolean): readonly Case[] {
  const quick = isLong ? all : all.filter(isQuick);
  const skipped = all.length - quick.length;
  if (skipped > 0) test.skip(`${skipped} more cases of the next test (skipped: long, npm run test:long)`);
  return quick;
}
