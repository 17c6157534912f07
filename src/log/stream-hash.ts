/** The hash by which streams that are followed are told from others: FNV-1a over words, the last one filled up with zeros. Pure; native/record_walks.cc has it, too. */
import { alignUp } from '../base/bytes.js';

/** Of the name in the `bytes` bytes from word `at`. */
export function streamHashAt(words: Uint32Array, at: number, bytes: number): number {
  let hash = 0x811c9dc5;
  const whole = bytes >> 2;
  for (let i = 0; i < whole; i++) hash = mixed(hash, words[at + i]!);
  const rest = bytes & 3;
  if (rest > 0) hash = mixed(hash, words[at + whole]! & ((1 << (8 * rest)) - 1));
  return hash;
}

export function streamHash(name: Uint8Array): number {
  const padded = new Uint8Array(alignUp(name.length, 4));
  padded.set(name);
  return streamHashAt(new Uint32Array(padded.buffer), 0, name.length);
}

/** The low bits of a product depend on the low bits of its factors alone, so the high ones are folded in. */
function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x01000193);
  return product ^ (product >>> 15);
}
