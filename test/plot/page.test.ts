import { describe, expect, it } from 'vitest';
import { histogram } from '../../src/plot/bar-plot.js';
import { linePlot } from '../../src/plot/line-plot.js';
import { page, standaloneSvg } from '../../src/plot/page.js';
import { chromium, openedInChromium } from './chromium.js';

const axis = { label: 'x', unit: 'plain', scale: 'linear' } as const;
const svg = linePlot({
  title: 'A line',
  x: axis,
  y: axis,
  series: [
    {
      name: 'a',
      points: [
        { x: 1, y: 1 },
        { x: 2, y: 4 },
      ],
    },
  ],
});
const bars = histogram({
  title: 'Bars',
  x: axis,
  y: axis,
  sets: [{ name: 'a', bins: [{ from: 0, to: 1, count: 3 }] }],
});
const html = page({
  title: 'A & B',
  text: ['What was <measured>.'],
  sections: [
    {
      title: 'First',
      text: ['Words.'],
      plots: [svg, bars],
      table: {
        columns: [{ name: 'what' }, { name: 'value', align: 'right' }],
        rows: [
          ['a', { text: 'PASS', tone: 'good' }],
          ['b', ''],
        ],
      },
    },
  ],
  footer: 'made by a test',
});

describe('a page', () => {
  it('has its title, text, plots and tables, and escapes all text', () => {
    expect(html).toContain('<title>A &amp; B</title>');
    expect(html).toContain('<p>What was &lt;measured&gt;.</p>');
    expect(html).toContain('<td class="number good">PASS</td>');
    expect(html).toContain('<td class="number"></td>');
    expect(html.match(/<svg /g)).toHaveLength(2);
  });

  it('asks for nothing from a network and runs no script', () => {
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|@import|url\(/);
  });

  it.skipIf(chromium === undefined)(
    'shows its plots in a browser (skipped where Chromium is not installed)',
    () => {
      const { dom, complaints } = openedInChromium(html);
      expect(complaints).toBe('');
      expect(dom.match(/<figure><svg /g)).toHaveLength(2);
      expect(dom.match(/class="mark"/g)).toHaveLength(2);
      expect(dom).toContain('<footer>made by a test</footer>');
    },
  );
});

describe('a plot as a file of its own', () => {
  it('has its stylesheet in it', () => {
    expect(standaloneSvg(svg)).toMatch(/^<svg [^>]*><style>/);
  });
});
