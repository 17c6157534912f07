/** The flags that say which events of the whole log are wanted. Pure. */
import type { Command } from 'commander';
import { CairnError } from '../../base/errors.js';
import type { EventFilter } from '../../client/client.js';
import { ALL } from './node-flags.js';

/** As commander hands them over. */
export interface FilterFlags {
  readonly filterStreamPrefix?: readonly string[];
  readonly filterStreamRegex?: string;
  readonly filterTypePrefix?: readonly string[];
  readonly filterTypeRegex?: string;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option(
      '--filter-stream-prefix <text>',
      `in ${ALL}: only streams whose name starts so; may be repeated`,
      gathered,
    )
    .option('--filter-stream-regex <pattern>', `in ${ALL}: only streams whose name has a part that fits`)
    .option(
      '--filter-type-prefix <text>',
      `in ${ALL}: only event types that start so; may be repeated`,
      gathered,
    )
    .option('--filter-type-regex <pattern>', `in ${ALL}: only event types that have a part that fits`);
}

/** The filter, if there is one. Throws `CairnError` `invalid-configuration` if it is for a stream. */
export function filterOf(stream: string, flags: FilterFlags): { readonly filter?: EventFilter } {
  const { filterStreamPrefix, filterStreamRegex, filterTypePrefix, filterTypeRegex } = flags;
  const filter: EventFilter = {
    ...(filterStreamPrefix && { streamPrefix: filterStreamPrefix }),
    ...(filterStreamRegex !== undefined && { streamRegex: filterStreamRegex }),
    ...(filterTypePrefix && { typePrefix: filterTypePrefix }),
    ...(filterTypeRegex !== undefined && { typeRegex: filterTypeRegex }),
  };
  if (Object.keys(filter).length === 0) return {};
  if (stream === ALL) return { filter };
  throw new CairnError('invalid-configuration', `filters are for '${ALL}', not for one stream`);
}

function gathered(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
