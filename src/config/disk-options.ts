/** The rows of the option table that are about the state of the disk: room on it, and damage. Pure. */
import type { OptionSpec } from './option-spec.js';

export const DISK_OPTIONS = {
  DiskSpaceWarning: {
    group: 'Database',
    kind: 'space',
    // A tenth is what people are used to be warned of; 20 GiB are 80 chunks, and time enough on any disk.
    default: '10%,20GiB',
    help: 'With less than this free on the disk of the data folder there is a warning, in the log, in /info and in /metrics. 0 turns it off.',
  },
  DiskSpaceReserve: {
    group: 'Database',
    kind: 'space',
    // What the index and merges of its files may need while an operator makes room. On a disk of 20 MiB it is less than half a chunk of the smallest logs.
    default: '2%,1GiB',
    help: 'With less than this free appends are refused until there is more, and no chunk is made that would leave less. 0 turns it off.',
  },
} as const satisfies Record<string, OptionSpec>;
