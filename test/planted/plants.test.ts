/** The planted bugs themselves: each fits the sources as they are, and is a program that compiles. Running them: `npm run test:planted`. */
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { applyChange, parsePlant } from './plant.js';
import { plantedFiles, ROOT, readPlants } from './program.js';

const plants = readPlants();
/** What a careless change leaves over is no error here. */
const UNUSED = new Set([6133, 6192, 6196, 6198]);

/** Checks the types of single files, with other contents than they have on the disk. */
class Checker implements ts.LanguageServiceHost {
  readonly #options: ts.CompilerOptions;
  readonly #files: string[];
  readonly #service: ts.LanguageService;
  #planted: ReadonlyMap<string, string> = new Map();
  #version = 0;

  constructor() {
    const path = join(ROOT, 'tsconfig.json');
    const config = ts.parseJsonConfigFileContent(
      ts.readConfigFile(path, ts.sys.readFile).config,
      ts.sys,
      ROOT,
    );
    this.#options = { ...config.options, noEmit: true, incremental: false, tsBuildInfoFile: undefined };
    this.#files = config.fileNames.filter((file) => file.includes('/src/sim/'));
    this.#service = ts.createLanguageService(this);
  }

  errorsOf(files: ReadonlyMap<string, string>): string[] {
    this.#planted = new Map([...files].map(([file, text]) => [join(ROOT, file), text]));
    this.#version++;
    const paths = [...this.#planted.keys()];
    const found = paths.flatMap((path) => [
      ...this.#service.getSyntacticDiagnostics(path),
      ...this.#service.getSemanticDiagnostics(path),
    ]);
    const errors = found.filter(({ code }) => !UNUSED.has(code));
    return errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  }

  getCompilationSettings = (): ts.CompilerOptions => this.#options;
  getScriptFileNames = (): string[] => [...new Set([...this.#files, ...this.#planted.keys()])];
  getScriptVersion = (file: string): string => (this.#planted.has(file) ? `${this.#version}` : '0');
  getScriptSnapshot = (file: string): ts.IScriptSnapshot | undefined => {
    const text = this.#planted.get(file) ?? ts.sys.readFile(file);
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
  };
  getCurrentDirectory = (): string => ROOT;
  getDefaultLibFileName = (options: ts.CompilerOptions): string => ts.getDefaultLibFilePath(options);
  fileExists = (file: string): boolean => ts.sys.fileExists(file);
  readFile = (file: string): string | undefined => ts.sys.readFile(file);
  directoryExists = (folder: string): boolean => ts.sys.directoryExists(folder);
  getDirectories = (folder: string): string[] => ts.sys.getDirectories(folder);
}

describe('the planted bugs', () => {
  const checker = new Checker();

  test('there are many, each with a number of its own', () => {
    expect(plants.length).toBeGreaterThanOrEqual(36);
    const numbers = plants.map(({ name }) => name.slice(0, 2));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  test.each(plants.map((plant) => [plant.name, plant] as const))(
    '%s fits the sources, and compiles',
    (_, plant) => {
      expect(checker.errorsOf(plantedFiles(plant))).toEqual([]);
    },
  );
});

describe('a plant', () => {
  const text = 'Title: a\nStory: b\n  c\n\n--- src/x.ts\n keep\n-old\n+new\n@@\n-last\n';
  const plant = parsePlant('01-a', text);

  test('is read from a small patch', () => {
    expect(plant).toMatchObject({ title: 'a', story: 'b c', incident: '', tests: [] });
    expect(applyChange('01-a', plant.changes[0]!, 'keep\nold\nlast\n')).toBe('keep\nnew\n');
  });

  test('that fits nowhere, or in two places, is out of date', () => {
    expect(() => applyChange('01-a', plant.changes[0]!, 'keep\n  old\nlast\n')).toThrow('out of date');
    expect(() => applyChange('01-a', plant.changes[0]!, 'keep\nold\nkeep\nold\nlast\n')).toThrow(
      'more than once',
    );
  });
});
