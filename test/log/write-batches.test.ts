import { describe, expect, test } from 'vitest';
import { admitAll, batchLength } from '../../src/log/write-batches.js';
import { SampleLog } from './sample-log.js';

describe('a batch', () => {
  const log = new SampleLog().epoch().event(40);
  const firstEnd = log.end;
  log.event(50).commit(firstEnd);
  const commitAt = log.records.at(-1)!.position;
  log.event(10).commit();
  const lastAt = log.records.at(-1)!.position;
  const { bytes, end } = log;

  test('ends before a Commit that names what is not durable', () => {
    expect(batchLength(bytes, 0, end, 0)).toBe(commitAt);
    expect(batchLength(bytes, 0, end, firstEnd - 8)).toBe(commitAt);
  });

  test('goes on behind a Commit of what is durable', () => {
    expect(batchLength(bytes, 0, end, firstEnd)).toBe(lastAt);
    expect(batchLength(bytes, 0, end, lastAt)).toBe(end);
    expect(batchLength(bytes, lastAt, end - lastAt, lastAt)).toBe(end - lastAt);
  });

  test('is empty if the range begins with such a Commit', () => {
    expect(batchLength(bytes, lastAt, end - lastAt, lastAt - 8)).toBe(0);
    expect(batchLength(bytes, end, 0, 0)).toBe(0);
  });

  test('is cut from whole records', () => {
    expect(() => batchLength(bytes, 0, firstEnd - 8, end)).toThrow('whole records');
    expect(() => batchLength(bytes, 0, firstEnd + 8, end)).toThrow('whole records');
  });
});

test('a line of writes is admitted up to what is no write, or is admitted already', () => {
  const write = (isCatchUp: boolean) => ({ kind: 'write', isCatchUp });
  const line = [write(false), { kind: 'truncate' }, write(false), write(false)];
  admitAll(line);
  expect(line).toEqual([write(false), { kind: 'truncate' }, write(true), write(true)]);
  const admitted = [write(false), write(true), write(false)];
  admitAll(admitted);
  expect(admitted).toEqual([write(false), write(true), write(true)]);
});
