/**
 * The files that the tuned options go to: one of their own, or one that is there already and keeps all else that it says. A file is replaced
 * as a whole or not at all, and only by one that `cairn node --config` accepts. Main thread.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { CairnError } from '../../src/base/errors.js';
import { resolveOptions } from '../../src/config/resolve.js';
import { editYaml } from '../../src/config/yaml-edit.js';
import { settingText, type TunedName, type TunedSettings } from './settings.js';

/** A configuration file that was found to be a good one. */
export interface ConfigurationFile {
  readonly path: string;
  readonly text: string;
  /** The data folder that it names, or the default. */
  readonly folder: string;
  readonly workingFolder: string;
}

/** How a file begins that may be replaced without asking. */
const HEADING = '# Tuned by cairn tune disk';

/** Reads a file that is to be changed later. Throws `CairnError` if there is none or a node would refuse it. */
export function readConfiguration(path: string, workingFolder: string): ConfigurationFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const message = `--apply ${path} can't be read (${code}): it changes a file that is there; --out writes a new one`;
    throw new CairnError('invalid-configuration', message, { path, errno: code }, error);
  }
  return { path, text, folder: folderIn(path, text, workingFolder), workingFolder };
}

/** Throws `CairnError` with all that a node would find fault with. */
function folderIn(path: string, text: string, workingFolder: string): string {
  const resolution = resolveOptions({
    argv: ['--config', path],
    environment: {},
    workingFolder,
    readFile: () => text,
  });
  if (resolution.kind === 'ok') return resolution.options.db;
  const problems = resolution.kind === 'invalid' ? resolution.problems : [];
  throw new CairnError('invalid-configuration', `cairn node would not take ${path}: ${problems.join('; ')}`, {
    path,
  });
}

/** Puts the options `names` into the file. Throws `CairnError`, and leaves the file as it is, if a node would refuse the result. */
export function applyTo(
  { path, text, workingFolder }: ConfigurationFile,
  settings: TunedSettings,
  names: readonly TunedName[],
): void {
  const edited = editYaml(text, new Map(names.map((name) => [name, settingText(settings, name)])));
  folderIn(path, edited, workingFolder);
  if (readFileSync(path, 'utf8') !== text)
    throw new CairnError('invalid-configuration', `${path} was changed meanwhile: run again`, { path });
  if (edited !== text) replace(path, edited);
}

/** Throws `CairnError` if there is a file of that name which isn't the tuner's own. */
export function requireReplaceable(path: string): void {
  if (!existsSync(path) || readFileSync(path, 'utf8').startsWith(HEADING)) return;
  const message = `--out ${path} is there already, and not by this command: --apply changes it, --force replaces it`;
  throw new CairnError('invalid-configuration', message, { path });
}

/** A configuration file with these options alone. `about` goes into the comment in front, line by line. */
export function tunedYaml(
  settings: TunedSettings,
  names: readonly TunedName[],
  about: readonly string[],
): string {
  const comment = about.map((line) => `# ${line}\n`).join('');
  return `${HEADING}.\n${comment}${names.map((name) => `${name}: ${settingText(settings, name)}\n`).join('')}`;
}

/** Writes a file in one step, so that nobody reads half of it. One that is there keeps its owner and who may read it. */
export function replace(path: string, text: string): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const temporary = `${target}.${process.pid}.tmp`;
  const before = statSync(target, { throwIfNoEntry: false });
  try {
    writeFileSync(temporary, text, { flag: 'wx', flush: true });
    if (before !== undefined) {
      chmodSync(temporary, before.mode);
      if (process.getuid?.() === 0) chownSync(temporary, before.uid, before.gid);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new CairnError(
      'invalid-configuration',
      `${path} can't be written (${code})`,
      { path, errno: code },
      error,
    );
  }
}
