/** This package's version, from its package.json, which stands above both src/ and dist/. */
import { readFileSync } from 'node:fs';
import { assert } from '../base/assert.js';

/** Such as `0.1.0`. */
export function packageVersion(): string {
  for (let folder = new URL('./', import.meta.url); ; folder = new URL('../', folder)) {
    const text = readIfThere(new URL('package.json', folder));
    const manifest = text === undefined ? {} : (JSON.parse(text) as { name?: string; version?: string });
    if (manifest.name === 'cairndb' && manifest.version !== undefined) return manifest.version;
    assert(folder.pathname !== '/', 'the package has a package.json');
  }
}

function readIfThere(path: URL): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
