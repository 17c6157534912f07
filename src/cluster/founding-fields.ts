/** The fields of the messages about founding and joining a cluster: docs/peer-protocol.md. Pure. */
import { assert, unreachable } from '../base/assert.js';
import { isChunkSize } from '../log/chunk.js';
import { VOTERS_MAX, ZONE_BYTES_MAX } from './configuration.js';
import type { FieldReader } from './field-reader.js';
import type { FieldWriter } from './field-writer.js';
import type { Foundation } from './foundation.js';
import { readMembers, readRole, writeMembers, writeRole } from './member-fields.js';
import type { FoundingKind, PayloadOf } from './message-kinds.js';

export function writeFounding(writer: FieldWriter, message: PayloadOf<FoundingKind>): void {
  switch (message.kind) {
    case 'hello':
      writeRole(writer, message.role);
      writer.boolean(message.isAnswer);
      assert(isClusterSize(message.clusterSize), 'a cluster has 1 to 9 voters');
      writer.u16(message.clusterSize);
      writeChunkSize(writer, message.chunkSize);
      writer.text(message.zone, 0, ZONE_BYTES_MAX);
      return;
    case 'found':
      writeFoundation(writer, message.foundation);
      return;
    case 'foundRefused':
      writer.id(message.heldClusterId);
      writer.id(message.heldFounder);
      return;
    case 'invite':
      writeChunkSize(writer, message.chunkSize);
      return;
    case 'foundAgreed':
    case 'founded':
    case 'foundAbandoned':
      return;
    default:
      unreachable(message);
  }
}

/** `clusterId` is the envelope's, which is also what these messages are about. */
export function readFounding(
  reader: FieldReader,
  kind: FoundingKind,
  clusterId: string,
): PayloadOf<FoundingKind> {
  switch (kind) {
    case 'hello': {
      const role = readRole(reader);
      const isAnswer = reader.boolean();
      const clusterSize = reader.within(reader.u16(), 1, VOTERS_MAX);
      const chunkSize = readChunkSize(reader);
      return {
        kind,
        role,
        isAnswer,
        clusterSize,
        chunkSize,
        zone: reader.text(0, ZONE_BYTES_MAX),
      };
    }
    case 'found':
      return { kind, foundation: readFoundation(reader) };
    case 'foundRefused':
      return { kind, clusterId, heldClusterId: reader.id(), heldFounder: reader.id() };
    case 'invite':
      return { kind, chunkSize: readChunkSize(reader) };
    case 'foundAgreed':
    case 'founded':
    case 'foundAbandoned':
      return { kind, clusterId };
    default:
      return unreachable(kind);
  }
}

function writeFoundation(writer: FieldWriter, foundation: Foundation): void {
  const { clusterId, founder, chunkSize, members } = foundation;
  assert(members.length >= 1 && members.length <= VOTERS_MAX, 'a founding has 1 to 9 members');
  assert(isFounding(foundation), 'a founding is of voters, and the founder is one of them');
  writer.id(clusterId);
  writer.id(founder);
  writeChunkSize(writer, chunkSize);
  writeMembers(writer, members);
}

function readFoundation(reader: FieldReader): Foundation {
  const clusterId = reader.id();
  const founder = reader.id();
  const chunkSize = readChunkSize(reader);
  const foundation = { clusterId, founder, chunkSize, members: readMembers(reader, VOTERS_MAX) };
  if (!isFounding(foundation)) reader.fail('a founding not of voters, or by somebody else');
  return foundation;
}

function isFounding({ founder, members }: Foundation): boolean {
  return members.every(({ role }) => role === 'voter') && members.some(({ id }) => id === founder);
}

function writeChunkSize(writer: FieldWriter, size: number): void {
  assert(isChunkSize(size), 'a chunk size that no log has');
  writer.u32(size);
}

function readChunkSize(reader: FieldReader): number {
  const size = reader.u32();
  if (!isChunkSize(size)) reader.fail(`a chunk size of ${size}`);
  return size;
}

function isClusterSize(size: number): boolean {
  return size >= 1 && size <= VOTERS_MAX;
}
