/** The node's HTTP about scavenging, against a scripted node. */
import { expect, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { nameOf, show } from './scripted-node.js';

async function ask(url: string, method: 'GET' | 'POST'): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method });
  return { status: response.status, body: await response.json() };
}

test('a start writes a point of that pace, half of the time if none is said, and tells where it stands', async () => {
  const { node, url } = await show();
  expect(await ask(`${url}/admin/scavenge/start?throttlePercent=7`, 'POST')).toEqual({
    status: 200,
    body: { position: 4_096, throttlePercent: 7 },
  });
  expect((await ask(`${url}/admin/scavenge/start`, 'POST')).body).toEqual({
    position: 4_096,
    throttlePercent: 50,
  });
  expect(node.asked).toEqual([{ startScavenge: 7 }, { startScavenge: 50 }]);
});

test.each(['0', '101', '', 'x', '-5', '5.5', '1e1'])('a pace of %j is refused', async (text) => {
  const { node, url } = await show();
  const { status, body } = await ask(`${url}/admin/scavenge/start?throttlePercent=${text}`, 'POST');
  expect([status, (body as { code: string }).code]).toEqual([400, 'invalid-request']);
  expect(node.asked).toEqual([]);
});

test('a stop is written, too', async () => {
  const { node, url } = await show();
  expect(await ask(`${url}/admin/scavenge/stop`, 'POST')).toEqual({ status: 200, body: { position: 8_192 } });
  expect(node.asked).toEqual(['stopScavenge']);
});

test.each(['no-leader', 'disk-full', 'too-many-requests'] as const)(
  'what an append was refused for is told: %s, for now',
  async (code) => {
    const { node, url } = await show();
    node.refusal = new CairnError(code, 'not now');
    expect(await ask(`${url}/admin/scavenge/start`, 'POST')).toMatchObject({ status: 503, body: { code } });
  },
);

test('the status is how far this node is; looking at it changes nothing', async () => {
  const { node, url } = await show();
  expect(await ask(`${url}/admin/scavenge`, 'GET')).toEqual({
    status: 200,
    body: { name: nameOf(1), ...node.current.scavenge },
  });
  expect((await ask(`${url}/admin/scavenge/start`, 'GET')).status).toBe(405);
});
