/**
 * Who the node of a data folder is: loads what it remembers, counts up its starts, or makes a new identity. A folder from before there
 * were clusters is adopted: it becomes a cluster of one. At start, on a thread that may block.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { CairnError } from '../base/errors.js';
import type { Disk } from '../base/ports.js';
import type { Position } from '../base/units.js';
import type { Configuration } from '../cluster/configuration.js';
import { freshNodeState, type NodeState } from '../cluster/node-state.js';
import { NodeStateFile } from '../cluster/node-state-file.js';
import type { RecoveredLog } from '../log/recovery.js';

export interface NodeIdentity {
  readonly file: NodeStateFile;
  /** Saved for this start. */
  readonly state: NodeState;
  /** The log that goes with it. */
  readonly log: RecoveredLog | undefined;
}

/** The log of the folder. */
export interface FolderLog {
  /** Recovers it, knowing from where on its Commit records prove nothing ({@link NodeState.catchingUpFrom}). */
  recover(catchingUpFrom: Position | undefined): RecoveredLog | undefined;
  /** The last configuration that it holds, found by reading it; undefined if it holds none. */
  configurationOf(log: RecoveredLog): Configuration | undefined;
}

/** How a node is known that has to be adopted, as its own cluster's only member. */
export interface OwnAddress {
  readonly name: string;
  readonly zone: string;
}

/** The state of the format: 48 bits, so that it fits a number. */
const NONCE_MAX = 2 ** 48 - 1;

export function loadIdentity(
  disk: Disk,
  folder: string,
  folderLog: FolderLog,
  address: OwnAddress,
): NodeIdentity {
  const loaded = NodeStateFile.load(disk, folder);
  const recovered = folderLog.recover(loaded.kind === 'loaded' ? loaded.state.catchingUpFrom : undefined);
  const nonce = randomInt(NONCE_MAX);
  switch (loaded.kind) {
    case 'loaded': {
      const log = ownLog(disk, folder, loaded.state, recovered);
      const state = { ...loaded.state, start: loaded.state.start + 1, nonce };
      loaded.file.save(state);
      return { file: loaded.file, state, log };
    }
    case 'absent': {
      const fresh = freshNodeState(randomUUID(), nonce);
      const isEmpty = recovered?.end.position === 0;
      const log = isEmpty ? ownLog(disk, folder, fresh, recovered) : recovered;
      const state = log === undefined ? fresh : stateOf(fresh, log, { folder, folderLog, address });
      return { file: NodeStateFile.create(disk, folder, state), state, log };
    }
    case 'unknown-version':
      throw new CairnError(
        'bad-data-folder',
        `the file node-state in ${folder} is of version ${loaded.version}, which this release does not know; use a newer one`,
        { path: folder, version: loaded.version },
      );
    case 'damaged':
      throw new CairnError(
        'bad-data-folder',
        `the file node-state in ${folder} is damaged (${loaded.reason}): what this node has promised is lost. ` +
          'Wipe the folder and start the node again: it joins as a new member',
        { path: folder, reason: loaded.reason },
      );
  }
}

/** A log that was made for a cluster which the node then did not join has nothing in it, and goes. */
function ownLog(
  disk: Disk,
  folder: string,
  { clusterId }: NodeState,
  recovered: RecoveredLog | undefined,
): RecoveredLog | undefined {
  if (recovered === undefined || recovered.logId === clusterId) return recovered;
  if (clusterId === undefined && recovered.end.position === 0) {
    for (const { path } of recovered.chunks) unlinkSync(path);
    disk.syncDirectory(folder);
    return undefined;
  }
  throw new CairnError(
    'bad-data-folder',
    `the log in ${folder} is that of the cluster ${recovered.logId}, the node belongs to ${clusterId ?? 'none'}: the files do not belong together`,
    { path: folder, logId: recovered.logId, clusterId: clusterId ?? '' },
  );
}

interface Surroundings {
  readonly folder: string;
  readonly folderLog: FolderLog;
  readonly address: OwnAddress;
}

/**
 * Of a node that has a log, and no state: its log is from before there were clusters, or the state is lost. Then it may have promised
 * anything, unless it is its cluster's only member: nobody else has ever heard of it.
 */
function stateOf(fresh: NodeState, log: RecoveredLog, around: Surroundings): NodeState {
  const configuration = around.folderLog.configurationOf(log);
  if (configuration === undefined) return adopted(fresh, log, around.address);
  const [member, ...others] = configuration.members;
  if (member === undefined || others.length > 0) throw stateMissing(around.folder);
  const { position, epoch } = log.end;
  const promises = { promisedEpoch: epoch, ackedPosition: position, founded: true };
  return { ...fresh, ...promises, memberId: member.id, clusterId: log.logId };
}

function stateMissing(folder: string): CairnError {
  return new CairnError(
    'bad-data-folder',
    `the file node-state in ${folder} is missing: what this node has promised to its cluster is lost. ` +
      'Put the file back, or wipe the folder and start the node again: it joins as a new member',
    { path: folder },
  );
}

function adopted(
  fresh: NodeState,
  { logId, chunkSize }: RecoveredLog,
  { name, zone }: OwnAddress,
): NodeState {
  const { memberId } = fresh;
  const members = [{ id: memberId, name, zone, role: 'voter' as const }];
  const foundation = { clusterId: logId, founder: memberId, chunkSize, members };
  return { ...fresh, clusterId: logId, foundation, founded: true };
}
