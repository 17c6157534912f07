/** An engine that is a cluster of its own, without sockets: for benchmarks and tests of the write path in one process. */
import { CairnError } from '../base/errors.js';
import type { Engine } from './engine.js';
import type { EngineOptions } from './engine-options.js';
import type { EngineEvents } from './engine-parts.js';
import { type ClusterSettings, openEngine } from './open-engine.js';
import { NO_PEERS } from './peer-transport.js';

const ALONE: ClusterSettings = {
  name: 'localhost:0',
  zone: '',
  role: 'voter',
  clusterSize: 1,
  seeds: [],
  priority: 0,
  electionTimeoutMs: 1_000,
  heartbeatIntervalMs: 200,
  deadVoterTimeoutMs: 60_000,
  diskStallTimeoutMs: 10_000,
};

/** Resolves when it takes appends. Rejects with what keeps it from that. */
export async function openLoneEngine(options: EngineOptions, events: EngineEvents): Promise<Engine> {
  let engine: Engine | undefined;
  try {
    return await new Promise<Engine>((resolve, reject) => {
      let isOpen = false;
      const failed = (error: CairnError): void => {
        if (isOpen) events.failed(error);
        else reject(error);
      };
      const opened = openEngine({
        options,
        cluster: ALONE,
        transport: NO_PEERS,
        events: { ...events, failed },
      });
      engine = opened;
      const check = (): void => {
        const obstacle = opened.store?.outOfSpace;
        if (obstacle !== undefined) reject(new CairnError(obstacle.code, obstacle.message, obstacle.details));
        else if (opened.isLeading) {
          isOpen = true;
          resolve(opened);
        } else opened.appends.whenRoom(check);
      };
      check();
    });
  } catch (error) {
    await engine?.stop();
    throw error;
  }
}
