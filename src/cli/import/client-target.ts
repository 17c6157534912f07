/** A node as the target of an import, by the client library. Main thread. */
import { CairnError } from '../../base/errors.js';
import { type Client, connect } from '../../client/client.js';
import type { ImportTarget, PastEvent } from './import-target.js';

/** Who hears of a lost connection, while the client tries to come back by itself. */
export interface ConnectionEvents {
  lost(error: CairnError): void;
  back(): void;
}

/** Longer than all attempts to come back together (20 s), so that they, and not this, decide when it is over. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Far above what the importer has under way, which bounds itself. */
const QUEUED_BYTES_MAX = 256 * 1024 * 1024;
/** The end of a stream mostly tells all with its last event. If not, it is read in growing steps. */
const FIRST_READ_EVENTS = 1;
const READ_GROWTH = 64;
const READ_EVENTS_MAX = 65_536;

export class ClientTarget implements ImportTarget {
  constructor(private readonly client: Client) {}

  get eventBytesMax(): number {
    return this.client.welcome.eventBytesMax;
  }

  get appendBytesMax(): number {
    return this.client.welcome.appendBytesMax;
  }

  get streamsMax(): number {
    const { inFlightAppendsMax, openReadsMax } = this.client.welcome;
    return Math.min(inFlightAppendsMax, openReadsMax);
  }

  async append(...[stream, events, expected]: Parameters<ImportTarget['append']>): Promise<number> {
    const { revision } = await this.client.append(stream, events, {
      expected: expected === -1 ? 'none' : expected,
    });
    return revision;
  }

  async *readBackwards(stream: string): AsyncGenerator<readonly PastEvent[], void, void> {
    let from = Number.POSITIVE_INFINITY;
    for (let count = FIRST_READ_EVENTS; ; count = Math.min(READ_GROWTH * count, READ_EVENTS_MAX)) {
      let last = 0;
      try {
        for await (const events of this.client
          .readStream(stream, { backwards: true, from, count })
          .batches()) {
          last = events.at(-1)!.revision;
          yield events;
        }
      } catch (error) {
        if (error instanceof CairnError && error.code === 'stream-not-found') return;
        throw error;
      }
      if (last === 0) return;
      from = last - 1;
    }
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

/** Connects. Throws `CairnError`. */
export async function connectTarget(
  urls: readonly string[],
  events: ConnectionEvents,
): Promise<ClientTarget> {
  const client = await connect(urls, {
    name: 'cairn import',
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    maxQueuedBytes: QUEUED_BYTES_MAX,
    onDisconnect: (error) => events.lost(error),
    onReconnect: () => events.back(),
  });
  return new ClientTarget(client);
}
