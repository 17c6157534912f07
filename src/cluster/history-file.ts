/**
 * The file `history` of a data folder (docs/formats.md, History): what the core has to know of a log's committed chunks, so that a start need
 * not read them all. Pure, but for the disk that it is given to read. It is a memory aid and nothing more: a file that is missing, damaged or
 * not of this log costs one reading of the log.
 */
import { bytesEqual, formatUuid, parseUuid, readU64, writeU64 } from '../base/bytes.js';
import { crc32c } from '../base/crc32c.js';
import type { Bytes, ChainState, Disk } from '../base/ports.js';
import { chainAfter } from '../log/chunk.js';
import { readChunkBlocks } from '../log/folder.js';
import { LOG_START, occupiedBytes, RECORD_HEADER_BYTES } from '../log/record.js';
import type { RecoveredLog } from '../log/recovery.js';
import type { PlacedConfiguration } from './known-log.js';
import { decodeMembership, encodeMembership } from './membership-record.js';
import type { EpochEntry } from './messages.js';

/** What is known of a log before a place in it. */
export interface KnownHistory {
  /** Everything before it is committed: the end of a chunk, and what the next record continues. */
  readonly end: Readonly<ChainState>;
  /** Where each epoch begins, oldest first. */
  readonly epochs: readonly EpochEntry[];
  /** All Membership records, oldest first. */
  readonly configurations: readonly PlacedConfiguration[];
}

export type DecodedHistory =
  | { readonly kind: 'history'; readonly logId: string; readonly history: KnownHistory }
  | { readonly kind: 'useless'; readonly reason: string };

export const HISTORY_FILE = 'history';

/** What is known of a log of which nothing was read. */
export const NOTHING_KNOWN: KnownHistory = {
  end: LOG_START,
  epochs: [],
  configurations: [],
};

const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode('CAIRNHIS');
const AT = { version: 8, length: 12, logId: 16, position: 32, chain: 40, previousLength: 44, epoch: 48 };
const LISTS_AT = 52;
const CRC_BYTES = 4;
const EPOCH_BYTES = 12;
/** Epochs and configurations come one in a reign or in a change of the members: a file this large is not ours. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export function encodeHistory(logId: string, { end, epochs, configurations }: KnownHistory): Uint8Array {
  const bodies = configurations.map(({ configuration }) => encodeMembership(configuration));
  const listBytes = bodies.reduce((sum, body) => sum + 12 + body.length, 4 + 4 + EPOCH_BYTES * epochs.length);
  const file = new Uint8Array(LISTS_AT + listBytes + CRC_BYTES);
  const view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setUint32(AT.version, FORMAT_VERSION, true);
  view.setUint32(AT.length, file.length, true);
  parseUuid(logId, file, AT.logId);
  writeU64(view, AT.position, end.position);
  view.setUint32(AT.chain, end.chain, true);
  view.setUint32(AT.previousLength, end.previousLength, true);
  view.setUint32(AT.epoch, end.epoch, true);
  view.setUint32(LISTS_AT, epochs.length, true);
  let at = LISTS_AT + 4;
  for (const { epoch, position } of epochs) {
    view.setUint32(at, epoch, true);
    writeU64(view, at + 4, position);
    at += EPOCH_BYTES;
  }
  view.setUint32(at, bodies.length, true);
  at += 4;
  for (const [i, body] of bodies.entries()) {
    writeU64(view, at, configurations[i]!.position);
    view.setUint32(at + 8, body.length, true);
    file.set(body, at + 12);
    at += 12 + body.length;
  }
  view.setUint32(at, crc32c(file, 0, at, 0), true);
  return file;
}

export function decodeHistory(file: Bytes): DecodedHistory {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const crcAt = file.length - CRC_BYTES;
  if (crcAt < LISTS_AT || !bytesEqual(file, 0, MAGIC, 0, MAGIC.length)) return useless('it is no history');
  if (view.getUint32(AT.version, true) !== FORMAT_VERSION) return useless('it has another version');
  if (view.getUint32(AT.length, true) !== file.length) return useless('it was cut short');
  if (view.getUint32(crcAt, true) !== crc32c(file, 0, crcAt, 0)) return useless('its checksum is wrong');
  const end: ChainState = {
    position: readU64(view, AT.position),
    chain: view.getUint32(AT.chain, true),
    previousLength: view.getUint32(AT.previousLength, true),
    epoch: view.getUint32(AT.epoch, true),
  };
  const history = readLists(file, view, end);
  if (history === undefined || !isPlausible(history)) return useless('it contradicts itself');
  return { kind: 'history', logId: formatUuid(file, AT.logId), history };
}

/** The history in `folder`, if it is one of the log `logId`. Whether it goes with the chunks {@link isHistoryOf} says. Throws `DiskError`. */
export function loadHistory(disk: Disk, folder: string, logId: string): KnownHistory | undefined {
  const decoded = readHistory(disk, folder);
  return decoded?.kind === 'history' && decoded.logId === logId ? decoded.history : undefined;
}

