/** Runs the scripts of test/golden/cluster-conversations and compares what comes of them. `UPDATE_GOLDEN=1` writes it anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Script } from './conversation-script.js';

const FOLDER = new URL('../golden/cluster-conversations/', import.meta.url);
const files = readdirSync(FOLDER).sort();

/** Lines beginning with `> ` are commands, lines beginning with two spaces what comes of them; all else is prose, and stays. */
function play(text: string): string {
  const script = new Script();
  const lines = text.split('\n').filter((line) => !line.startsWith('  '));
  const played = lines.flatMap((line) => {
    if (!line.startsWith('> ')) return [line];
    try {
      return [line, ...script.run(line.slice(2).trim()).map((words) => `  ${words}`)];
    } catch (error) {
      throw new Error(`at "${line}"\n${script.conversation.takeLines().join('\n')}`, { cause: error });
    }
  });
  return played.join('\n');
}

describe('a conversation goes as it is written down', () => {
  test.each(files)('%s', (file) => {
    const url = new URL(file, FOLDER);
    const golden = readFileSync(url, 'utf8');
    const played = play(golden);
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(url, played);
    else expect(played).toBe(golden);
  });
});
