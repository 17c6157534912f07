import { describe, expect, test } from 'vitest';
import { type CheckRow, failedErrors } from '../../../bench/tune/check-row.js';
import { hostChecks } from '../../../bench/tune/host-checks.js';
import { type HostSource, mountOf, readHostFacts } from '../../../bench/tune/host-facts.js';
import { fakeHost, GOOD_FILES, MUTE_HOST } from './fake-host.js';

const FOLDER = '/srv/fast disk/cairn';

function rows(source: HostSource): CheckRow[] {
  return hostChecks(readHostFacts(source, FOLDER));
}

function row(source: HostSource, condition: string): CheckRow {
  return rows(source).find((each) => each.condition === condition)!;
}

/** The mount of the data folder, as its file system and its options. */
function mountedAs(fileSystem: string, options = 'rw'): HostSource {
  return fakeHost({
    '/proc/self/mountinfo': `27 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 27 259:0 / /srv rw,noatime - ${fileSystem} source ${options}\n`,
  });
}

describe('the facts of a host', () => {
  test('come from the mount that the folder is on, and from the disk that its partition is on', () => {
    const facts = readHostFacts(fakeHost(), FOLDER);
    expect(facts.mount).toMatchObject({ fileSystem: 'xfs', device: '259:0', mountPoint: '/srv/fast disk' });
    expect(facts.mount?.options).toEqual(['rw', 'noatime', 'attr2']);
    expect(facts).toMatchObject({ scheduler: 'none', isRotational: false, hasVolatileCache: true });
    expect(facts).toMatchObject({
      openFiles: 4096,
      fileBytesMax: Number.POSITIVE_INFINITY,
      loadAverage: 0.42,
    });
    expect(facts.memoryBytes).toBe(12_000_000 * 1024);
  });

  test('a folder whose name merely begins like a mount point is not on it', () => {
    const mounts = GOOD_FILES['/proc/self/mountinfo']!;
    expect(mountOf(mounts, '/srv/fast disks')?.mountPoint).toBe('/');
    expect(mountOf(mounts, '/srv/fast disk')?.mountPoint).toBe('/srv/fast disk');
  });

  test('of two mounts on one place the later one counts', () => {
    const mounts = '1 0 8:1 / /data rw - ext4 a rw\n2 0 8:2 / /data rw - xfs b rw\n';
    expect(mountOf(mounts, '/data/x')?.fileSystem).toBe('xfs');
  });

  test('a control group limits the memory, from any level above the process', () => {
    const v2 = fakeHost({ '/sys/fs/cgroup/system.slice/memory.max': '1073741824\n' });
    expect(readHostFacts(v2, FOLDER).memoryBytes).toBe(1024 ** 3);
    const unlimited = fakeHost({ '/sys/fs/cgroup/system.slice/memory.max': 'max\n' });
    expect(readHostFacts(unlimited, FOLDER).memoryBytes).toBe(12_000_000 * 1024);
    const v1 = fakeHost({
      '/proc/self/cgroup': '5:cpu:/\n4:memory:/docker/1\n',
      '/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes': '536870912\n',
    });
    expect(readHostFacts(v1, FOLDER).memoryBytes).toBe(512 * 1024 ** 2);
  });
});

describe('the check table', () => {
  test('of a good machine has nothing that failed', () => {
    expect(rows(fakeHost()).filter(({ passed }) => passed !== true)).toEqual([]);
  });

  test('of a machine that tells nothing has unknown rows, and none that failed', () => {
    const all = rows(MUTE_HOST);
    expect(all.filter(({ passed }) => passed === false)).toEqual([]);
    const unknown = all.filter(({ passed }) => passed === undefined);
    expect(unknown.map(({ current }) => current)).toEqual(unknown.map(() => 'unknown'));
    expect(unknown.length).toBe(all.length - 1);
  });

  test.each([
    ['tmpfs', 'error'],
    ['nfs4', 'error'],
    ['cifs', 'error'],
    ['fuse.sshfs', 'error'],
    ['9p', 'error'],
    ['overlay', 'warning'],
    ['btrfs', 'warning'],
  ])('a folder on %s fails, with severity %s', (fileSystem, severity) => {
    expect(row(mountedAs(fileSystem), 'file system')).toMatchObject({ passed: false, severity });
  });

  test.each([
    ['rw,nobarrier', 'error'],
    ['rw,barrier=0', 'error'],
    ['ro', 'error'],
    ['rw,sync', 'warning'],
    ['rw,data=journal', 'warning'],
  ])('mounted with %s it fails, with severity %s', (options, severity) => {
    expect(row(mountedAs('ext4', options), 'mount options')).toMatchObject({ passed: false, severity });
  });

  test('too little space, or a limit on the size of files, is an error', () => {
    const full = fakeHost({}, { freeBytes: () => 1024 ** 3 });
    expect(failedErrors(rows(full)).map(({ condition }) => condition)).toEqual(['free space']);
    const limits = GOOD_FILES['/proc/self/limits']!.replace(
      'Max file size             unlimited',
      'Max file size             1048576  ',
    );
    expect(
      failedErrors(rows(fakeHost({ '/proc/self/limits': limits }))).map(({ current }) => current),
    ).toEqual(['1 MiB']);
  });

  test.each([
    ['I/O scheduler', '/sys/dev/block/259:0/../queue/scheduler', 'none mq-deadline [bfq]\n', 'bfq'],
    ['CPU governor', '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'powersave\n', 'powersave'],
    ['clock source', '/sys/devices/system/clocksource/clocksource0/current_clocksource', 'hpet\n', 'hpet'],
    ['load before the run', '/proc/loadavg', '7.10 3 2 1/2 3\n', '7.1'],
    ['memory', '/proc/meminfo', 'MemAvailable:    200000 kB\n', '195 MiB'],
  ])('%s: what costs speed is a warning', (condition, path, text, current) => {
    expect(row(fakeHost({ [path]: text }), condition)).toMatchObject({
      passed: false,
      severity: 'warning',
      current,
    });
  });
});
