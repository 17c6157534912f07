/**
 * One HTML file that holds everything it needs: sections of text, tables and plots, one stylesheet, no script, nothing from a network. Pure.
 */
import { element, escapeText } from './markup.js';
import { PAGE_STYLE, PLOT_STYLE } from './theme.js';

/** A cell: text, or text that is good, bad or of less weight. */
export type Cell = string | { readonly text: string; readonly tone: 'good' | 'bad' | 'muted' };

export interface Table {
  readonly columns: readonly { readonly name: string; readonly align?: 'left' | 'right' }[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Section {
  readonly title: string;
  /** Paragraphs. */
  readonly text?: readonly string[];
  readonly table?: Table;
  /** `<svg>` elements as the plots of this folder give them. */
  readonly plots?: readonly string[];
}

export interface Page {
  readonly title: string;
  /** Paragraphs under the title: what was measured, where, when, and what it is worth. */
  readonly text: readonly string[];
  readonly sections: readonly Section[];
  /** At the end: the command that made the page. */
  readonly footer?: string;
}

/** The whole file. */
export function page({ title, text, sections, footer }: Page): string {
  const links = sections.map((section, index) =>
    element('a', { href: `#s${index}` }, escapeText(section.title)),
  );
  const body = [
    element('h1', {}, escapeText(title)),
    ...paragraphs(text),
    sections.length > 2 ? element('nav', {}, links) : '',
    ...sections.map((section, index) => sectionOf(section, `s${index}`)),
    footer === undefined ? '' : element('footer', {}, escapeText(footer)),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeText(title)}</title>
<style>${PLOT_STYLE}${PAGE_STYLE}</style>
</head>
<body>
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}

/** A plot as a file of its own, with the stylesheet in it. */
export function standaloneSvg(svg: string): string {
  return svg.replace('>', `><style>${PLOT_STYLE}</style>`);
}

function sectionOf({ title, text = [], table, plots = [] }: Section, id: string): string {
  const parts = [
    element('h2', { id }, escapeText(title)),
    ...paragraphs(text),
    plots.length === 0
      ? ''
      : element(
          'div',
          { class: 'figures' },
          plots.map((svg) => element('figure', {}, svg)),
        ),
    table === undefined ? '' : tableOf(table),
  ];
  return element('section', {}, parts.filter((part) => part !== '').join('\n'));
}

function paragraphs(text: readonly string[]): string[] {
  return text.map((paragraph) => element('p', {}, escapeText(paragraph)));
}

function tableOf({ columns, rows }: Table): string {
  const classOf = (index: number) => (columns[index]?.align === 'right' ? 'number' : '');
  const head = columns.map(({ name }, index) => cell('th', name, classOf(index)));
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      row.map((each, index) =>
        typeof each === 'string'
          ? cell('td', each, classOf(index))
          : cell('td', each.text, `${classOf(index)} ${each.tone}`.trim()),
      ),
    ),
  );
  const parts = [element('thead', {}, element('tr', {}, head)), element('tbody', {}, body)];
  return element('div', { class: 'scroll' }, element('table', {}, parts));
}

/** Never closed at once: HTML knows no empty `<td/>`. */
function cell(name: 'th' | 'td', text: string, className: string): string {
  const attribute = className === '' ? '' : ` class="${className}"`;
  return `<${name}${attribute}>${escapeText(text)}</${name}>`;
}
