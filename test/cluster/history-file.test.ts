import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/base/crc32c.js';
import type { Configuration } from '../../src/cluster/configuration.js';
import {
  decodeHistory,
  encodeHistory,
  isHistoryOf,
  type KnownHistory,
  loadHistory,
  NOTHING_KNOWN,
} from '../../src/cluster/history-file.js';
import { continueHistory, readHistory } from '../../src/cluster/log-history.js';
import { encodeMembership } from '../../src/cluster/membership-record.js';
import { chainAfter, decodeFooter } from '../../src/log/chunk.js';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { type RecoveredLog, recoverLog } from '../../src/log/recovery.js';
import { readGolden } from '../log/golden-formats.js';
import type { MemoryDisk } from '../log/memory-disk.js';
import { CHUNK_SIZE, chunkPath, FOLDER, LOG_ID, SampleLog } from '../log/sample-log.js';
import { idOf, memberOf } from './ids.js';

const HISTORY: KnownHistory = {
  end: { position: 131_072, chain: 0xdeadbeef, previousLength: 652, epoch: 7 },
  epochs: [
    { epoch: 1, position: 0 },
    { epoch: 7, position: 65_400 },
  ],
  configurations: [
    { position: 64, end: 160, configuration: configuration(1) },
    { position: 70_000, end: 70_128, configuration: configuration(2) },
  ],
};

function configuration(version: number): Configuration {
  const members = version === 1 ? [memberOf(1)] : [memberOf(1), memberOf(2, 'clone', 'z')];
  return { version, clusterSize: 2, members };
}

describe('the history', () => {
  test('is encoded as the golden file says, and reads back', () => {
    const golden = readGolden('history.hex');
    const encoded = encodeHistory(idOf(0xc1), HISTORY);
    expect(Buffer.from(encoded).toString('hex')).toBe(Buffer.from(golden).toString('hex'));
    const decoded = decodeHistory(golden);
    expect(decoded).toMatchObject({ kind: 'history', logId: idOf(0xc1) });
    expect(decoded.kind === 'history' && decoded.history.epochs).toEqual(HISTORY.epochs);
    expect(decoded.kind === 'history' && decoded.history.configurations).toEqual(HISTORY.configurations);
  });

  test('is useless with any bit changed, and cut short anywhere', () => {
    const golden = readGolden('history.hex');
    for (let at = 0; at < golden.length; at++) {
      const bytes = golden.slice();
      bytes[at]! ^= 1 << (at % 8);
      expect(decodeHistory(bytes).kind, `byte ${at}`).toBe('useless');
      expect(decodeHistory(golden.subarray(0, at)).kind, `${at} bytes`).toBe('useless');
    }
  });

  const BAD: readonly [string, Partial<KnownHistory>][] = [
    ['an epoch that does not grow', { epochs: [{ epoch: 7, position: 0 }, HISTORY.epochs[1]!] }],
    ['an epoch behind the end', { epochs: [{ epoch: 7, position: 131_072 }] }],
    ['a last epoch that is not that of the last record', { epochs: [HISTORY.epochs[0]!] }],
    [
      'a configuration behind the end',
      { configurations: [{ ...HISTORY.configurations[0]!, position: 131_008 }] },
    ],
    ['configurations in the wrong order', { configurations: HISTORY.configurations.toReversed() }],
  ];

  test.each(BAD)('with %s is useless, whatever its checksum', (_name, change) => {
    expect(decodeHistory(encodeHistory(idOf(1), { ...HISTORY, ...change })).kind).toBe('useless');
  });

  test('with lists that are longer than the file is useless, whatever its checksum', () => {
    for (const at of [52, 80]) {
      const bytes = readGolden('history.hex');
      const view = new DataView(bytes.buffer);
      view.setUint32(at, 0xffff_ffff, true);
      view.setUint32(bytes.length - 4, crc32c(bytes, 0, bytes.length - 4, 0), true);
      expect(decodeHistory(bytes).kind).toBe('useless');
    }
  });
});

/** A log of three chunks with epochs and configurations in the sealed ones and in the last. */
function sample(): SampleLog {
  const log = new SampleLog();
  log
    .epoch()
    .membership(encodeMembership(configuration(1)))
    .fillChunk();
  log.epochNumber = 3;
  log
    .epoch()
    .event()
    .commit()
    .membership(encodeMembership(configuration(2)))
    .fillChunk();
  log.epochNumber = 4;
  return log.epoch().event().commit().sync();
}

