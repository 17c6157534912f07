/**
 * PostgreSQL as a peer: a primary and two standbys on loopback, of which one must have synced a commit before it is answered. Main thread. PostgreSQL
 * refuses to run as root; then it runs as the user that its package has made.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CairnError } from '../../src/base/errors.js';
import { freePorts } from '../cluster.js';
import { executable } from './executables.js';
import type { Peer, PeerCluster } from './peer.js';
import { clusterOf, PeerProcess, untilAnswered } from './peer-process.js';
import { connectPostgres, DATABASE_USER, postgresTarget, runSql } from './postgres-client.js';

const NODES = 3;
/** A connection for each request in flight, and some for itself. */
const CONNECTIONS_MAX = 1100;
const STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'";

type User = NonNullable<ConstructorParameters<typeof PeerProcess>[0]['user']>;

export const postgres: Peer = {
  name: 'postgresql',
  title: 'PostgreSQL, ANY 1 of 2 standbys',
  debianPackage: 'postgresql',
  saysVersion: 'postgres',
  needs: ['postgres', 'initdb'],
  durability:
    'Synced by the primary and by one of two standbys (synchronous_commit = on). No consensus: nobody takes over by itself',
  isEqual: false,
  start: startPostgres,
};

async function startPostgres(folder: string): Promise<PeerCluster> {
  const user = postgresUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const ports = await freePorts(NODES);
  const folders = ports.map((_, index) => join(folder, `n${index}`));
  await initialise(folders[0]!, join(folder, 'initdb.log'), user);
  const processes = ports
    .map((port, index) => {
      const own = folders[index]!;
      if (index > 0) copyOf(folders[0]!, own, user);
      return { port, index, own };
    })
    .map(({ port, index, own }) => {
      appendFileSync(join(own, 'postgresql.conf'), postgresConfiguration(port, index, ports[0]!));
      if (index > 0) writeFileSync(join(own, 'standby.signal'), '');
      const log = join(folder, `n${index}.log`);
      const command = [executable('postgres'), '-D', own];
      return new PeerProcess({ command, log, stopSignal: 'SIGINT', killSignal: 'SIGQUIT', ...asUser(user) });
    });
  return await clusterOf(processes, async () => {
    await untilAnswered('both standbys of PostgreSQL follow', processes, () => prepared(ports[0]!));
    return (load) => postgresTarget(ports[0]!, load);
  });
}

/** Undefined: as whoever runs this. Throws `CairnError` if that is root and there is nobody else. */
function postgresUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim() || Number.NaN);
  const [uid, gid] = [id('-u'), id('-g')];
  if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid, gid };
  throw new CairnError(
    'invalid-configuration',
    'PostgreSQL refuses to run as root, and there is no user postgres',
  );
}

function asUser(user: User | undefined): { user?: User } {
  return user === undefined ? {} : { user };
}

/** Makes the primary's folder. Not synced: nothing in it is measured. */
async function initialise(folder: string, log: string, user: User | undefined): Promise<void> {
  const flags = [
    '-D',
    folder,
    '-U',
    DATABASE_USER,
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  await new PeerProcess({ command: [executable('initdb'), ...flags], log, ...asUser(user) }).finished();
}

/** A primary that has never run can be copied file by file. */
function copyOf(primary: string, folder: string, user: User | undefined): void {
  mkdirSync(folder);
  cpSync(primary, folder, { recursive: true });
  chmodSync(folder, 0o700);
  if (user !== undefined) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, folder]);
}

export function postgresConfiguration(port: number, index: number, primaryPort: number): string {
  const own =
    index === 0
      ? ["synchronous_standby_names = 'ANY 1 (s1, s2)'", 'synchronous_commit = on']
      : [
          `primary_conninfo = 'host=127.0.0.1 port=${primaryPort} user=${DATABASE_USER} application_name=s${index}'`,
        ];
  return `${[
    "listen_addresses = '127.0.0.1'",
    `port = ${port}`,
    "unix_socket_directories = ''",
    `max_connections = ${CONNECTIONS_MAX}`,
    'fsync = on',
    'full_page_writes = on',
    ...own,
  ].join('\n')}\n`;
}

/** Makes the table once both standbys are counted on. */
async function prepared(port: number): Promise<true | undefined> {
  const socket = await connectPostgres(port);
  try {
    if ((await runSql(socket, STREAMING)) !== String(NODES - 1)) return undefined;
    await runSql(
      socket,
      'CREATE TABLE IF NOT EXISTS events (id bigserial PRIMARY KEY, stream int, data bytea)',
    );
    return true;
  } finally {
    socket.close();
  }
}
