import { expect, test } from 'vitest';
import {
  firstVisible,
  isMetadataName,
  isOfStream,
  metadataFault,
  metadataNameOf,
  NO_RULES,
  rulesOf,
  subjectOf,
  TOMBSTONE_RULES,
} from '../../src/base/stream-metadata.js';

const bytes = (text: string) => new TextEncoder().encode(text);

test.each([
  ['s', false, false],
  ['$s', false, false],
  ['$', false, false],
  ['$$', true, false],
  ['$$s', true, true],
  ['$$$s', true, true],
  ['$$$', true, true],
  ['$$$$', true, false],
  ['$$$$s', true, false],
])('%s is a metadata stream: %s, of a stream that can have one: %s', (name, isMetadata, hasSubject) => {
  expect(isMetadataName(bytes(name), 0, name.length)).toBe(isMetadata);
  if (isMetadata) expect(isOfStream(bytes(name), 0, name.length)).toBe(hasSubject);
});

test('the names of a stream and of its metadata stream lead to each other', () => {
  const name = metadataNameOf(bytes('xé'), 1, 2);
  expect(new TextDecoder().decode(name)).toBe('$$é');
  expect(new TextDecoder().decode(subjectOf(name, 0, name.length))).toBe('é');
});

test('what is not valid is named, and hides nothing', () => {
  expect(metadataFault({ $maxCount: 1, own: null, $tb: 0 })).toBeUndefined();
  expect(metadataFault({ $maxCount: 1, $maxAge: 0 })?.key).toBe('$maxAge');
  expect(metadataFault({ $constructor: 1 })?.key).toBe('$constructor');
  const rules = rulesOf({ $maxCount: 0, $maxAge: 2, $tb: 'x' });
  expect(rules).toEqual({ ...NO_RULES, maxAgeUs: 2_000_000 });
});

test.each([
  [{}, 9, 0],
  [{ $tb: 4 }, 9, 4],
  [{ $tb: 10 }, 9, 10],
  [{ $tb: 99 }, 9, 10],
  [{ $maxCount: 3 }, 9, 7],
  [{ $maxCount: 30 }, 9, 0],
  [{ $maxCount: 3, $tb: 8 }, 9, 8],
  [{ $maxCount: 3 }, -1, 0],
])('by %o the first event to be seen of a stream with last revision %i is %i', (metadata, head, first) => {
  expect(firstVisible(rulesOf(metadata), head)).toBe(first);
});

test('nothing is to be seen behind a tombstone', () => {
  for (const head of [-1, 9]) expect(firstVisible(TOMBSTONE_RULES, head)).toBe(Infinity);
});
