/**
 * What a cluster is at an instant, put together from what its nodes say of themselves and of each other. Pure. What always holds: what a
 * node says of itself counts for more than what others say of it, and a node that does not answer is shown with what others know.
 */

/** A node, and where it is asked: the two differ where nodes reach each other by other addresses than clients. */
export interface NodeAddress {
  readonly name: string;
  readonly address: string;
}

/** What a node said: the bodies of its /info and /gossip. */
export interface NodeAnswer extends NodeAddress {
  /** Undefined = no answer. */
  readonly info: Fields | undefined;
  readonly gossip: Fields | undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

/** A node in the cluster; `null` = not known. Positions in bytes. */
export interface NodeView {
  readonly name: string;
  /** Where it can be asked from here. */
  readonly address: string;
  readonly id: string | null;
  readonly clusterId: string | null;
  readonly zone: string;
  /** `voter`, `clone`, `replica`; null if it is no member. */
  readonly member: string | null;
  /** Its role, as it says itself (`leader`, `following`, …), else the state that others have heard of. */
  readonly state: string | null;
  /** Whether it answers here. */
  readonly isAlive: boolean;
  readonly isReady: boolean;
  readonly leader: string | null;
  readonly epoch: number | null;
  readonly durable: number | null;
  readonly committed: number | null;
  /** Bytes of the leader's committed log that it has not got; 0 on the leader. */
  readonly lag: number | null;
  readonly priority: number | null;
  /** The room on its disk: `ok`, `low`, `short`, `unknown`. */
  readonly diskSpace: string | null;
  readonly version: string | null;
}

export interface ClusterView {
  /** The name of the node that leads: of those that say so, the one of the highest epoch. */
  readonly leader: string | null;
  readonly epoch: number | null;
  readonly clusterId: string | null;
  /** How many voters there should be. */
  readonly clusterSize: number | null;
  readonly isHealthy: boolean;
  /** Why it is not healthy, in sentences. */
  readonly problems: readonly string[];
  /** What may become a problem, in sentences. */
  readonly warnings: readonly string[];
  /** Sorted by name. */
  readonly nodes: readonly NodeView[];
}

/** States in which a node does its part. */
const SETTLED: ReadonlySet<string | null> = new Set(['leader', 'following']);

/** Puts the answers together. `expected`: names of nodes that must be there for the cluster to be healthy. */
export function clusterView(answers: readonly NodeAnswer[], expected: readonly string[]): ClusterView {
  const infos = answers.map(({ info }) => info).filter((info) => info !== undefined);
  const clusterId = clusterIdOf(infos);
  const configuration = newestConfiguration(infos.filter((info) => !isForeign(info, clusterId)));
  const names = new Set([
    ...answers.map(({ name }) => name),
    ...membersIn(configuration).map((member) => String(member['name'])),
    ...expected,
  ]);
  const heard = answers.flatMap(({ gossip }) => objectsIn(gossip?.['members']));
  const told = [...names].sort(byName).map((name) =>
    nodeView(name, {
      answer: answers.find((answer) => answer.name === name),
      member: membersIn(configuration).find((member) => member['name'] === name),
      heard: latest(heard.filter((entry) => textIn(entry, 'name') === name)),
    }),
  );
  const leading = leaderOf(told.filter((node) => !isForeign(node, clusterId)));
  const nodes = told.map((node) => ({ ...node, lag: lagOf(node, leading) }));
  const clusterSize = numberIn(configuration, 'clusterSize');
  const problems = problemsOf(nodes, { leading, clusterId, clusterSize }, expected);
  return {
    leader: leading?.name ?? null,
    epoch: leading?.epoch ?? null,
    clusterId,
    clusterSize,
    isHealthy: problems.length === 0,
    problems,
    warnings: nodes
      .filter(({ diskSpace }) => diskSpace === 'low')
      .map(({ name }) => `the disk of ${name} is filling up`),
    nodes,
  };
}

/** The nodes that the answers tell of, each once. */
export function nodesIn(answers: readonly NodeAnswer[]): NodeAddress[] {
  const found = new Map<string, string>();
  for (const { info, gossip } of answers) {
    for (const entry of objectsIn(gossip?.['members'])) {
      const name = textIn(entry, 'name');
      if (name !== null) found.set(name, textIn(entry, 'clientAddress') ?? name);
    }
    for (const member of membersIn(objectOf(info?.['configuration']))) {
      const name = String(member['name']);
      if (!found.has(name)) found.set(name, name);
    }
  }
  return [...found].map(([name, address]) => ({ name, address }));
}

interface Sources {
  readonly answer: NodeAnswer | undefined;
  /** Of the configuration. */
  readonly member: Fields | undefined;
  /** Of others' gossip. */
  readonly heard: Fields | undefined;
}

function nodeView(name: string, { answer, member, heard }: Sources): NodeView {
  const own = answer?.info;
  return {
    name,
    address: answer?.address ?? textIn(heard, 'clientAddress') ?? name,
    id: textIn(own, 'memberId') ?? textIn(member, 'id') ?? textIn(heard, 'instanceId'),
    clusterId: textIn(own, 'clusterId'),
    zone: textIn(own, 'zone') ?? textIn(member, 'zone') ?? textIn(heard, 'zone') ?? '',
    member: textIn(own, 'memberRole') ?? textIn(member, 'role') ?? textIn(heard, 'memberRole'),
    state: textIn(own, 'role') ?? textIn(heard, 'state'),
    isAlive: own !== undefined,
    isReady: own?.['isReady'] === true,
    leader: textIn(own, 'leader'),
    epoch: numberIn(own, 'epoch') ?? numberIn(heard, 'epochNumber'),
    durable: numberIn(own, 'durable') ?? numberIn(heard, 'writerCheckpoint'),
    committed: numberIn(own, 'committed') ?? numberIn(heard, 'lastCommitPosition'),
    lag: null,
    diskSpace: textIn(objectOf(own?.['diskSpace']), 'level') ?? textIn(heard, 'diskSpace'),
    priority: numberIn(own, 'priority') ?? numberIn(heard, 'nodePriority'),
    version: textIn(own, 'version') ?? textIn(heard, 'esVersion'),
  };
}

function leaderOf(nodes: readonly NodeView[]): NodeView | undefined {
  return nodes
    .filter(({ isAlive, state }) => isAlive && state === 'leader')
    .reduce<NodeView | undefined>(
      (best, node) => (best === undefined || (node.epoch ?? 0) > (best.epoch ?? 0) ? node : best),
      undefined,
    );
}

function lagOf(node: NodeView, leading: NodeView | undefined): number | null {
  if (leading?.committed == null || node.durable === null) return null;
  return node === leading ? 0 : Math.max(0, leading.committed - node.durable);
}

/** What the cluster as a whole is. */
interface Whole {
  readonly leading: NodeView | undefined;
  readonly clusterId: string | null;
  readonly clusterSize: number | null;
}

function problemsOf(nodes: readonly NodeView[], whole: Whole, expected: readonly string[]): string[] {
  const { leading, clusterSize } = whole;
  const problems: string[] = [];
  if (leading === undefined) problems.push('no node leads');
  for (const node of nodes) {
    if (node.member === null && !expected.includes(node.name)) continue;
    const problem = problemOf(node, whole);
    if (problem !== undefined) problems.push(problem);
  }
  const voters = nodes.filter(({ member }) => member === 'voter').length;
  if (clusterSize !== null && voters !== clusterSize)
    problems.push(`there are ${voters} voters, and there should be ${clusterSize}`);
  return problems;
}

function problemOf(node: NodeView, { leading, clusterId }: Whole): string | undefined {
  const { name, isAlive, isReady, state, member, diskSpace } = node;
  if (!isAlive) return `${name} does not answer`;
  if (isForeign(node, clusterId)) return `${name} belongs to another cluster: ${node.clusterId}`;
  if (member === null) return `${name} is no member yet`;
  if (!SETTLED.has(state)) return `${name} is ${state ?? 'in no state that it tells'}`;
  if (!isReady) return `${name} is not ready`;
  if (diskSpace === 'short') return `${name} has no space on its disk for appends`;
  if (leading === undefined || name === leading.name) return undefined;
  if (state === 'leader') return `${name} believes to lead, in an epoch that is over`;
  return node.epoch === leading.epoch ? undefined : `${name} follows in epoch ${node.epoch}`;
}

/** The cluster that most of those who answer belong to; of several the one that is named first. */
function clusterIdOf(infos: readonly Fields[]): string | null {
  const ids = infos.map((info) => textIn(info, 'clusterId')).filter((id) => id !== null);
  const count = (id: string) => ids.filter((other) => other === id).length;
  return ids.reduce<string | null>(
    (best, id) => (best === null || count(id) > count(best) ? id : best),
    null,
  );
}

function isForeign({ clusterId: own }: Fields | NodeView, clusterId: string | null): boolean {
  return typeof own === 'string' && own !== clusterId;
}

/** The configuration of the highest version: a node that was away may tell of an old one. */
function newestConfiguration(infos: readonly Fields[]): Fields | undefined {
  return infos
    .map((info) => objectOf(info['configuration']))
    .filter((configuration) => configuration !== undefined)
    .reduce<Fields | undefined>(
      (newest, next) => (versionOf(next) > versionOf(newest) ? next : newest),
      undefined,
    );
}

function versionOf(configuration: Fields | undefined): number {
  return numberIn(configuration, 'version') ?? -1;
}

function membersIn(configuration: Fields | undefined): Fields[] {
  return objectsIn(configuration?.['members']).filter((member) => typeof member['name'] === 'string');
}

/** Of what several nodes have heard of one, that which tells of the longest log. */
function latest(entries: readonly Fields[]): Fields | undefined {
  const progress = (entry: Fields) => numberIn(entry, 'writerCheckpoint') ?? 0;
  return entries.reduce<Fields | undefined>(
    (best, entry) => (best === undefined || progress(entry) > progress(best) ? entry : best),
    undefined,
  );
}

/** `127.0.0.1:2113` before `127.0.0.1:10000`. */
function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function objectsIn(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(objectOf).filter((object) => object !== undefined) : [];
}

function objectOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
}

function textIn(fields: Fields | undefined, name: string): string | null {
  const value = fields?.[name];
  return typeof value === 'string' ? value : null;
}

function numberIn(fields: Fields | undefined, name: string): number | null {
  const value = fields?.[name];
  return typeof value === 'number' ? value : null;
}
