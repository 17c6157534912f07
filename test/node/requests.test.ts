import { describe, expect, test } from 'vitest';
import type { Configuration } from '../../src/cluster/configuration.js';
import type { Input, Refusal } from '../../src/cluster/effects.js';
import { Requests } from '../../src/node/requests.js';

const CONFIGURATION: Configuration = { version: 7, clusterSize: 3, members: [] };
const REMOVE = { kind: 'remove', id: 'c' } as const;

function rig(): { requests: Requests; asked: Input[] } {
  const asked: Input[] = [];
  return { requests: new Requests((input) => asked.push(input)), asked };
}

const REFUSALS: readonly (readonly [Refusal, string, object])[] = [
  ['not-leader', 'not-leader', {}],
  ['no-leader', 'no-leader', {}],
  ...(
    ['change-in-progress', 'invalid-change', 'not-caught-up', 'quorum-needed', 'no-successor'] as const
  ).map((reason) => [reason, 'change-refused', { reason }] as const),
];

describe('a change of the membership', () => {
  test('is over when it is committed, whichever was asked for first', async () => {
    const { requests, asked } = rig();
    const [first, second] = [requests.change(REMOVE), requests.change(REMOVE)];
    const [one, two] = asked as Extract<Input, { kind: 'change' }>[];
    expect(asked).toMatchObject([{ kind: 'change', change: REMOVE }, { kind: 'change' }]);
    expect(one!.request).not.toBe(two!.request);
    requests.answered({ kind: 'changed', request: two!.request, configuration: CONFIGURATION });
    expect(await second).toBe(CONFIGURATION);
    requests.answered({ kind: 'changeRefused', request: one!.request, refusal: 'change-in-progress' });
    await expect(first).rejects.toMatchObject({ code: 'change-refused' });
  });

  test.each(REFUSALS)('that is refused (%s) fails with %s', async (...row) => {
    const [refusal, code, details] = row;
    const { requests, asked } = rig();
    const change = requests.change(REMOVE);
    const { request } = asked[0] as Extract<Input, { kind: 'change' }>;
    requests.answered({ kind: 'changeRefused', request, refusal });
    await expect(change).rejects.toMatchObject({ code, details });
  });

  test('that nobody has asked for is nobody’s', () => {
    const { requests } = rig();
    requests.answered({ kind: 'changed', request: 5, configuration: CONFIGURATION });
    requests.answered({ kind: 'changeRefused', request: 6, refusal: 'not-leader' });
  });
});

describe('a resignation', () => {
  test('is over for all who asked when this node leads no more', async () => {
    const { requests, asked } = rig();
    const all = [requests.resign(), requests.resign('b')];
    expect(asked).toEqual([{ kind: 'resign' }, { kind: 'resign', target: 'b' }]);
    requests.leadsNoMore();
    await Promise.all(all);
  });

  test('that is refused fails, and the next one is a new one', async () => {
    const { requests } = rig();
    const refused = requests.resign();
    requests.answered({ kind: 'resignRefused', refusal: 'no-successor' });
    await expect(refused).rejects.toMatchObject({
      code: 'change-refused',
      details: { reason: 'no-successor' },
    });
    const next = requests.resign();
    requests.leadsNoMore();
    await next;
  });
});

test('a priority is told to the core', () => {
  const { requests, asked } = rig();
  requests.setPriority(-3);
  expect(asked).toEqual([{ kind: 'priority', priority: -3 }]);
});
