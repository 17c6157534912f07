/**
 * What a directed link between two zones does to a message, as numbers and as a draw from them. Pure. The model and the proxy draw from the same
 * function, so that they mean the same by a delay, a jitter and a loss.
 */
import type { Random } from '../../src/sim/random.js';

export interface LinkShape {
  /** One way, the least that a message takes. */
  readonly delayMs: number;
  /** Mean of what comes on top of it, exponentially distributed: networks are late far more often than early. */
  readonly jitterMs: number;
  /** Share of messages whose packet is lost, and which arrive after TCP has sent them again. */
  readonly loss: number;
  /** 10^6 bits a second; 0 = no limit. */
  readonly bandwidthMbps: number;
}

export const NO_DELAY: LinkShape = { delayMs: 0, jitterMs: 0, loss: 0, bandwidthMbps: 0 };

/**
 * What Linux waits at least before it sends a lone packet again, besides a round trip (TCP_RTO_MIN; RFC 6298 says a second, nobody waits
 * that long). A commit's message is alone on its connection, so that no later packet tells of the loss.
 */
export const RETRANSMISSION_MS_MIN = 200;
/** The median of the sum of two exponential draws of mean 1: what jitter adds to the median of a round trip. */
const ROUND_TRIP_JITTER_MEDIAN = 1.678_347;

/** How long a message is on its way, besides {@link transmissionMs}. */
export function transitMs({ delayMs, jitterMs, loss }: LinkShape, random: Random): number {
  let ms = delayMs + exponential(jitterMs, random);
  while (random.chance(loss)) ms += RETRANSMISSION_MS_MIN + 2 * delayMs;
  return ms;
}

/** How long the bytes of a message keep the link busy. */
export function transmissionMs({ bandwidthMbps }: LinkShape, bytes: number): number {
  return bandwidthMbps === 0 ? 0 : (bytes * 8) / (bandwidthMbps * 1000);
}

/** The delay of either direction that makes the median round trip `rttMs`; 0 if the jitter alone takes longer. */
export function delayOfRoundTrip(rttMs: number, jitterMs: number): number {
  return Math.max(0, (rttMs - ROUND_TRIP_JITTER_MEDIAN * jitterMs) / 2);
}

/** The median round trip over two directions of one shape. */
export function roundTripMs({ delayMs, jitterMs }: LinkShape): number {
  return 2 * delayMs + ROUND_TRIP_JITTER_MEDIAN * jitterMs;
}

function exponential(mean: number, random: Random): number {
  return mean === 0 ? 0 : -mean * Math.log(1 - random.fraction());
}
