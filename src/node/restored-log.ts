/**
 * The first start of a node on a restored folder: it founds a cluster of one with the log that it has. Three records are added to the log's
 * end, those of a new reign: Epoch, Membership with this node as the only member, under a new id, and a Commit of all before. From then on
 * the log is that of any cluster of one. A start that dies in the middle begins again. At start, on a thread that may block.
 */
import { randomUUID } from 'node:crypto';
import { parseUuid, writeU64 } from '../base/bytes.js';
import { CairnError } from '../base/errors.js';
import type { Bytes } from '../base/ports.js';
import type { ClusterNodeOptions } from '../cluster/cluster-node-options.js';
import type { PlacedConfiguration } from '../cluster/known-log.js';
import { encodeMembership } from '../cluster/membership-record.js';
import { NODE_STATE_FILE } from '../cluster/node-state-file.js';
import { chunkFileName, fileOffsetOf, paddingBefore } from '../log/chunk.js';
import { recoverFolder } from '../log/folder-recovery.js';
import { makeChunk } from '../log/new-chunk.js';
import {
  COMMIT,
  COMMIT_LENGTH,
  EPOCH,
  EPOCH_LENGTH,
  occupiedBytes,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_TYPE,
  RECORD_VERSION,
} from '../log/record.js';
import type { RecoveredLog } from '../log/recovery.js';
import type { Platform } from '../native/platform.js';
import { requireDataFolder, restoredMark } from './restored-folder.js';

export interface RestoredFolder {
  readonly platform: Pick<Platform, 'disk' | 'kernel'>;
  readonly folder: string;
  /** How the node is known from now on. */
  readonly address: Pick<ClusterNodeOptions, 'name' | 'zone' | 'role'>;
  /** The last configuration in a log. */
  configurationIn(log: RecoveredLog): PlacedConfiguration | undefined;
}

/** A record that is to be added: its type, and what stands behind its header. */
interface NewRecord {
  readonly type: number;
  readonly body: Uint8Array;
}

/**
 * Answers whether a cluster was founded: not if the folder was not restored, or its node has an identity. Throws `bad-data-folder`,
 * `invalid-configuration`, and what recovery throws.
 */
export function foundRestored(restored: RestoredFolder): boolean {
  const { platform, folder, address } = restored;
  const { disk, kernel } = platform;
  requireDataFolder(disk, folder);
  const mark = restoredMark(disk, folder);
  if (mark === undefined || disk.list(folder).includes(NODE_STATE_FILE)) return false;
  if (address.role !== 'voter') {
    const message = `the folder ${folder} was restored from a backup, and its node founds a cluster: start it without ReadOnlyReplica`;
    throw new CairnError('invalid-configuration', message, { path: folder });
  }
  for (;;) {
    const log = recoverFolder(disk, kernel, folder);
    if (log === undefined || log.logId !== mark.logId || log.end.position < mark.end) {
      const message = `the log in ${folder} is not what was restored there: wipe the folder, and restore the backup again`;
      throw new CairnError('bad-data-folder', message, { path: folder });
    }
    const last = restored.configurationIn(log);
    if (last !== undefined && last.position >= mark.end) return true;
    const records = foundingRecords(log, last, address);
    const room = records.reduce((sum, { body }) => sum + occupiedBytes(RECORD_HEADER_BYTES + body.length), 0);
    const padding = paddingBefore(log.end.position, room, log.chunkSize);
    // A chunk that is full is sealed by the recovery that follows.
    if (padding > 0) append(restored, log, [paddingRecord(padding)]);
    else append(restored, log, records);
  }
}

function foundingRecords(
  { end }: RecoveredLog,
  last: PlacedConfiguration | undefined,
  { name, zone }: RestoredFolder['address'],
): NewRecord[] {
  const id = randomUUID();
  const version = (last?.configuration.version ?? 0) + 1;
  const members = [{ id, name, zone, role: 'voter' as const }];
  const epoch = new Uint8Array(EPOCH_LENGTH - RECORD.body);
  parseUuid(id, epoch, EPOCH.instanceId - RECORD.body);
  const commit = new Uint8Array(COMMIT_LENGTH - RECORD.body);
  writeU64(new DataView(commit.buffer), COMMIT.committed - RECORD.body, end.position);
  return [
    { type: RECORD_TYPE.epoch, body: epoch },
    { type: RECORD_TYPE.membership, body: encodeMembership({ version, clusterSize: 1, members }) },
    { type: RECORD_TYPE.commit, body: commit },
  ];
}

function paddingRecord(bytes: number): NewRecord {
  return { type: RECORD_TYPE.padding, body: new Uint8Array(bytes - RECORD_HEADER_BYTES) };
}

/** Writes the records to the end of the log, of an epoch that is one higher; durable when it returns. They fit into the chunk. */
function append(
  { platform, folder }: RestoredFolder,
  log: RecoveredLog,
  records: readonly NewRecord[],
): void {
  const { disk, kernel } = platform;
  const { end, chunkSize, logId, activeChunk } = log;
  const timestampUs = Math.max(Date.now() * 1000, log.lastTimestampUs);
  const bytes = framed(records, { position: end.position, epoch: end.epoch + 1, timestampUs });
  kernel.seal(bytes, 0, bytes.length, { ...end });
  if (log.chunks[activeChunk] === undefined) {
    const createdUs = Date.now() * 1000;
    makeChunk(disk, folder, { chunkNumber: activeChunk, chunkSize, logId, chunkId: randomUUID(), createdUs });
  }
  const path = log.chunks[activeChunk]?.path ?? `${folder}/${chunkFileName(activeChunk, 0)}`;
  const file = disk.open(path, { access: 'write' });
  try {
    disk.write(file, bytes, 0, bytes.length, fileOffsetOf(end.position, chunkSize));
    disk.sync(file);
  } finally {
    disk.close(file);
  }
}

interface Framing {
  readonly position: number;
  readonly epoch: number;
  readonly timestampUs: number;
}

function framed(records: readonly NewRecord[], { position, epoch, timestampUs }: Framing): Bytes {
  const lengths = records.map(({ body }) => RECORD_HEADER_BYTES + body.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + occupiedBytes(length), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [i, { type, body }] of records.entries()) {
    view.setUint32(at + RECORD.length, lengths[i]!, true);
    writeU64(view, at + RECORD.position, position + at);
    writeU64(view, at + RECORD.timestamp, timestampUs);
    view.setUint32(at + RECORD.epoch, epoch, true);
    view.setUint8(at + RECORD.type, type);
    view.setUint8(at + RECORD.version, RECORD_VERSION);
    bytes.set(body, at + RECORD.body);
    at += occupiedBytes(lengths[i]!);
  }
  return bytes;
}
