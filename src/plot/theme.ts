/**
 * How plots and pages look: one stylesheet for light and dark. Pure. The colours are chosen to be told apart with any kind of colour
 * vision and to be legible as text on either ground (contrast 4.5 and more); series differ by their marks as well.
 */

/** How many series colours there are: `s0` to `s5`. A seventh series takes the first again. */
export const COLOURS = 6;

/** The style of a text that stands on lines and is legible all the same. */
export const HALO = 'paint-order: stroke; stroke: var(--panel); stroke-width: 5px; stroke-linejoin: round';

const LIGHT = `
    --ground: #ffffff; --panel: #f6f7f9; --text: #1c2127; --faint: #5c6670; --line: #8b949e; --grid: #e4e7eb;
    --c0: #0b66a8; --c1: #b84a00; --c2: #00734f; --c3: #9b3f78; --c4: #525d68; --c5: #7d6200;
    --good: #00734f; --bad: #b3261e;`;
const DARK = `
    --ground: #14181d; --panel: #1c2229; --text: #e6e9ed; --faint: #a3adb8; --line: #6f7a86; --grid: #2c333b;
    --c0: #63b9f2; --c1: #ff9d5c; --c2: #3fcf9f; --c3: #eaa0cb; --c4: #b4bec8; --c5: #e3c45c;
    --good: #3fcf9f; --bad: #ff8a80;`;

const series = Array.from(
  { length: COLOURS },
  (_, index) => `
  .plot .s${index} { --series: var(--c${index}); }`,
).join('');

/** What an SVG of ours needs to be seen as meant. */
export const PLOT_STYLE = `
  :root { color-scheme: light dark;${LIGHT}
  }
  @media (prefers-color-scheme: dark) { :root {${DARK}
  } }
  .plot { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--text); }
  .plot text { fill: var(--text); }
  .plot .heading { font-size: 14px; font-weight: 600; }
  .plot .tick, .plot .note { fill: var(--faint); font-size: 11px; font-variant-numeric: tabular-nums; }
  .plot .axis-label { fill: var(--faint); }
  .plot .grid { stroke: var(--grid); stroke-width: 1; fill: none; }
  .plot .axis { stroke: var(--line); stroke-width: 1; fill: none; }
  .plot .rule { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 2 4; fill: none; }
  .plot .curve { stroke: var(--series); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; fill: none; }
  .plot .dashed { stroke-dasharray: 6 5; }
  .plot .band { fill: var(--series); opacity: 0.16; }
  .plot .whisker { stroke: var(--series); stroke-width: 1.2; fill: none; }
  .plot .mark { fill: var(--series); stroke: var(--ground); stroke-width: 1; }
  .plot .bar { fill: var(--series); }
  .plot .label { fill: var(--series); font-weight: 600; }
  .plot .quiet { opacity: 0.55; }${series}
`;

/** What a page needs besides. */
export const PAGE_STYLE = `
  body { margin: 0; background: var(--ground); color: var(--text);
    font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
  main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 64px; }
  h1 { font-size: 26px; line-height: 1.2; margin: 0 0 8px; }
  h2 { font-size: 19px; margin: 44px 0 6px; }
  p { max-width: 78ch; margin: 6px 0; }
  nav { margin: 14px 0; font-size: 14px; }
  nav a { color: var(--c0); margin-right: 16px; }
  .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 520px), 1fr)); gap: 18px; margin: 14px 0; }
  figure { margin: 0; padding: 12px; background: var(--panel); border-radius: 8px; }
  figure svg { display: block; width: 100%; height: auto; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; font-size: 13px; margin: 12px 0; font-variant-numeric: tabular-nums; }
  th, td { padding: 4px 12px 4px 0; text-align: left; border-bottom: 1px solid var(--grid); vertical-align: top; }
  th { color: var(--faint); font-weight: 600; }
  .number { text-align: right; }
  .good { color: var(--good); font-weight: 600; }
  .bad { color: var(--bad); font-weight: 600; }
  .muted, footer { color: var(--faint); }
  footer { margin-top: 48px; font-size: 13px; }
  @media print { main { max-width: none; } figure { break-inside: avoid; } }
`;
