/** The fields of the messages of an election: docs/peer-protocol.md. Pure. */
import { unreachable } from '../base/assert.js';
import { MEMBER_NAME_BYTES_MAX } from './configuration.js';
import type { FieldReader } from './field-reader.js';
import type { FieldWriter } from './field-writer.js';
import type { ElectionKind, PayloadOf } from './message-kinds.js';

export function writeElection(writer: FieldWriter, message: PayloadOf<ElectionKind>): void {
  switch (message.kind) {
    case 'preVote':
      writer.u64(message.round);
      return;
    case 'preVoteReply':
      writer.u64(message.round);
      writer.boolean(message.granted);
      writer.u32(message.promisedEpoch);
      return;
    case 'prepare':
      writer.epoch(message.epoch);
      writer.idOrNone(message.resigning);
      return;
    case 'prepareOk':
      writer.epoch(message.epoch);
      writer.u32(message.lastEpoch);
      writer.position(message.position);
      writer.position(message.commit);
      writer.i32(message.priority);
      return;
    case 'proposal':
      writer.epoch(message.epoch);
      writer.u32(message.lastEpoch);
      writer.position(message.position);
      writer.id(message.leader);
      writer.text(message.leaderName, 1, MEMBER_NAME_BYTES_MAX);
      return;
    case 'accept':
      writer.epoch(message.epoch);
      return;
    case 'stale':
      writer.u32(message.promisedEpoch);
      return;
    default:
      unreachable(message);
  }
}

export function readElection(reader: FieldReader, kind: ElectionKind): PayloadOf<ElectionKind> {
  switch (kind) {
    case 'preVote':
      return { kind, round: reader.u64() };
    case 'preVoteReply': {
      const round = reader.u64();
      return { kind, round, granted: reader.boolean(), promisedEpoch: reader.u32() };
    }
    case 'prepare':
      return { kind, epoch: reader.epoch(), resigning: reader.idOrNone() };
    case 'prepareOk': {
      const epoch = reader.epoch();
      const lastEpoch = reader.u32();
      const position = reader.position();
      const commit = reader.position();
      return { kind, epoch, lastEpoch, position, commit, priority: reader.i32() };
    }
    case 'proposal': {
      const epoch = reader.epoch();
      const lastEpoch = reader.u32();
      const position = reader.position();
      const leader = reader.id();
      const leaderName = reader.text(1, MEMBER_NAME_BYTES_MAX);
      return { kind, epoch, leader, leaderName, lastEpoch, position };
    }
    case 'accept':
      return { kind, epoch: reader.epoch() };
    case 'stale':
      return { kind, promisedEpoch: reader.u32() };
    default:
      return unreachable(kind);
  }
}