function recovered(disk: MemoryDisk): RecoveredLog {
  const log = recoverLog({ disk, kernel, folder: FOLDER });
  if (log.kind === 'empty') throw new Error('there is a log');
  return log;
}

/** What a keeper saves when `chunks` of the log are committed. */
function historyAfter(disk: MemoryDisk, chunks: number): KnownHistory {
  const footer = decodeFooter(disk.files.get(chunkPath(chunks - 1))!.subarray(4096 + CHUNK_SIZE));
  if (footer.kind !== 'footer') throw new Error('the chunk is sealed');
  const whole = readHistory(disk, kernel, recovered(disk));
  const isBefore = ({ position }: { position: number }) => position < chunks * CHUNK_SIZE;
  return {
    end: chainAfter(footer.footer),
    epochs: whole.epochs.filter(isBefore),
    configurations: whole.configurations.filter(isBefore),
  };
}

function save(disk: MemoryDisk, history: KnownHistory, logId = LOG_ID): void {
  disk.files.set(`${FOLDER}/history`, encodeHistory(logId, history));
}

describe('a start that knows the history', () => {
  test.each([1, 2])('after %i chunks knows of the log what one that reads it all does', (chunks) => {
    const disk = sample().disk();
    const log = recovered(disk);
    save(disk, historyAfter(disk, chunks));
    const known = loadHistory(disk, FOLDER, LOG_ID)!;
    expect(isHistoryOf(disk, known, log)).toBe(true);
    const whole = readHistory(disk, kernel, log);
    const runs: number[] = [];
    const read = continueHistory({ disk, kernel, recovered: log }, known, (run) => runs.push(run.position));
    expect(read).toEqual({ ...whole, committed: Math.max(whole.committed, chunks * CHUNK_SIZE) });
    expect(Math.min(...runs)).toBe(chunks * CHUNK_SIZE);
  });

  test('knows that what the history covers is committed', () => {
    const disk = new SampleLog().epoch().fillChunk().event().sync().disk();
    const log = recovered(disk);
    const known = historyAfter(disk, 1);
    expect(readHistory(disk, kernel, log).committed).toBe(0);
    expect(continueHistory({ disk, kernel, recovered: log }, known).committed).toBe(CHUNK_SIZE);
  });

  test.each([0, 1, 5])(
    'knows that a transaction that the history ends in is committed as a whole, with %i Commit records of old behind it',
    (commits) => {
      const log = new SampleLog().epoch();
      const events = Array.from({ length: 20 }, () => ({ stream: 's', data: new Uint8Array(4_000) }));
      log.transaction(events);
      const { end } = log;
      for (let i = 0; i < commits; i++) log.commit(64);
      const disk = log.event().sync().disk();
      const known = historyAfter(disk, 1);
      expect(end).toBeGreaterThan(known.end.position);
      expect(continueHistory({ disk, kernel, recovered: recovered(disk) }, known).committed).toBe(end);
    },
  );

  test('finds none where there is no file, a damaged one, or that of another log', () => {
    const disk = sample().disk();
    expect(loadHistory(disk, FOLDER, LOG_ID)).toBeUndefined();
    save(disk, historyAfter(disk, 1), idOf(9));
    expect(loadHistory(disk, FOLDER, LOG_ID)).toBeUndefined();
    save(disk, historyAfter(disk, 1));
    disk.files.get(`${FOLDER}/history`)![60]! ^= 1;
    expect(loadHistory(disk, FOLDER, LOG_ID)).toBeUndefined();
    expect(disk.openCount).toBe(0);
  });

  test('does not go by one that ends otherwise than the log, or beyond it', () => {
    const disk = sample().disk();
    const log = recovered(disk);
    const known = historyAfter(disk, 2);
    const { end } = known;
    const others = [
      { chain: end.chain ^ 1 },
      { previousLength: end.previousLength + 8 },
      { epoch: end.epoch - 1 },
      { position: end.position - 8 },
      { position: CHUNK_SIZE },
      { position: 3 * CHUNK_SIZE },
      { position: 900 * CHUNK_SIZE },
    ];
    for (const other of others) {
      expect(isHistoryOf(disk, { ...known, end: { ...end, ...other } }, log), JSON.stringify(other)).toBe(
        false,
      );
    }
    expect(isHistoryOf(disk, NOTHING_KNOWN, log)).toBe(false);
    const shorter = sample().disk({ end: CHUNK_SIZE + 4096 });
    expect(isHistoryOf(shorter, known, recovered(shorter))).toBe(false);
  });
});
