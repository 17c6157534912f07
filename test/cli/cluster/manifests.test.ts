/** The files for systemd, Docker Compose and Kubernetes: that they parse, say what a node understands, and fit together. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { manifestsFor } from '../../../src/cli/cluster/manifests/manifests-command.js';
import type { NodeOptions } from '../../../src/config/options.js';
import { resolveOptions } from '../../../src/config/resolve.js';

const FOLDER = new URL('../../../docs/deploy/', import.meta.url);
const NODES = [1, 3, 5];

type Tree = { readonly [key: string]: Tree } & readonly Tree[];

function fileOf(name: string, nodes: number): string {
  return manifestsFor(nodes).get(name)!;
}

/** The options that a node takes from these sources. */
function resolved(sources: { environment?: Record<string, string>; yaml?: string }): NodeOptions {
  const resolution = resolveOptions({
    argv: sources.yaml === undefined ? [] : ['--config', '/etc/cairn/cairn.yaml'],
    environment: sources.environment ?? {},
    workingFolder: '/',
    readFile: () => sources.yaml ?? '',
  });
  if (resolution.kind !== 'ok') throw new Error(JSON.stringify(resolution));
  return resolution.options;
}

describe('docs/deploy', () => {
  it('holds what `cairn cluster manifests --out docs/deploy` writes', () => {
    const written = manifestsFor(3);
    expect(readdirSync(FOLDER).sort()).toEqual([...written.keys()].sort());
    for (const [name, text] of written) expect(readFileSync(new URL(name, FOLDER), 'utf8')).toBe(text);
  });
});

describe.each(NODES)('for %d nodes', (nodes) => {
  it('cairn.yaml holds options that a node understands, in what is set and in what is not', () => {
    const text = fileOf('cairn.yaml', nodes);
    const { clusterSize, gossipSeed, db } = resolved({ yaml: text });
    expect({ clusterSize, seeds: gossipSeed.length, db }).toEqual({
      clusterSize: nodes,
      seeds: nodes,
      db: '/var/lib/cairn',
    });
    // DiscoverViaDns alone can't be said without a name to ask for.
    const all = text.replace(/^#DiscoverViaDns.*\n/m, '').replace(/^#(?=\w+: \S)/gm, '');
    expect(all.match(/^\w+:/gm)!.length).toBeGreaterThan(30);
    expect(resolved({ yaml: all })).toEqual(resolved({ yaml: text }));
  });

  it('compose.yaml holds nodes that know each other, each with its own port and volume', () => {
    const { services, volumes } = parse(fileOf('compose.yaml', nodes), { merge: true }) as {
      services: Record<string, Tree & { environment: Record<string, string> }>;
      volumes: object;
    };
    const names = Object.keys(services);
    expect(names).toHaveLength(nodes);
    expect(Object.keys(volumes)).toEqual(names);
    for (const [name, service] of Object.entries(services)) {
      const options = resolved({ environment: service.environment });
      expect(options.nodeHostAdvertiseAs).toBe(name);
      expect(options.gossipSeed).toEqual(names.map((other) => `${other}:2113`));
      expect(service['volumes']).toEqual([`${name}:${options.db}`]);
      expect(service['ports']).toEqual([
        `127.0.0.1:${options.advertiseNodePortToClientAs}:${options.nodePort}`,
      ]);
      expect(service['healthcheck']).toMatchObject({ test: ['CMD', 'node', '-e', expect.any(String)] });
      expect(service).toMatchObject({ image: 'cairndb', restart: 'on-failure', build: expect.any(Object) });
    }
    expect(new Set(Object.values(services).map(({ ports }) => String(ports))).size).toBe(nodes);
  });

  it('kubernetes.yaml holds objects whose names, labels and ports fit together', () => {
    const documents = parseAllDocuments(fileOf('kubernetes.yaml', nodes));
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    const objects = documents.map((document) => document.toJS() as Tree);
    for (const object of objects)
      expect(object).toMatchObject({
        apiVersion: expect.any(String),
        metadata: { name: expect.any(String) },
      });
    const kind = (wanted: string) => objects.filter((object) => String(object['kind']) === wanted);
    const [set] = kind('StatefulSet');
    const { spec } = set!;
    const pod = spec!['template']!;
    const labels = pod['metadata']!['labels'];
    expect(spec).toMatchObject({
      replicas: nodes,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
    });
    const headless = kind('Service').find(({ metadata }) => metadata!['name'] === spec!['serviceName']);
    expect(headless!['spec']).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: labels,
    });
    for (const service of kind('Service')) expect(service['spec']!['selector']).toEqual(labels);
    const [budget] = kind('PodDisruptionBudget');
    expect(budget!['spec']).toEqual({ maxUnavailable: 1, selector: { matchLabels: labels } });
    const [container] = pod['spec']!['containers']!;
    const port = container!['ports']![0]!;
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
      expect(container![probe]).toMatchObject({
        httpGet: { port: port['name'], path: expect.stringMatching(/^\/health/) },
      });
    const mount = container!['volumeMounts']![0]!;
    expect(spec!['volumeClaimTemplates']![0]!['metadata']!['name']).toBe(mount['name']);
    const options = resolved({ environment: podEnvironment(container!) });
    expect(options).toMatchObject({
      clusterSize: nodes,
      nodePort: port['containerPort'],
      clusterDns: 'cairn-peers.prod.svc',
      nodeHostAdvertiseAs: 'cairn-1.cairn-peers.prod.svc',
    });
    expect(options.db.startsWith(`${String(mount['mountPath'])}/`)).toBe(true);
  });
});

/** The variables of the container in pod cairn-1 of the namespace prod, as Kubernetes fills them in. */
function podEnvironment(container: Tree): Record<string, string> {
  const known: Record<string, string> = { POD_NAME: 'cairn-1', POD_NAMESPACE: 'prod' };
  const environment: Record<string, string> = {};
  for (const variable of container['env'] as unknown as { name: string; value?: string }[]) {
    if (variable.value === undefined) expect(Object.keys(known)).toContain(variable.name);
    else
      environment[variable.name] = variable.value.replace(/\$\((\w+)\)/g, (_, name: string) => known[name]!);
  }
  return environment;
}

describe('cairn.service', () => {
  const sections = new Map<string, Map<string, string>>();
  for (const line of fileOf('cairn.service', 3).split('\n')) {
    const section = /^\[(\w+)\]$/.exec(line);
    const setting = /^(\w+)=(.*)$/.exec(line);
    if (section !== null) sections.set(section[1]!, new Map());
    else if (setting !== null) [...sections.values()].at(-1)!.set(setting[1]!, setting[2]!);
    else expect(line).toMatch(/^(#.*)?$/);
  }

  it('has the sections and settings of a service', () => {
    expect([...sections.keys()]).toEqual(['Unit', 'Service', 'Install']);
    const service = sections.get('Service')!;
    for (const name of ['Type', 'ExecStart', 'User', 'Restart', 'TimeoutStopSec', 'LimitNOFILE'])
      expect(service.get(name)).toMatch(/\S/);
    expect(sections.get('Install')!.get('WantedBy')).toBe('multi-user.target');
    expect(`/${service.get('StateDirectory')}`).toBe(
      resolved({ yaml: fileOf('cairn.yaml', 3) }).db.replace('/var/lib', ''),
    );
  });

  it('starts a node again after what passes, and not after what a person must mend', () => {
    expect(sections.get('Service')!.get('RestartPreventExitStatus')).toBe('2 3 4 6');
  });
});
