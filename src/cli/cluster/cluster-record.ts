/**
 * What is remembered of a local cluster, in `cluster.json` of its folder: its nodes, their ports, and which processes they are. Main
 * thread, synchronous. What always holds: the file is whole (it is replaced, never written into), and only one process changes it at a time.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CairnError } from '../../base/errors.js';
import { type FolderLock, lockFolder } from '../../node/folder-lock.js';
import { type ProcessIdentity, parseProcess } from '../../node/process-identity.js';

/** As what a node was started. Which vote it has is the cluster's to say. */
export type NodeKind = 'voter' | 'clone' | 'replica';

export interface LocalNode {
  /** 1, 2, 3, …; never given twice, so that no node finds the folder of one that was removed. */
  readonly number: number;
  /** `host:port`, by which the cluster knows it. */
  readonly name: string;
  readonly port: number;
  readonly kind: NodeKind;
  readonly zone: string;
  /** Its last process, which may have ended. */
  readonly process?: ProcessIdentity;
  readonly isPaused?: true;
}

export interface ClusterRecord {
  readonly format: 1;
  /** How many voters the nodes are told that there should be. */
  readonly clusterSize: number;
  /** Options that all nodes get. */
  readonly nodeArguments: readonly string[];
  /** The number of their network, if each has a namespace of its own. */
  readonly network?: number;
  readonly nextNumber: number;
  /** By number. */
  readonly nodes: readonly LocalNode[];
}

const FILE = 'cluster.json';
/** A change takes milliseconds. */
const LOCK_WAIT_MS = 5000;
const LOCK_RETRY_MS = 20;

/** The data folder of a node. */
export function folderOf(directory: string, { number }: LocalNode): string {
  return join(directory, `node-${number}`);
}

/** Where a node's log and its last words go. */
export function logFileOf(directory: string, { number }: LocalNode): string {
  return join(directory, `node-${number}.log`);
}

/** The record of the cluster in this folder; undefined if there is none. Throws `invalid-configuration` if it can't be read. */
export function readRecord(directory: string): ClusterRecord | undefined {
  const path = join(directory, FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(path, (error as Error).message);
  }
  return parseRecord(path, text);
}

/**
 * Changes the record: `change` gets the present one and returns the next. While it runs no other process changes it. A record that
 * `change` was given undefined for, and returns undefined, stays absent.
 */
export async function changeRecord<T extends ClusterRecord | undefined>(
  directory: string,
  change: (record: ClusterRecord | undefined) => T,
): Promise<T> {
  mkdirSync(directory, { recursive: true });
  const lock = await takeLock(directory);
  try {
    const next = change(readRecord(directory));
    if (next !== undefined) writeRecord(directory, next);
    return next;
  } finally {
    lock.release();
  }
}

async function takeLock(directory: string): Promise<FolderLock> {
  const endMs = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      return lockFolder(directory);
    } catch (error) {
      const isHeld = error instanceof CairnError && error.code === 'folder-locked';
      if (!isHeld || performance.now() > endMs) throw error;
      await delay(LOCK_RETRY_MS);
    }
  }
}

function writeRecord(directory: string, record: ClusterRecord): void {
  const next = join(directory, `${FILE}.tmp`);
  const file = openSync(next, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(record, undefined, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, join(directory, FILE));
}

function parseRecord(path: string, text: string): ClusterRecord {
  let value: Partial<Record<keyof ClusterRecord, unknown>>;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    throw unusable(path, (error as Error).message);
  }
  const { format, nodes, clusterSize, nextNumber, nodeArguments, network } = value ?? {};
  const isRecord =
    format === 1 &&
    Number.isSafeInteger(clusterSize) &&
    Number.isSafeInteger(nextNumber) &&
    Array.isArray(nodeArguments) &&
    (network === undefined || Number.isSafeInteger(network)) &&
    Array.isArray(nodes) &&
    nodes.every(isNode);
  if (!isRecord) throw unusable(path, 'it is not the record of a cluster');
  return value as ClusterRecord;
}

function isNode(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { number, name, port, process: recorded } = value as Record<string, unknown>;
  const isIdentified =
    recorded === undefined || (typeof recorded === 'object' && parseProcess(recorded ?? {}) !== undefined);
  return (
    Number.isSafeInteger(number) && typeof name === 'string' && Number.isSafeInteger(port) && isIdentified
  );
}

function unusable(path: string, reason: string): CairnError {
  return new CairnError('invalid-configuration', `${path} can't be used: ${reason}`, { path });
}
