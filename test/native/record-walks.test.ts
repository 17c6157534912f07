/** What a walk over records finds: every kernel the same as a naive list of them, wherever the range ends, whatever is in it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeU64 } from '../../src/base/bytes.js';
import { newSurvey, type RecordKernel } from '../../src/base/ports.js';
import { javascriptKernel } from '../../src/log/javascript-kernel.js';
import {
  COMMIT,
  occupiedBytes,
  PREPARE,
  PREPARE_FLAG,
  RECORD,
  RECORD_TYPE,
  REMOVED_FLAGS,
} from '../../src/log/record.js';
import { setBit } from '../../src/log/record-walks.js';
import { streamHash } from '../../src/log/stream-hash.js';
import { kernelsByName } from '../../src/native/platform.js';
import { frame } from './framed-records.js';

interface Sample {
  readonly type: number;
  /** Of what a Removed record stands for. */
  readonly original: number;
  readonly isLast: boolean;
  readonly grows: boolean;
  readonly committed: number;
  readonly length: number;
  readonly stream: string;
}

const types = fc.integer({ min: 1, max: 7 });
const samples = fc.array(
  fc.record<Sample>({
    type: fc.oneof(
      { weight: 4, arbitrary: fc.constant(RECORD_TYPE.prepare) },
      { arbitrary: types, weight: 1 },
    ),
    original: fc.integer({ min: 1, max: 6 }),
    isLast: fc.boolean(),
    grows: fc.oneof(
      { weight: 9, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    committed: fc.nat(3000),
    length: fc.integer({ min: 100, max: 400 }),
    stream: fc.constantFrom('a', 'b', 'long-name-1', 'long-name-2', '$$a', '$', '$$'),
  }),
  { minLength: 1, maxLength: 25 },
);

const FIRST_EPOCH = 3;

function framed(list: readonly Sample[]) {
  let epoch = FIRST_EPOCH;
  const records = list.map(({ length, type, grows }) => {
    if (grows) epoch++;
    return { length, type, epoch };
  });
  const { bytes, starts } = frame(0, records);
  const view = new DataView(bytes.buffer);
  for (const [i, { type, original, isLast, committed, stream }] of list.entries()) {
    const at = starts[i]!;
    const flags = isLast ? PREPARE_FLAG.lastOfTransaction : 0;
    const asRemoved = type === RECORD_TYPE.removed ? original << REMOVED_FLAGS.originalTypeShift : 0;
    view.setUint16(at + RECORD.flags, flags | asRemoved, true);
    if (type === RECORD_TYPE.commit) writeU64(view, at + COMMIT.committed, committed);
    if (type !== RECORD_TYPE.prepare) continue;
    const name = new TextEncoder().encode(stream);
    view.setUint16(at + PREPARE.streamBytes, name.length, true);
    bytes.set(name, at + PREPARE.stream);
  }
  return { bytes, starts, epochs: records.map((record) => record.epoch) };
}

describe.each([...kernelsByName(), ['javascript', javascriptKernel] as const])(
  '%s',
  (_name, kernel: RecordKernel) => {
    test('a survey counts whole records up to a Commit that is too early, and knows where transactions end', () => {
      fc.assert(
        fc.property(samples, fc.nat(3000), fc.boolean(), fc.nat(400), (list, durable, isOpen, cut) => {
          const { bytes, starts, epochs } = framed(list);
          const length = Math.max(0, bytes.length - cut);
          let isInTransaction = isOpen;
          const naive = { ...newSurvey(), durable, epoch: FIRST_EPOCH };
          for (const [i, { type, original, isLast, committed, length: recordLength }] of list.entries()) {
            const end = starts[i]! + occupiedBytes(recordLength);
            if (end > length || (type === RECORD_TYPE.commit && committed > durable)) break;
            const meant = type === RECORD_TYPE.removed ? original : type;
            if (meant === RECORD_TYPE.prepare) isInTransaction = !isLast;
            if (meant === RECORD_TYPE.epoch) isInTransaction = false;
            naive.isNotable ||= epochs[i]! > naive.epoch || meant === RECORD_TYPE.epoch;
            naive.isNotable ||= meant === RECORD_TYPE.membership;
            naive.epoch = epochs[i]!;
            naive.records++;
            naive.last = starts[i]!;
            naive.bytes = end;
            naive.largestBytes = Math.max(naive.largestBytes, occupiedBytes(recordLength));
            if (!isInTransaction) naive.boundary = end;
          }
          const survey = newSurvey({ durable, epoch: FIRST_EPOCH, isInTransaction: isOpen, records: 77 });
          kernel.survey(bytes, 0, length, survey);
          expect(survey).toEqual({ ...naive, isInTransaction });
          // Placed elsewhere it is the same.
          const moved = new Uint8Array(bytes.length + 40);
          moved.set(bytes, 24);
          const again = newSurvey({ durable, epoch: FIRST_EPOCH, isInTransaction: isOpen });
          kernel.survey(moved, 24, length, again);
          expect(again).toEqual(survey);
        }),
      );
    });

    test('a search finds the events of the streams that are wanted and of metadata streams, in as many calls as it takes', () => {
      const wanted = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'long-name-2', 'no such stream'));
      fc.assert(
        fc.property(
          samples,
          wanted,
          fc.integer({ min: 1, max: 30 }),
          fc.nat(400),
          (list, streams, room, cut) => {
            const { bytes, starts } = framed(list);
            const filter = new Uint32Array(512);
            for (const stream of streams) setBit(filter, streamHash(new TextEncoder().encode(stream)));
            const length = Math.max(0, bytes.length - cut);
            const expected = starts.filter((start, i) => {
              const { type, stream } = list[i]!;
              const isWanted = streams.includes(stream) || stream.startsWith('$$');
              return start < length && type === RECORD_TYPE.prepare && isWanted;
            });
            const events: number[] = [];
            const found = new Int32Array(1 + room);
            let at = 0;
            while (at < length) {
              const count = kernel.findEvents(bytes, at, length - at, { filter, found });
              for (let i = 1; i <= count; i++) events.push(at + found[i]!);
              expect(found[0]).toBeGreaterThan(0);
              at += found[0]!;
            }
            expect(events).toEqual(expected);
            expect([...starts, bytes.length]).toContain(at);
          },
        ),
      );
    });

    test('a search refuses what are no records', () => {
      const search = { filter: new Uint32Array(1), found: new Int32Array(9) };
      expect(() => kernel.findEvents(new Uint8Array(100), 0, 100, search)).toThrow('findEvents');
    });
  },
);
