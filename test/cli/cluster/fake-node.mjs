/**
 * Stands in for a node's process: takes a node's options, and answers HTTP as a cluster whose nodes all agree would. The first seed leads. What
 * it is asked to do it writes down, and `GET /asked` tells. `--log-level fatal` makes it end at once, as a node does that can't start.
 */
import { createServer } from 'node:http';

const words = process.argv.slice(2);
const option = (name) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);

if (option('--log-level') === 'fatal') {
  console.error('cairn: the disk is made of cheese [disk-failure]');
  process.exit(5);
}

const port = Number(option('--node-port'));
const name = `127.0.0.1:${port}`;
const seeds = option('--gossip-seed').split(',');
const clusterSize = Number(option('--cluster-size'));
const leader = seeds[0];
const idOf = (seed) => `00000000-0000-4000-8000-${seed.split(':')[1].padStart(12, '0')}`;
const members = seeds.map((seed, index) => ({
  id: idOf(seed),
  name: seed,
  role: index < clusterSize ? 'voter' : 'clone',
  zone: '',
}));
const asked = [];

const info = () => ({
  name,
  memberId: idOf(name),
  zone: option('--zone') ?? '',
  role: name === leader ? 'leader' : 'following',
  memberRole: members.find((member) => member.name === name)?.role,
  leader,
  epoch: 4,
  clusterId: 'c1',
  configuration: { version: 1, clusterSize, members },
  priority: 0,
  durable: name === leader ? 1000 : 900,
  committed: 950,
  isReady: true,
  version: '0.1.0',
});

const gossip = () => ({
  members: seeds.map((seed) => ({
    instanceId: idOf(seed),
    state: seed === leader ? 'Leader' : 'Follower',
    isAlive: true,
    httpEndPointIp: '127.0.0.1',
    httpEndPointPort: Number(seed.split(':')[1]),
    epochNumber: 4,
    writerCheckpoint: 800,
    lastCommitPosition: 700,
  })),
});

function answer(url, body) {
  if (url === '/info') return [200, info()];
  if (url === '/gossip') return [200, gossip()];
  if (url === '/asked') return [200, asked];
  asked.push(body === '' ? url : [url, JSON.parse(body)]);
  if (url.startsWith('/admin/cluster/size/9'))
    return [409, { code: 'change-refused', message: 'not now', details: { reason: 'change-in-progress' } }];
  const isForLeader = url.startsWith('/admin/cluster') || url.startsWith('/admin/node/resign');
  if (isForLeader && name !== leader)
    return [421, { code: 'not-leader', message: 'ask the leader', details: { leader } }];
  return [200, {}];
}

const server = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const [status, value] = answer(request.url, body);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
});
server.listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
process.on('SIGTERM', () => process.exit(0));
