/** A machine that a test makes up: files of /proc and /sys by their path, and the numbers that come from elsewhere. */
import type { HostSource } from '../../../bench/tune/host-facts.js';

const QUEUE = '/sys/dev/block/259:0/../queue';

/** A machine that has everything that a node wants. The data folder is on a partition of an NVMe disk. */
export const GOOD_FILES: Readonly<Record<string, string>> = {
  '/proc/self/mountinfo': [
    '22 27 0:21 / /proc rw,relatime - proc proc rw',
    '27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
    '30 27 259:0 / /srv/fast\\040disk rw,noatime shared:9 master:2 - xfs /dev/nvme0n1p1 rw,attr2',
    '',
  ].join('\n'),
  '/proc/self/limits': [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max file size             unlimited            unlimited            bytes     ',
    'Max open files            4096                 524288               files     ',
    'Max locked memory         8388608              8388608              bytes     ',
    '',
  ].join('\n'),
  '/proc/meminfo': 'MemTotal:       16384000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\n',
  '/proc/self/cgroup': '0::/system.slice/cairn.service\n',
  '/proc/loadavg': '0.42 0.50 0.60 1/234 5678\n',
  '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
  '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'performance\n',
  [`${QUEUE}/scheduler`]: '[none] mq-deadline kyber \n',
  [`${QUEUE}/rotational`]: '0\n',
  [`${QUEUE}/write_cache`]: 'write back\n',
};

/** The good machine with other files; an undefined one isn't there. */
export function fakeHost(
  files: Readonly<Record<string, string | undefined>> = {},
  others: Partial<HostSource> = {},
): HostSource {
  const all: Readonly<Record<string, string | undefined>> = { ...GOOD_FILES, ...files };
  return {
    read: (path) => all[path],
    realpath: (path) => path,
    freeBytes: () => 100 * 1024 ** 3,
    processors: 4,
    ...others,
  };
}

/** A machine that tells nothing about itself. */
export const MUTE_HOST: HostSource = {
  read: () => undefined,
  realpath: () => undefined,
  freeBytes: () => undefined,
  processors: 4,
};
