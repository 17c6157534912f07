/**
 * A local node as a process: started apart from this one, so that it outlives it and a terminal's Ctrl-C, and signalled only if it still is
 * the process that was started. Main thread.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CairnError } from '../../base/errors.js';
import { isAlive, type ProcessIdentity, processOf } from '../../node/process-identity.js';

/** What runs a node: the words before `node --db …`. */
export type Command = readonly [string, ...string[]];

/** This version of Cairn, with this Node. */
export const CAIRN: Command = [process.execPath, fileURLToPath(new URL('../../main.js', import.meta.url))];

/** How often it is looked whether a process that is not our child has ended: nobody tells. */
const LOOK_MS = 20;
/** The end of a log file that may say why a node ended. */
const CAUSE_CHARACTERS = 4096;

/** Starts a process with this log file, to which it adds. */
export function startProcess(command: Command, words: readonly string[], logFile: string): ProcessIdentity {
  const log = openSync(logFile, 'a', 0o600);
  try {
    const [program, ...rest] = command;
    const child = spawn(program, [...rest, ...words], { detached: true, stdio: ['ignore', log, log] });
    child.on('error', () => child.unref());
    child.unref();
    if (child.pid === undefined)
      throw new CairnError('invalid-configuration', `can't start ${program}`, { program });
    return processOf(child.pid);
  } finally {
    closeSync(log);
  }
}

/** Sends the signal, if the process is still there. Returns whether it was. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Resolves to whether the process has ended within this time. */
export async function hasEnded(identity: ProcessIdentity, deadlineMs: number): Promise<boolean> {
  const endMs = performance.now() + deadlineMs;
  while (isAlive(identity)) {
    if (performance.now() > endMs) return false;
    await delay(LOOK_MS);
  }
  return true;
}

/** Throws `listen-failed` if one of these ports can't be listened on now. */
export async function checkPorts(host: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const code = await listenFault(host, port);
    if (code === undefined) continue;
    const what = code === 'EADDRINUSE' ? 'is taken' : `can't be listened on (${code})`;
    throw new CairnError(
      'listen-failed',
      `port ${port} ${what}: stop what uses it, or choose other ports with --base-port`,
      { port, errno: code },
    );
  }
}

function listenFault(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** What the end of a log says about why its node ended, in one line; undefined if nothing. */
export function lastWords(log: string): string | undefined {
  return log
    .slice(-CAUSE_CHARACTERS)
    .split('\n')
    .findLast((line) => line.startsWith('cairn: '))
    ?.slice('cairn: '.length);
}
