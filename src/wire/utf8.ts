/**
 * Whether bytes are UTF-8, without decoding them. Pure, any thread. Names that are not valid UTF-8 are refused at the
 * door: two of them could look the same to a reader, and no client could ask for them by name.
 */

const HIGH_BITS = 0x80808080;

/** Whether `view[at, at+length)` is well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF). */
export function isUtf8(view: DataView, at: number, length: number): boolean {
  const end = at + length;
  let i = at;
  // Nearly every name is ASCII: four bytes a step.
  while (i + 4 <= end && (view.getUint32(i) & HIGH_BITS) === 0) i += 4;
  while (i < end) {
    const lead = view.getUint8(i);
    const size = lead < 0x80 ? 1 : sequenceLength(view, i, end, lead);
    if (size === 0) return false;
    i += size;
  }
  return true;
}

/** Length of the sequence of several bytes that starts at `at`, or 0 if it is not valid. Unicode 15, table 3-7. */
function sequenceLength(view: DataView, at: number, end: number, lead: number): number {
  const size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > end) return 0;
  const second = view.getUint8(at + 1);
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let i = at + 2; i < at + size; i++) if ((view.getUint8(i) & 0xc0) !== 0x80) return 0;
  return size;
}
