import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeGossip } from '../../src/net/gossip-message.js';
import { SERIES } from '../../src/net/metric-series.js';
import { show } from './scripted-node.js';

const text = readFileSync(new URL('../../docs/http.md', import.meta.url), 'utf8');

describe('docs/http.md', () => {
  it('names every metric', async () => {
    const { url } = await show();
    const scraped = await (await fetch(`${url}/metrics`)).text();
    const names = [...scraped.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(SERIES.length);
    // `…_sum`, `_count`, `_bucket` share a row.
    const isNamed = (name: string) =>
      text.includes(`\`${name}\``) || text.includes(`\`${name.replace(/_(count|bucket)$/, '_sum')}\``);
    expect(names.filter((name) => !isNamed(name))).toEqual([]);
  });

  it('shows fields of /gossip that there are', async () => {
    const { url } = await show();
    const real = (await (await fetch(`${url}/gossip`)).json()) as { members: object[] };
    const shown = JSON.parse(jsonUnder('## Who is in the cluster: GET /gossip')) as typeof real;
    expect(Object.keys(real)).toEqual(Object.keys(shown));
    expect(Object.keys(real.members[0]!)).toEqual(expect.arrayContaining(Object.keys(shown.members[0]!)));
  });

  it('shows gossip that a node would take', () => {
    const shown = jsonUnder('## Between nodes: POST /gossip');
    expect(decodeGossip(shown)).toEqual(JSON.parse(shown));
  });
});

function jsonUnder(heading: string): string {
  return /```json\n([^`]*)```/.exec(text.slice(text.indexOf(heading)))![1]!;
}
