/**
 * Tests the tests: puts each planted bug into a copy of the program and sees whether the simulator, or the tests that the plant names,
 * notice. Several repetitions with other seeds tell how many it takes. The program without a bug has to go through all of these seeds too.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hunt, hunt, runTests, type SeedRange } from './hunts.js';
import type { Plant } from './plant.js';
import { Program, readPlants } from './program.js';
import { byFrequency, type Finding, findingLine, markdownTable } from './report.js';

export interface PlantedOptions {
  /** Beyond so many seeds a repetition gives up. */
  readonly seeds: number;
  readonly repetitions: number;
  /** Processes at a time. */
  readonly jobs: number;
  /** Only plants whose names contain one of these; all if empty. */
  readonly only: readonly string[];
  /** The first repetition begins with this seed, the others each a million further. */
  readonly firstSeed: number;
  /** A file for the table. */
  readonly markdown: string | undefined;
  /** The program without a bug is left out. */
  readonly skipControl: boolean;
}

const SEEDS_BETWEEN_REPETITIONS = 1_000_000;
/** Of the program without a bug, seeds go to processes in pieces. */
const CONTROL_PIECE = 50;

/** Answers whether every bug was caught, and the program without one never. */
export async function runPlanted(options: PlantedOptions): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-planted-'));
  try {
    return await new PlantedRun(options, new Program(folder)).run();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class PlantedRun {
  readonly #options: PlantedOptions;
  readonly #program: Program;
  readonly #slots: Slots;
  readonly #findings: Finding[] = [];
  /** Tests that the plants name: those that fail without any bug say nothing. */
  #unsound = new Set<string>();
  /** Whether a seed (and faults) breaks a promise without any bug. */
  readonly #unsoundSeeds = new Map<string, Promise<boolean>>();
  /** What was run until the bug that took most seeds was caught, by repetition and faults. */
  readonly #used = new Map<string, SeedRange>();

  constructor(options: PlantedOptions, program: Program) {
    this.#options = options;
    this.#program = program;
    this.#slots = new Slots(options.jobs);
  }

  async run(): Promise<boolean> {
    const { only, repetitions, markdown, skipControl } = this.#options;
    const plants = readPlants().filter(
      ({ name }) => only.length === 0 || only.some((word) => name.includes(word)),
    );
    await this.#testSoundness(plants);
    await Promise.all(plants.map((plant) => this.#examine(plant)));
    const findings = this.#findings.sort((a, b) => (a.plant.name < b.plant.name ? -1 : 1));
    console.log('');
    for (const finding of findings) console.log(findingLine(finding, repetitions));
    if (markdown !== undefined) writeFileSync(markdown, markdownTable(findings, repetitions));
    const isSound = skipControl || (await this.#control());
    const caught = findings.filter(({ isCaught }) => isCaught).length;
    console.log(
      `\n${caught} of ${findings.length} planted bugs caught${isSound ? '' : '; but something is wrong without any'}`,
    );
    return isSound && caught === findings.length;
  }

  async #testSoundness(plants: readonly Plant[]): Promise<void> {
    const files = [...new Set(plants.flatMap(({ tests }) => tests))];
    if (files.length === 0) return;
    this.#unsound = new Set(await runTests(this.#program.sources(), files));
    for (const test of this.#unsound) console.log(`fails without any bug: ${test}`);
  }

  async #examine(plant: Plant): Promise<void> {
    let finding: Finding;
    try {
      finding = plant.tests.length > 0 ? await this.#test(plant) : await this.#simulate(plant);
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      finding = { plant, seeds: [], seenAs: [], isCaught: false, failure };
    }
    this.#findings.push(finding);
    console.log(findingLine(finding, this.#options.repetitions));
  }

  async #test(plant: Plant): Promise<Finding> {
    const failed = await this.#slots.run(async () => {
      const folder = this.#program.sources(plant);
      const tests = await runTests(folder, plant.tests);
      this.#program.remove(folder);
      return tests.filter((test) => !this.#unsound.has(test));
    });
    const seenAs = failed
      .slice(0, 1)
      .map((test) => `"${test}"${failed.length > 1 ? ` and ${failed.length - 1} more` : ''}`);
    return { plant, seeds: [], seenAs, isCaught: failed.length > 0 };
  }

  async #simulate(plant: Plant): Promise<Finding> {
    const { repetitions, seeds, firstSeed } = this.#options;
    const folder = this.#program.scripts(plant);
    const ranges = Array.from({ length: repetitions }, (_, i) => {
      return { first: firstSeed + i * SEEDS_BETWEEN_REPETITIONS, count: seeds, faults: plant.faults };
    });
    const hunts = await Promise.all(ranges.map((range) => this.#hunt(folder, range)));
    const found = hunts.filter(({ violation }) => violation !== undefined);
    for (const [i, range] of ranges.entries()) this.#noteUsed({ ...range, count: hunts[i]!.seeds });
    const seenAs = byFrequency(found.map(({ violation }) => violation!.invariant));
    // More than half, so that there is a median.
    const isCaught = found.length * 2 > repetitions;
    this.#program.remove(folder);
    return { plant, seeds: found.map(({ seeds: used }) => used), seenAs, isCaught };
  }

  /** Seeds that find something in the sound program as well say nothing about the bug: the hunt goes on behind them. */
  async #hunt(folder: string, { first, count, faults }: SeedRange): Promise<Hunt> {
    let begin = first;
    for (;;) {
      const range = { first: begin, count: first + count - begin, faults };
      const found = await this.#slots.run(() => hunt(folder, range));
      const seeds = found.seed - first + 1;
      const isSound = found.violation === undefined || !(await this.#isUnsound(found.seed, faults));
      if (isSound) return { ...found, seeds };
      begin = found.seed + 1;
      if (begin === first + count) return { ...found, seeds, violation: undefined };
    }
  }

  /** Whether the program without any bug breaks a promise in this run. */
  #isUnsound(seed: number, faults: string): Promise<boolean> {
    const key = `${seed} ${faults}`;
    const known = this.#unsoundSeeds.get(key);
    if (known !== undefined) return known;
    const range = { first: seed, count: 1, faults };
    const answer = this.#slots.runSoon(() => hunt(this.#program.scripts(), range)).then(tellBroken(faults));
    this.#unsoundSeeds.set(key, answer);
    return answer;
  }

  #noteUsed(range: SeedRange): void {
    const key = `${range.first} ${range.faults}`;
    const known = this.#used.get(key);
    if (known === undefined || range.count > known.count) this.#used.set(key, range);
  }

  /** All seeds that were run until something was found must find nothing where there is nothing. */
  async #control(): Promise<boolean> {
    const pieces = [...this.#used.values()].flatMap(({ first, count, faults }) => {
      const numbers = Array.from({ length: Math.ceil(count / CONTROL_PIECE) }, (_, i) => i * CONTROL_PIECE);
      return numbers.map((from) => ({
        first: first + from,
        count: Math.min(CONTROL_PIECE, count - from),
        faults,
      }));
    });
    const seeds = pieces.reduce((sum, { count }) => sum + count, 0);
    const folder = this.#program.scripts();
    const broken = await Promise.all(
      pieces.map((range) => this.#slots.run(() => hunt(folder, range)).then(tellBroken(range.faults))),
    );
    const count = broken.filter(Boolean).length;
    console.log(
      `\nwithout any bug: ${seeds} seeds, ${count === 0 ? 'none' : `at least ${count}`} with violations`,
    );
    return count === 0 && this.#unsound.size === 0;
  }
}

/** Says so if a seed breaks a promise without any bug. */
function tellBroken(faults: string): (hunt: Hunt) => boolean {
  return ({ seed, violation }) => {
    if (violation === undefined) return false;
    console.log(
      `without any bug, seed ${seed}, faults ${faults}: ${violation.invariant}: ${violation.message}`,
    );
    return true;
  };
}

/** Lets so many things go on at a time, in the order of asking. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  run<T>(act: () => Promise<T>): Promise<T> {
    return this.#run(act, (begin) => this.#waiting.push(begin));
  }

  /** Before all that waits. */
  runSoon<T>(act: () => Promise<T>): Promise<T> {
    return this.#run(act, (begin) => this.#waiting.unshift(begin));
  }

  async #run<T>(act: () => Promise<T>, wait: (begin: () => void) => void): Promise<T> {
    if (this.#free === 0) await new Promise<void>(wait);
    else this.#free--;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
