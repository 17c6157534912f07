/**
 * What this machine offers: the disk, the record kernel and the folder lock, on the addon where there is one and else in
 * plain JavaScript. Each thread opens its own, at its start.
 */
import type { Disk, RecordKernel, RememberAll, TakeAppends } from '../base/ports.js';
import { javascriptKernel } from '../log/javascript-kernel.js';
import { AddonDisk } from './addon-disk.js';
import { addonKernel, addonRememberAll, addonTakeAppends } from './addon-kernel.js';
import { type FolderLock, tryLock } from './folder-lock.js';
import { JavascriptDisk } from './javascript-disk.js';
import { loadAddon } from './load.js';

/** Which way was taken, for `version -v` and the log. */
export interface PlatformDescription {
  readonly disk: 'native' | 'javascript';
  /** The CRC-32C implementation: `wide`, `sse42`, `arm` or `table` of the addon, or `javascript`. */
  readonly crc32c: string;
  /** Why: the addon's file, or what kept it from being used. */
  readonly reason: string;
  /** A file whose file system refused direct I/O, if this thread met one; such files go through the page cache. */
  readonly directRefusedFor?: string | undefined;
}

export interface Platform {
  readonly disk: Disk;
  readonly kernel: RecordKernel;
  /** The native pass over plain appends, where there is an addon. */
  readonly takeAppends: TakeAppends | undefined;
  /** The same for filling a retry window. */
  readonly rememberAll: RememberAll | undefined;
  /** As things stand: a later open may find out that a file system refuses direct I/O. */
  readonly describe: PlatformDescription;
  /** Takes the lock on a file; see `folder-lock.ts`. Always `unsupported` in plain JavaScript. */
  tryLock(path: string): FolderLock | undefined | 'unsupported';
}

/** Opens the platform. Throws CairnError `invalid-configuration` if CAIRN_DISK asks for what is not there. */
export function openPlatform(): Platform {
  const loaded = loadAddon();
  const { reason } = loaded;
  if (loaded.kind === 'javascript') {
    return {
      disk: new JavascriptDisk(),
      kernel: javascriptKernel,
      takeAppends: undefined,
      rememberAll: undefined,
      describe: { disk: 'javascript', crc32c: 'javascript', reason },
      tryLock: () => 'unsupported',
    };
  }
  const { addon } = loaded;
  const disk = new AddonDisk(addon);
  const crc32c = addon.implementations()[0]!;
  return {
    disk,
    kernel: addonKernel(addon),
    takeAppends: addonTakeAppends(addon),
    rememberAll: addonRememberAll(addon),
    get describe(): PlatformDescription {
      return { disk: 'native', crc32c, reason, directRefusedFor: disk.directRefusedFor };
    },
    tryLock: (path) => tryLock(addon, path),
  };
}

/** Every record kernel that runs here, by the name of its CRC-32C: the addon's, fastest first, then plain JavaScript. */
export function kernelsByName(): ReadonlyMap<string, RecordKernel> {
  const kernels = new Map<string, RecordKernel>();
  const loaded = loadAddon();
  if (loaded.kind === 'native') {
    for (const name of loaded.addon.implementations()) kernels.set(name, addonKernel(loaded.addon, name));
  }
  return kernels.set('javascript', javascriptKernel);
}
