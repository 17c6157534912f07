/** What a node does with scavenge points, with everything around it played by the test. */
import { describe, expect, test, vi } from 'vitest';
import type { ScavengeReport } from '../../../src/node/scavenge/scavenge-job.js';
import type { ScavengeRunner } from '../../../src/node/scavenge/scavenge-runner.js';
import type { ScavengeEvent } from '../../../src/scavenge/scavenge-events.js';
import { chunkFile, point, Surroundings } from './scavenge-surroundings.js';

const WAIT = { timeout: 20_000, interval: 2 };

const STOP: ScavengeEvent = { kind: 'stop' };

const becomes = (runner: ScavengeRunner, state: string) =>
  expect.poll(() => runner.status.state, WAIT).toBe(state);
const chunks = (...numbers: number[]) =>
  numbers.flatMap((number) => [`chunk ${number}`, `rewritten ${number}`]);

/** A job that lasts until it is called off. */
function untilCancelled(signal: AbortSignal): Promise<ScavengeReport> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve({ kind: 'cancelled' });
    signal.addEventListener('abort', () => resolve({ kind: 'cancelled' }));
  });
}

const FAILURE = { kind: 'failed', message: 'broken', isOutOfSpace: false } as const;

describe('a point', () => {
  test('is carried out once, on the chunks before it, also over restarts', async () => {
    const folder = new Surroundings();
    const first = folder.runner();
    first.take([point(3_500)]);
    await becomes(first, 'idle');
    expect(folder.taken()).toEqual(['plan 3500', ...chunks(0, 1, 2), 'ended']);
    expect(first.status).toMatchObject({
      ...{ chunksDone: 3, chunksTotal: 3, bytesBefore: 300, bytesAfter: 180, freedBytes: 120 },
      ...{ rewrittenChunks: 3, removedRecords: 9, point: { position: 3_500, throttlePercent: 30 } },
    });
    await first.close();

    const second = folder.runner();
    second.take([point(3_500)]);
    await expect.poll(() => second.status.chunksDone, WAIT).toBe(3);
    await becomes(second, 'idle');
    expect(folder.taken()).toEqual([]);
    second.take([point(5_100)]);
    await expect.poll(() => second.status.chunksDone, WAIT).toBe(5);
    await becomes(second, 'idle');
    // The chunks that no point had reached yet lack the first one, too.
    expect(folder.taken()).toEqual(['plan 3500 5100', ...chunks(0, 1, 2, 3, 4), 'ended']);
  });

  test('that comes while another one is carried out comes next', async () => {
    const folder = new Surroundings();
    const runner = folder.runner();
    folder.report = ({ number }) => {
      if (number === 1) runner.take([point(2_200)]);
      folder.report = number === 1 ? undefined : folder.report;
      return undefined;
    };
    runner.take([point(2_100)]);
    await expect.poll(() => folder.asked.filter((what) => what === 'ended').length, WAIT).toBe(2);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual([
      'plan 2100',
      ...chunks(0, 1),
      'ended',
      'plan 2200',
      ...chunks(0, 1),
      'ended',
    ]);
  });

  test('is carried out anew where the state file is lost, damaged, or about other files', async () => {
    for (const lose of [
      (folder: Surroundings) => (folder.state = undefined),
      (folder: Surroundings) => (folder.state = folder.state!.slice(1)),
      (folder: Surroundings) => folder.versions.fill(9),
    ]) {
      const folder = new Surroundings();
      const first = folder.runner();
      first.take([point(2_000)]);
      await becomes(first, 'idle');
      await first.close();
      folder.taken();
      lose(folder);
      const second = folder.runner();
      second.take([point(2_000)]);
      await expect.poll(() => folder.asked.at(-1), WAIT).toBe('ended');
      expect(folder.taken()).toEqual(['plan 2000', ...chunks(0, 1), 'ended']);
    }
  });

  test('is carried out on a chunk that was mended meanwhile', async () => {
    const folder = new Surroundings();
    const runner = folder.runner();
    runner.take([point(2_000)]);
    await becomes(runner, 'idle');
    folder.taken();
    folder.versions[1] = 5;
    runner.mended(1);
    await expect.poll(() => folder.asked.at(-1), WAIT).toBe('ended');
    expect(folder.taken()).toEqual(['plan 2000', ...chunks(1), 'ended']);
  });

  test('with nothing before it is through at once', async () => {
    const folder = new Surroundings();
    const runner = folder.runner();
    runner.take([point(900)]);
    await expect.poll(() => runner.status.point?.position, WAIT).toBe(900);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual([]);
  });

  test('goes on though nobody can note how far it is', async () => {
    const folder = new Surroundings();
    folder.saveError = new Error('no space');
    const runner = folder.runner();
    runner.take([point(1_000)]);
    await expect.poll(() => folder.asked.at(-1), WAIT).toBe('ended');
    expect(runner.status.chunksDone).toBe(1);
  });
});

