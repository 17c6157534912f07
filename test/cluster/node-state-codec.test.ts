import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/base/crc32c.js';
import { MEMBER_NAME_BYTES_MAX, VOTERS_MAX, ZONE_BYTES_MAX } from '../../src/cluster/configuration.js';
import { freshNodeState, type NodeState } from '../../src/cluster/node-state.js';
import {
  decodeNodeState,
  encodeNodeState,
  STATE_FILE_BYTES,
  STATE_SLOT_BYTES,
  stateSlotOffset,
} from '../../src/cluster/node-state-codec.js';
import { readGolden } from '../log/golden-formats.js';
import { idOf, memberOf } from './ids.js';

const BLOCK = 4096;

const STATE: NodeState = {
  memberId: idOf(1),
  start: 3,
  nonce: 0x1_2345_6789,
  clusterId: idOf(0xc1),
  promisedEpoch: 8,
  acceptedEpoch: 7,
  acceptedLeader: idOf(2),
  foundation: {
    clusterId: idOf(0xc1),
    founder: idOf(1),
    chunkSize: 65_536,
    members: [memberOf(1), memberOf(2, 'voter', 'z')],
  },
  founded: true,
  ackedPosition: 4_096,
  fenced: false,
  catchingUpFrom: 2_048,
};

const FRESH = freshNodeState(idOf(1), 0);

/** A file in which these states were saved, one after the other. */
function fileOf(...states: NodeState[]): Uint8Array {
  const file = new Uint8Array(STATE_FILE_BYTES);
  states.forEach((state, i) => {
    const at = stateSlotOffset(i + 1);
    encodeNodeState(file.subarray(at, at + STATE_SLOT_BYTES), { sequence: i + 1, state });
  });
  return file;
}

function stateNumbered(start: number): NodeState {
  return { ...STATE, start };
}

describe('a node state', () => {
  test('is written as in the golden file', () => {
    const slot = new Uint8Array(STATE_SLOT_BYTES);
    encodeNodeState(slot, { sequence: 5, state: STATE });
    const golden = Buffer.from(readGolden('node-state.hex')).toString('hex');
    expect(Buffer.from(slot.subarray(0, BLOCK)).toString('hex')).toBe(golden);
    expect(Buffer.from(slot.subarray(BLOCK)).toString('hex')).toBe(golden);
  });

  test('is read as what was meant', () => {
    expect(decodeNodeState(fileOf(FRESH))).toEqual({ kind: 'state', sequence: 1, state: FRESH });
    expect(decodeNodeState(fileOf(FRESH, STATE))).toEqual({ kind: 'state', sequence: 2, state: STATE });
    expect(decodeNodeState(fileOf(FRESH, STATE, FRESH))).toMatchObject({ sequence: 3, state: FRESH });
  });

  test('fits its block with as many and as long names as there may be', () => {
    const members = Array.from({ length: VOTERS_MAX }, (_, i) => ({
      ...memberOf(i + 1, 'voter', 'z'.repeat(ZONE_BYTES_MAX)),
      name: 'n'.repeat(MEMBER_NAME_BYTES_MAX),
    }));
    const state = { ...STATE, foundation: { ...STATE.foundation!, members } };
    expect(decodeNodeState(fileOf(state))).toEqual({ kind: 'state', sequence: 1, state });
  });

  test('is the one before if the write of a slot was torn, unless a whole copy is there', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }), (kept) => {
        const before = fileOf(stateNumbered(1), stateNumbered(2));
        const after = fileOf(stateNumbered(1), stateNumbered(2), stateNumbered(3));
        const slotAt = stateSlotOffset(3);
        kept.forEach((isKept, sector) => {
          const at = slotAt + sector * 512;
          if (!isKept) after.set(before.subarray(at, at + 512), at);
        });
        const decoded = decodeNodeState(after);
        expect(decoded).toMatchObject({ kind: 'state' });
        // Most sectors of the block are zeros in both, so that not all of them matter.
        const isWhole = [0, 8].some((copy) => kept[copy] && kept[copy + 7]);
        expect(decoded).toMatchObject({ sequence: isWhole ? 3 : 2 });
      }),
    );
  });

  test('survives any damage to one block', () => {
    fc.assert(
      fc.property(fc.nat(STATE_FILE_BYTES - 1), fc.nat(7), (at, bit) => {
        const file = fileOf(stateNumbered(1), stateNumbered(2), stateNumbered(3));
        file[at]! ^= 1 << bit;
        expect(decodeNodeState(file)).toEqual({ kind: 'state', sequence: 3, state: stateNumbered(3) });
      }),
    );
    const file = fileOf(stateNumbered(1), stateNumbered(2));
    file.fill(0, 0, BLOCK);
    expect(decodeNodeState(file)).toMatchObject({ sequence: 2 });
  });

  test('is damaged if no block is valid', () => {
    const file = fileOf(FRESH, STATE);
    for (let at = 0; at < STATE_FILE_BYTES; at += BLOCK) file[at + 30]! ^= 1;
    expect(decodeNodeState(file)).toEqual({ kind: 'damaged', reason: 'a checksum is wrong' });
    const empty = new Uint8Array(STATE_FILE_BYTES);
    expect(decodeNodeState(empty)).toEqual({ kind: 'damaged', reason: 'no slot was ever written' });
  });

  test('of a later version is not passed over', () => {
    const file = fileOf(FRESH, STATE);
    rewrite(file, (view) => view.setUint32(8, 2, true));
    expect(decodeNodeState(file)).toEqual({ kind: 'unknown-version', version: 2 });
  });

  test('counts also where a misdirected write has put it', () => {
    const file = fileOf(stateNumbered(1), stateNumbered(2));
    const next = fileOf(stateNumbered(1), stateNumbered(2), stateNumbered(3));
    file.set(next.subarray(stateSlotOffset(3), stateSlotOffset(3) + STATE_SLOT_BYTES), BLOCK);
    expect(decodeNodeState(file)).toMatchObject({ kind: 'state', sequence: 3 });
  });

  test('has nothing behind its fields', () => {
    const file = fileOf(FRESH, STATE).fill(0, STATE_SLOT_BYTES).fill(0, BLOCK, STATE_SLOT_BYTES);
    rewrite(file, (view) => view.setUint8(4000, 1));
    expect(decodeNodeState(file)).toEqual({ kind: 'damaged', reason: 'unknown fields' });
    rewrite(file, (view) => view.setUint32(12, 4096, true));
    expect(decodeNodeState(file)).toEqual({ kind: 'damaged', reason: 'unknown fields' });
  });
});

/** Changes the first block, and its checksum. */
function rewrite(file: Uint8Array, change: (view: DataView) => void): void {
  const view = new DataView(file.buffer, 0, BLOCK);
  change(view);
  view.setUint32(4092, crc32c(file, 0, 4092, 0), true);
}
