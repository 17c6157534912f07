/** Reads the golden hex files of test/golden/wire: bytes in hex, comments after a #. */
import { readFileSync } from 'node:fs';
import { FrameReader } from '../../src/wire/frame-reader.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';

export function readGolden(name: string): Uint8Array {
  const text = readFileSync(new URL(`../golden/wire/${name}.hex`, import.meta.url), 'utf8');
  return new Uint8Array(Buffer.from(text.replace(/#.*/g, '').replace(/\s/g, ''), 'hex'));
}

/** A reader that stands at the only frame of the message. */
export function openFrame(message: Uint8Array): FrameReader {
  const reader = new FrameReader();
  reader.open(message);
  if (!reader.next()) throw new Error(reader.fault);
  return reader;
}

/** The bytes that `write` puts into a new writer. */
export function written(write: (writer: FrameWriter) => void): Uint8Array {
  const writer = new FrameWriter();
  write(writer);
  return writer.take();
}
