/** Where the programs of peers are: on the PATH, and where Debian puts servers that are not for everybody's PATH. Main thread. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CairnError } from '../../src/base/errors.js';

/** RabbitMQ's own scripts: those of the same names on the PATH change to its user, who can't write to our folder. */
const RABBIT_FOLDER = '/usr/lib/rabbitmq/bin';
const SERVER_FOLDER = '/usr/sbin';
/** Debian has a folder for each major version. */
const POSTGRES_FOLDER = '/usr/lib/postgresql';

/** The path of a program, or of a file that is named by its whole path; undefined if it isn't here. */
export function findExecutable(name: string): string | undefined {
  if (name.startsWith('/')) return isThere(name) ? name : undefined;
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  const folders = [RABBIT_FOLDER, ...path, SERVER_FOLDER, ...postgresFolders()];
  return folders.map((folder) => join(folder, name)).find(isThere);
}

/** The same where it was seen to be there before. Throws `CairnError`. */
export function executable(name: string): string {
  const path = findExecutable(name);
  if (path === undefined) throw new CairnError('invalid-configuration', `${name} is not installed`, { name });
  return path;
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function postgresFolders(): string[] {
  if (!isThere(POSTGRES_FOLDER)) return [];
  const versions = readdirSync(POSTGRES_FOLDER).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(POSTGRES_FOLDER, version, 'bin'));
}
