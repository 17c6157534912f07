import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type KnownHistory, loadHistory } from '../../src/cluster/history-file.js';
import { openPlatform } from '../../src/native/platform.js';
import { HistoryKeeper } from '../../src/node/history-keeper.js';
import { CHUNK_SIZE, LOG_ID, SampleLog } from '../log/sample-log.js';

let folder: string;
let warnings: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-history-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Chunk files of a log with so many full chunks. */
function write(chunks: number): void {
  const log = new SampleLog().epoch();
  for (let i = 0; i < chunks; i++) log.fillChunk();
  for (const [path, bytes] of log.disk().files) writeFileSync(join(folder, path.split('/').at(-1)!), bytes);
}

function keeper(written = 0): HistoryKeeper {
  return new HistoryKeeper({
    ...{ folder, logId: LOG_ID, chunkSize: CHUNK_SIZE, written },
    events: {
      historyBefore: () => ({ epochs: [{ epoch: 1, position: 0 }], configurations: [] }),
      warn: (message) => warnings.push(message),
    },
  });
}

function saved(): KnownHistory | undefined {
  return loadHistory(openPlatform().disk, folder, LOG_ID);
}

test('the history is saved when the commit has reached another chunk, and not before', async () => {
  write(2);
  const history = keeper();
  history.committed(CHUNK_SIZE - 8);
  await history.settled();
  expect(saved()).toBeUndefined();
  history.committed(CHUNK_SIZE);
  await history.settled();
  expect(saved()?.end.position).toBe(CHUNK_SIZE);
  history.committed(2 * CHUNK_SIZE + 8);
  await history.settled();
  expect(saved()?.end.position).toBe(2 * CHUNK_SIZE);
  expect(readdirSync(folder)).not.toContain('history.tmp');
});

test('what is committed while it is written is saved behind it, also if nothing follows', async () => {
  write(3);
  const history = keeper();
  history.committed(CHUNK_SIZE);
  history.committed(3 * CHUNK_SIZE);
  await history.settled();
  expect(saved()?.end.position).toBe(3 * CHUNK_SIZE);
});

test('what is saved already is not saved again', async () => {
  write(2);
  const history = keeper(2 * CHUNK_SIZE);
  history.committed(2 * CHUNK_SIZE + 64);
  await history.settled();
  expect(saved()).toBeUndefined();
});

test('a history that cannot be written is told of, and nothing else comes of it', async () => {
  const history = keeper();
  history.committed(CHUNK_SIZE);
  await history.settled();
  expect(warnings).toHaveLength(1);
});