describe('a stop', () => {
  test('ends the job that is under way, and the next point goes on where that was', async () => {
    const folder = new Surroundings();
    const runner = folder.runner();
    folder.report = ({ number }, signal) => (number === 1 ? untilCancelled(signal) : undefined);
    runner.take([point(3_000)]);
    await expect.poll(() => folder.asked.at(-1), WAIT).toBe('rewritten 0');
    runner.take([STOP]);
    await becomes(runner, 'stopped');
    await expect.poll(() => folder.asked.at(-1), WAIT).toBe('ended');
    expect(folder.taken()).toEqual(['plan 3000', ...chunks(0), 'ended']);
    folder.report = undefined;
    runner.take([point(3_100)]);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual(['plan 3000 3100', ...chunks(0, 1, 2), 'ended']);
  });

  test('that was the last word before a restart holds', async () => {
    const folder = new Surroundings();
    const runner = folder.runner();
    runner.take([point(3_000), STOP]);
    expect(runner.status.state).toBe('stopped');
    runner.take([{ kind: 'invalid', reason: 'x' }]);
    expect(runner.status.state).toBe('stopped');
    expect(folder.taken()).toEqual([]);
  });
});

describe('what is in the way', () => {
  test('no space: it waits, says why, and does not begin the chunk', async () => {
    const folder = new Surroundings();
    folder.lack = 'full';
    const runner = folder.runner();
    runner.take([point(2_000)]);
    await becomes(runner, 'waiting');
    expect(runner.status.why).toBe('full');
    expect(folder.taken()).toEqual(['plan 2000']);
    folder.lack = undefined;
    runner.mended(4);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual([...chunks(0, 1), 'ended']);
  });

  test('a disk that fills up in the middle: the same chunk is tried again', async () => {
    const folder = new Surroundings();
    folder.report = ({ number }) =>
      number === 1 ? { ...FAILURE, code: 'disk-failure', details: {}, isOutOfSpace: true } : undefined;
    const runner = folder.runner();
    runner.take([point(3_000)]);
    await becomes(runner, 'waiting');
    folder.report = undefined;
    runner.mended(4);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual(['plan 3000', ...chunks(0, 1, 2), 'ended']);
  });

  test('damage: it is reported, the other chunks are gone over, and this one when it is mended', async () => {
    const folder = new Surroundings();
    folder.report = ({ number }) =>
      number === 1 ? { ...FAILURE, code: 'log-corrupt', details: { file: chunkFile(1) } } : undefined;
    const runner = folder.runner();
    runner.take([point(3_000)]);
    await becomes(runner, 'waiting');
    expect(folder.damages).toMatchObject([{ code: 'log-corrupt' }]);
    expect(folder.taken()).toEqual(['plan 3000', ...chunks(0, 2), 'ended']);
    expect(runner.status).toMatchObject({ why: 'chunk 1 is damaged', chunksDone: 2 });
    folder.report = undefined;
    runner.mended(1);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual(['plan 3000', ...chunks(1), 'ended']);
  });

  test.each([
    ['written', 'disk-failure', { errno: 'EIO', syscall: 'pwrite', path: `${chunkFile(1)}.tmp` }],
    ['read back as it was written', 'log-corrupt', { file: `${chunkFile(1)}.tmp` }],
  ] as const)(
    'a new file that can not be %s is no damage: it is tried again',
    async (_how, code, details) => {
      const folder = new Surroundings();
      folder.report = ({ number }) => (number === 1 ? { ...FAILURE, code, details } : undefined);
      const runner = folder.runner();
      runner.take([point(3_000)]);
      await becomes(runner, 'waiting');
      expect(folder.damages).toEqual([]);
      expect(runner.status.why).toBe('broken');
      expect(folder.taken()).toEqual(['plan 3000', ...chunks(0), 'ended', 'a scavenge could not go on']);
      folder.report = undefined;
      folder.endPause();
      await becomes(runner, 'idle');
      expect(folder.taken()).toEqual(['plan 3000', ...chunks(1, 2), 'ended']);
    },
  );

  test('a chunk that is not known to be committed: it is left alone', async () => {
    const folder = new Surroundings();
    folder.sealedEnd = 1_000;
    const runner = folder.runner();
    runner.take([point(2_000)]);
    await becomes(runner, 'waiting');
    expect(folder.taken()).toEqual(['plan 2000', ...chunks(0), 'ended']);
  });

  test('a point from the future: nothing goes before its time, but for the minute that clocks may differ', async () => {
    const folder = new Surroundings();
    const writtenMs = 10_000_000;
    const future: ScavengeEvent = {
      kind: 'point',
      point: { position: 1_500, timestampUs: writtenMs * 1_000, throttlePercent: 30 },
    };
    const runner = folder.runner();
    runner.take([future]);
    await becomes(runner, 'waiting');
    expect(runner.status.why).toMatch(/^the point is from the future: its time is 1970-01-01T02:46:40.000Z/);
    folder.wallMs = writtenMs - 60_001;
    runner.mended(4);
    expect(folder.taken()).toEqual([]);
    folder.wallMs = writtenMs - 60_000;
    runner.mended(4);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual(['plan 1500', ...chunks(0), 'ended']);

    // What was carried out stays so, whatever the clock says at the next start.
    await runner.close();
    folder.wallMs = 1;
    const second = folder.runner();
    second.take([future]);
    await expect.poll(() => second.status.chunksDone, WAIT).toBe(1);
    await becomes(second, 'idle');
    expect(folder.taken()).toEqual([]);
  });

  test('more than a plan has room for: nothing goes, and nothing is planned again before the next point', async () => {
    const folder = new Surroundings();
    folder.tooMuch = 'too many streams';
    const runner = folder.runner();
    runner.take([point(1_500)]);
    await becomes(runner, 'waiting');
    expect(runner.status.why).toBe('too many streams');
    folder.tooMuch = undefined;
    runner.mended(4);
    expect(folder.taken()).toEqual(['plan 1500']);
    runner.take([point(1_600)]);
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual(['plan 1500 1600', ...chunks(0), 'ended']);
  });

  test('somebody who replaces a chunk: no job is at any file meanwhile', async () => {
    const folder = new Surroundings();
    const runner = folder.runner();
    let isAtWork = false;
    folder.report = async ({ number }, signal) => {
      if (number !== 1) return undefined;
      isAtWork = true;
      const report = await untilCancelled(signal);
      isAtWork = false;
      return report;
    };
    runner.take([point(2_000)]);
    await vi.waitFor(() => expect(isAtWork).toBe(true), WAIT);
    const release = await runner.hold();
    expect(isAtWork).toBe(false);
    await becomes(runner, 'waiting');
    folder.report = undefined;
    release();
    await becomes(runner, 'idle');
    expect(folder.taken()).toEqual(['plan 2000', ...chunks(0, 1), 'ended']);
  });
});

