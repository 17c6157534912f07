/**
 * A topology as YAML, and back. Pure: the text is an argument. All that is wrong with a file is said at once, with the place. See docs/zones.md.
 */
import { parse, stringify, YAMLParseError } from 'yaml';
import { CairnError } from '../../src/base/errors.js';
import { delayOfRoundTrip, type LinkShape, roundTripMs } from './link-shape.js';
import { linkKey, type NodeKind, type Topology, type TopologyNode } from './topology.js';

/** As many voters as a cluster may have, and as many clones. */
const NODES_MAX = 18;
const ZONES_MAX = 32;
/** Of all times: the longest that makes sense on Earth, and more. */
const MS_MAX = 60_000;
const KEYS = {
  file: ['name', 'source', 'zones', 'within', 'links', 'nodes', 'client', 'leader'],
  within: ['rttMs', 'delayMs', 'jitterMs', 'loss', 'bandwidthMbps'],
  link: ['between', 'from', 'to', 'rttMs', 'delayMs', 'jitterMs', 'loss', 'bandwidthMbps'],
  node: ['name', 'zone', 'kind', 'priority', 'diskMs', 'diskP99Ms', 'processingMs'],
} as const;

type Fields = Readonly<Record<string, unknown>>;

/** Throws `CairnError` code `invalid-configuration`. `path` is for messages. */
export function parseTopology(text: string, path: string): Topology {
  const reader = new TopologyReader();
  const topology = reader.read(parsed(text, path));
  if (reader.problems.length === 0) return topology;
  throw new CairnError('invalid-configuration', `${path}: ${reader.problems.join('; ')}`);
}

function parsed(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new CairnError('invalid-configuration', `${path} is not YAML: ${error.message}`, {}, error);
  }
}

class TopologyReader {
  readonly problems: string[] = [];
  #zones: readonly string[] = [];

