/** A file of a comparison: JSON lines. First the machine and what was asked for, then every row as it was made. Main thread. */
import { appendFileSync } from 'node:fs';
import { CairnError } from '../../src/base/errors.js';
import { describeMachine, type Machine, parseLines, readText, writeText } from '../sweep/results-file.js';
import type { PeerResult } from './peer-row.js';
import type { PeerPlan } from './run-peers.js';

export interface PeerResults {
  readonly machine: Machine;
  readonly results: readonly PeerResult[];
}

/** So that the suite doesn't take such a file for its own. */
const SWEEP = 'peers';

/** This machine, now. */
export function describePeerRun({ seconds, warmupSeconds }: PeerPlan): Machine {
  return describeMachine({ sweeps: [SWEEP], seconds, warmupSeconds, repetitions: 1 });
}

/** Writes as rows come, so that whatever ends the run leaves what there was. Without a path nothing is written. */
export class PeerFile {
  readonly #path: string | undefined;

  /** Begins the file, over whatever was there. Throws `CairnError` `invalid-configuration` if it can't be written. */
  constructor(path: string | undefined, machine: Machine) {
    this.#path = path;
    if (path !== undefined) writeText(path, `${JSON.stringify(machine)}\n`);
  }

  add(result: PeerResult): void {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(result)}\n`);
  }
}

/** Reads such a file. Throws `CairnError` `invalid-configuration`. */
export function readPeerFile(path: string): PeerResults {
  return parsePeerFile(readText(path), path);
}

/** The same from its text; `path` is for errors. */
export function parsePeerFile(text: string, path: string): PeerResults {
  const [machine, ...results] = parseLines(text, path);
  if (machine?.['kind'] !== 'machine' || !(machine['sweeps'] as string[]).includes(SWEEP)) {
    throw new CairnError('invalid-configuration', `${path} is no result file of cairn bench peers`, { path });
  }
  return { machine: machine as unknown as Machine, results: results as unknown as PeerResult[] };
}