/** Why the history in `folder` is of no use to the log `logId`; undefined if it is, or if there is none. Throws `DiskError`. */
export function historyProblem(disk: Disk, folder: string, logId: string | undefined): string | undefined {
  const decoded = readHistory(disk, folder);
  if (decoded === undefined) return undefined;
  if (decoded.kind === 'useless') return decoded.reason;
  return decoded.logId === logId ? undefined : 'it is that of another log';
}

function readHistory(disk: Disk, folder: string): DecodedHistory | undefined {
  if (!disk.list(folder).includes(HISTORY_FILE)) return undefined;
  const file = disk.open(`${folder}/${HISTORY_FILE}`, { access: 'read' });
  try {
    const fileBytes = disk.sizeOf(file);
    if (fileBytes > FILE_BYTES_MAX) return useless('it is too long');
    const bytes = new Uint8Array(fileBytes);
    disk.read(file, bytes, 0, fileBytes, 0);
    return decodeHistory(bytes);
  } finally {
    disk.close(file);
  }
}

/** Whether the log has a sealed chunk that ends as the history does: the chain vouches for all before. Throws `DiskError`. */
export function isHistoryOf(disk: Disk, { end: known }: KnownHistory, recovered: RecoveredLog): boolean {
  const { chunkSize, chunks, end } = recovered;
  const chunk = chunks[known.position / chunkSize - 1];
  if (chunk === undefined || known.position > end.position) return false;
  const { footer } = readChunkBlocks(disk, chunk.path);
  if (footer?.kind !== 'footer' || footer.footer.chunkId !== chunk.chunkId) return false;
  const { position, chain, previousLength, epoch } = chainAfter(footer.footer);
  return (
    position === known.position &&
    chain === known.chain &&
    previousLength === known.previousLength &&
    epoch === known.epoch
  );
}

/** Epochs and configurations up to the checksum, exactly; undefined if they don't fit. */
function readLists(file: Bytes, view: DataView, end: ChainState): KnownHistory | undefined {
  const listsEnd = file.length - CRC_BYTES;
  const epochCount = view.getUint32(LISTS_AT, true);
  let at = LISTS_AT + 4;
  if (at + epochCount * EPOCH_BYTES + 4 > listsEnd) return undefined;
  const epochs: EpochEntry[] = [];
  for (; epochs.length < epochCount; at += EPOCH_BYTES) {
    epochs.push({ epoch: view.getUint32(at, true), position: readU64(view, at + 4) });
  }
  const configurationCount = view.getUint32(at, true);
  at += 4;
  const configurations: PlacedConfiguration[] = [];
  while (configurations.length < configurationCount) {
    if (at + 12 > listsEnd) return undefined;
    const position = readU64(view, at);
    const length = view.getUint32(at + 8, true);
    at += 12;
    if (at + length > listsEnd) return undefined;
    const configuration = decodeMembership(file.subarray(at, at + length));
    if (configuration === undefined) return undefined;
    const placedEnd = position + occupiedBytes(RECORD_HEADER_BYTES + length);
    configurations.push({ position, end: placedEnd, configuration });
    at += length;
  }
  return at === listsEnd ? { end, epochs, configurations } : undefined;
}

function isPlausible({ end, epochs, configurations }: KnownHistory): boolean {
  const lastEpoch = epochs.at(-1)?.epoch ?? 0;
  const areEpochs = epochs.every(({ epoch, position }, i) => {
    const before = epochs[i - 1] ?? { epoch: 0, position: -1 };
    return epoch > before.epoch && position > before.position && position < end.position;
  });
  const areConfigurations = configurations.every(({ position, end: placedEnd, configuration }, i) => {
    const before = configurations[i - 1];
    const isNext = before === undefined || before.configuration.version < configuration.version;
    return isNext && position >= (before?.end ?? 0) && placedEnd <= end.position;
  });
  return lastEpoch === end.epoch && areEpochs && areConfigurations;
}

function useless(reason: string): DecodedHistory {
  return { kind: 'useless', reason };
}
