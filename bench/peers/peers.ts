/** All that we are compared with, in the order in which they are measured. */
import { etcd } from './etcd.js';
import { nats, natsSynced } from './nats.js';
import type { Peer } from './peer.js';
import { postgres } from './postgres.js';
import { rabbitMq } from './rabbitmq.js';
import { redis } from './redis.js';
import { zooKeeper } from './zookeeper.js';

export const PEERS: readonly Peer[] = [etcd, zooKeeper, rabbitMq, natsSynced, nats, redis, postgres];
