/**
 * Who the node of a data folder is: loads what it remembers, counts up its starts, or makes a new identity. A folder from before there
 * were clusters is adopted: it becomes a cluster of one. At start, on a thread that may block.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { CairnError } from '../base/errors.js';
import type { Disk } from '../base/ports.js';
import type { Position } from '../base/units.js';
import type { NodeState } from '../cluster/node-state.js';
import { NodeStateFile } from '../cluster/node-state-file.js';
import type { RecoveredLog } from '../log/recovery.js';

export interface NodeIdentity {
  readonly file: NodeStateFile;
  /** Saved for this start. */
  readonly state: NodeState;
  /** The log that goes with it. */
  readonly log: RecoveredLog | undefined;
}

/** How a node is known that has to be adopted, as its own cluster's only member. */
export interface OwnAddress {
  readonly name: string;
  readonly zone: string;
}

/** The state of the format: 48 bits, so that it fits a number. */
const NONCE_MAX = 2 ** 48 - 1;

/** `recover` recovers the log, once it is known from where on its Commit records prove nothing ({@link NodeState.catchingUpFrom}). */
export function loadIdentity(
  disk: Disk,
  folder: string,
  recover: (catchingUpFrom: Position | undefined) => RecoveredLog | undefined,
  address: OwnAddress,
): NodeIdentity {
  const loaded = NodeStateFile.load(disk, folder);
  const recovered = recover(loaded.kind === 'loaded' ? loaded.state.catchingUpFrom : undefined);
  const nonce = randomInt(NONCE_MAX);
  switch (loaded.kind) {
    case 'loaded': {
      const log = ownLog(disk, folder, loaded.state, recovered);
      const state = { ...loaded.state, start: loaded.state.start + 1, nonce };
      loaded.file.save(state);
      return { file: loaded.file, state, log };
    }
    case 'absent': {
      const fresh = freshState(randomUUID(), nonce);
      const state = recovered === undefined ? fresh : adopted(fresh, recovered, address);
      return { file: NodeStateFile.create(disk, folder, state), state, log: recovered };
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

function freshState(memberId: string, nonce: number): NodeState {
  return {
    memberId,
    start: 1,
    nonce,
    clusterId: undefined,
    promisedEpoch: 0,
    acceptedEpoch: 0,
    acceptedLeader: undefined,
    foundation: undefined,
    founded: false,
    ackedPosition: 0,
    fenced: false,
    catchingUpFrom: undefined,
  };
}
