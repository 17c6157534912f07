/**
 * Tells whether a built addon belongs to the sources next to it: a digest of all that goes into it, kept beside it.
 * Used by the installer, to build no more often than needed, and by the tests, so that a stale build fails loudly.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the builder puts the addon, and where its digest stands. */
const builtAddon = join(packageRoot, 'build', 'Release', 'cairn.node');
const stampFile = join(packageRoot, 'build', 'Release', 'cairn.stamp');

/** Whether `build/Release` holds an addon that was built from the present sources, for this platform. */
export function isUpToDate() {
  try {
    readFileSync(builtAddon);
    return readFileSync(stampFile, 'utf8') === digestOfSources();
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Notes that the addon in `build/Release` was just built from the present sources. */
export function writeStamp() {
  writeFileSync(stampFile, digestOfSources());
}

function digestOfSources() {
  const hash = createHash('sha256');
  const sources = readdirSync(join(packageRoot, 'native')).filter((name) => /\.(cc|h)$/.test(name));
  for (const path of ['binding.gyp', ...sources.sort().map((name) => join('native', name))]) {
    const content = readFileSync(join(packageRoot, path));
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  const { version } = createRequire(import.meta.url)('node-addon-api/package.json');
  return hash.update(`${process.platform} ${process.arch} node-addon-api ${version}\n`).digest('hex');
}
