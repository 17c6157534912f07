/**
 * CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected, initial value and final xor all ones), as iSCSI has it (RFC 3720,
 * appendix B.4), in plain JavaScript: the oracle that the addon is tested against, and the fallback where there is no
 * addon. Pure; any thread. Slices by 16 (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC
 * Generation", 2008): sixteen independent table look-ups for 16 bytes, instead of a chain of sixteen.
 */
import type { Bytes } from './ports.js';

const POLYNOMIAL_REFLECTED = 0x82f63b78;

/** TABLES[256 k + b] is the CRC of byte b followed by k zero bytes. Int32, so that V8 keeps everything in small integers. */
const TABLES = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL_REFLECTED;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}

/** CRC-32C of `bytes[at, at+length)`, continuing from `seed`, the CRC of what came before (0 to start). Unsigned. */
export function crc32c(bytes: Bytes, at: number, length: number, seed: number): number {
  const t = TABLES;
  const end = at + length;
  let crc = ~seed;
  let i = at;
  for (const last = end - 16; i <= last; i += 16) {
    crc =
      t[0xf00 + ((crc ^ bytes[i]!) & 0xff)]! ^
      t[0xe00 + (((crc >>> 8) ^ bytes[i + 1]!) & 0xff)]! ^
      t[0xd00 + (((crc >>> 16) ^ bytes[i + 2]!) & 0xff)]! ^
      t[0xc00 + ((crc >>> 24) ^ bytes[i + 3]!)]! ^
      t[0xb00 + bytes[i + 4]!]! ^
      t[0xa00 + bytes[i + 5]!]! ^
      t[0x900 + bytes[i + 6]!]! ^
      t[0x800 + bytes[i + 7]!]! ^
      t[0x700 + bytes[i + 8]!]! ^
      t[0x600 + bytes[i + 9]!]! ^
      t[0x500 + bytes[i + 10]!]! ^
      t[0x400 + bytes[i + 11]!]! ^
      t[0x300 + bytes[i + 12]!]! ^
      t[0x200 + bytes[i + 13]!]! ^
      t[0x100 + bytes[i + 14]!]! ^
      t[bytes[i + 15]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
