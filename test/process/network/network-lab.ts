/**
 * A network of its own for the nodes of a cluster (`src/cli/cluster/node-networks.ts`), as tests want it: counted from 0, and gone when the test
 * process ends. The test process reaches every node unless it is told otherwise: clients are then better informed than the nodes, which
 * is what tests of stale answers want.
 */
import {
  type BrokenLink,
  type LinkFault,
  NodeNetworks,
  THIS_MACHINE,
  withoutNetworks,
} from '../../../src/cli/cluster/node-networks.js';
import { whyNot } from '../tools.js';

/** An end of a link that is the test process. */
export const CLIENTS = -1;

let missing: { readonly reason: string | undefined } | undefined;
const labs = new Set<NetworkLab>();

/** Why there can be no such networks here; undefined if there can. */
export function withoutNetworkLab(): string | undefined {
  missing ??= { reason: findMissing() };
  return missing.reason;
}

function findMissing(): string | undefined {
  // So that what can be installed is.
  for (const [command, word] of [
    ['ip', '-Version'],
    ['nsenter', '--version'],
    ['nft', '--version'],
  ] as const)
    whyNot(command, word);
  const reason = withoutNetworks();
  if (reason !== undefined) return reason;
  try {
    NetworkLab.create(1).remove();
    return undefined;
  } catch (error) {
    return `network namespaces do not work here: ${String(error).split('\n')[0]}`;
  }
}

export class NetworkLab {
  readonly #networks: NodeNetworks;
  /** `from>to` → what happens to what is sent this way. */
  readonly #faults = new Map<string, BrokenLink>();

  private constructor(readonly size: number) {
    this.#networks = NodeNetworks.create(`test ${process.pid}`);
  }

  /** A network with namespaces 0 to `size` − 1. */
  static create(size: number): NetworkLab {
    const lab = new NetworkLab(size);
    labs.add(lab);
    try {
      for (const node of lab.#nodes) lab.#networks.connect(node);
      return lab;
    } catch (error) {
      lab.remove();
      throw error;
    }
  }

  /** Where programs in a namespace listen, and where they are reached from all others and from the test process. */
  addressOf(index: number): string {
    return this.#networks.addressOf(nodeOf(index));
  }

  /** What a command is run under to run in a namespace. It keeps its process id. */
  inside(index: number): readonly string[] {
    return this.#networks.inside(nodeOf(index));
  }

  /** What `from` sends to `to` gets lost, or (`reset`) ends the connection that it was sent on. */
  break(from: number, to: number, fault: LinkFault = 'drop'): void {
    this.#note(from, to, fault);
    this.#apply();
  }

  /** Nothing passes between nodes of different groups. A node in no group is a bridge: all reach it. */
  partition(...groups: readonly (readonly number[])[]): void {
    for (const [i, group] of groups.entries()) {
      for (const other of groups.filter((_, j) => j !== i).flat()) {
        for (const member of group) this.#note(member, other, 'drop');
      }
    }
    this.#apply();
  }

  /** Nothing passes between this node and all others. The test process reaches it still. */
  isolate(index: number): void {
    const others = Array.from({ length: this.size }, (_, i) => i).filter((i) => i !== index);
    this.partition([index], others);
  }

  /** Ends the connections between two, by the next thing that is sent on them, and refuses new ones. */
  reset(a: number, b: number): void {
    this.#note(a, b, 'reset');
    this.#note(b, a, 'reset');
    this.#apply();
  }

  /** All links are whole again. */
  heal(): void {
    this.#faults.clear();
    this.#apply();
  }

  /** Takes it all down. What still runs in it has no network any more. */
  remove(): void {
    labs.delete(this);
    this.#networks.remove(this.#nodes);
  }

  get #nodes(): readonly number[] {
    return Array.from({ length: this.size }, (_, index) => nodeOf(index));
  }

  #note(from: number, to: number, fault: LinkFault): void {
    this.#faults.set(`${from}>${to}`, { from: nodeOf(from), to: nodeOf(to), fault });
  }

  #apply(): void {
    for (const node of this.#nodes) this.#networks.breakLinks(node, [...this.#faults.values()]);
  }
}

function nodeOf(index: number): number {
  return index === CLIENTS ? THIS_MACHINE : index + 1;
}

process.once('exit', () => {
  for (const lab of labs) lab.remove();
});
