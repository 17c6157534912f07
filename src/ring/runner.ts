/**
 * The loop of every worker thread: work while there is work, else park at the doorbell. The only place that blocks.
 * A thread that throws dies, and with it the node: nothing is caught here.
 */
import type { Doorbell } from './doorbell.js';
import type { Vigil } from './vigil.js';

/** What a thread does, without saying when: so that tests can drive it step by step on any thread. */
export interface Agent {
  /** Does a bounded piece of work, synchronously; returns how much was done, 0 if there was nothing to do. */
  doWork(): number;
  /** Whether the agent has been told to stop and has finished. */
  isDone(): boolean;
  /** How long it may sleep when nobody rings; Infinity if it only ever works on demand. */
  idleMs(): number;
  /** Whether somebody rings for this thread's work alone, and may be about to ring again: if it has a vigil, it keeps it. */
  isAwaited?(): boolean;
  /** Releases what it holds. Called once, after the last doWork. */
  close(): void;
}

/** Runs `agent` on this thread until it is done. */
export function runAgent(agent: Agent, bell: Doorbell, vigil?: Vigil): void {
  while (!agent.isDone()) {
    const seen = bell.rings();
    if (agent.doWork() > 0) continue;
    if (agent.isDone()) break;
    if (vigil === undefined) bell.park(seen, agent.idleMs());
    else wait(agent, bell, seen, vigil);
  }
  agent.close();
}

function wait(agent: Agent, bell: Doorbell, seen: number, vigil: Vigil): void {
  const isAwake = agent.isAwaited?.() === true;
  const beganMs = performance.now();
  const isRung = isAwake && vigil.pays && vigil.keep(() => bell.rings() !== seen);
  if (!isRung) bell.park(seen, agent.idleMs());
  if (isAwake) vigil.took(performance.now() - beganMs);
}
