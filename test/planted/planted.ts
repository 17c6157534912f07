/**
 * Tests the tests: puts each planted bug into a copy of the program and sees whether the simulator, or the tests that the plant names,
 * notice. Several repetitions with other seeds tell how many it takes. The program without a bug has to go through all of these seeds too.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hunt, hunt, runTests } from './hunts.js';
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
  readonly #unsoundSeeds = new Map<number, Promise<boolean>>();
  /** Seeds that break a promise without any bug. */
  readonly #broken = new Set<number>();
  /** How many seeds of a repetition were needed by the bug that took most. */
  readonly #used: number[];

  constructor(options: PlantedOptions, program: Program) {
    this.#options = options;
    this.#program = program;
    this.#slots = new Slots(options.jobs);
    this.#used = Array.from({ length: options.repetitions }, () => 0);
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
    const { repetitions, seeds } = this.#options;
    const folder = this.#program.scripts(plant);
    const numbers = Array.from({ length: repetitions }, (_, i) => i);
    const hunts = await Promise.all(numbers.map((i) => this.#hunt(folder, this.#firstSeed(i), seeds)));
    const found = hunts.filter(({ violation }) => violation !== undefined);
    hunts.forEach(({ seeds: used, violation }, i) => {
      if (violation !== undefined) this.#used[i] = Math.max(this.#used[i]!, used);
    });
    const seenAs = byFrequency(found.map(({ violation }) => violation!.invariant));
    // More than half, so that there is a median.
    const isCaught = found.length * 2 > repetitions;
    this.#program.remove(folder);
    return { plant, seeds: found.map(({ seeds: used }) => used), seenAs, isCaught };
  }

  /** Seeds that find something in the sound program as well say nothing about the bug: the hunt goes on behind them. */
  async #hunt(folder: string, first: number, count: number): Promise<Hunt> {
    let begin = first;
    for (;;) {
      const found = await this.#slots.run(() => hunt(folder, begin, first + count - begin));
      const seeds = found.seed - first + 1;
      if (found.violation === undefined || !(await this.#isUnsound(found.seed))) return { ...found, seeds };
      begin = found.seed + 1;
      if (begin === first + count) return { ...found, seeds, violation: undefined };
    }
  }

  /** Whether the program without any bug breaks a promise in this run. */
  #isUnsound(seed: number): Promise<boolean> {
    const known = this.#unsoundSeeds.get(seed);
    if (known !== undefined) return known;
    const answer = this.#slots.runSoon(async () => {
      const { violation } = await hunt(this.#program.scripts(), seed, 1);
      if (violation !== undefined) {
        this.#broken.add(seed);
        console.log(`without any bug, seed ${seed}: ${violation.invariant}: ${violation.message}`);
      }
      return violation !== undefined;
    });
    this.#unsoundSeeds.set(seed, answer);
    return answer;
  }

  /** All seeds that found something must find nothing where there is nothing. */
  async #control(): Promise<boolean> {
    const folder = this.#program.scripts();
    const pieces = this.#used.flatMap((used, i) => {
      const count = Math.ceil(used / CONTROL_PIECE);
      return Array.from({ length: count }, (_, piece) => this.#firstSeed(i) + piece * CONTROL_PIECE);
    });
    console.log(`\nwithout any bug: ${pieces.length * CONTROL_PIECE} seeds`);
    const hunts = await Promise.all(
      pieces.map((first) => this.#slots.run(() => hunt(folder, first, CONTROL_PIECE))),
    );
    const broken = hunts.filter((one): one is Hunt => one.violation !== undefined);
    for (const { seed, violation } of broken)
      console.log(`seed ${seed}: ${violation?.invariant}: ${violation?.message}`);
    return broken.length === 0 && this.#broken.size === 0 && this.#unsound.size === 0;
  }

  #firstSeed(repetition: number): number {
    return this.#options.firstSeed + repetition * SEEDS_BETWEEN_REPETITIONS;
  }
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
