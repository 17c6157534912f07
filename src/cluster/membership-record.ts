/**
 * What a Membership record says: its body is one configuration. docs/formats.md has the bytes. Pure. What can be encoded is what can be
 * decoded, so a leader can't write a record that its followers refuse.
 */
import { assert } from '../base/assert.js';
import type { Bytes } from '../base/ports.js';
import { type Configuration, MEMBERS_MAX, VOTERS_MAX, votersOf } from './configuration.js';
import { FieldReader } from './field-reader.js';
import { FieldWriter } from './field-writer.js';
import { readMembers, writeMembers } from './member-fields.js';

const writer = new FieldWriter();
const reader = new FieldReader();

/** The body of a Membership record: what stands behind the record's header. */
export function encodeMembership(configuration: Configuration): Uint8Array {
  const { version, clusterSize, members } = configuration;
  assert(version >= 1, 'versions begin with 1');
  assert(isClusterSize(clusterSize), 'a cluster has 1 to 9 voters');
  assert(members.length <= MEMBERS_MAX, 'a configuration has at most 32 members');
  assert(hasVoters(configuration), 'a configuration has 1 to 9 voters');
  writer.reset();
  writer.u32(0);
  writer.u64(version);
  writer.u16(clusterSize);
  writeMembers(writer, members);
  return writer.take();
}

/** The configuration of a Membership record's body; undefined if it is none. */
export function decodeMembership(content: Bytes): Configuration | undefined {
  reader.open(content);
  reader.zero();
  const version = reader.u64();
  const clusterSize = reader.u16();
  const members = readMembers(reader, MEMBERS_MAX);
  const configuration = { version, clusterSize, members };
  if (reader.finish() !== undefined) return undefined;
  const isValid = version >= 1 && isClusterSize(clusterSize) && hasVoters(configuration);
  return isValid ? configuration : undefined;
}

function isClusterSize(size: number): boolean {
  return size >= 1 && size <= VOTERS_MAX;
}

function hasVoters(configuration: Configuration): boolean {
  const voters = votersOf(configuration).length;
  return voters >= 1 && voters <= VOTERS_MAX;
}