  read(value: unknown): Topology {
    const file = this.#fields(value, 'the file', KEYS.file);
    const nodes = this.#list(file['nodes'], 'nodes').map((node, index) =>
      this.#node(node, `nodes[${index}]`),
    );
    this.#zones = this.#list(file['zones'] ?? [...new Set(nodes.map(({ zone }) => zone))], 'zones').map(
      String,
    );
    const { problems } = this;
    if (nodes.length > NODES_MAX) problems.push(`at most ${NODES_MAX} nodes, not ${nodes.length}`);
    if (this.#zones.length > ZONES_MAX)
      problems.push(`at most ${ZONES_MAX} zones, not ${this.#zones.length}`);
    for (const { name, zone } of nodes)
      if (!this.#zones.includes(zone))
        problems.push(`node ${name} is in zone ${zone}, which is not among zones`);
    if (new Set(nodes.map(({ name }) => name)).size < nodes.length) problems.push('two nodes have one name');
    const voters = nodes.filter(({ kind }) => kind === 'voter');
    if (voters.length === 0) problems.push('no node votes');
    const leader = this.#name(file['leader'], 'leader') ?? preferred(voters);
    if (!voters.some(({ name }) => name === leader))
      problems.push(`leader ${leader} is not a node that votes`);
    const client =
      this.#name(file['client'], 'client') ?? nodes.find(({ name }) => name === leader)?.zone ?? '';
    if (!this.#zones.includes(client)) problems.push(`client ${client} is not among zones`);
    const name = this.#name(file['name'], 'name') ?? 'unnamed';
    const source = this.#name(file['source'], 'source') ?? '';
    return { name, source, zones: this.#zones, links: this.#links(file), nodes, client, leader };
  }

  #links(file: Fields): ReadonlyMap<string, LinkShape> {
    const links = new Map<string, LinkShape>();
    const within = this.#shape(this.#fields(file['within'] ?? {}, 'within', KEYS.within), 'within');
    for (const zone of this.#zones) links.set(linkKey(zone, zone), within);
    this.#list(file['links'] ?? [], 'links').forEach((value, index) => {
      const where = `links[${index}]`;
      const fields = this.#fields(value, where, KEYS.link);
      const [from, to, isBoth] = this.#ends(fields, where);
      const shape = this.#shape(fields, where);
      links.set(linkKey(from, to), shape);
      if (isBoth) links.set(linkKey(to, from), shape);
    });
    for (const from of this.#zones)
      for (const to of this.#zones)
        if (!links.has(linkKey(from, to)))
          this.problems.push(`links says nothing about ${linkKey(from, to)}`);
    return links;
  }

  #ends(fields: Fields, where: string): readonly [string, string, boolean] {
    const { between, from, to } = fields;
    const isBoth = Array.isArray(between) && between.length === 2;
    if (!isBoth && (typeof from !== 'string' || typeof to !== 'string'))
      this.problems.push(`${where} needs between: [zone, zone], or from and to`);
    const ends = isBoth ? (between as unknown[]).map(String) : [String(from), String(to)];
    for (const zone of ends)
      if (!this.#zones.includes(zone)) this.problems.push(`${where}: ${zone} is not among zones`);
    return [ends[0]!, ends[1]!, isBoth];
  }

  #shape(fields: Fields, where: string): LinkShape {
    const jitterMs = this.#number(fields, 'jitterMs', where);
    const rttMs = this.#number(fields, 'rttMs', where);
    const delayMs = this.#number(fields, 'delayMs', where);
    if (fields['rttMs'] !== undefined && fields['delayMs'] !== undefined)
      this.problems.push(`${where} has rttMs and delayMs: keep one of them`);
    const loss = this.#number(fields, 'loss', where, 0.5);
    const bandwidthMbps = this.#number(fields, 'bandwidthMbps', where, 1e6);
    const oneWayMs = fields['rttMs'] === undefined ? delayMs : delayOfRoundTrip(rttMs, jitterMs);
    return { delayMs: oneWayMs, jitterMs, loss, bandwidthMbps };
  }

  #node(value: unknown, where: string): TopologyNode {
    const fields = this.#fields(value, where, KEYS.node);
    const name = this.#name(fields['name'], `${where}.name`) ?? '';
    const zone = this.#name(fields['zone'], `${where}.zone`) ?? '';
    if (name === '' || zone === '') this.problems.push(`${where} needs a name and a zone`);
    const kind = fields['kind'] ?? 'voter';
    if (kind !== 'voter' && kind !== 'clone') this.problems.push(`${where}.kind is voter or clone`);
    const priority = fields['priority'] ?? 0;
    if (!Number.isInteger(priority)) this.problems.push(`${where}.priority takes a whole number`);
    const p50 = this.#number(fields, 'diskMs', where);
    const p99 = fields['diskP99Ms'] === undefined ? p50 : this.#number(fields, 'diskP99Ms', where);
    const processingMs = this.#number(fields, 'processingMs', where);
    return {
      name,
      zone,
      kind: kind as NodeKind,
      priority: Number(priority),
      diskMs: { p50, p99 },
      processingMs,
    };
  }

  #fields(value: unknown, where: string, known: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.problems.push(`${where} must hold fields: ${known.join(', ')}`);
      return {};
    }
    for (const key of Object.keys(value))
      if (!known.includes(key)) this.problems.push(`${where} has no field ${key}, only ${known.join(', ')}`);
    return value as Fields;
  }

  #list(value: unknown, where: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.problems.push(`${where} must be a list`);
    return [];
  }

  #name(value: unknown, where: string): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string' || typeof value === 'number') return String(value).trim();
    this.problems.push(`${where} takes a single value`);
    return undefined;
  }

  /** 0 if it is not there. */
  #number(fields: Fields, key: string, where: string, max = MS_MAX): number {
    const value = fields[key] ?? 0;
    if (typeof value === 'number' && value >= 0 && value <= max) return value;
    this.problems.push(`${where}.${key} takes a number from 0 to ${max}`);
    return 0;
  }
}

/** The one with the highest priority; of several the first. */
function preferred(voters: readonly TopologyNode[]): string {
  return (
    voters.reduce<TopologyNode | undefined>(
      (best, node) => (best === undefined || node.priority > best.priority ? node : best),
      undefined,
    )?.name ?? ''
  );
}

/** As a file that {@link parseTopology} reads back. */
export function topologyAsYaml(topology: Topology): string {
  const { name, source, zones, nodes, client, leader, links } = topology;
  const pairs = [...links].map(([key, shape]) => {
    const [from, to] = key.split(' → ');
    return { from, to, ...yamlShape(shape) };
  });
  const yamlNodes = nodes.map(({ diskMs, ...node }) => ({
    ...node,
    diskMs: diskMs.p50,
    diskP99Ms: diskMs.p99,
  }));
  const heads = pairs
    .filter(({ from, to }) => `${from}` <= `${to}`)
    .map(
      (link) =>
        `# ${link.from} – ${link.to}: ${roundTripMs(links.get(linkKey(link.from!, link.to!))!).toFixed(2)} ms round trip`,
    );
  return `${heads.join('\n')}\n${stringify({ name, source, zones, client, leader, links: pairs, nodes: yamlNodes })}`;
}

function yamlShape({ delayMs, ...rest }: LinkShape): LinkShape {
  return { delayMs: Math.round(delayMs * 1e6) / 1e6, ...rest };
}
