import { describe, expect, it } from 'vitest';
import { timeLine } from '../../src/plot/time-line.js';
import { zoneMap } from '../../src/plot/zone-map.js';

describe('a map of zones', () => {
  const svg = zoneMap({
    title: 'Round trips',
    description: 'Three zones',
    places: [
      { name: 'a & b', notes: ['n1 (leads)', 'client'], colour: 0 },
      { name: 'c', notes: [] },
      { name: 'd', notes: ['n2'] },
    ],
    links: [
      { from: 'a & b', to: 'c', label: '1.5 ms', colour: 0 },
      { from: 'c', to: 'd', label: '20 ms' },
      { from: 'c', to: 'c', label: 'within' },
      { from: 'c', to: 'nowhere', label: 'lost' },
    ],
  });

  it('has each place with what is in it, and each link between two of them with its figure', () => {
    expect(svg.match(/<circle /g)).toHaveLength(3);
    for (const text of ['a &amp; b', 'n1 (leads)', 'client', 'n2', '1.5 ms', '20 ms'])
      expect(svg).toContain(`>${text}<`);
    expect(svg.match(/<path /g)).toHaveLength(2);
    expect(svg).not.toContain('nowhere');
    expect(svg).not.toContain('within');
  });

  it('says what it shows to those who can not see it', () => {
    expect(svg).toMatch(/^<svg [^>]*role="img" aria-label="Three zones"/);
    expect(svg).toContain('<title>Round trips</title>');
    expect(svg).not.toContain('NaN');
  });
});

describe('a time line', () => {
  const svg = timeLine({
    title: 'Who waits for whom',
    x: { label: 'time', unit: 'milliseconds', scale: 'linear' },
    lanes: ['client', 'leader'],
    spans: [{ lane: 'leader', from: 1, to: 4, label: 'disk' }],
    arrows: [
      { fromLane: 'client', toLane: 'leader', from: 0, to: 1, label: 'append' },
      { fromLane: 'leader', toLane: 'client', from: 4, to: 5, label: 'appended' },
    ],
  });
  const numbers = (pattern: RegExp) => pattern.exec(svg)!.slice(1).map(Number);

  it('has a bar where something lasted, as long as it did', () => {
    const [start, width] = numbers(/class="bar" x="([\d.]+)"[^>]* width="([\d.]+)"/);
    expect(svg).toContain('disk: 3 ms');
    // An arrow of a millisecond ends where the bar begins, and the bar is three times as long.
    const [arrowStart, arrowEnd] = numbers(/class="curve" d="M([\d.]+) [\d.]+L([\d.]+) /);
    expect(arrowEnd).toBeCloseTo(start!, 1);
    expect(width! / (arrowEnd! - arrowStart!)).toBeCloseTo(3, 1);
  });

  it('has an arrow for each thing that went from lane to lane, and says what it was', () => {
    expect(svg.match(/class="curve"/g)).toHaveLength(2);
    expect(svg).toContain('append, client to leader: 1 ms');
    expect(svg).toContain('appended, leader to client: 1 ms');
    expect(svg).not.toContain('NaN');
  });
});
