/** The node's HTTP, against a scripted node: what each route answers, and what strangers get. */
import { connect } from 'node:net';
import { describe, expect, it, test } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { GOSSIP_BYTES_MAX } from '../../src/net/gossip-message.js';
import { configurationOf, idOf } from '../cluster/ids.js';
import { CLUSTER_ID, entryOf, messageOf, nameOf, show, statusOf } from './scripted-node.js';

async function get(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

async function post(
  url: string,
  body = '',
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, body: await response.json() };
}

describe('probes', () => {
  it('are told that the node lives', async () => {
    const { url } = await show();
    expect(await get(`${url}/health/live`)).toEqual({ status: 200, body: { status: 'live' } });
  });

  it('are told that the node is ready', async () => {
    const { url } = await show();
    expect(await get(`${url}/health/ready`)).toEqual({
      status: 200,
      body: { status: 'ready', state: 'Leader', diskSpace: 'ok' },
    });
  });

  it.each([
    ['fresh', undefined, 'no-cluster', 'Initializing'],
    ['looking', undefined, 'no-leader', 'Unknown'],
    ['preLeader', nameOf(1), 'no-leader', 'PreLeader'],
    ['joining', nameOf(2), 'not-ready', 'PreReplica'],
    ['fenced', undefined, 'fenced', 'Fenced'],
  ] as const)('are told why a node that is %s is not ready', async (role, leader, code, state) => {
    const { node, url } = await show();
    node.current = statusOf({ role, leader, isReady: false });
    const { status, body } = await get(`${url}/health/ready`);
    expect(status).toBe(503);
    expect(body).toMatchObject({
      status: 'not-ready',
      code,
      message: expect.any(String),
      details: { state },
    });
  });
});

describe('/info', () => {
  it('says what the node is in its cluster', async () => {
    const { url } = await show();
    expect((await get(`${url}/info`)).body).toMatchObject({
      ...{ state: 'Leader', node: nameOf(1), memberId: idOf(1), epoch: 5, clusterId: CLUSTER_ID },
      configuration: { version: 1, members: [{}, {}, {}] },
      subscriptions: { open: 5, live: 3, catchingUp: 2, events: 1000, bytes: 90_000, fallsBehind: 2 },
    });
  });

  it('says how far a follower is behind its leader, and that it is catching up if that is far', async () => {
    const { node, url } = await show();
    const following = { role: 'following', leader: nameOf(2) } as const;
    node.current = statusOf({ ...following, lagBytes: 1024 * 1024 });
    expect((await get(`${url}/info`)).body).toMatchObject({ state: 'Follower', lagBytes: 1024 * 1024 });
    node.current = statusOf({ ...following, lagBytes: 1024 * 1024 + 1 });
    expect((await get(`${url}/info`)).body).toMatchObject({ state: 'CatchingUp' });
  });

  it('says so too of a node without a cluster', async () => {
    const { node, url } = await show();
    const nothing = {
      memberRole: undefined,
      leader: undefined,
      clusterId: undefined,
      configuration: undefined,
    };
    node.current = statusOf({ role: 'fresh', ...nothing });
    expect((await get(`${url}/info`)).body).toMatchObject({
      ...{ state: 'Initializing', memberRole: null, leader: null, clusterId: null, configuration: null },
    });
  });
});

