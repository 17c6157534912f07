/** The install script: it builds what is missing, and never fails an installation. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { isUpToDate } from '../../native/stamp.mjs';
import { temporaryFolder } from './disks.js';

/** A copy of what the package brings, without anything built. */
function freshPackage(): string {
  const folder = temporaryFolder();
  for (const name of ['package.json', 'binding.gyp', 'native']) {
    cpSync(resolve(name), join(folder, name), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

function install(folder: string, env: Record<string, string>) {
  return spawnSync(process.execPath, [join(folder, 'native', 'install.mjs')], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, CAIRN_SKIP_ADDON: '', ...env },
  });
}

test('without the tools to build it, the installation succeeds and says in two lines what that means', () => {
  const folder = freshPackage();
  const run = install(folder, { PATH: join(folder, 'no-tools-here'), npm_config_python: '' });
  expect(run.status).toBe(0);
  expect(run.stderr).toBe('');
  expect(run.stdout.trim().split('\n')).toHaveLength(2);
  expect(run.stdout).toContain('no Python 3 was found; see build/install.log');
  expect(run.stdout).toContain('npm run install');
  expect(readFileSync(join(folder, 'build', 'install.log'), 'utf8')).toContain('Python');
});

test('CAIRN_SKIP_ADDON=1 skips the build', () => {
  const folder = freshPackage();
  const run = install(folder, { CAIRN_SKIP_ADDON: '1' });
  expect(run.status).toBe(0);
  expect(run.stdout).toContain('CAIRN_SKIP_ADDON=1');
  expect(existsSync(join(folder, 'build'))).toBe(false);
});

test.skipIf(!isUpToDate())('an addon that is up to date is left alone', () => {
  const run = install(resolve('.'), {});
  expect(run.status).toBe(0);
  expect(run.stdout).toBe('');
});
