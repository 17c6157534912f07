/**
 * JSON for people to read that can tell whether it is whole: an object with the content, and the CRC-32C of the content's compact form. Pure.
 * White space may change on the way; anything else is noticed.
 */
import { crc32c as checksum } from './crc32c.js';

export type DecodedJson =
  | { readonly kind: 'content'; readonly content: unknown }
  | { readonly kind: 'damaged'; readonly reason: string };

/** `content`: what JSON can say, no more. */
export function encodeCheckedJson(content: object): string {
  return `${JSON.stringify({ crc32c: checksumOf(content), content }, undefined, 1)}\n`;
}

export function decodeCheckedJson(text: string): DecodedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'damaged', reason: 'it is no JSON, or was cut short' };
  }
  if (!isRecord(value)) return { kind: 'damaged', reason: 'it has no content' };
  const { content, crc32c } = value;
  if (!isRecord(content)) return { kind: 'damaged', reason: 'it has no content' };
  const isWhole = crc32c === checksumOf(content);
  return isWhole ? { kind: 'content', content } : { kind: 'damaged', reason: 'its checksum is wrong' };
}

/** Whether a value from outside is an object with fields. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Eight hexadecimal digits. */
export function formatCrc(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}

function checksumOf(content: object): string {
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  return formatCrc(checksum(bytes, 0, bytes.length, 0));
}
