import { describe, expect, test } from 'vitest';
import { natsConfiguration } from '../../../bench/peers/nats.js';
import { postgresConfiguration } from '../../../bench/peers/postgres.js';
import { rabbitMqConfiguration } from '../../../bench/peers/rabbitmq.js';
import { zooKeeperConfiguration } from '../../../bench/peers/zookeeper.js';

const nats = natsConfiguration({ index: 1, port: 4001, routes: [5000, 5001, 5002], store: '/data/n1' });
const zooKeeper = zooKeeperConfiguration('/data/n1', 4001, ['127.0.0.1:1:2', '127.0.0.1:3:4']);
const rabbitMq = rabbitMqConfiguration(4001);
const primary = postgresConfiguration(4000, 0, 4000);
const standby = postgresConfiguration(4002, 2, 4000);

describe('the configuration', () => {
  test.each([
    ['NATS', nats],
    ['ZooKeeper', zooKeeper],
    ['RabbitMQ', rabbitMq],
    ['PostgreSQL', primary],
  ])('of %s has it listen on loopback', (_, text) => {
    expect(text).toContain('127.0.0.1');
    expect(text).not.toMatch(/0\.0\.0\.0|\*/);
  });

  test('of NATS names the other servers, its own port among the routes and its folder', () => {
    expect(nats).toContain('server_name: n1');
    expect(nats).toContain('listen: "127.0.0.1:5001", routes: ["nats://127.0.0.1:5000"');
    expect(nats).toContain('store_dir: "/data/n1"');
  });

  test('of ZooKeeper leaves its syncs on and lists the members', () => {
    expect(zooKeeper).not.toContain('forceSync');
    expect(zooKeeper).toContain('server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\n');
  });

  test('of RabbitMQ forms a cluster of three by itself', () => {
    for (const node of ['n0', 'n1', 'n2']) expect(rabbitMq).toContain(`= ${node}@localhost`);
  });

  test('of PostgreSQL has one of two standbys sync before a commit is answered', () => {
    expect(primary).toContain("synchronous_standby_names = 'ANY 1 (s1, s2)'");
    expect(primary).toContain('synchronous_commit = on');
    expect(primary).toContain('fsync = on');
    expect(standby).toContain('port=4000');
    expect(standby).toContain('application_name=s2');
    expect(standby).not.toContain('synchronous_standby_names');
  });
});
