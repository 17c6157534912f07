/** `cairn zones plot`: a kept simulation as a page. Main thread. */
import { writeFileSync } from 'node:fs';
import { type FlagValues, refused } from '../flags.js';
import { readSaved } from './saved-run.js';
import { zonePage } from './zone-page.js';

export function runPlot(path: string, flags: FlagValues): void {
  const html = zonePage(readSaved(path), `cairn zones plot ${path}`);
  const out = flags['out'] ?? 'zones.html';
  try {
    writeFileSync(out, html);
  } catch (error) {
    throw refused(`${out} can't be written: ${(error as Error).message}; name another file with --out`);
  }
  console.log(out);
}
