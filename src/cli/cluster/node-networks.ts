/**
 * Networks of their own for nodes of one machine: each node in a network namespace, all on one bridge, where this machine is too. What one
 * node sends another can be dropped, or answered with a reset, each direction by itself. Main thread, synchronous; Linux, as root. What always
 * holds: a network is its owner's alone, and all of it is found again by its number, whichever process made it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { CairnError } from '../../base/errors.js';

/** What happens to what is sent one way: it is lost, or the connection that it was sent on is ended. */
export type LinkFault = 'drop' | 'reset';

export interface BrokenLink {
  /** Numbers of nodes, or {@link THIS_MACHINE}. */
  readonly from: number;
  readonly to: number;
  readonly fault: LinkFault;
}

/** An end of a link that is no node. It reaches all of them, unless a link of its own is broken. */
export const THIS_MACHINE = 0;

/** Of the range for tests of network devices (RFC 2544), which nobody routes: a network takes 256 addresses. */
const SUBNETS = '198.18';
/** Nodes of a network: the addresses of its subnet but this machine's and the two that mean all. */
export const NODES_MAX = 253;
const NETWORKS_MAX = 250;
/** This machine's own address in each subnet. */
const MACHINE_ADDRESS = 254;
/** Lets resets through, those of the other direction's rule among them. */
const VERDICTS = { drop: 'drop', reset: 'tcp flags & rst != rst reject with tcp reset' } as const;
const EMPTY_RULES = [
  'add table inet cairn',
  'add chain inet cairn in { type filter hook input priority 0; }',
  'add chain inet cairn out { type filter hook output priority 0; }',
].join('; ');
/** How long a name of an interface's owner may be: the kernel's limit is 255. */
const OWNER_CHARACTERS_MAX = 250;
/** What is needed, how it is asked whether it works, and the package that has it. */
const TOOLS = [
  ['ip', ['-Version'], 'iproute2'],
  ['nsenter', ['--version'], 'util-linux'],
  ['nft', ['list', 'tables'], 'nftables'],
] as const;

/** Why nodes can't have networks of their own here; undefined if nothing is missing. */
export function withoutNetworks(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [command, words, packageName] of TOOLS) {
    const { error, status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
    if (error !== undefined) return `${command} is missing: it is of the package ${packageName}`;
    if (status !== 0) return `${command} does not work: ${stderr.trim()}`;
  }
  return undefined;
}

export class NodeNetworks {
  private constructor(readonly number: number) {}

