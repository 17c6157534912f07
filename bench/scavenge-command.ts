/** `cairn bench scavenge`: its flags, and what is printed. Main thread. */
import type { Command } from 'commander';
import { type FlagValues, numberOf } from './flags.js';
import { parseOutput } from './options.js';
import { runScavenge, type ScavengeRow } from './scavenge.js';
import { withScratchFolder } from './scratch-folder.js';

/** Adds `scavenge` to `cairn bench`. */
export function registerScavenge(bench: Command): void {
  bench
    .command('scavenge')
    .description('fill a log, delete half of it, and scavenge it under load; then a backup and a restore')
    .option('--events <n>', 'how many events the log has (default: 1000000)')
    .option(
      '--streams <n>',
      'how many streams they are in, in turn; every other one is deleted (default: 10000)',
    )
    .option('--event-bytes <n>', 'bytes of data in each event (default: 256)')
    .option('--rate <n>', 'appends a second meanwhile (default: 1000)')
    .option('--seconds <n>', 'how long these are watched before (default: 5)')
    .option('--throttle-percent <n>', 'how much of its time the scavenge works (default: 50)')
    .option('--dir <folder>', "where the run's own folder is made, removed afterwards (default: here)")
    .option('-o, --output <format>', 'table or json: one object on standard output (default: table)')
    .action(printScavenge);
}

async function printScavenge(flags: FlagValues): Promise<void> {
  const output = parseOutput(flags);
  const options = {
    events: numberOf(flags, 'events', 1_000_000),
    streams: numberOf(flags, 'streams', 10_000),
    eventBytes: numberOf(flags, 'eventBytes'),
    rate: numberOf(flags, 'rate', 1_000),
    seconds: numberOf(flags, 'seconds', 5),
    throttlePercent: numberOf(flags, 'throttlePercent'),
  };
  await withScratchFolder(flags['dir'] ?? '.', async (folder) => {
    const row = await runScavenge(options, folder);
    console.log(output === 'json' ? JSON.stringify(row) : textOf(row));
  });
}

function textOf(row: ScavengeRow): string {
  return [
    `${row.events} events in ${row.streams} streams, every other stream deleted:`,
    `scavenged in ${row.seconds} s, ${row.megabytesPerSecond} MB/s at ${row.throttlePercent} % (a plain copy: ${row.copyMBPerSecond} MB/s);`,
    `log ${row.logMB} -> ${row.logMBAfter} MB, index ${row.indexMB} -> ${row.indexMBAfter} MB;`,
    `${row.rate} appends a second meanwhile: p50 ${row.beforeP50Us} -> ${row.p50Us} µs, p99 ${row.beforeP99Us} -> ${row.p99Us} µs;`,
    `backup ${row.backupMBPerSecond} MB/s, restore ${row.restoreMBPerSecond} MB/s (cp: ${row.backupCopyMBPerSecond} MB/s)`,
  ].join('\n');
}
