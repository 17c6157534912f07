/**
 * What makes a folder a backup: which chunks it has, and with which bytes (docs/formats.md, Backup). Pure. A manifest may come from anywhere:
 * nothing of it is believed that doesn't follow from the log's id, its chunk size and the place where the backup ends.
 */
import { isUuid } from '../base/bytes.js';
import { decodeCheckedJson, encodeCheckedJson, formatCrc, isRecord } from '../base/checked-json.js';
import { crc32c } from '../base/crc32c.js';
import type { ChainState } from '../base/ports.js';
import { CHUNK_NUMBER_MAX, chunkFileName, isChunkSize } from '../log/chunk.js';
import { RECORD_ALIGNMENT } from '../log/record.js';
import { backupFileBytes, type LogShape } from './backup-chunk.js';

export interface ChunkEntry {
  /** Always the name that follows from its number. */
  readonly file: string;
  /** Of the whole file. */
  readonly bytes: number;
  /** Of the whole file: eight hexadecimal digits. */
  readonly crc32c: string;
  readonly records: number;
  /** Where its records end, and what the next one continues. */
  readonly end: Readonly<ChainState>;
}

export interface Manifest extends LogShape {
  /** When it was begun, as ISO 8601. */
  readonly madeAt: string;
  /** The version of Cairn. */
  readonly madeBy: string;
  /** For people: which node or folder it was made from. */
  readonly source: string;
  /** Chunk `n` at index `n`; all are sealed but perhaps the last. */
  readonly chunks: readonly ChunkEntry[];
}

export type DecodedManifest =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'unknown-version'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string };

const FORMAT = 'cairn-backup';
const VERSION = 1;
const CRC = /^[0-9a-f]{8}$/;
const U32_MAX = 0xffff_ffff;
/** More than any version, address or date has. */
const TEXT_CHARACTERS_MAX = 1024;

/** Where the backup ends: the end of a request, everything before it committed. */
export function endOf({ chunks }: Manifest): Readonly<ChainState> {
  return chunks.at(-1)!.end;
}

export function encodeManifest(manifest: Manifest): string {
  const { logId, chunkSize, madeAt, madeBy, source, chunks } = manifest;
  const committed = endOf(manifest);
  const head = { format: FORMAT, version: VERSION, logId, chunkSize, committed, madeAt, madeBy, source };
  return encodeCheckedJson({ ...head, chunks });
}

/** Tells one backup's content from another's, whenever and wherever they were made. */
export function checksumOf({ logId, chunks }: Manifest): string {
  const text = JSON.stringify([logId, chunks.map(({ crc32c, end }) => [crc32c, end.position, end.chain])]);
  const bytes = new TextEncoder().encode(text);
  return formatCrc(crc32c(bytes, 0, bytes.length, 0));
}

export function decodeManifest(text: string): DecodedManifest {
  const decoded = decodeCheckedJson(text);
  if (decoded.kind === 'damaged') return decoded;
  const { content } = decoded;
  if (!isRecord(content) || content['format'] !== FORMAT) return damaged('it is no manifest of a backup');
  const { version } = content;
  if (version !== VERSION) {
    return typeof version === 'number' ? { kind: 'unknown-version', version } : damaged('it has no version');
  }
  const { logId, chunkSize, madeAt, madeBy, source, chunks, committed } = content;
  if (typeof logId !== 'string' || !isUuid(logId)) return damaged('the log id is none');
  if (!isCount(chunkSize) || !isChunkSize(chunkSize)) return damaged('the chunk size is none');
  if (!isText(madeAt) || !isText(madeBy) || !isText(source)) return damaged('its origin is not told');
  const entries = readEntries(chunks, chunkSize);
  if (typeof entries === 'string') return damaged(entries);
  const end = readState(committed);
  if (end === undefined || !isSameState(end, entries.at(-1)!.end)) {
    return damaged('its end is not that of its last chunk');
  }
  return { kind: 'manifest', manifest: { logId, chunkSize, madeAt, madeBy, source, chunks: entries } };
}

export function isSameState(a: Readonly<ChainState>, b: Readonly<ChainState>): boolean {
  return (
    a.position === b.position &&
    a.chain === b.chain &&
    a.previousLength === b.previousLength &&
    a.epoch === b.epoch
  );
}

export function isSameEntry(a: ChunkEntry, b: ChunkEntry): boolean {
  const { bytes, crc32c, records, end } = a;
  const isSameFile = a.file === b.file && bytes === b.bytes && crc32c === b.crc32c;
  return isSameFile && records === b.records && isSameState(end, b.end);
}

/** The entries, or why they are none. */
function readEntries(value: unknown, chunkSize: number): readonly ChunkEntry[] | string {
  if (!Array.isArray(value) || value.length === 0) return 'it lists no chunks';
  if (value.length > CHUNK_NUMBER_MAX + 1) return 'it lists too many chunks';
  const entries: ChunkEntry[] = [];
  for (const [number, listed] of (value as readonly unknown[]).entries()) {
    const entry = isRecord(listed) ? readEntry(listed, number, chunkSize) : undefined;
    if (entry === undefined) return `what it says of chunk ${number} makes no sense`;
    const isSealed = entry.end.position === (number + 1) * chunkSize;
    if (!isSealed && number < value.length - 1)
      return `chunk ${number} is not full, and there is a later one`;
    if (entry.end.epoch < (entries.at(-1)?.end.epoch ?? 0)) return `the epoch goes back in chunk ${number}`;
    entries.push(entry);
  }
  return entries;
}

function readEntry(
  { file, bytes, crc32c, records, end }: Readonly<Record<string, unknown>>,
  number: number,
  chunkSize: number,
): ChunkEntry | undefined {
  const state = readState(end);
  if (state === undefined || !isCount(records) || records > U32_MAX) return undefined;
  const { position } = state;
  const isWithin = position > number * chunkSize && position <= (number + 1) * chunkSize;
  if (!isWithin || position % RECORD_ALIGNMENT !== 0) return undefined;
  if (file !== chunkFileName(number, 0) || bytes !== backupFileBytes(chunkSize, number, position))
    return undefined;
  if (typeof crc32c !== 'string' || !CRC.test(crc32c)) return undefined;
  return { file, bytes, crc32c, records, end: state };
}

/** A chain state from outside; undefined if it is none. */
function readState(value: unknown): ChainState | undefined {
  if (!isRecord(value)) return undefined;
  const { position, chain, previousLength, epoch } = value;
  if (!isCount(position) || !isCount(chain) || !isCount(previousLength) || !isCount(epoch)) return undefined;
  if (chain > U32_MAX || previousLength > U32_MAX || epoch > U32_MAX) return undefined;
  return { position, chain, previousLength, epoch };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TEXT_CHARACTERS_MAX;
}

function damaged(reason: string): { readonly kind: 'damaged'; readonly reason: string } {
  return { kind: 'damaged', reason };
}