describe('gossip', () => {
  it('between nodes is handed on, and answered', async () => {
    const { node, url } = await show();
    node.reply = { kind: 'answer', message: messageOf([entryOf(1)], { from: nameOf(1) }) };
    const message = messageOf([entryOf(2)]);
    const { status, body } = await post(`${url}/gossip`, JSON.stringify(message));
    expect({ status, body }).toEqual({ status: 200, body: node.reply.message });
    expect(node.asked).toEqual([message]);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"from":'],
    ['another object', '{}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['an entry without fields', JSON.stringify({ ...messageOf([]), entries: [{ entry: {}, ageMs: 0 }] })],
  ])('that is %s is refused and changes nothing', async (_what, body) => {
    const { node, url } = await show();
    expect(await post(`${url}/gossip`, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request' },
    });
    expect(node.asked).toEqual([]);
  });

  it('that is too large is refused before it is read', async () => {
    const { node, url } = await show();
    const body = ' '.repeat(GOSSIP_BYTES_MAX + 1);
    expect(await post(`${url}/gossip`, body)).toMatchObject({
      status: 413,
      body: { code: 'request-too-large' },
    });
    expect(node.asked).toEqual([]);
  });

  it('of another cluster is refused', async () => {
    const { node, url } = await show();
    node.reply = { kind: 'foreign', clusterId: CLUSTER_ID };
    const answer = await post(`${url}/gossip`, JSON.stringify(messageOf([])));
    expect(answer).toMatchObject({ status: 409, body: { details: { clusterId: CLUSTER_ID } } });
  });

  it('of a node that is blocked gets no answer at all', async () => {
    const { node, url } = await show();
    node.reply = { kind: 'blocked' };
    await expect(post(`${url}/gossip`, JSON.stringify(messageOf([])))).rejects.toThrow('fetch failed');
  });

  it('shows the cluster to whoever asks', async () => {
    const { url } = await show();
    const { body } = await get(`${url}/gossip`);
    expect(body).toMatchObject({
      members: [
        { state: 'Leader', httpEndPointIp: 'pub-1', httpEndPointPort: 443, instanceId: idOf(1) },
        { state: 'Follower', isAlive: true, lagBytes: 100 },
        { state: 'CatchingUp', lagBytes: 5_000_000 },
      ],
      ...{ serverIp: 'pub-1', serverPort: 443, clusterId: CLUSTER_ID, leader: nameOf(1), epoch: 5 },
    });
  });
});

describe('an operator', () => {
  const encoded = encodeURIComponent(nameOf(4));

  it.each<[string, unknown]>([
    ['/admin/node/resign', { resign: undefined }],
    [`/admin/node/resign?target=${nameOf(2)}`, { resign: nameOf(2) }],
    [`/admin/node/resign?target=${idOf(2)}`, { resign: nameOf(2) }],
    ['/admin/node/priority/-7', { priority: -7 }],
    [`/admin/cluster/members/${encoded}/promote`, { kind: 'promote', id: idOf(4) }],
    [
      `/admin/cluster/members/${nameOf(4)}/promote?insteadOf=${idOf(3)}`,
      { kind: 'promote', id: idOf(4), insteadOf: idOf(3) },
    ],
    [`/admin/cluster/members/${nameOf(2)}/demote`, { kind: 'demote', id: idOf(2) }],
    [`/admin/cluster/members/${idOf(2)}/remove`, { kind: 'remove', id: idOf(2) }],
    ['/admin/cluster/size/5', { kind: 'resize', clusterSize: 5 }],
  ])('can ask for %s', async (path, asked) => {
    const { node, url } = await show();
    node.current = statusOf({ configuration: configurationOf(3, 1) });
    expect((await post(url + path)).status).toBe(200);
    expect(node.asked).toEqual([asked]);
  });

  it('is told the configuration that a change has made', async () => {
    const { url } = await show();
    expect((await post(`${url}/admin/cluster/size/3`)).body).toEqual(configurationOf(3));
  });

  it.each([
    '/admin/node/priority/high',
    '/admin/node/priority/1.5',
    '/admin/node/priority/99999999999',
    '/admin/cluster/size/0',
    '/admin/cluster/size/10',
    '/admin/cluster/members/nobody:1/remove',
    '/admin/node/resign?target=nobody:1',
  ])('is told that %s makes no sense', async (path) => {
    const { node, url } = await show();
    expect(await post(url + path)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', details: {} },
    });
    expect(node.asked).toEqual([]);
  });

  it('must name a member by its id if two have had its name', async () => {
    const { node, url } = await show();
    const { members, ...rest } = configurationOf(3, 1);
    const doubled = members.map((member) =>
      member.id === idOf(4) ? { ...member, name: nameOf(2) } : member,
    );
    node.current = statusOf({ configuration: { ...rest, members: doubled } });
    const answer = await post(`${url}/admin/cluster/members/${nameOf(2)}/remove`);
    expect(answer).toMatchObject({ status: 400, body: { details: { ids: `${idOf(2)} ${idOf(4)}` } } });
    expect((await post(`${url}/admin/cluster/members/${idOf(4)}/remove`)).status).toBe(200);
  });

  it('who asks a follower is told where the leader is', async () => {
    const { node, url } = await show();
    node.current = statusOf({ role: 'following', leader: nameOf(2) });
    node.refusal = new CairnError('not-leader', 'this node does not lead', { leader: nameOf(2) });
    const details = { leader: nameOf(2), url: 'http://pub-2:443' };
    const body = { code: 'not-leader', message: 'this node does not lead', details };
    expect(await post(`${url}/admin/cluster/size/3`)).toEqual({ status: 503, body });
    // Also about a member that this node has not heard of yet.
    const unheard = await post(`${url}/admin/cluster/members/nobody:1/remove`);
    expect(unheard).toMatchObject({ status: 503, body: { code: 'not-leader', details } });
  });

  it.each([
    ['no-leader', 503],
    ['no-quorum', 503],
    ['change-refused', 409],
    ['timeout', 504],
  ] as const)('is told by the status what became of it: %s is %d', async (code, status) => {
    const { node, url } = await show();
    node.refusal = new CairnError(code, 'because', { reason: 'so' });
    const body = { code, message: 'because', details: { reason: 'so' } };
    expect(await post(`${url}/admin/node/resign`)).toEqual({ status, body });
  });

  it('of a node without a cluster is told so', async () => {
    const { node, url } = await show();
    node.current = statusOf({ role: 'fresh', configuration: undefined, leader: undefined });
    const answer = await post(`${url}/admin/cluster/members/${nameOf(2)}/remove`);
    expect(answer).toMatchObject({ status: 503, body: { code: 'no-cluster' } });
  });
});

