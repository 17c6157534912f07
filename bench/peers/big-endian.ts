/** Fields as most of the peers' protocols have them: numbers with the highest byte first, and bytes behind their length. Pure. */

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Behind a length of four bytes. */
export function counted(bytes: Uint8Array | string): Buffer {
  const copy = Buffer.from(bytes as Uint8Array);
  return Buffer.concat([int32(copy.length), copy]);
}
