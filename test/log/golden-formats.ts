/** Reads the golden hex files of test/golden/formats: bytes in hex, `zeros N`, comments after a #. */
import { readFileSync } from 'node:fs';

export function readGolden(name: string): Uint8Array {
  const text = readFileSync(new URL(`../golden/formats/${name}`, import.meta.url), 'utf8');
  const parts = text.split('\n').map((line) => {
    const content = line.replace(/#.*/, '').trim();
    const zeros = /^zeros (\d+)$/.exec(content);
    return zeros === null ? Buffer.from(content.replaceAll(' ', ''), 'hex') : Buffer.alloc(Number(zeros[1]));
  });
  return new Uint8Array(Buffer.concat(parts));
}
