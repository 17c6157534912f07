import { describe, expect, it } from 'vitest';
import { eventId, namedEventId, SourceCheck, SourceMarks } from '../../../src/cli/import/source-marks.js';

const MARK = { row: 17, check: 0xcbf43926 };

describe('the mark of a source', () => {
  it('is what it always was: later versions must find it in streams of earlier ones', () => {
    const marks = new SourceMarks('flights-5k.json?stream-by=origin');
    expect(marks.metadata(MARK).toString()).toBe(
      '{"$source":"flights-5k.json?stream-by=origin","$row":17,"$check":"cbf43926"}',
    );
    expect(eventId(marks.idMiddle('HNL'), MARK)).toBe('cbf43926-9ea7-8a31-a4d2-000000000011');
    expect(namedEventId('ci', 'ci37868143')).toBe('bcbe7e8d-6e8d-8645-8788-111a98390d13');
  });

  it('is found again, with its row and checksum, and no other is taken for it', () => {
    const marks = new SourceMarks('é".json');
    const mark = { row: 2 ** 40, check: 0xf };
    expect(marks.read(marks.metadata(mark))).toEqual(mark);
    expect(marks.metadata(mark).length).toBeLessThanOrEqual(marks.metadataBytesMax);
    for (const other of [
      '',
      '{}',
      '{"$source":"é',
      '{"$source":"é\\".json"}',
      'not JSON at all, but longer than that',
    ]) {
      expect(marks.read(Buffer.from(other))).toBeUndefined();
    }
    expect(marks.read(new SourceMarks('é".json2').metadata(mark))).toBeUndefined();
  });

  it('gives every row of every stream an id of its own', () => {
    const middles = ['a', 'b'].flatMap((source) =>
      ['s', 't'].map((stream) => new SourceMarks(source).idMiddle(stream)),
    );
    const ids = middles.flatMap((middle) =>
      [1, 2, 2 ** 32 + 1, 2 ** 47].map((row) => eventId(middle, { row, check: 0 })),
    );
    expect(new Set(ids).size).toBe(16);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('vouches for the header and all rows up to it', () => {
    const check = new SourceCheck(Buffer.from('123'));
    check.add(Buffer.from('456'));
    // The check value of CRC-32 in its specification.
    expect(check.add(Buffer.from('789'))).toBe(0xcbf43926);
  });
});
