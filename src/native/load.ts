/**
 * The only place that loads the addon. Any thread that touches files calls it once, at its start. The addon is looked
 * for by node-gyp-build (build/Release, then prebuilds); without one, plain JavaScript does the work. CAIRN_DISK
 * overrules: `javascript` ignores the addon, `native` makes its absence an error.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../base/assert.js';
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';

/** Raised together with kInterfaceVersion of native/addon.cc, so that a stale build is refused, not misunderstood. */
const INTERFACE_VERSION = 9;

/** What the addon exports. Results of system calls are a count or 0, or -errno; see native/disk.cc and native/kernel.cc. */
export interface Addon {
  readonly interfaceVersion: number;
  open(path: string, flags: number, mode: number): number;
  close(file: number): number;
  read(file: number, target: Bytes, at: number, length: number, offset: number, alignment: number): number;
  write(file: number, source: Bytes, at: number, length: number, offset: number, alignment: number): number;
  writeWithTail(
    file: number,
    source: Bytes,
    at: number,
    length: number,
    offset: number,
    alignment: number,
    tail: Bytes,
  ): number;
  allocate(file: number, length: number): number;
  syncData(file: number): number;
  sync(file: number): number;
  dropCached(file: number): number;
  lock(file: number): number;
  adviseHugePages(bytes: Bytes): number;
  alignmentGap(bytes: Bytes, alignment: number): number;
  /** The CRC-32C implementations that run on this processor, the fastest first. Their index is the argument `which`. */
  implementations(): string[];
  copyRuns(source: Bytes, target: Bytes, runs: Int32Array, count: number): number;
  crc32c(which: number, bytes: Bytes, at: number, length: number, seed: number): number;
  seal(which: number, bytes: Bytes, at: number, length: number, state: Float64Array): number;
  verify(which: number, bytes: Bytes, at: number, length: number, state: Float64Array): number;
  survey(bytes: Bytes, at: number, length: number, values: Float64Array): number;
  findEvents(bytes: Bytes, at: number, length: number, filter: Uint32Array, found: Int32Array): number;
  takeAppends(
    message: Bytes,
    registers: Float64Array,
    ring: Bytes,
    retryMemory: Bytes,
    nameSlots: Int32Array,
    nameWords: Int32Array,
    heads: Float64Array,
    replies: Float64Array,
  ): number;
  rememberAll(
    memory: Bytes,
    seedLow: number,
    seedHigh: number,
    added: number,
    ids: Uint32Array,
    streams: Uint32Array,
    revisions: Float64Array,
    positions: Float64Array,
  ): number;
}

/** Which way was taken, and why, in words for a person. */
export type LoadedAddon =
  | { readonly kind: 'native'; readonly addon: Addon; readonly reason: string }
  | { readonly kind: 'javascript'; readonly reason: string };

interface NodeGypBuild {
  (packageRoot: string): Addon;
  path(packageRoot: string): string;
}

const require = createRequire(import.meta.url);

/** Loads the addon as `wanted` says. Throws CairnError `invalid-configuration` if it can't have its way. */
export function loadAddon(wanted: string = process.env['CAIRN_DISK'] ?? ''): LoadedAddon {
  if (!['', 'native', 'javascript'].includes(wanted)) {
    throw new CairnError('invalid-configuration', `CAIRN_DISK is native, javascript or unset, not ${wanted}`);
  }
  if (wanted === 'javascript') return { kind: 'javascript', reason: 'CAIRN_DISK=javascript' };
  try {
    return find(packageRoot());
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error);
    if (wanted === '') return { kind: 'javascript', reason };
    const advice = 'build it with: npm run install';
    throw new CairnError('invalid-configuration', `CAIRN_DISK=native: ${reason}; ${advice}`, {}, error);
  }
}

function find(root: string): LoadedAddon {
  const load = require('node-gyp-build') as NodeGypBuild;
  const file = load.path(root);
  const addon = load(root);
  if (addon.interfaceVersion !== INTERFACE_VERSION) {
    throw new Error(`${file} is of another version of Cairn`);
  }
  return { kind: 'native', addon, reason: file };
}

/** The folder of package.json: above src/ and above dist/src/ alike. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    assert(folder !== dirname(folder), 'this file is inside of a package');
    folder = dirname(folder);
  }
  return folder;
}
