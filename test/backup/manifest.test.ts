/** Manifests from anywhere: what is one comes through as it was, and nothing else is taken for one, least of all a name that leads elsewhere. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backupHeader } from '../../src/backup/backup-chunk.js';
import {
  type ChunkEntry,
  decodeManifest,
  encodeManifest,
  endOf,
  type Manifest,
} from '../../src/backup/manifest.js';
import { decodeCheckedJson, encodeCheckedJson } from '../../src/base/checked-json.js';
import { chunkFileName } from '../../src/log/chunk.js';
import { idOf } from '../cluster/ids.js';

const CHUNK_SIZE = 65_536;
const SEALED_BYTES = CHUNK_SIZE + 8192;

function sealed(number: number, epoch = 1): ChunkEntry {
  const end = { position: (number + 1) * CHUNK_SIZE, chain: number + 7, previousLength: 100, epoch };
  return { file: chunkFileName(number, 0), bytes: SEALED_BYTES, crc32c: '0badcafe', records: 12, end };
}

function tail(number: number, used: number): ChunkEntry {
  const position = number * CHUNK_SIZE + used;
  const bytes = 4096 + Math.ceil(used / 4096) * 4096;
  return { ...sealed(number), bytes, end: { position, chain: 1, previousLength: 56, epoch: 2 } };
}

function manifest(chunks: readonly ChunkEntry[]): Manifest {
  const madeAt = '2026-01-01T00:00:00.000Z';
  return { logId: idOf(9), chunkSize: CHUNK_SIZE, madeAt, madeBy: '0.1.0', source: '127.0.0.1:2113', chunks };
}

const GOOD = manifest([sealed(0), sealed(1), tail(2, 5000)]);

/** The manifest with its content changed, and a right checksum. */
function changed(change: (content: Record<string, unknown>) => void): string {
  const decoded = decodeCheckedJson(encodeManifest(GOOD));
  if (decoded.kind === 'damaged') throw new Error(decoded.reason);
  const content = structuredClone(decoded.content) as Record<string, unknown>;
  change(content);
  return encodeCheckedJson(content);
}

function entriesOf(content: Record<string, unknown>): Record<string, unknown>[] {
  return content['chunks'] as Record<string, unknown>[];
}

const logs = fc
  .record({
    sealed: fc.nat(5),
    used: fc.nat(CHUNK_SIZE / 8 - 1).map((words) => words * 8),
  })
  .filter((log) => log.sealed > 0 || log.used > 0)
  .map((log) => {
    const full = Array.from({ length: log.sealed }, (_, number) => sealed(number));
    return manifest(log.used === 0 ? full : [...full, tail(log.sealed, log.used)]);
  });

describe('what is a manifest', () => {
  test('comes back as it was written, with any number of chunks', () => {
    fc.assert(
      fc.property(logs, (made) => {
        expect(decodeManifest(encodeManifest(made))).toEqual({ kind: 'manifest', manifest: made });
      }),
    );
  });

  test('has the bytes of the golden file', () => {
    const golden = readFileSync(new URL('../golden/formats/backup-manifest.txt', import.meta.url), 'utf8');
    expect(encodeManifest(GOOD)).toBe(golden);
    expect(decodeManifest(golden)).toEqual({ kind: 'manifest', manifest: GOOD });
  });

  test('may be printed anew, with other white space', () => {
    const compact = JSON.stringify(JSON.parse(encodeManifest(GOOD)));
    expect(decodeManifest(compact)).toEqual({ kind: 'manifest', manifest: GOOD });
    expect(endOf(GOOD).position).toBe(2 * CHUNK_SIZE + 5000);
  });
});

test('a chunk in a backup has an id that follows from the log and its number: a UUID of version 5', () => {
  const idAt = (number: number) => backupHeader(GOOD, number).chunkId;
  // As Python has it: uuid.uuid5(uuid.UUID('018f4e5c-0000-7000-8000-000000000009'), 'cairn backup chunk 0').
  expect(idAt(0)).toBe('2bfa88c6-223d-5ebd-806d-b946345529b9');
  expect(idAt(70_000)).toBe('0a74e4b9-011a-5c25-bb5c-0dfa4520a245');
});

describe('what is none', () => {
  test('anything at all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(decodeManifest(text).kind).toBe('damaged');
      }),
    );
  });

  test('any object with a right checksum', () => {
    fc.assert(
      fc.property(fc.object(), (content) => {
        expect(decodeManifest(encodeCheckedJson(content)).kind).toBe('damaged');
      }),
    );
  });

  test('one that was cut short, or in which one character changed', () => {
    const text = encodeManifest(GOOD);
    fc.assert(
      fc.property(fc.nat(text.length - 2), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
        expect(decodeManifest(text.slice(0, at)).kind).toBe('damaged');
        const other = text.slice(0, at) + character + text.slice(at + 1);
        const decoded = decodeManifest(other);
        const isSame = decoded.kind === 'manifest' && encodeManifest(decoded.manifest) === text;
        expect(isSame || decoded.kind === 'damaged').toBe(true);
      }),
    );
  });

  test.each([
    '../../etc/passwd',
    '/etc/passwd',
    'chunks/chunk-000000.000000',
    './chunk-000000.000000',
    'chunk-000000.000000/',
    'chunk-000000.000000\u0000',
    'chunk-000001.000000',
    'chunk-000000.000001',
    'CHUNK-000000.000000',
    'chunk-0000000.000000',
    '',
    7,
    null,
    ['chunk-000000.000000'],
  ])('one whose first chunk is called %j', (file) => {
    const text = changed((content) => Object.assign(entriesOf(content)[0]!, { file }));
    expect(decodeManifest(text)).toMatchObject({
      kind: 'damaged',
      reason: expect.stringContaining('chunk 0'),
    });
  });

  const WRONG: readonly (readonly [string, (content: Record<string, unknown>) => void])[] = [
    ['of another format', (content) => Object.assign(content, { format: 'tar' })],
    ['without a version', (content) => delete content['version']],
    ['without a log id', (content) => Object.assign(content, { logId: '../x' })],
    ['with a chunk size that is none', (content) => Object.assign(content, { chunkSize: 65_537 })],
    ['without chunks', (content) => Object.assign(content, { chunks: [] })],
    ['with a hole', (content) => entriesOf(content).splice(1, 1)],
    ['with a chunk twice', (content) => entriesOf(content).splice(1, 0, { ...entriesOf(content)[0]! })],
    [
      'whose last chunk is not the first that is not full',
      (content) => entriesOf(content).push({ ...entriesOf(content)[2]! }),
    ],
    ['with a length that does not fit', (content) => Object.assign(entriesOf(content)[0]!, { bytes: 1 })],
    ['with a checksum that is none', (content) => Object.assign(entriesOf(content)[0]!, { crc32c: 'xyz' })],
    [
      'that ends elsewhere than its chunks',
      (content) => Object.assign(content['committed'] as object, { position: 8 }),
    ],
    ['with a negative count', (content) => Object.assign(entriesOf(content)[0]!, { records: -1 })],
    [
      'whose epochs go back',
      (content) => Object.assign(entriesOf(content)[0]!['end'] as object, { epoch: 9 }),
    ],
  ];

  test.each(WRONG)('one %s', (_name, change) => {
    expect(decodeManifest(changed(change)).kind).toBe('damaged');
  });

  test('one of a later version is told apart from one that is damaged', () => {
    const text = changed((content) => Object.assign(content, { version: 2 }));
    expect(decodeManifest(text)).toEqual({ kind: 'unknown-version', version: 2 });
  });
});
