/**
 * The program under test, as files in a temporary folder: what the simulator consists of, as JavaScript, once; and for each planted bug a
 * copy in which one or two files are other ones. Types are not checked here: `plants.test.ts` does.
 */
import {
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { applyChange, type Plant, parsePlant } from './plant.js';

export const ROOT = new URL('../..', import.meta.url).pathname;
const BUGS = new URL('./bugs/', import.meta.url).pathname;
/** What the simulator imports from: layering allows it nothing else. */
const FOLDERS = ['src/base', 'src/log', 'src/cluster', 'src/sim'];
/** What a test that runs on a planted bug may import. */
const TEST_FOLDERS = ['src', 'test/base', 'test/cluster', 'test/golden', 'test/log', 'test/sim'];

/** All planted bugs, in the order of their names. */
export function readPlants(): Plant[] {
  const files = readdirSync(BUGS).filter((file) => file.endsWith('.patch'));
  return files
    .sort()
    .map((file) => parsePlant(file.replace('.patch', ''), readFileSync(BUGS + file, 'utf8')));
}

/** The changed files of a plant, by their paths. Throws if the plant is out of date. */
export function plantedFiles(
  plant: Plant,
  read: (file: string) => string = readSource,
): ReadonlyMap<string, string> {
  return new Map(
    plant.changes.map((change) => [change.file, applyChange(plant.name, change, read(change.file))]),
  );
}

export function readSource(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** A snapshot of the sources, so that a run is not disturbed by somebody who goes on editing. */
export class Program {
  readonly #folder: string;
  readonly #sources = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
    for (const name of FOLDERS.flatMap(sourcesIn)) this.#sources.set(name, readSource(name));
    for (const [file, source] of this.#sources) write(this.#scriptPath('sound', file), transpile(source));
    write(join(this.#folder, 'package.json'), '{ "type": "module" }');
    for (const folderName of TEST_FOLDERS) {
      cpSync(join(ROOT, folderName), join(folder, 'tests', folderName), { recursive: true });
    }
  }

  /** A folder with `src/sim/simulation.js`, bug included; without a plant, the program as it is. */
  scripts(plant?: Plant): string {
    if (plant === undefined) return join(this.#folder, 'sound');
    const files = this.planted(plant);
    for (const file of this.#sources.keys()) {
      const path = this.#scriptPath(plant.name, file);
      const source = files.get(file);
      if (source !== undefined) write(path, transpile(source));
      else {
        mkdirSync(dirname(path), { recursive: true });
        linkSync(this.#scriptPath('sound', file), path);
      }
    }
    return join(this.#folder, plant.name);
  }

  /** A folder with sources and tests, for vitest. */
  sources(plant?: Plant): string {
    const folder = join(this.#folder, `${plant?.name ?? 'sound'}-tests`);
    cpSync(join(this.#folder, 'tests'), folder, { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    write(join(folder, 'package.json'), '{ "type": "module" }');
    write(join(folder, 'vitest.config.mjs'), `export default { root: ${JSON.stringify(folder)} };\n`);
    if (plant !== undefined)
      for (const [file, source] of this.planted(plant)) write(join(folder, file), source);
    return folder;
  }

  remove(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
  }

  planted(plant: Plant): ReadonlyMap<string, string> {
    return plantedFiles(plant, (file) => this.#sources.get(file) ?? readSource(file));
  }

  #scriptPath(program: string, file: string): string {
    return join(this.#folder, program, file.replace(/\.ts$/, '.js'));
  }
}

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`);
}

function transpile(source: string): string {
  const { ES2022: target } = ts.ScriptTarget;
  const compilerOptions = { target, module: ts.ModuleKind.ES2022, verbatimModuleSyntax: true };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  // Never through a link: that would change the file that it shares.
  rmSync(path, { force: true });
  writeFileSync(path, text);
}
