/**
 * One process of a peer: started with its output in a file, ended politely or else by force, and never left behind. It leads a process group
 * of its own, so that a Ctrl-C in the terminal reaches the benchmark alone, which then ends it. Main thread.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CairnError } from '../../src/base/errors.js';
import type { PeerCluster } from './peer.js';

/** A cluster of Erlang or Java nodes on two processors that are busy otherwise takes tens of seconds. */
const READY_TIMEOUT_MS = 90_000;
const ASK_MS = 50;
/** Nobody's data are needed any more: who hasn't ended by then is made to. */
const STOP_TIMEOUT_MS = 5_000;
/** How much of a log is told if its process does not come up. */
const LOG_CHARACTERS_MAX = 600;

export interface PeerProcessSettings {
  /** The program, and its arguments. */
  readonly command: readonly string[];
  /** Where its output goes. */
  readonly log: string;
  readonly cwd?: string;
  /** Besides this process' own. */
  readonly env?: Readonly<Record<string, string>>;
  /** As whom it runs. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** What asks it to end. */
  readonly stopSignal?: NodeJS.Signals;
  /** What makes it end: PostgreSQL would leave its children behind after a SIGKILL. */
  readonly killSignal?: NodeJS.Signals;
}

export class PeerProcess {
  readonly #settings: PeerProcessSettings;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #failure: string | undefined;
  #isOver = false;

  constructor(settings: PeerProcessSettings) {
    const { command, log, cwd, env, user } = settings;
    const [program, ...rest] = command;
    const output = openSync(log, 'a');
    this.#settings = settings;
    this.#child = spawn(program!, rest, {
      stdio: ['ignore', output, output],
      detached: true,
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
      ...user,
    });
    closeSync(output);
    const kill = () => this.#signal(settings.killSignal ?? 'SIGKILL');
    // Before the folder of the run is removed.
    process.prependOnceListener('exit', kill);
    this.#ended = new Promise((resolve) => {
      const over = (reason: string) => {
        this.#failure = reason;
        this.#isOver = true;
        process.off('exit', kill);
        resolve();
      };
      this.#child.once('exit', (code, signal) => over(signal ?? `exit status ${code}`));
      this.#child.once('error', (error) => over(error.message));
    });
  }

  /** Throws `CairnError` with the end of its log if it has ended. */
  assertRunning(): void {
    if (!this.#isOver) return;
    const { command, log } = this.#settings;
    const said = readFileSync(log, 'utf8').trim().replace(/\s+/g, ' ').slice(-LOG_CHARACTERS_MAX);
    throw new CairnError('not-ready', `${basename(command[0]!)} ended: ${this.#failure}: ${said}`);
  }

  /** Asks it to end, and makes it if it doesn't. */
  async stop(): Promise<void> {
    if (this.#isOver) return;
    const timer = setTimeout(() => this.#signal('SIGKILL'), STOP_TIMEOUT_MS);
    this.#signal(this.#settings.stopSignal ?? 'SIGTERM');
    await this.#ended;
    clearTimeout(timer);
    // What else is left of its group.
    this.#signalGroup('SIGKILL');
  }

  /** Resolves with its exit. Throws `CairnError` unless that is a success. */
  async finished(): Promise<void> {
    await this.#ended;
    if (this.#failure !== 'exit status 0') this.assertRunning();
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#signalGroup(signal);
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Asks until there is an answer, while the processes run. Throws `CairnError` `timeout`, `not-ready`. */
export async function untilAnswered<Answer>(
  what: string,
  processes: readonly PeerProcess[],
  ask: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    for (const each of processes) each.assertRunning();
    const answer = await attempt(ask);
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs)
      throw new CairnError('timeout', `waited ${READY_TIMEOUT_MS / 1000} s until ${what}, in vain`);
    await pause(ASK_MS);
  }
}

/** A node that starts refuses connections, breaks them, or says that it has no leader. */
async function attempt<Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof CairnError) return undefined;
    throw error;
  }
}

/** What these processes are, once `ready` says how to reach them; if it fails they are ended. Those started first end last. */
export async function clusterOf(
  processes: readonly PeerProcess[],
  ready: () => Promise<PeerCluster['connect']>,
): Promise<PeerCluster> {
  const stop = async () => {
    await Promise.all([...processes].reverse().map((each) => each.stop()));
  };
  try {
    return { connect: await ready(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
