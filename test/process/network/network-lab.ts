/**
 * A network of its own for the nodes of a cluster: each in a network namespace, all on one bridge, where the test process is too.
 * What one end sends another can be dropped or answered with a reset, each direction by itself. Needs root, ip, nft and nsenter. The test
 * process reaches every node unless it is told otherwise: clients are then better informed than the nodes, which is what tests of
 * stale answers want.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { whyNot } from '../tools.js';

/** Of the range for tests of network devices (RFC 2544), which nobody routes. */
const SUBNETS = '198.18';
const SUBNETS_MAX = 250;
/** The test process's own address in each subnet. */
const HOST = 254;
/** An end of a link that is the test process. */
export const CLIENTS = -1;

/** Lets resets through, those of the other direction's rule among them. */
const RESET = 'tcp flags & rst != rst reject with tcp reset';

export type LinkFault = 'drop' | 'reset';

let missing: { readonly reason: string | undefined } | undefined;
const labs = new Set<NetworkLab>();

/** Why there can be no such networks here; undefined if there can. */
export function withoutNetworkLab(): string | undefined {
  missing ??= { reason: findMissing() };
  return missing.reason;
}

function findMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const reason =
    whyNot('ip', '-Version') ?? whyNot('nsenter', '--version') ?? whyNot('nft', 'list', 'tables');
  if (reason !== undefined) return reason;
  try {
    NetworkLab.create(1).remove();
    return undefined;
  } catch (error) {
    return `network namespaces do not work here: ${String(error).split('\n')[0]}`;
  }
}

export class NetworkLab {
  readonly size: number;
  readonly #name: string;
  readonly #subnet: string;
  /** `from>to` → what happens to what is sent this way. */
  readonly #faults = new Map<string, LinkFault>();

  private constructor(size: number, number: number) {
    this.size = size;
    this.#name = `cairn${number}`;
    this.#subnet = `${SUBNETS}.${number}`;
  }

  /** A network with namespaces 0 to `size` − 1. */
  static create(size: number): NetworkLab {
    for (let number = 1; number <= SUBNETS_MAX; number++) {
      const lab = new NetworkLab(size, number);
      // Whoever makes the bridge has the number.
      if (spawnSync('ip', ['link', 'add', `${lab.#name}br`, 'type', 'bridge']).status !== 0) continue;
      labs.add(lab);
      try {
        lab.#build();
        return lab;
      } catch (error) {
        lab.remove();
        throw error;
      }
    }
    throw new Error('no bridge can be made, or too many are left over: ip link show type bridge');
  }

  /** Where programs in a namespace listen, and where they are reached from all others and from the test process. */
  addressOf(index: number): string {
    return `${this.#subnet}.${index === CLIENTS ? HOST : index + 1}`;
  }

  /** What a command is run under to run in a namespace. It keeps its process id. */
  inside(index: number): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.#name}n${index}`];
  }

  /** What `from` sends to `to` gets lost, or (`reset`) ends the connection that it was sent on. */
  break(from: number, to: number, fault: LinkFault = 'drop'): void {
    this.#faults.set(`${from}>${to}`, fault);
    this.#apply();
  }

  /** Nothing passes between nodes of different groups. A node in no group is a bridge: all reach it. */
  partition(...groups: readonly (readonly number[])[]): void {
    for (const [i, group] of groups.entries()) {
      for (const other of groups.filter((_, j) => j !== i).flat()) {
        for (const member of group) this.#faults.set(`${member}>${other}`, 'drop');
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
    this.#faults.set(`${a}>${b}`, 'reset');
    this.#faults.set(`${b}>${a}`, 'reset');
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
    for (let i = 0; i < this.size; i++) {
      spawnSync('ip', ['link', 'del', this.#link(i)]);
      spawnSync('ip', ['netns', 'del', `${this.#name}n${i}`]);
    }
    spawnSync('ip', ['link', 'del', `${this.#name}br`]);
  }

  #build(): void {
    const bridge = `${this.#name}br`;
    ip('addr', 'add', `${this.addressOf(CLIENTS)}/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    for (let i = 0; i < this.size; i++) {
      const space = `${this.#name}n${i}`;
      ip('netns', 'add', space);
      ip('link', 'add', this.#link(i), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
      ip('link', 'set', this.#link(i), 'master', bridge, 'up');
      ip('-n', space, 'addr', 'add', `${this.addressOf(i)}/24`, 'dev', 'eth0');
      ip('-n', space, 'link', 'set', 'eth0', 'up');
      ip('-n', space, 'link', 'set', 'lo', 'up');
      this.#rules(
        i,
        'add table inet cairn; add chain inet cairn in { type filter hook input priority 0; }; ' +
          'add chain inet cairn out { type filter hook output priority 0; }',
      );
    }
  }

  #link(index: number): string {
    return `${this.#name}v${index}`;
  }

  /** Each namespace drops what comes from others, and what it sends to the test process, which has no rules of its own. */
  #apply(): void {
    for (let i = 0; i < this.size; i++) {
      const rules = ['flush chain inet cairn in', 'flush chain inet cairn out'];
      for (const [link, fault] of this.#faults) {
        const [from, to] = link.split('>').map(Number) as [number, number];
        const address = this.addressOf(to === CLIENTS ? to : from);
        const verdict = fault === 'drop' ? 'drop' : RESET;
        if (to === i) rules.push(`add rule inet cairn in ip saddr ${address} ${verdict}`);
        if (from === i && to === CLIENTS)
          rules.push(`add rule inet cairn out ip daddr ${address} ${verdict}`);
      }
      this.#rules(i, rules.join('; '));
    }
  }

  #rules(index: number, rules: string): void {
    const [command, ...args] = this.inside(index);
    execFileSync(command!, [...args, 'nft', rules], { stdio: 'pipe' });
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

process.once('exit', () => {
  for (const lab of labs) lab.remove();
});
