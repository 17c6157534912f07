/**
 * A leader's log while it reigns: builds records, writes them, publishes them to the core one by one or in small groups, and follows the
 * commit position with Commit records: with the next append, or after a moment of quiet. Pure.
 */
import { assert } from '../../base/assert.js';
import type { ChainState, RecordKernel } from '../../base/ports.js';
import type { Epoch, Position, TimestampUs } from '../../base/units.js';
import type { AppendedRecord } from '../../cluster/effects.js';
import type { NodeLog } from '../disk/node-log.js';
import type { Random } from '../random.js';
import { type BuiltRecords, RecordBuilder } from './record-bytes.js';
import type { NewEvent, StreamModel } from './stream-model.js';

export interface ReignHost {
  readonly random: Random;
  /** Whether it still reigns. */
  readonly takesAppends: boolean;
  published(end: Readonly<ChainState>): void;
  /** The log has got longer. */
  written(): void;
  /** Unless the process has ended by then. */
  later(delayMs: number, act: () => void): void;
}

export interface ReignParts {
  readonly host: ReignHost;
  readonly log: NodeLog;
  readonly model: StreamModel;
  readonly kernel: RecordKernel;
  readonly epoch: Epoch;
}

/** More than any transaction or record here takes, Padding left out, which fills a chunk that is there. */
const RECORDS_BYTES_MAX = 8192;
const GROUP_CHANCE = 0.5;
const GROUP_MS_MAX = 1;
/** When nothing else is appended, the commit position is written down after so long. */
const COMMIT_QUIET_MS = 100;
const DATA_BYTES_MAX = 300;
/** Some span several sectors, of which a tear leaves a part. Never zeros: a sector of zeros in a record that rots looks torn, which nobody can tell. */
const LARGE_DATA_BYTES_MAX = 1500;
const LARGE_CHANCE = 0.2;
const DATA_BYTE = 0x64;

export class ReignLog {
  readonly epoch: Epoch;
  readonly #parts: ReignParts;
  readonly #builder: RecordBuilder;
  /** Built and not in the log yet: what a process holds back until the end of its turn. */
  #group: Uint8Array[] = [];
  #isGroupOpen = false;
  #isOver = false;
  #committed: Position = 0;
  /** The highest position that a Commit record of this reign names. */
  #named: Position = 0;
  /** Where the last record ends that isn't a Commit: when that is named, there is nothing more to say. */
  #worthNaming: Position = 0;
  #isCommitDue = false;

  constructor(parts: ReignParts) {
    const { log, kernel } = parts;
    this.#parts = parts;
    this.epoch = parts.epoch;
    const { end, chunkSize, lastTimestampUs: timestampUs } = log;
    this.#builder = new RecordBuilder(kernel, { end, chunkSize, timestampUs });
  }

  /** An Epoch or Membership record, in the log at once. Everything before must be published. */
  appendRecord(record: AppendedRecord, instanceId: string, timeUs: TimestampUs): BuiltRecords {
    this.#builder.setTime(timeUs);
    const built =
      record.type === 'epoch'
        ? this.#builder.appendEpoch(record.epoch, instanceId)
        : this.#builder.appendMembership(record.configuration);
    this.#add(built);
    this.#worthNaming = built.end.position;
    this.#write();
    return built;
  }

  /** A transaction; undefined if there is no room on the disk. */
  appendEvents(
    events: readonly NewEvent[],
    timeUs: TimestampUs,
  ): { readonly position: Position; readonly end: Position } | undefined {
    const { log, host } = this.#parts;
    if (!log.makeRoom(this.#builder.end.position + RECORDS_BYTES_MAX)) return undefined;
    this.#appendCommit();
    const bytesMax = host.random.chance(LARGE_CHANCE) ? LARGE_DATA_BYTES_MAX : DATA_BYTES_MAX;
    const data = new Uint8Array(host.random.below(bytesMax)).fill(DATA_BYTE);
    const simulated = events.map((event) => ({ ...event, type: 'simulated', data }));
    const built = this.#builder.appendPrepares(simulated, timeUs, this.epoch);
    this.#add(built);
    this.#worthNaming = built.end.position;
    this.#publishSoon();
    return { position: built.position, end: built.end.position };
  }

  /** Writes what is held back, and tells the core. */
  publish(): void {
    if (this.#group.length === 0) return;
    this.#write();
    this.#parts.host.published(this.#parts.log.end);
  }

  /** The reign is over. What was held back is dropped: nobody has been told anything about it. */
  end(): void {
    this.#isOver = true;
    this.#group = [];
    const { model, log } = this.#parts;
    if (model.end > log.end.position) model.truncate(log.end.position);
  }

  committed(position: Position): void {
    this.#committed = position;
    if (this.#isCommitDue) return;
    this.#isCommitDue = true;
    this.#parts.host.later(COMMIT_QUIET_MS, () => {
      this.#isCommitDue = false;
      if (this.#isOver || !this.#parts.host.takesAppends) return;
      this.#appendCommit();
      this.publish();
    });
  }

  #appendCommit(): void {
    const { log } = this.#parts;
    const committed = this.#committed;
    const isSaid = committed <= this.#named || this.#named >= this.#worthNaming;
    // A Commit never stands in one unsynced batch with what it names.
    if (isSaid || committed > log.durable) return;
    if (!log.makeRoom(this.#builder.end.position + RECORDS_BYTES_MAX)) return;
    this.#named = committed;
    this.#add(this.#builder.appendCommit(committed));
  }

  #add(built: BuiltRecords): void {
    this.#group.push(built.bytes);
    this.#parts.model.append(built.bytes);
  }

  #write(): void {
    const { log, host } = this.#parts;
    const group = this.#group;
    this.#group = [];
    for (const bytes of group) log.write(bytes);
    assert(log.end.position === this.#builder.end.position, 'the log ends with what was built for it');
    host.written();
  }

  #publishSoon(): void {
    const { host } = this.#parts;
    if (this.#isGroupOpen) return;
    if (!host.random.chance(GROUP_CHANCE)) {
      this.publish();
      return;
    }
    this.#isGroupOpen = true;
    host.later(host.random.fraction() * GROUP_MS_MAX, () => {
      this.#isGroupOpen = false;
      if (!this.#isOver) this.publish();
    });
  }
}