  /** A network without nodes, under a number that nobody uses. Throws `invalid-configuration`. */
  static create(owner: string): NodeNetworks {
    for (let number = 1; number <= NETWORKS_MAX; number++) {
      const networks = new NodeNetworks(number);
      if (networks.#makeBridge(owner)) return networks;
    }
    throw unusable('no bridge can be made, or too many are left over: ip link show type bridge');
  }

  /** The network of this number, which may be gone: after a start of the machine. Throws `invalid-configuration` if it is another's. */
  static open(number: number, owner: string): NodeNetworks {
    const networks = new NodeNetworks(number);
    if (networks.#ownerFound() === undefined) networks.#makeBridge(owner);
    const found = NodeNetworks.find(number, owner);
    if (found !== undefined) return found;
    throw unusable(`the network ${networks.#bridge} is in use: end what uses it, or make another cluster`);
  }

  /** The network of this number, if it is there and the owner's. */
  static find(number: number, owner: string): NodeNetworks | undefined {
    const networks = new NodeNetworks(number);
    return networks.#ownerFound() === ownerName(owner) ? networks : undefined;
  }

  /** Where a node listens, and where it is reached from all others and from this machine. */
  addressOf(node: number): string {
    return `${SUBNETS}.${this.number}.${node === THIS_MACHINE ? MACHINE_ADDRESS : node}`;
  }

  /** What a command is run under to run as this node. It keeps its process id. */
  inside(node: number): readonly [string, ...string[]] {
    return ['nsenter', `--net=/run/netns/${this.#space(node)}`];
  }

  /** Gives the node its namespace, unless it has it: then its broken links stay as they are. */
  connect(node: number): void {
    if (node > NODES_MAX) throw unusable(`a network has room for ${NODES_MAX} nodes`);
    if (this.#isConnected(node)) return;
    this.disconnect(node);
    const [space, link] = [this.#space(node), this.#link(node)];
    run('ip', 'netns', 'add', space);
    run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
    run('ip', 'link', 'set', link, 'master', this.#bridge, 'up');
    run('ip', '-n', space, 'addr', 'add', `${this.addressOf(node)}/24`, 'dev', 'eth0');
    run('ip', '-n', space, 'link', 'set', 'eth0', 'up');
    run('ip', '-n', space, 'link', 'set', 'lo', 'up');
    this.#changeRules(node, EMPTY_RULES);
  }

  /** Takes the node's namespace away. What still runs in it has no network any more. */
  disconnect(node: number): void {
    spawnSync('ip', ['link', 'del', this.#link(node)]);
    spawnSync('ip', ['netns', 'del', this.#space(node)]);
  }

  /**
   * From now on these links are broken at this node, and no others: of those given the ones that end here, and the one to this machine,
   * which has no rules of its own.
   */
  breakLinks(node: number, links: readonly BrokenLink[]): void {
    const rules = ['flush chain inet cairn in', 'flush chain inet cairn out'];
    for (const { from, to, fault } of links) {
      if (to === node)
        rules.push(`add rule inet cairn in ip saddr ${this.addressOf(from)} ${VERDICTS[fault]}`);
      if (from === node && to === THIS_MACHINE)
        rules.push(`add rule inet cairn out ip daddr ${this.addressOf(to)} ${VERDICTS[fault]}`);
    }
    this.#changeRules(node, rules.join('; '));
  }

  /** Takes it all down. */
  remove(nodes: readonly number[]): void {
    for (const node of nodes) this.disconnect(node);
    spawnSync('ip', ['link', 'del', this.#bridge]);
  }

  get #bridge(): string {
    return `cairn${this.number}br`;
  }

  #space(node: number): string {
    return `cairn${this.number}n${node}`;
  }

  #link(node: number): string {
    return `cairn${this.number}v${node}`;
  }

  /** Returns false if somebody has made it before: whoever makes the bridge has the number. */
  #makeBridge(owner: string): boolean {
    if (spawnSync('ip', ['link', 'add', this.#bridge, 'type', 'bridge']).status !== 0) return false;
    try {
      run('ip', 'link', 'set', this.#bridge, 'alias', ownerName(owner));
      run('ip', 'addr', 'add', `${this.addressOf(THIS_MACHINE)}/24`, 'dev', this.#bridge);
      run('ip', 'link', 'set', this.#bridge, 'up');
      return true;
    } catch (error) {
      this.remove([]);
      throw error;
    }
  }

  /** Undefined if there is no such network. */
  #ownerFound(): string | undefined {
    const path = `/sys/class/net/${this.#bridge}/ifalias`;
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  }

  #isConnected(node: number): boolean {
    if (!existsSync(`/sys/class/net/${this.#link(node)}`)) return false;
    const [command, ...words] = this.inside(node);
    return spawnSync(command, [...words, 'nft', 'list', 'chain', 'inet', 'cairn', 'out']).status === 0;
  }

  #changeRules(node: number, rules: string): void {
    run(...this.inside(node), 'nft', rules);
  }
}

function ownerName(owner: string): string {
  return `cairn ${owner.slice(-OWNER_CHARACTERS_MAX)}`;
}

function run(...[command, ...words]: readonly [string, ...string[]]): void {
  const { error, status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  if (error === undefined && status === 0) return;
  throw unusable(`${command} ${words.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

function unusable(reason: string): CairnError {
  return new CairnError('invalid-configuration', `nodes can't have networks of their own: ${reason}`);
}
