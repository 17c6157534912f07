import { expect, test } from 'vitest';
import { connectionsWithin, parseOpenFilesMax } from '../../src/net/open-files.js';

const LIMITS = [
  'Limit                     Soft Limit           Hard Limit           Units     ',
  'Max processes             63432                63432                processes ',
  'Max open files            1024                 524288               files     ',
].join('\n');

test('the soft limit of open files is found in what the kernel tells', () => {
  expect(parseOpenFilesMax(LIMITS)).toBe(1024);
  expect(parseOpenFilesMax(LIMITS.replace('1024  ', 'unlimited'))).toBeUndefined();
  expect(parseOpenFilesMax('')).toBeUndefined();
});

test('connections leave open files for the log, and are as many as asked for if they can be', () => {
  expect(connectionsWithin(1000, 1024)).toBe(832);
  expect(connectionsWithin(1000, 20_000)).toBe(1000);
  expect(connectionsWithin(1000, 10)).toBe(1);
  expect(connectionsWithin(1000, undefined)).toBe(1000);
});
