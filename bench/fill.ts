/** Fills a node with events, as fast as it takes them. Main thread. */
import type { Client } from '../src/client/client.js';
import { benchEvents } from './ws-target.js';

export interface Filling {
  readonly events: number;
  readonly eventBytes: number;
  readonly eventsPerRequest: number;
  /** Requests open at once. */
  readonly inFlight: number;
}

/** Appends so many events, request by request to the streams in turn. Throws what the first failed request failed with. */
export async function fill(client: Client, streams: readonly string[], filling: Filling): Promise<void> {
  const events = benchEvents(filling.eventsPerRequest, filling.eventBytes);
  let appended = 0;
  let request = 0;
  const lane = async () => {
    while (appended < filling.events) {
      const count = Math.min(events.length, filling.events - appended);
      appended += count;
      await client.append(streams[request++ % streams.length]!, events.slice(0, count));
    }
  };
  await Promise.all(Array.from({ length: filling.inFlight }, lane));
}
