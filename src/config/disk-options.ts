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
  ScrubIntervalHours: {
    group: 'Database',
    kind: 'count',
    unit: 'hours',
    // A week: damage is found long before the last sound copy is gone, and the disk has rest.
    default: 168,
    min: 0,
    // A year.
    max: 8760,
    help: 'How often at most all sealed chunks, and the index, are read again in the background, to find damage while another member can still mend it. 0: never again after the start.',
  },
} as const satisfies Record<string, OptionSpec>;
