import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VERIFY_STOP } from '../../../src/base/ports.js';
import { encodeMembership } from '../../../src/cluster/membership-record.js';
import { decodeRecord } from '../../../src/log/decoded-record.js';
import { javascriptKernel as kernel } from '../../../src/log/javascript-kernel.js';
import { occupiedBytes } from '../../../src/log/record.js';
import { TailSummary } from '../../../src/log/tail-summary.js';
import { RecordBuilder } from '../../../src/sim/node/record-bytes.js';
import { configurationOf, idOf } from '../../cluster/ids.js';
import {
  commitBody,
  type NaiveRecord,
  type NaiveSealed,
  naiveSeal,
  prepareBody,
} from '../../log/naive-records.js';

const CHUNK_SIZE = 65_536;
const START = { position: 0, chain: 0, previousLength: 0, epoch: 0 };

function newBuilder() {
  return new RecordBuilder(kernel, { end: START, chunkSize: CHUNK_SIZE, timestampUs: 0 });
}

function eventOf(dataBytes: number, revision = 0) {
  return {
    stream: 's-ä',
    type: 'tested',
    eventId: idOf(1),
    revision,
    data: new Uint8Array(dataBytes).fill(7),
  };
}

describe('built records', () => {
  test('are what the naive implementation makes of them', () => {
    const builder = newBuilder();
    // The naive records have their position in the timestamp.
    const built: Uint8Array[] = [];
    let before: NaiveSealed | undefined;
    const compare = (record: NaiveRecord, build: () => { bytes: Uint8Array }) => {
      const sealed = naiveSeal(record, before);
      builder.setTime(1_700_000_000_000_000 + sealed.position);
      built.push(build().bytes);
      expect(Buffer.from(built.at(-1)!).toString('hex')).toBe(sealed.bytes.toString('hex'));
      before = sealed;
    };
    const epochBody = Buffer.concat([Buffer.alloc(4), Buffer.from(idOf(5).replaceAll('-', ''), 'hex')]);
    compare({ type: 3, flags: 0, epoch: 2, body: epochBody }, () => builder.appendEpoch(2, idOf(5)));
    const configuration = configurationOf(3, 1);
    const membership = { type: 4, flags: 0, epoch: 2, body: encodeMembership(configuration) };
    compare(membership, () => builder.appendMembership(configuration));
    const event = eventOf(30, 4);
    const body = prepareBody(event, 4, 0);
    body.set(Buffer.from(idOf(1).replaceAll('-', ''), 'hex'), 12);
    compare({ type: 1, flags: 3, epoch: 3, body }, () => builder.appendPrepares([event], 0, 3));
    const committed = builder.end.position;
    compare({ type: 2, flags: 0, epoch: 3, body: commitBody(committed) }, () =>
      builder.appendCommit(committed),
    );
  });

  test('make valid transactions and fill chunks with Padding, whatever their sizes', () => {
    const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(65_000)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 8 }), (transactions) => {
        const builder = newBuilder();
        const state = { ...START };
        const summary = new TailSummary(CHUNK_SIZE);
        transactions.forEach((events, i) => {
          const built = builder.appendPrepares(
            events.map((size) => eventOf(size)),
            i,
            1,
          );
          expect(kernel.verify(built.bytes, 0, built.bytes.length, state)).toBe(VERIFY_STOP.end);
          expect(state).toEqual(built.end);
          expect(built.end).toEqual(builder.end);
          summary.note(built.bytes, 0, built.bytes.length);
          expect(summary.openTransaction).toBeUndefined();
          expectNoCrossing(built.bytes, built.end.position - built.bytes.length);
          const first = decodeRecord(built.bytes, built.bytes.length - (built.end.position - built.position));
          expect(first).toMatchObject({ header: { position: built.position }, body: { isFirst: true } });
        });
        expect(summary.contradiction).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  test('never go back in time or epoch', () => {
    const builder = newBuilder();
    builder.appendPrepares([eventOf(1)], 50, 3);
    const { bytes } = builder.appendPrepares([eventOf(1)], 40, 3);
    expect(decodeRecord(bytes, 0).header.timestampUs).toBe(50);
    expect(() => builder.appendEpoch(2, idOf(1))).toThrow('epochs never go back');
  });
});

function expectNoCrossing(bytes: Uint8Array, start: number): void {
  for (let at = 0; at < bytes.length; ) {
    const { length } = decodeRecord(bytes, at).header;
    const last = start + at + occupiedBytes(length) - 1;
    expect(Math.floor((start + at) / CHUNK_SIZE)).toBe(Math.floor(last / CHUNK_SIZE));
    at += occupiedBytes(length);
  }
}
