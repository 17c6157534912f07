/**
 * Runs micro benchmarks one after the other and prints what came out. Every body returns a number that depends on its work,
 * and all of them go into a sum that is printed: otherwise V8 sees that nobody wants the result and removes the work.
 * Main thread.
 */
import Benchmark from 'benchmark';

/** A piece of work to be timed: `run` on this thread, or `runAcross` together with another one. */
export type MicroBenchmark = Work & ({ readonly run: () => number } | Across);

interface Work {
  readonly name: string;
  /** How many units one run does. Bytes are shown as GB/s and ns per run, all else as units/s and ns per unit. */
  readonly units: number;
  readonly unit: 'records' | 'frames' | 'bytes';
}

interface Across {
  /** Starts the other thread. */
  readonly open: () => void;
  readonly runAcross: () => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Long enough for an error of a few per cent on a quiet machine, short enough to run all of them while one waits. */
const SECONDS_MAX = 1;
const SAMPLES_MIN = 10;

/** Times all of them and prints a line each. Rejects if one of them throws. */
export async function runSuite(title: string, benchmarks: readonly MicroBenchmark[]): Promise<void> {
  console.log(title);
  let sum = 0;
  const consume = (result: number) => {
    sum = (sum + result) % 1e9;
  };
  for (const micro of benchmarks) {
    if ('open' in micro) micro.open();
    const stats = await time(micro, consume);
    if ('close' in micro) await micro.close();
    console.log(lineOf(micro, stats));
  }
  console.log(`  (checksum ${sum})\n`);
}

/** Never sets `setup` and `teardown`: with them the package compiles the body's source text anew, without its closure. */
function time(micro: MicroBenchmark, consume: (result: number) => void): Promise<Benchmark.Stats> {
  return new Promise((resolve, reject) => {
    const fn =
      'run' in micro
        ? () => consume(micro.run())
        : (deferred: Benchmark.Deferred) => {
            micro.runAcross().then((result) => {
              consume(result);
              deferred.resolve();
            }, reject);
          };
    const benchmark = new Benchmark(micro.name, fn, {
      defer: !('run' in micro),
      maxTime: SECONDS_MAX,
      minSamples: SAMPLES_MIN,
      onComplete: () => resolve(benchmark.stats),
      onError: () => reject(benchmark.error),
    });
    benchmark.run({ async: true });
  });
}

function lineOf(micro: Work, stats: Benchmark.Stats): string {
  const perSecond = micro.units / stats.mean;
  const isBytes = micro.unit === 'bytes';
  const rate = isBytes
    ? `${(perSecond / 1e9).toFixed(2)} GB/s`
    : `${(perSecond / 1e6).toFixed(2)} M ${micro.unit}/s`;
  const ns = (stats.mean * 1e9) / (isBytes ? 1 : micro.units);
  return `  ${micro.name.padEnd(46)} ${rate.padStart(18)} ${ns.toFixed(1).padStart(12)} ns  ± ${stats.rme.toFixed(1)} %`;
}