describe('fault injection', () => {
  it('is not there unless it is allowed', async () => {
    const { node, url } = await show();
    expect((await post(`${url}/admin/faults/block`, '["node-2:1"]')).status).toBe(404);
    expect(node.asked).toEqual([]);
  });

  it('blocks names, and heals with none', async () => {
    const { node, url } = await show({ allowsFaults: true });
    const path = `${url}/admin/faults/block`;
    expect(await post(path, '["node-2:1","[::1]:3"]')).toMatchObject({ status: 200 });
    expect(await post(path, '[]')).toEqual({ status: 200, body: { blocked: [] } });
    expect(node.asked).toEqual([{ block: ['node-2:1', '[::1]:3'] }, { block: [] }]);
  });

  it.each(['', '{}', '"node-2:1"', '[1]', '["node 2"]', JSON.stringify(Array(65).fill('a:1'))])(
    'takes nothing but names: %s',
    async (body) => {
      const { node, url } = await show({ allowsFaults: true });
      const answer = await post(`${url}/admin/faults/block`, body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request' } });
      expect(node.asked).toEqual([]);
    },
  );
});

describe('a page of another site', () => {
  it.each(['https://example.com', 'null'])('from %s changes nothing', async (origin) => {
    const { node, url } = await show({ allowsFaults: true });
    for (const path of ['/admin/node/resign', '/admin/node/priority/1', '/admin/faults/block', '/gossip'])
      expect((await post(url + path, '[]', { origin })).status).toBe(403);
    expect(node.asked).toEqual([]);
  });

  it('may, if it is of this machine', async () => {
    const { url } = await show();
    expect((await post(`${url}/admin/node/resign`, '', { origin: 'http://localhost:3000' })).status).toBe(
      200,
    );
  });
});

describe('what is no route', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/gossip/'],
    ['POST', '/admin'],
    ['POST', '/admin/cluster/size/'],
    ['POST', '/admin/cluster/members/%E0%A4%A/remove'],
    ['GET', '/__proto__'],
  ])('%s %s is 404, with a hint', async (method, path) => {
    const { url } = await show();
    const response = await fetch(url + path, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('/gossip'),
    });
  });

  it('says by which method it is one', async () => {
    const { url } = await show();
    const response = await fetch(`${url}/admin/node/resign`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    const gossip = await fetch(`${url}/gossip`, { method: 'DELETE' });
    expect([gossip.status, gossip.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
  });
});

test('a body that nobody asked for is let pass if it is small, and never taken for the next request', async () => {
  const { node, url } = await show();
  expect((await post(`${url}/admin/node/resign`, 'x'.repeat(4096))).status).toBe(200);
  expect((await post(`${url}/admin/node/resign`, 'x'.repeat(4097))).status).toBe(413);
  expect((await fetch(`${url}/gossip`, { method: 'DELETE', body: 'x'.repeat(100_000) })).status).toBe(405);
  expect(node.asked).toHaveLength(1);
});

test('a request that breaks off in its body harms nobody', async () => {
  const { node, url, server } = await show();
  const { hostname, port } = new URL(url);
  await new Promise<void>((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.write('POST /gossip HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"from"', () =>
        socket.destroy(),
      );
    });
    socket.once('close', () => resolve());
  });
  expect((await get(`${url}/health/live`)).status).toBe(200);
  expect(node.asked).toEqual([]);
  expect(server.port).toBe(Number(port));
});
