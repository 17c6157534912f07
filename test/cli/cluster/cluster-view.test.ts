/** What is made of what nodes say of themselves and of each other. */
import { describe, expect, it } from 'vitest';
import { clusterView, type Fields, type NodeAnswer, nodesIn } from '../../../src/cli/cluster/cluster-view.js';
import { eventLine, statusJson, statusLines } from '../../../src/cli/cluster/status-text.js';

const NAMES = ['h:1', 'h:2', 'h:3'];
const MEMBERS = NAMES.map((name, index) => ({ id: `id${index}`, name, role: 'voter', zone: '' }));

function info(name: string, fields: Fields = {}): Fields {
  return {
    name,
    memberId: `id${NAMES.indexOf(name)}`,
    role: name === 'h:1' ? 'leader' : 'following',
    memberRole: 'voter',
    zone: 'z',
    epoch: 7,
    durable: 500,
    committed: 480,
    priority: 0,
    isReady: true,
    clusterId: 'c',
    configuration: { version: 3, clusterSize: 3, members: MEMBERS },
    ...fields,
  };
}

function answer(name: string, fields?: Fields): NodeAnswer {
  return { name, address: name, info: info(name, fields), gossip: undefined };
}

function gossip(name: string, fields: Fields): Fields {
  return { members: [{ name, clientAddress: `client-${name}`, ...fields }] };
}

const healthy = NAMES.map((name) => answer(name));

describe('a cluster', () => {
  it('whose members all follow one leader is healthy', () => {
    const view = clusterView(healthy, NAMES);
    expect(view).toMatchObject({ leader: 'h:1', epoch: 7, clusterSize: 3, isHealthy: true, problems: [] });
    expect(view.nodes.map(({ name, lag }) => [name, lag])).toEqual([
      ['h:1', 0],
      ['h:2', 0],
      ['h:3', 0],
    ]);
  });

  it.each<[string, Fields, RegExp]>([
    ['looks for a leader', { role: 'looking' }, /h:3 is looking/],
    ['catches up', { role: 'joining' }, /h:3 is joining/],
    ['is fenced', { role: 'fenced' }, /h:3 is fenced/],
    ['is not ready', { isReady: false }, /h:3 is not ready/],
    ['is short of disk space', { diskSpace: { level: 'short' } }, /h:3 has no space on its disk/],
    ['follows in an older epoch', { epoch: 6 }, /h:3 follows in epoch 6/],
    ['belongs to another cluster', { clusterId: 'd', role: 'leader', epoch: 9 }, /h:3 belongs to another/],
    ['believes to lead', { role: 'leader', epoch: 6 }, /h:3 believes to lead/],
  ])('is not healthy while a member %s', (_name, fields, problem) => {
    const view = clusterView([...healthy.slice(0, 2), answer('h:3', fields)], NAMES);
    expect(view.leader).toBe('h:1');
    expect(view.problems).toEqual([expect.stringMatching(problem)]);
  });

  it('is healthy while a disk fills up, and says so', () => {
    const filling = answer('h:3', { diskSpace: { level: 'low', freeBytes: 5 } });
    const view = clusterView([...healthy.slice(0, 2), filling], NAMES);
    expect(view).toMatchObject({ isHealthy: true, warnings: ['the disk of h:3 is filling up'] });
    expect(statusLines(view, new Map()).slice(-2)).toEqual([
      'Healthy: h:1 leads, in epoch 7.',
      'Warning: the disk of h:3 is filling up.',
    ]);
  });

  it('is led by the one of the highest epoch, if two say that they lead', () => {
    const view = clusterView(
      [answer('h:1', { epoch: 6 }), answer('h:2', { role: 'leader' }), answer('h:3')],
      [],
    );
    expect(view).toMatchObject({ leader: 'h:2', epoch: 7, isHealthy: false });
  });

  it('shows a member that does not answer with what others have heard of it', () => {
    const heard = gossip('h:3', { state: 'Follower', writerCheckpoint: 400, epochNumber: 7 });
    const answers = [
      { ...answer('h:1'), gossip: heard },
      answer('h:2'),
      { name: 'h:3', address: 'h:3', info: undefined, gossip: undefined },
    ];
    const view = clusterView(answers, []);
    expect(view.nodes[2]).toMatchObject({
      name: 'h:3',
      isAlive: false,
      member: 'voter',
      state: 'Follower',
      lag: 80,
    });
    expect(view.problems).toEqual(['h:3 does not answer']);
  });

  it('has the configuration of the highest version', () => {
    const old = { version: 2, clusterSize: 5, members: MEMBERS.slice(0, 1) };
    const view = clusterView([answer('h:1'), answer('h:2', { configuration: old }), answer('h:3')], []);
    expect(view.clusterSize).toBe(3);
  });

  it('lacks voters if there are fewer than there should be', () => {
    const configuration = { version: 4, clusterSize: 5, members: MEMBERS };
    const view = clusterView(
      NAMES.map((name) => answer(name, { configuration })),
      [],
    );
    expect(view.problems).toEqual(['there are 3 voters, and there should be 5']);
  });

  it('of which nobody answers has no leader, and names whom it expected', () => {
    const view = clusterView([], NAMES);
    expect(view).toMatchObject({ leader: null, isHealthy: false });
    expect(view.problems).toEqual(['no node leads', ...NAMES.map((name) => `${name} does not answer`)]);
  });

  it('is put together from answers that say next to nothing', () => {
    const view = clusterView(
      [{ name: 'h:1', address: 'h:1', info: { members: 4, configuration: 'x' }, gossip: { members: [{}] } }],
      [],
    );
    expect(view.nodes).toMatchObject([{ name: 'h:1', isAlive: true, state: null, epoch: null }]);
  });
});

