import { describe, expect, it } from 'vitest';
import { scaleOf } from '../../src/plot/axis.js';
import { barPlot, histogram } from '../../src/plot/bar-plot.js';
import { apart, linePlot } from '../../src/plot/line-plot.js';
import { element } from '../../src/plot/markup.js';
import { formatQuantity } from '../../src/plot/quantity.js';

const rate = { label: 'events a second', unit: 'count', scale: 'log' } as const;
const inFlight = { label: 'requests in flight', unit: 'plain', scale: 'log' } as const;

describe('a quantity', () => {
  it.each([
    [0, 'count', '0'],
    [999, 'count', '999'],
    [1234, 'count', '1.23 k'],
    [2_000_000, 'count', '2 M'],
    [85.25, 'microseconds', '85.3 µs'],
    [1500, 'microseconds', '1.5 ms'],
    [0.25, 'milliseconds', '250 µs'],
    [65_536, 'bytes', '64 KiB'],
    [1.756, 'ratio', '1.76 ×'],
    [99.9, 'percent', '99.9 %'],
    [4096, 'plain', '4096'],
    [Number.NaN, 'count', '–'],
  ] as const)('%d in %s is written %s', (value, unit, text) => {
    expect(formatQuantity(value, unit)).toBe(text);
  });
});

describe('an axis', () => {
  it('begins at 0 if it is linear and nothing else is asked for', () => {
    const axis = scaleOf({ label: '', unit: 'plain', scale: 'linear' }, [3, 97], [0, 100]);
    expect(axis.ticks.map(({ text }) => text)).toEqual(['0', '20', '40', '60', '80', '100']);
    expect(axis.pixel(50)).toBe(50);
  });

  it('has ticks at powers of ten if it is logarithmic, and shows no zero', () => {
    const axis = scaleOf(rate, [10, 0, 100_000], [0, 100]);
    expect(axis.ticks.map(({ at }) => Math.round(at))).toEqual([10, 100, 1000, 10_000, 100_000]);
    expect(axis.shows(0)).toBe(false);
  });

  it('has ticks at powers of two for bytes', () => {
    const axis = scaleOf({ label: '', unit: 'bytes', scale: 'log' }, [4096, 65_536], [0, 100]);
    expect(axis.ticks.map(({ text }) => text)).toEqual(['4 KiB', '8 KiB', '16 KiB', '32 KiB', '64 KiB']);
  });

  it('takes the ticks that it is given, those within it', () => {
    const ticks = [{ at: 1, text: 'one' }, { at: 16 }, { at: 9999 }];
    expect(scaleOf({ ...inFlight, ticks }, [1, 256], [0, 100]).ticks).toEqual([
      { at: 1, text: 'one' },
      { at: 16, text: '16' },
    ]);
  });

  it('is usable without any value, and with one', () => {
    expect(scaleOf(rate, [], [0, 100]).ticks.length).toBeGreaterThan(0);
    expect(scaleOf(rate, [5], [0, 100]).pixel(5)).toBeCloseTo(50);
    expect(scaleOf({ ...rate, scale: 'linear' }, [], [0, 100]).pixel(0)).toBe(0);
  });
});

describe('a line plot', () => {
  const points = [
    { x: 1, y: 9000, low: 8000, high: 10_000 },
    { x: 16, y: 90_000, low: 80_000, high: 99_000 },
    { x: 256, y: 600_000, low: 500_000, high: 700_000 },
  ];
  const svg = linePlot({
    title: 'Throughput <by> load',
    x: inFlight,
    y: rate,
    series: [
      { name: 'one node', points },
      { name: 'three nodes', points: points.map(({ x, y }) => ({ x, y: y / 3 })), as: 'dashed' },
    ],
    rules: [{ axis: 'y', at: 250_000, label: 'floor' }],
  });

  it('has a title that is escaped, a name to be read aloud, and a name for each line', () => {
    expect(svg).toContain('<title>Throughput &lt;by&gt; load</title>');
    expect(svg).toContain('role="img" aria-label="Throughput &lt;by&gt; load"');
    expect(svg).toContain('>one node</text>');
    expect(svg).toContain('>three nodes</text>');
    expect(svg).toContain('>floor</text>');
  });

  it('draws a line for each series, a mark for each point, and a band where points have a spread', () => {
    expect(svg.match(/class="curve/g)).toHaveLength(2);
    expect(svg.match(/class="mark"/g)).toHaveLength(3);
    expect(svg.match(/class="band"/g)).toHaveLength(1);
    expect(svg).toContain('one node: 16, 90 k');
  });

  it('leaves out what a logarithmic axis can’t show, and never writes NaN', () => {
    const bad = [
      { x: 0, y: 5 },
      { x: 1, y: 0 },
      { x: 2, y: Number.NaN },
      { x: 4, y: 7, low: 0, high: 8 },
    ];
    const plot = linePlot({
      title: 't',
      x: inFlight,
      y: rate,
      series: [{ name: 'a', points: bad, as: 'marks' }],
    });
    expect(plot.match(/class="mark"/g)).toHaveLength(1);
    expect(plot).not.toMatch(/NaN|Infinity|undefined/);
    expect(linePlot({ title: 't', x: inFlight, y: rate, series: [] })).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('moves labels apart that would cover each other, and keeps them in the plot', () => {
    expect(apart([10, 11, 50], 0, 100)).toEqual([10, 24, 50]);
    expect(apart([98, 99, 100], 0, 100)).toEqual([72, 86, 100]);
  });
});

describe('bars', () => {
  it('have their names, their values and their spread', () => {
    const svg = barPlot({
      title: 'Bars',
      x: { label: 'time', unit: 'microseconds', scale: 'linear' },
      bars: [
        { name: 'fdatasync', value: 90, low: 80, high: 130 },
        { name: 'none', value: 40, note: '40 µs, not durable' },
      ],
    });
    expect(svg.match(/class="bar"/g)).toHaveLength(2);
    expect(svg).toContain('<title>fdatasync: 90 µs</title>');
    expect(svg).toContain('>40 µs, not durable</text>');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('of a histogram stand where their bins are; several distributions are outlines', () => {
    const bins = [
      { from: 0, to: 1, count: 4 },
      { from: 1, to: 2, count: 0 },
      { from: 2, to: 4, count: 9 },
    ];
    const x = { label: 'records', unit: 'plain', scale: 'linear' } as const;
    const one = histogram({ title: 'h', x, y: { ...x, label: 'batches' }, sets: [{ name: 'a', bins }] });
    expect(one.match(/class="bar"/g)).toHaveLength(2);
    expect(one).toContain('2 to 4: 9');
    const two = histogram({
      title: 'h',
      x: { ...x, scale: 'log' },
      y: x,
      sets: [
        { name: 'a', bins },
        { name: 'b', bins },
      ],
    });
    expect(two.match(/class="curve"/g)).toHaveLength(2);
    expect(two).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('markup', () => {
  it('escapes attributes and leaves out what is undefined', () => {
    expect(element('a', { title: '"<&>"', x: 1.005, gone: undefined })).toBe(
      '<a title="&quot;&lt;&amp;&gt;&quot;" x="1"/>',
    );
  });
});
