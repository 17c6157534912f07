import { describe, expect, test } from 'vitest';
import { roundTripMs } from '../../../bench/zones/link-shape.js';
import { PRESET_NAMES, presetTopology } from '../../../bench/zones/presets.js';
import { linkOf, placed } from '../../../bench/zones/topology.js';
import { parseTopology, topologyAsYaml } from '../../../bench/zones/topology-file.js';

const TWO = `
name: two zones
links:
  - { between: [a, b], rttMs: 2, bandwidthMbps: 100 }
  - { from: b, to: a, delayMs: 3, jitterMs: 0.5, loss: 0.01 }
within: { delayMs: 0.1 }
nodes:
  - { name: a1, zone: a, diskMs: 0.5, diskP99Ms: 2 }
  - { name: b1, zone: b, priority: 5, diskMs: 1, processingMs: 0.2 }
  - { name: b2, zone: b, kind: clone }
`;

describe('a topology file', () => {
  test('says zones, links in both directions or in one, and nodes', () => {
    const topology = parseTopology(TWO, 'two.yaml');
    expect(topology.zones).toEqual(['a', 'b']);
    expect(linkOf(topology, 'a', 'b')).toEqual({ delayMs: 1, jitterMs: 0, loss: 0, bandwidthMbps: 100 });
    expect(linkOf(topology, 'b', 'a')).toEqual({ delayMs: 3, jitterMs: 0.5, loss: 0.01, bandwidthMbps: 0 });
    expect(linkOf(topology, 'b', 'b').delayMs).toBe(0.1);
    expect(topology.nodes.map(({ kind, diskMs }) => [kind, diskMs])).toEqual([
      ['voter', { p50: 0.5, p99: 2 }],
      ['voter', { p50: 1, p99: 1 }],
      ['clone', { p50: 0, p99: 0 }],
    ]);
  });

  test('has the voter of the highest priority lead, and the client beside it, unless it says otherwise', () => {
    expect(parseTopology(TWO, 'two.yaml')).toMatchObject({ leader: 'b1', client: 'b' });
    expect(parseTopology(`${TWO}\nleader: a1\nclient: b`, 'two.yaml')).toMatchObject({
      leader: 'a1',
      client: 'b',
    });
  });

  test('takes a median round trip with jitter, and finds the delay that gives it', () => {
    const text = TWO.replace('rttMs: 2,', 'rttMs: 2, jitterMs: 0.1,');
    expect(roundTripMs(linkOf(parseTopology(text, 'two.yaml'), 'a', 'b'))).toBeCloseTo(2, 9);
  });

  test('says all that is wrong with it at once', () => {
    const text = `
links: [{ between: [a, c], rttMs: 1, delayMs: 1 }, { rtt: 5 }]
nodes: [{ name: a1, zone: a, kind: observer }, { name: a1, zone: b, diskMs: fast }]
zones: [a, b]
leader: nobody
`;
    expect(() => parseTopology(text, 'bad.yaml')).toThrow(/bad\.yaml: /);
    for (const part of [
      'c is not among zones',
      'rttMs and delayMs',
      'no field rtt',
      'needs between',
      'kind is voter or clone',
      'diskMs takes a number',
      'two nodes have one name',
      'leader nobody',
      'says nothing about a → b',
    ])
      expect(() => parseTopology(text, 'bad.yaml')).toThrow(part);
  });

  test.each(['', '[]', '{', 'nodes: 3'])('that is no topology is refused: %j', (text) => {
    expect(() => parseTopology(text, 'bad.yaml')).toThrow(
      expect.objectContaining({ code: 'invalid-configuration' }),
    );
  });
});

describe('presets', () => {
  test.each(PRESET_NAMES)(
    '%s says where its figures are from, and comes back from its file as it was',
    (name) => {
      const preset = presetTopology(name);
      expect(preset.source.length).toBeGreaterThan(80);
      const again = parseTopology(topologyAsYaml(preset), name);
      expect(again).toMatchObject({ name, zones: preset.zones, nodes: preset.nodes, leader: preset.leader });
      for (const [key, { delayMs }] of preset.links)
        expect(again.links.get(key)?.delayMs).toBeCloseTo(delayMs, 5);
    },
  );

  test('an unknown one is refused by name', () => {
    expect(() => presetTopology('mars')).toThrow('there is no preset mars');
  });
});

describe('placing', () => {
  const topology = parseTopology(TWO, 'two.yaml');

  test('with another leader the client goes along, unless it is told where to be', () => {
    expect(placed(topology, { leader: 'a1' })).toMatchObject({ leader: 'a1', client: 'a' });
    expect(placed(topology, { leader: 'a1', client: 'b' })).toMatchObject({ leader: 'a1', client: 'b' });
  });

  test('a clone does not lead, and nobody who is not there does', () => {
    expect(() => placed(topology, { leader: 'b2' })).toThrow('b2 is a clone');
    expect(() => placed(topology, { leader: 'c1' })).toThrow('there is no node c1');
    expect(() => placed(topology, { client: 'c' })).toThrow('there is no zone c');
  });
});
