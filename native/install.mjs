/**
 * npm's `install` script: builds the addon unless it is there already. It never fails: without an addon Cairn runs on
 * node:fs and CRC-32C in JavaScript, with the same guarantees. `CAIRN_SKIP_ADDON=1` skips the build.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isUpToDate, packageRoot, writeStamp } from './stamp.mjs';

const require = createRequire(import.meta.url);

/** A build takes seconds. This is for a download of headers that hangs. */
const BUILD_TIMEOUT_MS = 600_000;

/** What a failed build prints → what to tell the user. The first match counts. */
const FAILURES = [
  [/Could not find any Python/, 'no Python 3 was found'],
  [/not found: make|spawn make ENOENT/, 'make was not found'],
  [/(g\+\+|c\+\+|clang\+\+|cc).*(not found|No such file)/i, 'no C++ compiler was found'],
  [
    /network connectivity|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|response downloading/,
    'no headers of Node.js were found',
  ],
];

/** Whether the package came with an addon for this platform. It is asked for in the way in which it will be looked for. */
function hasPrebuild() {
  process.env.PREBUILDS_ONLY = '1';
  try {
    return require('node-gyp-build').path(packageRoot) !== undefined;
  } catch {
    return false; // how node-gyp-build says that there is none
  }
}

/** Most installations of Node carry their headers. node-gyp would download them all the same, unless told where they are. */
function headersOption() {
  if (process.env.npm_config_nodedir !== undefined) return [];
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const headers = join(prefix, 'include', 'node');
  const areThere = ['node_api.h', 'common.gypi'].every((name) => existsSync(join(headers, name)));
  return areThere ? [`--nodedir=${prefix}`] : [];
}

/** Runs node-gyp. Returns undefined if it built the addon, else why not. */
function build() {
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  const run = spawnSync(process.execPath, [nodeGyp, 'rebuild', ...headersOption()], {
    cwd: packageRoot,
    encoding: 'utf8',
    timeout: BUILD_TIMEOUT_MS,
    maxBuffer: 64 << 20,
  });
  if (run.status === 0) {
    writeStamp();
    return undefined;
  }
  const output = `${run.stdout ?? ''}${run.stderr ?? ''}${run.error ?? ''}\n`;
  mkdirSync(join(packageRoot, 'build'), { recursive: true });
  writeFileSync(join(packageRoot, 'build', 'install.log'), output);
  const known = FAILURES.find(([pattern]) => pattern.test(output));
  return `${known === undefined ? 'the build failed' : known[1]}; see build/install.log`;
}

/** Builds if needed. Returns what to tell the user, if anything. */
function install() {
  if (process.env.CAIRN_SKIP_ADDON === '1') return skipped('CAIRN_SKIP_ADDON=1');
  if (process.platform !== 'linux') return skipped(`it is for Linux, this is ${process.platform}`);
  if (hasPrebuild() || isUpToDate()) return undefined;
  const failure = build();
  return failure === undefined ? 'cairn: built the native addon' : skipped(failure);
}

function skipped(reason) {
  return (
    `cairn: the native addon was not built (${reason}). Writes go through node:fs: as durable, but slower.\n` +
    'cairn: to build it, with a C++ compiler, make and Python 3 at hand: npm run install'
  );
}

try {
  const message = install();
  if (message !== undefined) console.log(message);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  console.log(skipped(reason.split('\n', 1)[0]));
}
