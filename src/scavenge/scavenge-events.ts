/**
 * The events of the stream `$scavenges`, by which a cluster agrees on what is scavenged: points and stops. Pure; any thread. Whoever may append
 * may append there, so what is not valid is nothing but that.
 */
import { parseObject } from '../base/stream-metadata.js';
import type { Position, TimestampUs } from '../base/units.js';
import type { DecodedRecord } from '../log/decoded-record.js';

/** What it says is removed is what was hidden then; docs/formats.md says what that is. */
export const SCAVENGE_POINT_TYPE = '$scavengePoint';
/** Every node stops, and goes on at the next point. */
export const SCAVENGE_STOP_TYPE = '$scavengeStop';

/** Half of the time: a scavenge is nobody's hurry, and the disk is others' too. */
const THROTTLE_PERCENT_DEFAULT = 50;
const THROTTLE_PERCENT_MAX = 100;

/** What was hidden before `position`, at that time, goes. */
export interface ScavengePoint {
  readonly position: Position;
  readonly timestampUs: TimestampUs;
  /** How much of its time a node works at it; it rests in between. */
  readonly throttlePercent: number;
}

export type ScavengeEvent =
  | { readonly kind: 'point'; readonly point: ScavengePoint }
  | { readonly kind: 'stop' }
  | { readonly kind: 'invalid'; readonly reason: string };

/** The data of a point's event. */
export function scavengePointData(throttlePercent: number): string {
  return JSON.stringify({ throttlePercent });
}

/** What an event of the stream says. */
export function scavengeEventIn({ header, body }: DecodedRecord): ScavengeEvent {
  if (body.kind !== 'prepare') return invalid('it is no event any more');
  if (body.eventType === SCAVENGE_STOP_TYPE) return { kind: 'stop' };
  if (body.eventType !== SCAVENGE_POINT_TYPE) return invalid(`there is no type ${body.eventType} here`);
  const data = parseObject(body.data);
  if (data === undefined) return invalid('its data is no JSON object');
  const { throttlePercent = THROTTLE_PERCENT_DEFAULT } = data;
  if (!isThrottlePercent(throttlePercent))
    return invalid('its throttlePercent is no whole number from 1 to 100');
  const { position, timestampUs } = header;
  return { kind: 'point', point: { position, timestampUs, throttlePercent } };
}

function isThrottlePercent(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= THROTTLE_PERCENT_MAX;
}

function invalid(reason: string): ScavengeEvent {
  return { kind: 'invalid', reason };
}
