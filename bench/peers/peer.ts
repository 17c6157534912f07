/**
 * What is compared: a store of three processes on this machine that takes appends and says when they are safe. The shapes that every
 * peer fills in, ours included. Pure.
 */
import type { AppendTarget } from '../target.js';

/** Something that takes one event a request. Its client runs on the main thread, beside the load. */
export type PeerTarget = Pick<AppendTarget, 'submit' | 'completed' | 'firstError' | 'close'> & {
  /** Over how many connections the requests go. */
  readonly connections: number;
};

/** What a target is made for. */
export interface PeerLoad {
  readonly inFlight: number;
  readonly eventBytes: number;
}

/** Its processes, ready to be written to. */
export interface PeerCluster {
  connect(load: PeerLoad): Promise<PeerTarget>;
  /** Ends every process of it. */
  stop(): Promise<void>;
}

/** How a store is told in a row and in the report. */
export interface PeerDescription {
  /** As in `--only` and in rows. */
  readonly name: string;
  readonly title: string;
  /** What has happened before an append is answered. */
  readonly durability: string;
  /** Whether that is as much as an answer of Cairn's means: synced by a majority, and kept when a node is lost. */
  readonly isEqual: boolean;
}

export interface Peer extends PeerDescription {
  /** The Debian package that has it; what it needs besides comes along. */
  readonly debianPackage: string;
  /** The program to ask for its version, where the package has another one. */
  readonly saysVersion?: string;
  /** Executables and files without which it can't run here. */
  readonly needs: readonly string[];
  /** Starts it with its data below `folder`. Throws `CairnError`. */
  start(folder: string): Promise<PeerCluster>;
}
