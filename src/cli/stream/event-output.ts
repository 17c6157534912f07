/**
 * Events on standard output, batch by batch, as a table or as lines of JSON. Main thread. What a batch has is out before the next is
 * taken, so a slow reader of the output slows down the read, and not the memory.
 */
import type { RecordedEvent } from '../../client/client.js';
import { type OutputFormat, RowWriter } from '../inspect/output.js';
import { EVENT_COLUMNS, eventLine, eventRow } from './event-line.js';

/** Prints a batch. None, if there are only the titles of a table to print. */
export type PrintEvents = (batch: readonly RecordedEvent[]) => Promise<void>;

/** Lines are handed over in pieces of about this size. */
const BUFFER_CHARACTERS = 65_536;

export function eventPrinter(output: OutputFormat): PrintEvents {
  if (output === 'json') return printLines;
  const writer = new RowWriter(process.stdout, 'table', EVENT_COLUMNS);
  return async (batch) => {
    for (const event of batch) await writer.write(eventRow(event));
    await writer.flush();
  };
}

/** Past the cells of a row writer: an event's data is JSON already. */
async function printLines(batch: readonly RecordedEvent[]): Promise<void> {
  let text = '';
  for (const event of batch) {
    text += `${eventLine(event)}\n`;
    if (text.length < BUFFER_CHARACTERS) continue;
    await print(text);
    text = '';
  }
  await print(text);
}

/** Resolves when the text is written, not only buffered: the process exits right after the last one. */
function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}
