/** What one connection may cost the node; told to the client in Welcome. */
import type { AppendLimits } from '../sequencer/append-limits.js';

export interface SessionLimits extends AppendLimits {
  /** Most bytes of a WebSocket message. */
  readonly messageBytesMax: number;
  readonly inFlightAppendsMax: number;
  readonly openReadsMax: number;
  readonly subscriptionsMax: number;
}

/** Counts of what a connection may have open. */
export type CountLimits = Pick<SessionLimits, 'inFlightAppendsMax' | 'openReadsMax' | 'subscriptionsMax'>;

/** A message may hold one largest append, or at least this much of small ones. */
const MESSAGE_BYTES_MIN = 1024 * 1024;
const MESSAGE_OVERHEAD_BYTES = 4096;

export function sessionLimits(appends: AppendLimits, counts: CountLimits): SessionLimits {
  const messageBytesMax = Math.max(appends.appendBytesMax + MESSAGE_OVERHEAD_BYTES, MESSAGE_BYTES_MIN);
  return { ...appends, messageBytesMax, ...counts };
}
