/**
 * Reads a recovered log once, from its first record, or from where its history is known, to its last, for what the cluster core has to know
 * of it: epochs, configurations, what is committed. Pure, but for the disk that it is given. Everything read is verified on the way.
 */
import { readU64 } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import type { Disk, RecordKernel } from '../base/ports.js';
import { COMMIT, occupiedBytes, originalType, PREPARE_FLAG, RECORD, RECORD_TYPE } from '../log/record.js';
import type { RecoveredLog } from '../log/recovery.js';
import { LogScanner, type RecordRun } from '../log/scan.js';
import { type KnownHistory, NOTHING_KNOWN } from './history-file.js';
import type { LogStart, PlacedConfiguration } from './known-log.js';
import { decodeMembership } from './membership-record.js';
import type { EpochEntry } from './messages.js';

/** A log, and what is needed to read it. */
export interface HistorySource {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  readonly recovered: RecoveredLog;
}

/** `see`: is shown each run of records. Throws `log-corrupt`, `bad-data-folder` (a Membership record that is none), `DiskError`. */
export function readHistory(
  disk: Disk,
  kernel: RecordKernel,
  recovered: RecoveredLog,
  see?: (run: RecordRun) => void,
): LogStart {
  return continueHistory({ disk, kernel, recovered }, NOTHING_KNOWN, see);
}

/** The same, reading on from what is `known` of this log. */
export function continueHistory(
  { disk, kernel, recovered }: HistorySource,
  known: KnownHistory,
  see?: (run: RecordRun) => void,
): LogStart {
  const { chunks, chunkSize, end, activeChunk: justRead } = recovered;
  const from = known.end;
  const scanner = new LogScanner({ disk, kernel, chunks, chunkSize, from, to: end.position, justRead });
  const history = new History(known);
  try {
    for (let run = scanner.next(); run !== undefined; run = scanner.next()) {
      see?.(run);
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

/** What is known of a log, as its verified records are shown to it one after the other. */
export class History {
  readonly epochs: EpochEntry[];
  readonly configurations: PlacedConfiguration[];
  /** Always the end of a request, once there was a record behind what is known. */
  committed: number;
  /** Of the transaction that runs over the end of what is known, more is to come: commits stand at ends of requests, so all of it is committed. */
  #isInCommitted: boolean;

  constructor({ end, epochs, configurations }: KnownHistory) {
    this.epochs = [...epochs];
    this.configurations = [...configurations];
    this.committed = end.position;
    this.#isInCommitted = end.position > 0;
  }

  note({ bytes, at, length, position: start }: RecordRun): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let record = at; record < at + length; ) {
      const recordLength = view.getUint32(record + RECORD.length, true);
      const position = start + (record - at);
      const epoch = view.getUint32(record + RECORD.epoch, true);
      if (epoch > (this.epochs.at(-1)?.epoch ?? 0)) this.epochs.push({ epoch, position });
      const type = view.getUint8(record + RECORD.type);
      const flags = view.getUint16(record + RECORD.flags, true);
      if (this.#isInCommitted)
        this.#followCommitted(originalType(type, flags), flags, position + occupiedBytes(recordLength));
      switch (type) {
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

  #followCommitted(type: number, flags: number, end: number): void {
    if (type === RECORD_TYPE.padding) return;
    this.#isInCommitted = type === RECORD_TYPE.prepare && (flags & PREPARE_FLAG.firstOfTransaction) === 0;
    if (!this.#isInCommitted) return;
    this.committed = Math.max(this.committed, end);
    if ((flags & PREPARE_FLAG.lastOfTransaction) !== 0) this.#isInCommitted = false;
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
