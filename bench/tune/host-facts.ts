/**
 * What the system tells about this machine and about the disk below a folder: /proc, /sys and statfs. Reads only. What is not there
 * (containers hide much of /sys, other systems have none of it) is undefined, which is not the same as bad. Main thread.
 */
import { readFileSync, realpathSync, statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Where the facts are read from: the system, or what a test says. */
export interface HostSource {
  /** The text of a file; undefined if it can't be read. */
  read(path: string): string | undefined;
  /** The path without symbolic links; undefined if there is no such file. */
  realpath(path: string): string | undefined;
  freeBytes(path: string): number | undefined;
  readonly processors: number;
}

/** One line of /proc/self/mountinfo. */
export interface Mount {
  readonly device: string;
  readonly mountPoint: string;
  readonly fileSystem: string;
  readonly source: string;
  /** Those of the mount and those of the file system. */
  readonly options: readonly string[];
}

/** Numbers are bytes where the name doesn't say otherwise. */
export interface HostFacts {
  readonly freeBytes: number | undefined;
  readonly mount: Mount | undefined;
  /** Infinity for unlimited. */
  readonly openFiles: number | undefined;
  readonly fileBytesMax: number | undefined;
  readonly lockedBytesMax: number | undefined;
  /** What this process may use: the machine's available memory, or less where a control group says so. */
  readonly memoryBytes: number | undefined;
  readonly processors: number;
  /** How many processes wanted a processor during the last minute, on average. */
  readonly loadAverage: number | undefined;
  readonly clockSource: string | undefined;
  readonly governor: string | undefined;
  readonly scheduler: string | undefined;
  readonly isRotational: boolean | undefined;
  /** Whether the device says that what it has taken may be lost until it is flushed. */
  readonly hasVolatileCache: boolean | undefined;
}

const CLOCK_SOURCE = '/sys/devices/system/clocksource/clocksource0/current_clocksource';
const GOVERNOR = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor';
const KIB = 1024;

/** The real machine. */
export const SYSTEM: HostSource = {
  read: (path) => orUndefined(() => readFileSync(path, 'utf8')),
  realpath: (path) => orUndefined(() => realpathSync(path)),
  freeBytes: (path) =>
    orUndefined(() => {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    }),
  processors: availableParallelism(),
};

/** Gathers the facts that concern `folder`, which exists. */
export function readHostFacts(source: HostSource, folder: string): HostFacts {
  const mount = mountOf(source.read('/proc/self/mountinfo') ?? '', source.realpath(folder) ?? folder);
  const limits = source.read('/proc/self/limits') ?? '';
  const queue = (name: string) => queueFile(source, mount, name);
  return {
    freeBytes: source.freeBytes(folder),
    mount,
    openFiles: limitOf(limits, 'Max open files'),
    fileBytesMax: limitOf(limits, 'Max file size'),
    lockedBytesMax: limitOf(limits, 'Max locked memory'),
    memoryBytes: memoryOf(source),
    processors: source.processors,
    loadAverage: numberOf(source.read('/proc/loadavg')?.split(' ')[0]),
    clockSource: source.read(CLOCK_SOURCE)?.trim(),
    governor: source.read(GOVERNOR)?.trim(),
    scheduler: schedulerOf(queue('scheduler')),
    isRotational: flagOf(queue('rotational'), '1'),
    hasVolatileCache: flagOf(queue('write_cache'), 'write back'),
  };
}

/** The mount that `path` is on: of those whose mount point is above it the longest, and the last of several on one place. */
export function mountOf(mountinfo: string, path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountinfo.split('\n')) {
    const mount = parseMount(line);
    if (mount === undefined || !isAbove(mount.mountPoint, path)) continue;
    if (found === undefined || mount.mountPoint.length >= found.mountPoint.length) found = mount;
  }
  return found;
}

/** proc(5): ids, device, root, mount point, options, optional fields, a dash, file system, source, its options. */
function parseMount(line: string): Mount | undefined {
  const words = line.split(' ');
  const dash = words.indexOf('-', 6);
  const [, , device, , mountPoint, mountOptions] = words;
  const [fileSystem, source, superOptions] = words.slice(dash + 1);
  if (dash === -1 || device === undefined || mountPoint === undefined || fileSystem === undefined)
    return undefined;
  const options = [
    ...new Set(`${mountOptions},${superOptions ?? ''}`.split(',').filter((word) => word !== '')),
  ];
  return { device, mountPoint: unescaped(mountPoint), fileSystem, source: source ?? '', options };
}

/** Spaces and the like are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function isAbove(mountPoint: string, path: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
}

/** A partition has no queue of its own: the disk that it is on has. */
function queueFile(source: HostSource, mount: Mount | undefined, name: string): string | undefined {
  if (mount === undefined) return undefined;
  const device = `/sys/dev/block/${mount.device}`;
  return (source.read(`${device}/queue/${name}`) ?? source.read(`${device}/../queue/${name}`))?.trim();
}

/** `none [mq-deadline] kyber` → `mq-deadline`. */
function schedulerOf(text: string | undefined): string | undefined {
  return /\[([^\]]+)\]/.exec(text ?? '')?.[1] ?? text;
}

function flagOf(text: string | undefined, yes: string): boolean | undefined {
  return text === undefined ? undefined : text === yes;
}

/** The soft limit. */
function limitOf(limits: string, name: string): number | undefined {
  const line = limits.split('\n').find((each) => each.startsWith(name));
  const soft = line?.slice(name.length).trim().split(/\s+/)[0];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : numberOf(soft);
}

function memoryOf(source: HostSource): number | undefined {
  const available = numberOf(/^MemAvailable:\s+(\d+) kB$/m.exec(source.read('/proc/meminfo') ?? '')?.[1]);
  const all = available === undefined ? [] : [available * KIB];
  return lowest([...all, ...groupLimits(source)]);
}

/** Control groups limit a process by every group above it, in version 1 below `memory/`. */
function groupLimits(source: HostSource): number[] {
  const limits: number[] = [];
  for (const line of (source.read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const isV2 = controllers === '';
    if (!isV2 && controllers !== 'memory') continue;
    const [root, name] = isV2
      ? ['/sys/fs/cgroup', 'memory.max']
      : ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'];
    for (const group of groupsAbove(path)) {
      const limit = numberOf(source.read(`${root}${group}/${name}`)?.trim());
      if (limit !== undefined) limits.push(limit);
    }
  }
  return limits;
}

/** `/a/b` → `/a/b`, `/a`, and the root. */
function groupsAbove(path: string): string[] {
  const words = path.split('/').filter((word) => word !== '');
  return Array.from({ length: words.length + 1 }, (_, count) =>
    words
      .slice(0, count)
      .map((word) => `/${word}`)
      .join(''),
  );
}

function lowest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** What can't be read is not known: there is nothing to act on. */
function orUndefined<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
