/**
 * Both implementations of the Disk, for tests that must hold for either. The native one is skipped only where the build
 * of the addon was skipped on purpose (CAIRN_SKIP_ADDON=1); an addon that is merely missing is a failure.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Disk } from '../../src/base/ports.js';
import { DiskError } from '../../src/base/ports.js';
import { AddonDisk } from '../../src/native/addon-disk.js';
import { JavascriptDisk } from '../../src/native/javascript-disk.js';
import { type Addon, loadAddon } from '../../src/native/load.js';

/** Whether the tests of the addon are skipped, because there is none on purpose. */
export const isAddonSkipped = process.env['CAIRN_SKIP_ADDON'] === '1';

/** What to write behind the title of a suite that needs the addon. */
export const skipNote = isAddonSkipped ? ' (skipped: CAIRN_SKIP_ADDON=1)' : '';

/** The addon. Throws if it is not built. */
export function requireAddon(): Addon {
  const loaded = loadAddon('native');
  if (loaded.kind !== 'native') throw new Error(loaded.reason);
  return loaded.addon;
}

export interface DiskUnderTest {
  readonly title: string;
  readonly isSkipped: boolean;
  readonly make: () => Disk;
}

export const disks: readonly DiskUnderTest[] = [
  {
    title: `the native disk${skipNote}`,
    isSkipped: isAddonSkipped,
    make: () => new AddonDisk(requireAddon()),
  },
  { title: 'the plain-JavaScript disk', isSkipped: false, make: () => new JavascriptDisk() },
];

/** A folder of its own for one test, removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-native-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Calls, and returns the DiskError that it throws as `errno syscall path`. Anything else is rethrown. */
export function failureOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return `${error.errno} ${error.syscall} ${error.path}`;
  }
  return 'no failure';
}

/** `length` bytes that look random but are always the same. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
