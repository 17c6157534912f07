/**
 * What of the processors' time somebody else took: other programs, and on a virtual machine its neighbours. A comparison on a machine that is
 * busy otherwise compares who suffers least. Linux alone tells; elsewhere it is 0.
 */
import { readFileSync } from 'node:fs';
import { rounded } from '../rounded.js';

/** Sums over all processors since the machine started, in ticks of 10 ms. */
export interface ProcessorTimes {
  readonly all: number;
  readonly idle: number;
}

const MS_PER_TICK = 10;
const IDLE = [3, 4] as const;
/** Guests' time stands in users' time as well. */
const FIELDS = 8;

/** From the text of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. */
export function parseProcessorTimes(text: string): ProcessorTimes {
  const fields = /^cpu +(.*)$/m.exec(text)?.[1]?.split(' ').slice(0, FIELDS).map(Number) ?? [];
  return {
    all: fields.reduce((sum, ticks) => sum + ticks, 0),
    idle: IDLE.reduce((sum, index) => sum + (fields[index] ?? 0), 0),
  };
}

/** Per cent of all processors' time between two readings that neither was idle nor went to this process (`ownMs`). */
export function othersPercent(before: ProcessorTimes, after: ProcessorTimes, ownMs: number): number {
  const all = after.all - before.all;
  const busy = all - (after.idle - before.idle);
  return all <= 0 ? 0 : rounded(Math.max(0, (100 * (busy - ownMs / MS_PER_TICK)) / all), 0);
}

/** Begins to watch; the answer says what others took since. */
export function watchOthers(): () => number {
  const before = processorTimes();
  const own = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(own);
    return othersPercent(before, processorTimes(), (user + system) / 1000);
  };
}

function processorTimes(): ProcessorTimes {
  if (process.platform !== 'linux') return { all: 0, idle: 0 };
  return parseProcessorTimes(readFileSync('/proc/stat', 'utf8'));
}
