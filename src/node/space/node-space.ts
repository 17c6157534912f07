/** The room on a node's disk: the watch that refuses appends, and the handover of a leader that has to. Wired here, to keep the node short. Main thread. */
import type { Logger } from 'pino';
import type { SpaceMark } from '../../base/disk-space.js';
import type { GossipMember } from '../../cluster/gossip.js';
import type { NodeOptions } from '../../config/options.js';
import { parseSpaceMark } from '../../config/space-mark.js';
import { askDiskSpace } from '../../native/disk-space.js';
import type { Engine } from '../engine.js';
import { DiskSpaceWatch } from './disk-space-watch.js';
import { SpaceHandover } from './space-handover.js';

const NONE: SpaceMark = { bytes: 0, share: 0 };

export interface NodeSpaceParts {
  readonly options: NodeOptions;
  readonly logger: Logger;
  /** Undefined until it is open. */
  readonly engine: () => Engine | undefined;
  readonly gossip: () => readonly GossipMember[];
}

export function watchNodeSpace({ options, logger, engine, gossip }: NodeSpaceParts): DiskSpaceWatch {
  const { diskSpaceWarning, diskSpaceReserve, db } = options;
  const handover = new SpaceHandover({
    isLeading: () => engine()?.isLeading === true,
    isShort: () => engine()?.store?.outOfSpace !== undefined,
    progress: () => engine()?.progress() ?? [],
    gossip,
    resign: async (to) => engine()?.requests.resign(to),
    note: (message, facts) => logger.warn(facts, message),
    nowMs: () => performance.now(),
  });
  return new DiskSpaceWatch({
    lacksChunk: () => engine()?.store?.lacksChunk === true,
    marks: {
      warning: parseSpaceMark(diskSpaceWarning) ?? NONE,
      reserve: parseSpaceMark(diskSpaceReserve) ?? NONE,
    },
    look: () => askDiskSpace(db),
    log: logger,
    looked: () => handover.consider(),
  });
}
