/**
 * From a data folder to an engine: lock, recover, learn who the node is, and start. Each step either holds or ends in an error that says
 * what to do, and what was taken is given back. Main thread; blocks.
 */
import { randomUUID } from 'node:crypto';
import { CairnError } from '../base/errors.js';
import { type Disk, DiskError } from '../base/ports.js';
import type { Position } from '../base/units.js';
import type { ClusterNodeOptions } from '../cluster/cluster-node-options.js';
import { isHistoryOf, loadHistory, NOTHING_KNOWN } from '../cluster/history-file.js';
import { continueHistory } from '../cluster/log-history.js';
import type { NodeState } from '../cluster/node-state.js';
import { recoverFolder } from '../log/folder-recovery.js';
import { makeChunk } from '../log/new-chunk.js';
import type { RecoveredLog } from '../log/recovery.js';
import { openPlatform, type Platform } from '../native/platform.js';
import { fileLocks, makeFolder } from './data-folder.js';
import { Engine } from './engine.js';
import type { EngineOptions } from './engine-options.js';
import type { EngineEvents, EngineLog } from './engine-parts.js';
import { lockFolder } from './folder-lock.js';
import { loadIdentity } from './node-identity.js';
import { noRoomForLog } from './out-of-space.js';
import type { PeerTransport } from './peer-transport.js';
import { forgetRestored } from './restored-folder.js';
import { foundRestored } from './restored-log.js';

/** What a node's core is told by its configuration. */
export type ClusterSettings = Omit<ClusterNodeOptions, 'chunkSize' | 'random' | 'newId' | 'kernel'>;

export interface Opening {
  readonly options: EngineOptions;
  readonly cluster: ClusterSettings;
  readonly transport: PeerTransport;
  readonly events: EngineEvents;
}

/**
 * Of the first chunk, which nobody could prepare in advance: enough for the first minutes of most logs, and written in a tenth of a second by a fast
 * disk, in less than one by a slow one.
 */
const PREWRITTEN_BYTES = 64 * 1024 * 1024;

/** Opens the engine on `options.folder`. Errors: all codes of docs/errors.md that concern folders, logs and disks. */
export function openEngine(opening: Opening): Engine {
  const platform = openPlatform();
  const { folder } = opening.options;
  makeFolder(folder, platform.disk);
  const lock = lockFolder(folder, fileLocks(platform));
  try {
    return open(opening, platform, () => lock.release());
  } catch (error) {
    lock.release();
    throw error instanceof DiskError ? diskFailure(error) : error;
  }
}

function open(
  { options, cluster, transport, events }: Opening,
  platform: Platform,
  release: () => void,
): Engine {
  const { disk, kernel } = platform;
  const { folder } = options;
  const configurationIn = (log: RecoveredLog) => readLog(platform, folder, log).history.configurations.at(-1);
  const folderLog = {
    recover: (catchingUpFrom: Position | undefined) => recoverFolder(disk, kernel, folder, catchingUpFrom),
    configurationOf: (log: RecoveredLog) => configurationIn(log)?.configuration,
  };
  const isFounder = foundRestored({ platform, folder, address: cluster, configurationIn });
  const { file: stateFile, state, log } = loadIdentity(disk, folder, folderLog, cluster);
  forgetRestored(disk, folder);
  if (isFounder) events.note('founded a cluster of one with a restored log', { clusterId: log?.logId });
  if (log?.torn !== undefined) events.note('removed a torn tail', { ...log.torn });
  if (log !== undefined && log.chunkSize !== options.chunkSize) {
    const { chunkSize } = log;
    events.note('the log keeps the chunk size that it was made with', { chunkSize });
  }
  const chunkSize = log?.chunkSize ?? options.chunkSize;
  const core = { ...cluster, chunkSize, random: Math.random, newId: randomUUID, kernel };
  // Seeds may change while the node runs: they are looked up in what the caller gave.
  Object.defineProperty(core, 'seeds', { get: () => cluster.seeds });
  const createLog = (logId: string, chunkSize: number): RecoveredLog => {
    makeFirstChunk(disk, options, logId, chunkSize);
    // Read back rather than made up: it is opened as it will be after a restart.
    return recoverFolder(disk, kernel, folder)!;
  };
  try {
    const read = log && readLog(platform, folder, log);
    return new Engine({
      ...{ options, core, platform, stateFile, createLog, transport, events, release },
      state: read === undefined ? state : vouching(state, read.vouched),
      log: read,
    });
  } catch (error) {
    stateFile.close();
    throw error;
  }
}

interface ReadLog extends EngineLog {
  /** Everything before it was committed once. */
  readonly vouched: Position;
}

/** What the core has to know of the log: from the file `history` as far as that reaches, the rest from the log. */
function readLog({ disk, kernel }: Platform, folder: string, recovered: RecoveredLog): ReadLog {
  const saved = loadHistory(disk, folder, recovered.logId);
  const known = saved !== undefined && isHistoryOf(disk, saved, recovered) ? saved : NOTHING_KNOWN;
  const history = continueHistory({ disk, kernel, recovered }, known);
  return { recovered, history, historyWritten: known.end.position, vouched: saved?.end.position ?? 0 };
}

/** The state of a node that has, besides, acked all before `position`. */
function vouching(state: NodeState, position: Position): NodeState {
  return position > state.ackedPosition ? { ...state, ackedPosition: position } : state;
}

/** Throws `disk-full` if there is no room: nothing has happened yet that the node would have to die for. */
function makeFirstChunk(disk: Disk, options: EngineOptions, logId: string, chunkSize: number): void {
  const { folder, prewrittenBytes = PREWRITTEN_BYTES } = options;
  const header = { chunkNumber: 0, chunkSize, logId, chunkId: randomUUID(), createdUs: Date.now() * 1000 };
  try {
    makeChunk(disk, folder, header, prewrittenBytes);
  } catch (error) {
    if (!(error instanceof DiskError && error.isOutOfSpace)) throw error;
    throw noRoomForLog(error);
  }
}

function diskFailure({ errno, syscall, path, message }: DiskError): CairnError {
  return new CairnError('disk-failure', message, { errno, syscall, path });
}
