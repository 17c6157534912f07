/** The check table of a host: what a node's disk path wants, and what is there. Pure: from facts to rows. */
import { type CheckRow, checkRow } from './check-row.js';
import type { HostFacts, Mount } from './host-facts.js';

export const LOAD_CONDITION = 'load before the run';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Two files of the measurement, and a log that grows for a second on a fast disk. */
const FREE_BYTES_MIN = 2 * GIB;
/** A chunk of the default size with its header and footer. */
const FILE_BYTES_MIN = 256 * MIB + 8192;
/** The node's files and the default of MaxConnections. */
const OPEN_FILES_MIN = 1024;
/** The default ring, the retry window, an index of a few million events, and Node.js. */
const MEMORY_BYTES_MIN = GIB;

/** What these keep is gone after a restart. */
const IN_MEMORY = ['tmpfs', 'ramfs', 'devtmpfs'];
/** What "durable" means there, another machine decides. */
const OVER_NETWORK = /^(nfs4?|cifs|smb3?|9p|ceph|glusterfs|lustre|afs|virtiofs|fuse\..*|fuse)$/;
/** File systems that write in place, with direct I/O. */
const GOOD = ['ext4', 'xfs'];
/** Reading these takes a processor some 20 to 50 ns; others leave the processor, which costs a microsecond. */
const FAST_CLOCKS = ['tsc', 'kvm-clock', 'arch_sys_counter', 'hyperv_clocksource_tsc_page', 'xen'];
/** These hand a lone write to the disk at once. */
const GOOD_SCHEDULERS = ['none', 'noop', 'mq-deadline', 'deadline', 'kyber'];

/** All rows, those that can keep the tuner from going on first. */
export function hostChecks(facts: HostFacts): CheckRow[] {
  return [...storageChecks(facts), ...deviceChecks(facts), ...limitChecks(facts), ...processorChecks(facts)];
}

function storageChecks({ freeBytes, mount }: HostFacts): CheckRow[] {
  return [
    checkRow(
      ['free space', `at least ${sizeText(FREE_BYTES_MIN)}`, 'error'],
      freeBytes === undefined ? undefined : sizeText(freeBytes),
      freeBytes !== undefined && freeBytes >= FREE_BYTES_MIN,
    ),
    fileSystemCheck(mount),
    mountOptionsCheck(mount),
  ];
}

function fileSystemCheck(mount: Mount | undefined): CheckRow {
  const required = 'ext4 or xfs, on a disk of this machine';
  if (mount === undefined) return checkRow(['file system', required, 'error'], undefined, undefined);
  const { fileSystem } = mount;
  if (IN_MEMORY.includes(fileSystem))
    return checkRow(
      ['file system', required, 'error'],
      `${fileSystem}: in memory, gone with a restart`,
      false,
    );
  if (OVER_NETWORK.test(fileSystem))
    return checkRow(['file system', required, 'error'], `${fileSystem}: over a network, or a process`, false);
  if (fileSystem === 'overlay')
    return checkRow(
      ['file system', required, 'warning'],
      "overlay: a container's layer; mount a volume",
      false,
    );
  return checkRow(['file system', required, 'warning'], fileSystem, GOOD.includes(fileSystem));
}

function mountOptionsCheck(mount: Mount | undefined): CheckRow {
  const required = 'rw, with barriers, without sync or data=journal';
  if (mount === undefined) return checkRow(['mount options', required, 'warning'], undefined, undefined);
  const { options } = mount;
  const current = options.join(',');
  const fatal = ['ro', 'nobarrier', 'barrier=0'].some((word) => options.includes(word));
  const slow = ['sync', 'dirsync', 'data=journal'].some((word) => options.includes(word));
  return checkRow(['mount options', required, fatal ? 'error' : 'warning'], current, !fatal && !slow);
}

function deviceChecks({ scheduler, hasVolatileCache, isRotational }: HostFacts): CheckRow[] {
  const cache = hasVolatileCache ? 'write back: a sync has to flush it' : 'write through: nothing to flush';
  return [
    checkRow(
      ['I/O scheduler', 'none, mq-deadline or kyber', 'warning'],
      scheduler,
      scheduler !== undefined && GOOD_SCHEDULERS.includes(scheduler),
    ),
    checkRow(['disk write cache', 'any', 'info'], hasVolatileCache === undefined ? undefined : cache, true),
    checkRow(
      ['disk says it rotates', 'no; virtual disks may say so all the same', 'info'],
      isRotational === undefined ? undefined : isRotational ? 'yes' : 'no',
      isRotational === false,
    ),
  ];
}

function limitChecks({ openFiles, fileBytesMax, lockedBytesMax, memoryBytes }: HostFacts): CheckRow[] {
  return [
    checkRow(
      ['limit on file size', `at least ${sizeText(FILE_BYTES_MIN)}`, 'error'],
      limitText(fileBytesMax, sizeText),
      fileBytesMax !== undefined && fileBytesMax >= FILE_BYTES_MIN,
    ),
    checkRow(
      ['limit on open files', `at least ${OPEN_FILES_MIN}`, 'warning'],
      limitText(openFiles, String),
      openFiles !== undefined && openFiles >= OPEN_FILES_MIN,
    ),
    checkRow(
      ['limit on locked memory', 'any: Cairn locks none', 'info'],
      limitText(lockedBytesMax, sizeText),
      true,
    ),
    checkRow(
      ['memory', `at least ${sizeText(MEMORY_BYTES_MIN)} available`, 'warning'],
      limitText(memoryBytes, sizeText),
      memoryBytes !== undefined && memoryBytes >= MEMORY_BYTES_MIN,
    ),
  ];
}

function processorChecks({ processors, loadAverage, clockSource, governor }: HostFacts): CheckRow[] {
  return [
    checkRow(['processors', 'at least 2', 'warning'], String(processors), processors >= 2),
    checkRow(
      [LOAD_CONDITION, 'below half of the processors, for figures that can be trusted', 'warning'],
      loadAverage === undefined ? undefined : String(loadAverage),
      loadAverage !== undefined && loadAverage <= processors / 2,
    ),
    checkRow(
      ['clock source', 'one that is read without leaving the processor, such as tsc', 'warning'],
      clockSource,
      clockSource !== undefined && FAST_CLOCKS.includes(clockSource),
    ),
    checkRow(['CPU governor', 'performance', 'warning'], governor, governor === 'performance'),
  ];
}

function limitText(value: number | undefined, text: (value: number) => string): string | undefined {
  if (value === undefined) return undefined;
  return value === Number.POSITIVE_INFINITY ? 'unlimited' : text(value);
}

/** Bytes for people, rounded. */
export function sizeText(bytes: number): string {
  if (bytes >= GIB) return `${roundedTo(bytes / GIB)} GiB`;
  if (bytes >= MIB) return `${roundedTo(bytes / MIB)} MiB`;
  return bytes >= 1024 ? `${roundedTo(bytes / 1024)} KiB` : `${bytes} bytes`;
}

function roundedTo(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
}
