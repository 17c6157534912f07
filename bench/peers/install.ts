/** Debian's packages of the peers: which are installed, and installing those that aren't. Main thread. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { findExecutable } from './executables.js';
import type { Peer } from './peer.js';

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
export function installMissing(peers: readonly Peer[], note: (line: string) => void): Map<string, string> {
  const wanted = peers.filter(({ needs }) => needs.some((name) => findExecutable(name) === undefined));
  const packages = [...new Set(wanted.map(({ debianPackage }) => debianPackage))];
  const failures = new Map<string, string>();
  if (packages.length === 0) return failures;
  if (process.getuid?.() !== 0) return refusedFor(packages, 'installing it takes root');
  if (findExecutable('apt-get') === undefined) return refusedFor(packages, 'there is no apt-get');
  withoutStarting(() => {
    note(`installing ${packages.join(', ')}`);
    const updated = apt(['update']);
    if (updated !== undefined) note(`apt-get update: ${updated}`);
    // One by one: one that can't be had must not keep the others away.
    for (const name of packages) {
      const failure = apt(['install', '-y', '--no-install-recommends', name]);
      if (failure !== undefined) failures.set(name, `apt-get could not install it: ${failure}`);
    }
  });
  return failures;
}

function refusedFor(packages: readonly string[], why: string): Map<string, string> {
  return new Map(packages.map((name) => [name, why]));
}

/** The last line of what it says, if it fails. */
function apt(words: readonly string[]): string | undefined {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync('apt-get', ['-q', ...words], { encoding: 'utf8', env });
  if (status === 0) return undefined;
  return `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').at(-1) ?? 'it said nothing';
}

/** Servers that are only to be measured must not run on the machine from then on. Somebody else's policy stays as it is. */
function withoutStarting(body: () => void): void {
  const isOurs = !existsSync(POLICY);
  const remove = () => rmSync(POLICY, { force: true });
  if (isOurs) {
    writeFileSync(POLICY, REFUSE_ALL, { mode: 0o755 });
    process.once('exit', remove);
  }
  try {
    body();
  } finally {
    if (isOurs) {
      remove();
      process.off('exit', remove);
    }
  }
}