test('what a chunk alone does not tell about open transactions is looked up, until it has no more questions', async () => {
  const folder = new Surroundings();
  const name = (first: number) => new Uint8Array(17).fill(first);
  const asks = [[name(1), name(2)], [name(3)]];
  const given: unknown[] = [];
  folder.report = ({ drafts }) => {
    given.push(drafts);
    const names = asks.shift();
    return names && { kind: 'undecided', names };
  };
  const runner = folder.runner();
  runner.take([point(1_500)]);
  await becomes(runner, 'idle');
  expect(folder.taken()).toEqual([
    'plan 1500',
    ...['draft 1 at 1500', 'draft 2 at 1500', 'draft 3 at 1500'],
    ...chunks(0),
    'ended',
  ]);
  // Each time all that is known so far.
  const known = (...names: Uint8Array[]) => ({
    names: new Uint8Array(Buffer.concat(names)),
    keepFroms: new Float64Array(names.length).fill(7),
  });
  expect(given).toEqual([known(), known(name(1), name(2)), known(name(1), name(2), name(3))]);
});

test.each(['survey', 'plan', 'draft'])('a node ends though its %s is never answered', async (question) => {
  const folder = new Surroundings();
  folder.unanswered = question;
  folder.report = () => ({ kind: 'undecided', names: [new Uint8Array(17)] });
  const runner = folder.runner();
  runner.take([point(1_500)]);
  await expect.poll(() => folder.isReached, WAIT).toBe(true);
  await runner.close();
});
