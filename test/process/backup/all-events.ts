/** All that a node gives to a reader, in a form in which two nodes can be compared: every event with its place and all its bytes. */
import { createHash } from 'node:crypto';
import { RawClient } from '../../net/raw-client.js';
import { readEvents } from '../reading.js';

export async function allEvents(url: string): Promise<string[]> {
  const { client } = await RawClient.greeted(url);
  const events: string[] = [];
  try {
    await readEvents(client, {}, ({ header, body, id }) => {
      const { position, timestampUs, epoch } = header;
      const digest = createHash('sha256');
      for (const part of [body.stream, body.eventType, body.metadata, body.data])
        digest.update(part).update('|');
      digest.update(Buffer.from(id.buffer, id.byteOffset, id.byteLength));
      events.push(`${position} ${epoch} ${timestampUs} ${body.revision} ${digest.digest('hex')}`);
    });
  } finally {
    await client.close();
  }
  return events;
}

/** Where an event of {@link allEvents} stands. */
export function positionOf(event: string): number {
  return Number(event.split(' ', 1)[0]);
}
