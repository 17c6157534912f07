/** No room: a full file system, and a limit on the size of files. Both disks must say so, and say it in time. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { disks, failureOf, isAddonSkipped, noise, temporaryFolder } from './disks.js';

/** Mounts a small file system for one test; skips the test, saying why, where that is not possible. */
function mounted(context: TestContext, type: string, options: string): string {
  const folder = join(temporaryFolder(), 'mount');
  mkdirSync(folder);
  if (process.getuid?.() !== 0) context.skip('needs root to mount a small file system');
  const mount = spawnSync('mount', ['-t', type, '-o', options, type, folder], { encoding: 'utf8' });
  if (mount.status !== 0) context.skip(`can't mount ${type} here: ${mount.error ?? mount.stderr}`);
  onTestFinished(() => {
    execFileSync('umount', [folder]);
  });
  return folder;
}

describe.each(disks.filter((one) => !one.isSkipped))('$title', ({ make }) => {
  test('reports a full file system when space is reserved, not when it is used', (context) => {
    const disk = make();
    const path = join(mounted(context, 'tmpfs', 'size=256k'), 'file');
    const file = disk.open(path, { access: 'create-new' });
    expect(failureOf(() => disk.allocate(file, 1 << 20))).toMatch(/^ENOSPC (fallocate|pwrite) /);
    disk.close(file);
  });

  test('reports a full file system when a write does not fit, also if a part of it did', (context) => {
    const disk = make();
    const path = join(mounted(context, 'tmpfs', 'size=256k'), 'file');
    const file = disk.open(path, { access: 'create-new' });
    const bytes = noise(1 << 20);
    expect(failureOf(() => disk.write(file, bytes, 0, 1 << 20, 0))).toBe(`ENOSPC pwrite ${path}`);
    expect(failureOf(() => disk.writeWithTail(file, bytes, 0, 1 << 19, bytes, 0))).toMatch(/^ENOSPC /);
    disk.close(file);
  });

  test.skipIf(isAddonSkipped)('goes through the page cache where direct I/O is refused', (context) => {
    const disk = make();
    const path = join(mounted(context, 'ramfs', 'mode=0700'), 'file');
    const source = disk.alignedBuffer(8192);
    source.set(noise(8192));
    const created = disk.open(path, { access: 'create-new', direct: true });
    disk.write(created, source, 0, 8192, 0);
    expect(failureOf(() => disk.open(path, { access: 'create-new', direct: true }))).toMatch(/^EEXIST /);
    disk.close(created);
    const opened = disk.open(path, { access: 'read', direct: true });
    const target = disk.alignedBuffer(8192);
    expect(disk.read(opened, target, 0, 8192, 0)).toBe(8192);
    disk.close(opened);
    expect(target).toEqual(source);
    expect(failureOf(() => disk.open(`${path}-missing`, { access: 'write', direct: true }))).toMatch(
      /^ENOENT /,
    );
  });
});

const PLATFORM = pathToFileURL(resolve('dist/src/native/platform.js')).href;
const LIMIT_BYTES = 20_480;

/** What the child prints: the failure of each of three ways to write 32 KiB, under a limit of 20 KiB. */
const CHILD = `
  import { openPlatform } from '${PLATFORM}';
  const { disk } = openPlatform();
  const bytes = new Uint8Array(32768).fill(7);
  const failures = [
    (file) => disk.write(file, bytes, 0, 32768, 0),
    (file) => disk.writeWithTail(file, bytes, 0, 16384, bytes.subarray(16384), 0),
    (file) => disk.allocate(file, 32768),
  ].map((call, number) => {
    const file = disk.open(process.argv[1] + number, { access: 'create-new' });
    try {
      call(file);
      return 'no failure';
    } catch (error) {
      return error.errno;
    } finally {
      disk.close(file);
    }
  });
  console.log(failures.join(' '));
`;

const ways = isAddonSkipped ? ['javascript'] : ['native', 'javascript'];

test.each(ways)(
  'the %s disk reports the limit on the size of files, also in the middle of a write',
  (way) => {
    const path = join(temporaryFolder(), 'file');
    // ulimit counts blocks of 512 bytes.
    const command = `ulimit -f ${LIMIT_BYTES / 512}; exec "$0" "$@"`;
    const output = execFileSync(
      'sh',
      ['-c', command, process.execPath, '--input-type=module', '-e', CHILD, path],
      { encoding: 'utf8', env: { ...process.env, CAIRN_DISK: way } },
    );
    expect(output.trim()).toBe('EFBIG EFBIG EFBIG');
    expect(statSync(`${path}0`).size).toBe(LIMIT_BYTES);
    expect(statSync(`${path}1`).size).toBe(LIMIT_BYTES);
  },
);
