/** Scavenges of a node under test: begun at any moment, stopped now and then, and what they leave in its folder. */
import type { ScavengeStatus } from '../../../src/net/node-port.js';
import { CommandProcess } from '../command-process.js';
import type { SeededRandom } from '../random.js';
import { until } from '../within.js';

const DEADLINE_MS = 40_000;

export class RetentionScavenges {
  readonly #random: SeededRandom;
  readonly #folder: string;

  constructor(random: SeededRandom, folder: string) {
    this.#random = random;
    this.#folder = folder;
  }

  /** Begins one, and perhaps stops it at once. */
  async begin(url: string): Promise<void> {
    await start(url, this.#random.pick([20, 100]));
    if (this.#random.chance(0.2)) await ask(url, 'POST', '/admin/scavenge/stop');
  }

  /** Begins the last one, which ends. */
  async finish(url: string): Promise<void> {
    const { position } = await start(url, 100);
    await until(DEADLINE_MS, 'the scavenge is through', async () => {
      const { state, point } = (await ask(url, 'GET', '/admin/scavenge')) as ScavengeStatus;
      return state === 'idle' && point?.position === position;
    });
  }

  /** How many chunks of the stopped node are scavenged. Throws if anything is wrong with its files. */
  async verifyFolder(): Promise<number> {
    await inspect('verify', '--entries', 'all', this.#folder);
    const rows = (await inspect('chunks', this.#folder)).trim().split('\n');
    return rows.filter((row) => (JSON.parse(row) as { state: string }).state === 'scavenged').length;
  }
}

async function start(url: string, throttlePercent: number): Promise<{ position: number }> {
  const path = `/admin/scavenge/start?throttlePercent=${throttlePercent}`;
  return (await ask(url, 'POST', path)) as { position: number };
}

async function ask(url: string, method: string, path: string): Promise<unknown> {
  const response = await fetch(new URL(path, url.replace(/^ws/, 'http')), { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} is answered with ${text}`);
  return JSON.parse(text);
}

async function inspect(...words: string[]): Promise<string> {
  const { code, output, errors } = await new CommandProcess(['inspect', ...words, '-o', 'json']).exit;
  if (code !== 0) throw new Error(`inspect ${words.join(' ')} ended with ${code}: ${output}${errors}`);
  return output;
}