describe('the nodes that others tell of', () => {
  it('are asked where clients reach them, or by their names if that is all that is known', () => {
    const answers = [{ ...answer('h:1'), gossip: gossip('h:2', {}) }];
    expect(nodesIn(answers)).toEqual([
      { name: 'h:2', address: 'client-h:2' },
      { name: 'h:1', address: 'h:1' },
      { name: 'h:3', address: 'h:3' },
    ]);
  });
});

describe('its text', () => {
  const local = new Map([['h:2', { number: 2, process: 'paused', pid: 42 } as const]]);

  it('is a row for each node, and whether all is well', () => {
    const lines = statusLines(clusterView(healthy, NAMES), new Map());
    expect(lines[0]).toMatch(/^NAME +ZONE +MEMBER +STATE +ALIVE +EPOCH +COMMITTED +LAG +PRIO$/);
    expect(lines[1]).toMatch(/^h:1 +z +voter +leader +yes +7 +480 +0 +0$/);
    expect(lines.at(-1)).toBe('Healthy: h:1 leads, in epoch 7.');
  });

  it('shows the numbers and processes of a local cluster', () => {
    const lines = statusLines(clusterView(healthy, NAMES), local);
    expect(lines[0]).toMatch(/^NODE .* PROCESS$/);
    expect(lines[2]).toMatch(/^ +2 +h:2 .* paused$/);
  });

  it('in one line leaves out what changes all the time', () => {
    expect(eventLine(clusterView(healthy, NAMES), local)).toBe(
      'leader h:1, epoch 7: h:1 leader, h:2 paused, h:3 following',
    );
  });

  it('for programs is one object with everything', () => {
    const json = statusJson(clusterView(healthy, NAMES), local, new Date(0));
    expect(json).not.toContain('\n');
    expect(JSON.parse(json)).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      leader: 'h:1',
      isHealthy: true,
      nodes: [{ name: 'h:1', state: 'leader' }, { name: 'h:2', process: 'paused', pid: 42 }, {}],
    });
  });
});
