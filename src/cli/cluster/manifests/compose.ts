/** A cluster of containers on one machine, for Docker Compose, and the image that it builds. Pure. */
import { environmentOf, PORT, REACHABLE, type Settings, STOP_SECONDS } from './settings.js';

const ZONES = ['a', 'b', 'c'];

/** Exits with 0 if the node is ready. */
const READY = `fetch('http://127.0.0.1:${PORT}/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;

export function composeFile(nodes: number): string {
  const names = Array.from({ length: nodes }, (_, index) => `node${index + 1}`);
  const services = names.map((name, index) => serviceText(name, index, names)).join('');
  const volumes = names.map((name) => `  ${name}: {}\n`).join('');
  return `# ${nodes} Cairn nodes in containers on one machine: docker compose -f docs/deploy/compose.yaml up --build
# Each has a port on loopback. docs/operating.md explains.
name: cairn
x-node: &node
  image: cairndb
  build:
    context: ../..
    dockerfile: docs/deploy/Dockerfile
  restart: on-failure
  stop_grace_period: ${STOP_SECONDS}s
  ulimits:
    nofile: 65536
  healthcheck:
    test: ["CMD", "node", "-e", ${JSON.stringify(READY)}]
    interval: 5s
    timeout: 3s
    start_period: 30s
services:
${services}volumes:
${volumes}`;
}

function serviceText(name: string, index: number, names: readonly string[]): string {
  const settings: Settings = {
    Db: '/data',
    ...REACHABLE,
    NodePort: `${PORT}`,
    NodeHostAdvertiseAs: name,
    AdvertiseHostToClientAs: '127.0.0.1',
    AdvertiseNodePortToClientAs: `${PORT + index}`,
    ClusterSize: `${names.length}`,
    Zone: ZONES[index % ZONES.length]!,
    GossipSeed: names.map((other) => `${other}:${PORT}`).join(','),
  };
  const environment = environmentOf(settings).map(([variable, value]) => `      ${variable}: "${value}"\n`);
  return `  ${name}:
    <<: *node
    hostname: ${name}
    ports: ["127.0.0.1:${PORT + index}:${PORT}"]
    volumes: ["${name}:/data"]
    environment:
${environment.join('')}`;
}

export function dockerFile(): string {
  return `# An image with one Cairn node: docker build -f docs/deploy/Dockerfile -t cairndb .
FROM node:20-bookworm AS build
WORKDIR /cairn
COPY . .
RUN npm ci && npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
COPY --from=build /cairn /cairn
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE ${PORT}
# Not through npm, which would not pass signals on.
ENTRYPOINT ["node", "/cairn/dist/src/main.js"]
CMD ["node", "--db", "/data"]
`;
}
