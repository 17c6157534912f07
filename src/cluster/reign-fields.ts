/** The fields of the messages between a leader and those who follow it: docs/peer-protocol.md. Pure. */
import { assert, unreachable } from '../base/assert.js';
import type { FieldReader } from './field-reader.js';
import type { FieldWriter } from './field-writer.js';
import { type PayloadOf, RANGE_BYTES_MAX, type ReignKind } from './message-kinds.js';
import { EPOCHS_TOLD_MAX, type EpochEntry } from './messages.js';

type Fenced = PayloadOf<'fenced'>;

const FENCED_REASONS: readonly (Fenced['reason'] | undefined)[] = [undefined, 'copy', 'lost-data', 'removed'];

/** All but the bytes of a range, which come last. */
export function writeReign(writer: FieldWriter, message: PayloadOf<ReignKind>): void {
  switch (message.kind) {
    case 'heartbeat':
      writer.epoch(message.epoch);
      writer.u64(message.round);
      writer.position(message.commit);
      writer.position(message.end);
      return;
    case 'heartbeatReply':
      writer.epoch(message.epoch);
      writer.u64(message.round);
      writer.i32(message.priority);
      return;
    case 'steppedDown':
    case 'transfer':
      writer.epoch(message.epoch);
      return;
    case 'subscribe':
      writer.epoch(message.epoch);
      writer.u64(message.attempt);
      writer.position(message.end);
      writer.position(message.commit);
      writeEpochs(writer, message.epochs);
      return;
    case 'subscribed':
      writer.epoch(message.epoch);
      writer.u64(message.attempt);
      writer.position(message.position);
      return;
    case 'range':
      assert(message.bytes.length <= RANGE_BYTES_MAX, 'a range is at most as long as a record');
      assert(message.bytes.length % 8 === 0, 'a range of whole records');
      writer.epoch(message.epoch);
      writer.u64(message.attempt);
      writer.position(message.position);
      writer.position(message.commit);
      return;
    case 'ack':
      writer.epoch(message.epoch);
      writer.u64(message.attempt);
      writer.position(message.durable);
      return;
    case 'readIndex':
      writer.u64(message.request);
      return;
    case 'readIndexReply':
      writer.u64(message.request);
      writer.positionOrNone(message.position);
      return;
    case 'fenced':
      writer.u64(message.seenStart);
      writer.u64(message.seenNonce);
      writer.u8(reasonNumber(message.reason));
      return;
    default:
      unreachable(message);
  }
}

export function readReign(reader: FieldReader, kind: ReignKind): PayloadOf<ReignKind> {
  switch (kind) {
    case 'readIndex':
      return { kind, request: reader.u64() };
    case 'readIndexReply':
      return { kind, request: reader.u64(), position: reader.positionOrNone() };
    case 'fenced': {
      const seenStart = reader.u64();
      const seenNonce = reader.u64();
      return { kind, seenStart, seenNonce, reason: readReason(reader) };
    }
    case 'heartbeat': {
      const epoch = reader.epoch();
      const round = reader.u64();
      return { kind, epoch, round, commit: reader.position(), end: reader.position() };
    }
    case 'heartbeatReply':
      return { kind, epoch: reader.epoch(), round: reader.u64(), priority: reader.i32() };
    case 'steppedDown':
    case 'transfer':
      return { kind, epoch: reader.epoch() };
    case 'subscribe':
    case 'subscribed':
    case 'range':
    case 'ack':
      return readReplication(reader, kind);
    default:
      return unreachable(kind);
  }
}

type ReplicationKind = 'subscribe' | 'subscribed' | 'range' | 'ack';

function readReplication(reader: FieldReader, kind: ReplicationKind): PayloadOf<ReplicationKind> {
  const epoch = reader.epoch();
  const attempt = reader.u64();
  const position = reader.position();
  switch (kind) {
    case 'subscribe': {
      const commit = reader.position();
      return { kind, epoch, attempt, epochs: readEpochs(reader), end: position, commit };
    }
    case 'subscribed':
      return { kind, epoch, attempt, position };
    case 'range': {
      const commit = reader.position();
      const bytes = reader.rest(RANGE_BYTES_MAX);
      if (bytes.length % 8 !== 0) reader.fail('a range not of whole records');
      return { kind, epoch, attempt, position, commit, bytes };
    }
    case 'ack':
      return { kind, epoch, attempt, durable: position };
    default:
      return unreachable(kind);
  }
}

function writeEpochs(writer: FieldWriter, epochs: readonly EpochEntry[]): void {
  assert(epochs.length <= EPOCHS_TOLD_MAX, 'too many epochs are told');
  assert(isNewestFirst(epochs), 'epochs are told the newest first');
  writer.u16(epochs.length);
  for (const { epoch, position } of epochs) {
    writer.epoch(epoch);
    writer.position(position);
  }
}

function readEpochs(reader: FieldReader): readonly EpochEntry[] {
  const count = reader.within(reader.u16(), 0, EPOCHS_TOLD_MAX);
  const epochs: EpochEntry[] = [];
  for (let i = 0; i < count; i++) epochs.push({ epoch: reader.epoch(), position: reader.position() });
  if (!isNewestFirst(epochs)) reader.fail('epochs that are not the newest first');
  return epochs;
}

/** A later epoch stands behind an earlier one in the log. */
function isNewestFirst(epochs: readonly EpochEntry[]): boolean {
  return epochs.every((entry, i) => {
    const newer = epochs[i - 1];
    return newer === undefined || (newer.epoch > entry.epoch && newer.position > entry.position);
  });
}

function reasonNumber(reason: Fenced['reason']): number {
  switch (reason) {
    case 'copy':
      return 1;
    case 'lost-data':
      return 2;
    case 'removed':
      return 3;
    default:
      return unreachable(reason);
  }
}

function readReason(reader: FieldReader): Fenced['reason'] {
  const number = reader.u8();
  const reason = FENCED_REASONS[number];
  if (reason === undefined) reader.fail(`no reason: ${number}`);
  return reason ?? 'removed';
}
