/**
 * Which process is meant, beyond its number: numbers are reused, also across a reboot. On Linux a process is known by its
 * number, its start time in clock ticks and the boot in which those count; elsewhere by its number alone.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`: clock ticks from boot to the start of the process. */
  readonly startTime?: number;
  readonly bootId?: string;
}

/** This process. */
export function ownProcess(): ProcessIdentity {
  return processOf(process.pid);
}

/** The process that has this number now; for whoever has just started it. */
export function processOf(pid: number): ProcessIdentity {
  const startTime = readStat(pid)?.startTime;
  const bootId = readBootId();
  return {
    pid,
    ...(startTime === undefined ? {} : { startTime }),
    ...(bootId === undefined ? {} : { bootId }),
  };
}

/**
 * Whether the process still runs. One that was killed and not yet reaped by its parent (a zombie) does not, unless another
 * of its threads is still on its way out of a system call: that may be a write.
 */
export function isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
  const currentBoot = readBootId();
  if (bootId !== undefined && currentBoot !== undefined && bootId !== currentBoot) return false;
  const stat = readStat(pid);
  if (stat === undefined) return takesSignals(pid);
  if (startTime !== undefined && startTime !== stat.startTime) return false;
  return !isGone(stat) || threadsOf(pid).some((thread) => !isGone(thread));
}

/** Reads an identity from parsed JSON; undefined if it isn't one. */
export function parseProcess(value: object): ProcessIdentity | undefined {
  const { pid, startTime, bootId } = value as Record<string, unknown>;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return {
    pid,
    ...(typeof startTime === 'number' ? { startTime } : {}),
    ...(typeof bootId === 'string' ? { bootId } : {}),
  };
}

interface Stat {
  readonly state: string;
  readonly startTime: number;
}

function isGone({ state }: Stat): boolean {
  return state === 'Z' || state === 'X';
}

function threadsOf(pid: number): Stat[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.map((thread) => readStat(`${pid}/task/${thread}`)).filter((stat) => stat !== undefined);
}

/** State and start time; undefined where there is no such process, or no /proc, or it hides others' processes. */
function readStat(process: number | string): Stat | undefined {
  const text = readText(`/proc/${process}/stat`);
  if (text === undefined) return undefined;
  // "pid (name) state …": a name may hold blanks and brackets, so fields count from the last one. State is field 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, startTime: Number(fields[22 - 3]) };
}

function readBootId(): string | undefined {
  return readText('/proc/sys/kernel/random/boot_id')?.trim();
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function takesSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, but not ours.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
