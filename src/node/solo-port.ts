/** A node that is alone, as sessions see it: it leads without asking anybody. Main thread. */
import type { Position } from '../base/units.js';
import type { NodePort, ServedLog } from '../net/node-port.js';
import type { SessionLimits } from '../net/session-limits.js';
import type { Rejection } from '../sequencer/pending-replies.js';
import type { ReadConsistency } from '../wire/frames.js';
import type { Engine } from './engine.js';

export class SoloPort implements NodePort {
  readonly served: ServedLog;
  readonly appends: Engine;

  constructor(engine: Engine, limits: SessionLimits) {
    this.appends = engine;
    this.served = { logId: engine.logId, reader: engine.reader, limits };
  }

  admitRead(_consistency: ReadConsistency, atLeast: Position = 0): Rejection | undefined {
    const { committed } = this.appends;
    if (atLeast <= committed) return undefined;
    const message = `this node's log ends at ${committed}, before the position ${atLeast} that the read wants it to have`;
    return { code: 'not-ready', message, details: { committed } };
  }

  gossip(): object {
    return { members: [] };
  }
}
