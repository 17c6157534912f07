/**
 * Reads a recovered log once, from its first record to its last: what the cluster core has to know of it, and its bytes for the memory.
 * Pure, but for the disk that it is given. Everything read is verified on the way.
 */
import { readU64 } from '../../base/bytes.js';
import { CairnError } from '../../base/errors.js';
import type { Disk, RecordKernel } from '../../base/ports.js';
import type { LogStart, PlacedConfiguration } from '../../cluster/known-log.js';
import { decodeMembership } from '../../cluster/membership-record.js';
import type { EpochEntry } from '../../cluster/messages.js';
import { COMMIT, occupiedBytes, RECORD, RECORD_TYPE } from '../../log/record.js';
import type { RecoveredLog } from '../../log/recovery.js';
import { LogScanner, type RecordRun } from '../../log/scan.js';
import type { LogMemory } from './log-memory.js';

/** Puts the log's bytes into `memory`. Throws `log-corrupt`, `bad-data-folder` (a Membership record that is none), `DiskError`. */
export function readHistory(
  disk: Disk,
  kernel: RecordKernel,
  recovered: RecoveredLog,
  memory: LogMemory,
): LogStart {
  const { chunks, chunkSize, end } = recovered;
  const from = { position: 0, chain: 0, previousLength: 0, epoch: 0 };
  const scanner = new LogScanner({ disk, kernel, chunks, chunkSize, from, to: end.position });
  const history = new History();
  try {
    for (let run = scanner.next(); run !== undefined; run = scanner.next()) {
      memory.put(run.position, run.bytes, run.at, run.length);
      history.note(run);
    }
  } finally {
    scanner.close();
  }
  return {
    end,
    epochs: history.epochs,
    configurations: history.configurations,
    committed: history.committed,
  };
}

class History {
  readonly epochs: EpochEntry[] = [];
  readonly configurations: PlacedConfiguration[] = [];
  committed = 0;

  note({ bytes, at, length, position: start }: RecordRun): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let record = at; record < at + length; ) {
      const recordLength = view.getUint32(record + RECORD.length, true);
      const position = start + (record - at);
      const epoch = view.getUint32(record + RECORD.epoch, true);
      if (epoch > (this.epochs.at(-1)?.epoch ?? 0)) this.epochs.push({ epoch, position });
      switch (view.getUint8(record + RECORD.type)) {
        case RECORD_TYPE.commit:
          this.committed = Math.max(this.committed, readU64(view, record + COMMIT.committed));
          break;
        case RECORD_TYPE.membership:
          this.#noteMembership(bytes.slice(record, record + recordLength), position);
          break;
        default:
          break;
      }
      record += occupiedBytes(recordLength);
    }
  }

  #noteMembership(record: Uint8Array, position: number): void {
    const configuration = decodeMembership(record.subarray(RECORD.body));
    if (configuration === undefined) {
      throw new CairnError('bad-data-folder', `the Membership record at ${position} makes no sense`, {
        position,
      });
    }
    this.configurations.push({ position, end: position + occupiedBytes(record.length), configuration });
  }
}
