/**
 * A report as a browser sees it: headless Chromium (Debian's package), without a network. `undefined` if there is none here, so that a
 * test can say that it was skipped.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const CANDIDATES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Chromium's name on this machine. */
export const chromium = CANDIDATES.find((name) => spawnSync(name, ['--version']).status === 0);

/** The document after the browser has parsed it, and everything that it complained about. */
export function openedInChromium(html: string): { dom: string; complaints: string } {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-chromium-'));
  try {
    const file = join(folder, 'report.html');
    writeFileSync(file, html);
    const run = spawnSync(
      chromium!,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--no-first-run',
        // It would try to reach its maker, again and again, at every start.
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        `--user-data-dir=${join(folder, 'profile')}`,
        // Whatever the page asks a network for fails.
        '--host-resolver-rules=MAP * ~NOTFOUND',
        '--enable-logging=stderr',
        '--dump-dom',
        pathToFileURL(file).href,
      ],
      { encoding: 'utf8', timeout: 50_000, maxBuffer: 64 * 1024 * 1024 },
    );
    const complaints = run.stderr.split('\n').filter((line) => line.includes('CONSOLE'));
    return { dom: run.stdout, complaints: complaints.join('\n') };
  } finally {
    // Its last processes may still write there after the first has ended.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
