/**
 * `cairn stream tail`: follows a stream, or the whole log, until Ctrl-C. Main thread. What always holds: events go to standard output, once each and in
 * order, also over lost connections and nodes; how things stand goes to standard error.
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { SubscribeAllOptions } from '../../client/client.js';
import { Interruption } from '../cluster/interruption.js';
import { eventPrinter } from './event-output.js';
import { addFilterOptions, type FilterFlags, filterOf } from './filter-flags.js';
import { ALL, addNodeOptions, type NodeFlags, tell, wholeNumber, withClient } from './node-flags.js';

interface TailFlags extends NodeFlags, FilterFlags {
  readonly from?: 'start' | 'end' | number;
  readonly after?: number;
  readonly count?: number;
}

/** Adds `tail`. */
export function addTail(stream: Command): void {
  const command = stream
    .command('tail')
    .description('follow a stream, or the whole log, until Ctrl-C')
    .argument('<stream>', `the name of the stream, which need not exist yet, or '${ALL}' for the whole log`)
    .option('--from <place>', `start, end (the default), or a revision; in ${ALL} a position`, place)
    .option(
      '--after <n>',
      'instead: the revision, or position, of the last event that is not wanted',
      wholeNumber(0),
    )
    .option('--count <n>', 'end after so many', wholeNumber(1));
  addNodeOptions(addFilterOptions(command)).action(tail);
}

async function tail(stream: string, flags: TailFlags): Promise<void> {
  const { url, output, from, after, count } = flags;
  const options: SubscribeAllOptions = {
    ...(after === undefined ? { from: from ?? 'end' } : { after, ...(from === undefined ? {} : { from }) }),
    ...(count === undefined ? {} : { count }),
    ...filterOf(stream, flags),
  };
  const interruption = new Interruption((exitCode) => process.exit(exitCode));
  try {
    await withClient(url, async (client) => {
      const events = stream === ALL ? client.subscribeAll(options) : client.subscribe(stream, options);
      const messages = events.messages();
      interruption.signal.addEventListener('abort', () => void messages.return?.(), { once: true });
      if (interruption.signal.aborted) return;
      const print = eventPrinter(output);
      await print([]);
      for await (const message of messages) {
        if (message.kind === 'events') await print(message.events);
        else if (message.kind === 'caught-up') tell('caught up');
        else if (message.kind === 'behind') tell('fell behind, catching up');
      }
    });
  } finally {
    interruption.release();
  }
}

function place(text: string): 'start' | 'end' | number {
  if (text === 'start' || text === 'end') return text;
  if (!/^\d+$/.test(text))
    throw new InvalidArgumentError('It must be start, end, or a whole number, 0 or more.');
  return wholeNumber(0)(text);
}
