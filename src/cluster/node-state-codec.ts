/**
 * The bytes of the node state file (docs/formats.md, Node state). Pure. Two slots are written in turn, so that a torn write leaves the
 * state before it; each slot holds its block twice, so that one rotten block doesn't take a promise back. Damage is an answer.
 */
import { assert } from '../base/assert.js';
import { bytesEqual, isZero, readU64, writeU64 } from '../base/bytes.js';
import { crc32c } from '../base/crc32c.js';
import type { Bytes } from '../base/ports.js';
import type { Position } from '../base/units.js';
import { VOTERS_MAX } from './configuration.js';
import { FieldReader } from './field-reader.js';
import { FieldWriter } from './field-writer.js';
import type { Foundation } from './foundation.js';
import { readMembers, writeMembers } from './member-fields.js';
import type { NodeState } from './node-state.js';

/** A state with a foundation of nine members with the longest names takes 3.3 KiB. */
const BLOCK_BYTES = 4096;
/** Two copies of the block. */
export const STATE_SLOT_BYTES = 2 * BLOCK_BYTES;
const SLOTS = 2;
export const STATE_FILE_BYTES = SLOTS * STATE_SLOT_BYTES;

const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode('CAIRNNOD');
const BLOCK = { magic: 0, version: 8, length: 12, sequence: 16, fields: 24, crc: 4092 };

/** `sequence` counts the writes of the file from 1. */
export interface NumberedState {
  readonly sequence: number;
  readonly state: NodeState;
}

export type DecodedNodeState =
  | ({ readonly kind: 'state' } & NumberedState)
  | { readonly kind: 'unknown-version'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string };

const writer = new FieldWriter();
const reader = new FieldReader();

/** Where in the file the slot of this sequence number stands. */
export function stateSlotOffset(sequence: number): number {
  return (sequence % SLOTS) * STATE_SLOT_BYTES;
}

/** Fills the {@link STATE_SLOT_BYTES} of `slot`. */
export function encodeNodeState(slot: Bytes, { sequence, state }: NumberedState): void {
  assert(slot.length === STATE_SLOT_BYTES, 'a node state fills its slot');
  const fields = encodeFields(state);
  assert(BLOCK.fields + fields.length <= BLOCK.crc, `a node state of ${fields.length} bytes`);
  const block = slot.subarray(0, BLOCK_BYTES);
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_BYTES);
  block.fill(0);
  block.set(MAGIC, BLOCK.magic);
  view.setUint32(BLOCK.version, FORMAT_VERSION, true);
  view.setUint32(BLOCK.length, fields.length, true);
  writeU64(view, BLOCK.sequence, sequence);
  block.set(fields, BLOCK.fields);
  view.setUint32(BLOCK.crc, crc32c(block, 0, BLOCK.crc, 0), true);
  slot.set(block, BLOCK_BYTES);
}

/**
 * The newest state in the {@link STATE_FILE_BYTES} of a file. It counts wherever it stands: a misdirected write has destroyed another.
 * A later version's state is never passed over for an older one.
 */
export function decodeNodeState(file: Bytes): DecodedNodeState {
  assert(file.length === STATE_FILE_BYTES, 'a node state is decoded from the whole file');
  let newest: DecodedNodeState | undefined;
  let problem = damaged('no slot was ever written');
  for (let at = 0; at < STATE_FILE_BYTES; at += BLOCK_BYTES) {
    const block = file.subarray(at, at + BLOCK_BYTES);
    if (isZero(block, 0, BLOCK_BYTES)) continue;
    const decoded = decodeBlock(block);
    if (decoded.kind === 'unknown-version') return decoded;
    if (decoded.kind === 'damaged') problem = decoded;
    else if (newest?.kind !== 'state' || newest.sequence < decoded.sequence) newest = decoded;
  }
  return newest ?? problem;
}

function decodeBlock(block: Bytes): DecodedNodeState {
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_BYTES);
  if (!bytesEqual(block, BLOCK.magic, MAGIC, 0, MAGIC.length)) return damaged('the magic bytes are missing');
  if (view.getUint32(BLOCK.crc, true) !== crc32c(block, 0, BLOCK.crc, 0))
    return damaged('a checksum is wrong');
  const version = view.getUint32(BLOCK.version, true);
  if (version !== FORMAT_VERSION) return { kind: 'unknown-version', version };
  const sequence = readU64(view, BLOCK.sequence);
  const length = view.getUint32(BLOCK.length, true);
  const end = BLOCK.fields + length;
  if (end > BLOCK.crc || !isZero(block, end, BLOCK.crc - end)) return damaged('unknown fields');
  return decodeFields(block.subarray(BLOCK.fields, end), sequence);
}

function encodeFields(state: NodeState): Uint8Array {
  const { foundation } = state;
  writer.reset();
  writer.id(state.memberId);
  writer.u64(state.start);
  writer.u64(state.nonce);
  writer.idOrNone(state.clusterId ?? '');
  writer.u32(state.promisedEpoch);
  writer.u32(state.acceptedEpoch);
  writer.idOrNone(state.acceptedLeader ?? '');
  writer.position(state.ackedPosition);
  writer.boolean(state.founded);
  writer.boolean(state.fenced);
  writer.boolean(state.catchingUpFrom !== undefined);
  writer.position(state.catchingUpFrom ?? 0);
  writer.boolean(foundation !== undefined);
  if (foundation !== undefined) {
    writer.id(foundation.clusterId);
    writer.id(foundation.founder);
    writer.u32(foundation.chunkSize);
    writeMembers(writer, foundation.members);
  }
  return writer.take();
}

function decodeFields(fields: Bytes, sequence: number): DecodedNodeState {
  reader.open(fields);
  const state: NodeState = {
    memberId: reader.id(),
    start: reader.u64(),
    nonce: reader.u64(),
    clusterId: optional(reader.idOrNone()),
    promisedEpoch: reader.u32(),
    acceptedEpoch: reader.u32(),
    acceptedLeader: optional(reader.idOrNone()),
    ackedPosition: reader.position(),
    founded: reader.boolean(),
    fenced: reader.boolean(),
    catchingUpFrom: readCatchingUpFrom(),
    foundation: reader.boolean() ? readFoundation() : undefined,
  };
  const fault = reader.finish();
  return fault === undefined ? { kind: 'state', sequence, state } : damaged(fault);
}

function readFoundation(): Foundation {
  return {
    clusterId: reader.id(),
    founder: reader.id(),
    chunkSize: reader.u32(),
    members: readMembers(reader, VOTERS_MAX),
  };
}

function readCatchingUpFrom(): Position | undefined {
  const isCatchingUp = reader.boolean();
  const position = reader.position();
  return isCatchingUp ? position : undefined;
}

function optional(id: string): string | undefined {
  return id === '' ? undefined : id;
}

function damaged(reason: string): { readonly kind: 'damaged'; readonly reason: string } {
  return { kind: 'damaged', reason };
}
