/** Debian's packages of the peers: which are installed, and installing those that aren't. Main thread. */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { endBySignal, SIGNALS } from '../scratch-folder.js';
import { findExecutable } from './executables.js';
import type { Peer } from './peer.js';

const run = promisify(execFile);

const APT = 'apt-get';
/** Installing Erlang and Java says some hundred kilobytes. */
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/** Debian asks it whether a server may be started when it is installed. */
const POLICY = '/usr/sbin/policy-rc.d';
/** Of dpkg-query's own language. */
const VERSION_FIELD = '$'.concat('{Version}');
const REFUSE_ALL = '#!/bin/sh\nexit 101\n';

/** As the program says itself, or else as dpkg knows it; empty if neither does. */
export function installedVersion({ debianPackage, saysVersion }: Peer): string {
  const program = saysVersion === undefined ? undefined : findExecutable(saysVersion);
  if (program !== undefined) return versionIn(outputOf(program, ['--version']));
  return versionIn(outputOf('dpkg-query', ['-W', '-f', VERSION_FIELD, debianPackage]));
}

/** The first thing with a dot between numbers: `5:7.0.15-1` is 7.0.15. */
export function versionIn(text: string): string {
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? '';
}

function outputOf(program: string, words: readonly string[]): string {
  const { status, stdout } = spawnSync(program, words, { encoding: 'utf8' });
  return status === 0 ? stdout : '';
}

/** Installs what the peers need and isn't here. Answers with why a package could not be, by its name. */
export async function installMissing(
  peers: readonly Peer[],
  note: (line: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const wanted = peers.filter(({ needs }) => needs.some((name) => findExecutable(name) === undefined));
  const packages = [...new Set(wanted.map(({ debianPackage }) => debianPackage))];
  if (packages.length === 0) return new Map();
  if (process.getuid?.() !== 0) return refusedFor(packages, 'installing it takes root');
  if (findExecutable(APT) === undefined) return refusedFor(packages, 'there is no apt-get');
  return await withoutStarting(async () => {
    const failures = new Map<string, string>();
    note(`installing ${packages.join(', ')}`);
    const outdated = await apt(['update']);
    if (outdated !== undefined) note(`apt-get update: ${outdated}`);
    // One by one: one that can't be had must not keep the others away.
    for (const name of packages) {
      const failure = await apt(['install', '-y', '--no-install-recommends', name]);
      if (failure !== undefined) failures.set(name, `apt-get could not install it: ${failure}`);
    }
    return failures;
  });
}

function refusedFor(packages: readonly string[], why: string): ReadonlyMap<string, string> {
  return new Map(packages.map((name) => [name, why]));
}

/** The last line of what it says, if it fails. */
async function apt(words: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run(APT, ['-q', ...words], { env, maxBuffer: OUTPUT_BYTES_MAX });
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    return `${message}\n${stdout}${stderr}`.trim().split('\n').at(-1)!;
  }
  return undefined;
}

/** Servers that are only to be measured must not run on the machine from then on. Somebody else's policy stays as it is. */
async function withoutStarting<Result>(body: () => Promise<Result>): Promise<Result> {
  if (existsSync(POLICY)) return await body();
  const remove = () => rmSync(POLICY, { force: true });
  writeFileSync(POLICY, REFUSE_ALL, { mode: 0o755 });
  process.once('exit', remove);
  for (const signal of SIGNALS) process.on(signal, endBySignal);
  try {
    return await body();
  } finally {
    for (const signal of SIGNALS) process.off(signal, endBySignal);
    process.off('exit', remove);
    remove();
  }
}
