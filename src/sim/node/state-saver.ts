/**
 * Saves what the core wants remembered, one save after the other, with the disk's time between, and lets out what may be said when it is durable.
 * Pure.
 */
import type { Effect, Outgoing } from '../../cluster/effects.js';
import type { NodeState } from '../../cluster/node-state.js';
import type { NodeStateFile } from '../../cluster/node-state-file.js';
import type { DeviceQueue } from '../disk/device-queue.js';

export interface StateSaverHost {
  /** Does something to the disk; what it throws ends the process. False: it has ended. */
  guard(act: () => void): boolean;
  whenRunning(act: () => void): void;
  saved(state: NodeState): void;
  send(outgoing: Outgoing): void;
}

export class StateSaver {
  readonly #host: StateSaverHost;
  readonly #file: NodeStateFile;
  readonly #device: DeviceQueue;
  #saved: NodeState;

  /** `state`: what is in the file. */
  constructor(host: StateSaverHost, device: DeviceQueue, file: NodeStateFile, state: NodeState) {
    this.#host = host;
    this.#device = device;
    this.#file = file;
    this.#saved = state;
  }

  /** What is durable. */
  get saved(): NodeState {
    return this.#saved;
  }

  save({ state, thenSend }: Extract<Effect, { kind: 'save' }>): void {
    const finish = (): void => {
      if (!this.#host.guard(() => this.#file.save(state))) return;
      this.#saved = state;
      this.#host.saved(state);
      this.#host.whenRunning(() => {
        // While it stood still a later save became durable: what it has promised since, or that it is fenced, makes the earlier word void (effects.ts).
        const isVoid =
          this.#saved.promisedEpoch > state.promisedEpoch || (this.#saved.fenced && !state.fenced);
        if (isVoid) return;
        for (const outgoing of thenSend) this.#host.send(outgoing);
      });
    };
    this.#device.add({ interrupt: finish, finish });
  }

  /** The process dies. */
  close(): void {
    this.#device.close();
  }
}
