/**
 * Small pure functions over bytes and offsets. 64-bit integers are read and written as two u32, because BigInt allocates;
 * all of Cairn's 64-bit values stay below 2^53 unless a table in docs/ names a special value.
 */

const TWO_TO_32 = 0x1_0000_0000;

/** Largest multiple of `unit` (a power of two) that is not above `value`. Exact up to 2^53. */
export function alignDown(value: number, unit: number): number {
  return value - (value % unit);
}

/** Smallest multiple of `unit` that is not below `value`. Exact up to 2^53. */
export function alignUp(value: number, unit: number): number {
  const over = value % unit;
  return over === 0 ? value : value + (unit - over);
}

/** Reads an unsigned 64-bit integer below 2^53; a larger one comes back rounded (all ones as 2^64). */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_TO_32 + view.getUint32(at, true);
}

export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, (value / TWO_TO_32) >>> 0, true);
}

/** Reads a signed 64-bit integer of magnitude below 2^53 (two's complement). */
export function readI64(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * TWO_TO_32 + view.getUint32(at, true);
}

export function writeI64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / TWO_TO_32), true);
}

/** Compares two equally long runs of bytes. */
export function bytesEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

/** Whether `bytes[at, at+length)` holds nothing but zeros. */
export function isZero(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if (bytes[i] !== 0) return false;
  return true;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** As we write them. */
const LOWER_UUID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Where the sixteen pairs of digits stand in a UUID's text form. */
const UUID_PAIRS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
/** The value of a hexadecimal digit by its character code. */
const DIGITS = Uint8Array.from(
  { length: 128 },
  (_, code) => Number.parseInt(String.fromCharCode(code), 16) || 0,
);

/** The usual text form of the 16 bytes at `at`. */
export function formatUuid(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-';
    text += HEX[bytes[at + i]!];
  }
  return text;
}

/** Whether it is a UUID in lower case, as {@link formatUuid} writes them. */
export function isUuid(text: string): boolean {
  return LOWER_UUID_PATTERN.test(text);
}

/** Writes the 16 bytes of a UUID's text form; returns false, having written nothing, if it is not one. */
export function parseUuid(text: string, target: Uint8Array, at: number): boolean {
  if (!UUID_PATTERN.test(text)) return false;
  for (let i = 0; i < 16; i++) {
    const pair = UUID_PAIRS[i]!;
    target[at + i] = (DIGITS[text.charCodeAt(pair)]! << 4) | DIGITS[text.charCodeAt(pair + 1)]!;
  }
  return true;
}
