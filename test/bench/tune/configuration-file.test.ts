import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  applyTo,
  readConfiguration,
  replace,
  requireReplaceable,
  tunedYaml,
} from '../../../bench/tune/configuration-file.js';
import { parseTuneOptions } from '../../../bench/tune/options.js';
import { defaultSettings, settingText, TUNED_NAMES } from '../../../bench/tune/settings.js';
import { resolveOptions } from '../../../src/config/resolve.js';

const SETTINGS = { ...defaultSettings(), SyncMode: 'dsync', BatchBytesMax: 512 * 1024 } as const;
const REFUSED = { code: 'invalid-configuration' };

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-tune-test-'));
  file = join(folder, 'cairn.yaml');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('a configuration file', () => {
  test('gets the options put in, keeps its comments and who may read it, and is one that a node takes', () => {
    writeFileSync(file, '# ours\nDb: here # fast\nSyncMode: fdatasync\n');
    chmodSync(file, 0o600);
    applyTo(readConfiguration(file, folder), SETTINGS, ['SyncMode', 'BatchBytesMax']);
    expect(readFileSync(file, 'utf8')).toBe(
      '# ours\nDb: here # fast\nSyncMode: dsync\nBatchBytesMax: 512KiB\n',
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['cairn.yaml']);
  });

  test('that is a link stays one: what it points to is changed', () => {
    const real = join(folder, 'real.yaml');
    writeFileSync(real, 'NodePort: 2114\n');
    symlinkSync(real, file);
    applyTo(readConfiguration(file, folder), SETTINGS, ['SyncMode']);
    expect(readFileSync(real, 'utf8')).toBe('NodePort: 2114\nSyncMode: dsync\n');
  });

  test('is left alone if a node would not take the result', () => {
    const text = 'MaxAppendSize: 64MiB\nRingSize: 256MiB\n';
    writeFileSync(file, text);
    const configuration = readConfiguration(file, folder);
    const attempt = () => applyTo(configuration, { ...SETTINGS, ChunkSize: 64 * 1024 ** 2 }, ['ChunkSize']);
    expect(attempt).toThrow(expect.objectContaining(REFUSED));
    expect(attempt).toThrow('MaxAppendSize');
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('that somebody changed meanwhile is left alone', () => {
    writeFileSync(file, 'Db: x\n');
    const configuration = readConfiguration(file, folder);
    writeFileSync(file, 'Db: y\n');
    expect(() => applyTo(configuration, SETTINGS, ['SyncMode'])).toThrow('changed meanwhile');
    expect(readFileSync(file, 'utf8')).toBe('Db: y\n');
  });

  test.each([
    ['is not there', undefined, '--out writes a new one'],
    ['has an unknown option', 'Chunksize: 1MiB\n', 'ChunkSize'],
    ['is no YAML', 'a: [\n', 'cairn.yaml'],
  ])('that %s is refused before anything is measured', (_, text, part) => {
    if (text !== undefined) writeFileSync(file, text);
    expect(() => readConfiguration(file, folder)).toThrow(expect.objectContaining(REFUSED));
    expect(() => readConfiguration(file, folder)).toThrow(part);
  });
});

describe('a file of the tuned options alone', () => {
  test('is one that a node takes, with just these values', () => {
    const text = tunedYaml(SETTINGS, TUNED_NAMES, ['--goal latency']);
    const input = {
      argv: ['--config', 'tuned.yaml'],
      environment: {},
      workingFolder: '/',
      readFile: () => text,
    };
    const resolution = resolveOptions(input);
    expect(resolution).toMatchObject({ kind: 'ok', values: SETTINGS });
  });

  test('replaces its own like, but nobody else’s file', () => {
    replace(file, tunedYaml(SETTINGS, ['SyncMode'], []));
    requireReplaceable(file);
    writeFileSync(file, 'Db: precious\n');
    expect(() => requireReplaceable(file)).toThrow(expect.objectContaining(REFUSED));
  });

  test('sizes are spelt with their unit, counts without', () => {
    expect(settingText(SETTINGS, 'BatchBytesMax')).toBe('512KiB');
    expect(settingText({ ...SETTINGS, ChunkSize: 1024 ** 3 }, 'ChunkSize')).toBe('1GiB');
    expect(settingText(SETTINGS, 'PreparedChunks')).toBe('1');
  });
});

describe('the flags', () => {
  test('have defaults: the folder data, 30 seconds, balanced', () => {
    expect(parseTuneOptions({}, false, '/work')).toMatchObject({
      folder: '/work/data',
      goal: 'balanced',
      seconds: 30,
      output: 'table',
      force: false,
      apply: undefined,
    });
  });

  test('the folder is that of the file to change, unless it is named', () => {
    writeFileSync(file, 'Db: /srv/db\n');
    expect(parseTuneOptions({ apply: file }, false, folder).folder).toBe('/srv/db');
    expect(parseTuneOptions({ apply: file, db: 'here' }, false, '/work').folder).toBe('/work/here');
  });

  test.each([
    [{ goal: 'speed' }, '--goal'],
    [{ seconds: '1' }, '--seconds'],
    [{ seconds: 'long' }, '--seconds'],
    [{ seconds: '601' }, '--seconds'],
    [{ output: 'xml' }, '--output'],
    [{ out: '' }, '--out'],
    [{ out: 'a.yaml', report: './a.yaml' }, 'the same file'],
  ])('%j is refused', (flags, part) => {
    expect(() => parseTuneOptions(flags, false, '/work')).toThrow(expect.objectContaining(REFUSED));
    expect(() => parseTuneOptions(flags, false, '/work')).toThrow(part);
  });
});
