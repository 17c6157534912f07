/** A chunk with so many open transactions that their names don't go from thread to thread at once. */
import { expect, test } from 'vitest';
import { PREPARE, RECORD } from '../../src/log/record.js';
import {
  DraftSteps,
  type KnownDrafts,
  NO_KNOWN_DRAFTS,
  UNDECIDED_MAX,
  withDrafts,
} from '../../src/scavenge/draft-steps.js';

const TRANSACTIONS = 2 * UNDECIDED_MAX + 5;
const RECORD_BYTES = 128;

/** The second step of a transaction, which says nothing of an end. */
function draftRecord(transaction: number): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeUInt32LE(PREPARE.stream + 17, RECORD.length);
  record.writeUInt32LE(1, PREPARE.revision);
  record[PREPARE.stream] = 0xff;
  record.writeUInt32LE(transaction, PREPARE.stream + 1);
  return record;
}

test('all are asked about in the end, each once, and no more at a time than allowed', () => {
  const asked = new Set<string>();
  const counts: number[] = [];
  let known: KnownDrafts = NO_KNOWN_DRAFTS;
  for (;;) {
    const steps = new DraftSteps({ low: 1, high: 2 }, known);
    for (let i = 0; i < TRANSACTIONS; i++) {
      const record = draftRecord(i);
      steps.note(record, new DataView(record.buffer, record.byteOffset, record.length), 0);
    }
    const names = steps.undecided();
    if (names.length === 0) {
      for (const i of [0, 1, TRANSACTIONS - 1]) {
        const record = draftRecord(i);
        const view = new DataView(record.buffer, record.byteOffset, record.length);
        expect(steps.removes(record, view, 0)).toBe(i % 2 === 0);
      }
      break;
    }
    counts.push(names.length);
    for (const name of names) asked.add(Buffer.from(name).toString('hex'));
    // Of every other one the step goes.
    const keepFroms = names.map((name) => (name[1]! % 2 === 0 ? 2 : 1));
    known = withDrafts(known, names, keepFroms);
  }
  expect(counts).toEqual([UNDECIDED_MAX, UNDECIDED_MAX, 5]);
  expect(asked.size).toBe(TRANSACTIONS);
});
