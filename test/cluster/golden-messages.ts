/** The messages that the golden files of test/golden/cluster hold, one of each kind. A kind that is missing does not compile. */
import { readFileSync } from 'node:fs';
import type { PayloadOf } from '../../src/cluster/message-kinds.js';
import type { MessageKind } from '../../src/cluster/messages.js';
import { idOf, memberOf } from './ids.js';

export const ENVELOPE = {
  clusterId: idOf(0xa001),
  from: idOf(1),
  fromName: 'node-1:2113',
  start: 3,
  nonce: 2 ** 40 + 5,
  to: idOf(2),
};

const FAR = 2 ** 40 + 8;

export const GOLDEN_PAYLOADS: { readonly [K in MessageKind]: Omit<PayloadOf<K>, 'clusterId'> } = {
  hello: { kind: 'hello', role: 'voter', zone: 'a', clusterSize: 3, chunkSize: 268_435_456, isAnswer: true },
  found: {
    kind: 'found',
    foundation: {
      clusterId: idOf(0xa001),
      founder: idOf(1),
      chunkSize: 65_536,
      members: [memberOf(1, 'voter', 'zürich'), memberOf(2)],
    },
  },
  foundAgreed: { kind: 'foundAgreed' },
  foundRefused: { kind: 'foundRefused', heldClusterId: idOf(0xa002), heldFounder: idOf(3) },
  founded: { kind: 'founded' },
  foundAbandoned: { kind: 'foundAbandoned' },
  invite: { kind: 'invite', chunkSize: 268_435_456 },
  preVote: { kind: 'preVote', round: 7 },
  preVoteReply: { kind: 'preVoteReply', round: 7, granted: true, promisedEpoch: 4 },
  prepare: { kind: 'prepare', epoch: 5, resigning: '' },
  prepareOk: { kind: 'prepareOk', epoch: 5, lastEpoch: 4, position: FAR, commit: FAR - 64, priority: -1 },
  proposal: {
    kind: 'proposal',
    epoch: 5,
    leader: idOf(2),
    leaderName: 'node-2:2113',
    lastEpoch: 4,
    position: FAR,
  },
  accept: { kind: 'accept', epoch: 5 },
  stale: { kind: 'stale', promisedEpoch: 6 },
  heartbeat: { kind: 'heartbeat', epoch: 5, round: 9, commit: FAR - 64, end: FAR },
  heartbeatReply: { kind: 'heartbeatReply', epoch: 5, round: 9, priority: 2 },
  steppedDown: { kind: 'steppedDown', epoch: 5 },
  transfer: { kind: 'transfer', epoch: 5 },
  subscribe: {
    kind: 'subscribe',
    epoch: 5,
    attempt: 1,
    epochs: [
      { epoch: 4, position: 4096 },
      { epoch: 1, position: 0 },
    ],
    end: FAR,
    commit: FAR - 64,
  },
  subscribed: { kind: 'subscribed', epoch: 5, attempt: 1, position: FAR },
  range: {
    kind: 'range',
    epoch: 5,
    attempt: 1,
    position: FAR,
    commit: FAR,
    bytes: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]),
  },
  ack: { kind: 'ack', epoch: 5, attempt: 1, durable: FAR },
  readIndex: { kind: 'readIndex', request: 11 },
  readIndexReply: { kind: 'readIndexReply', request: 11, position: -1 },
  fenced: { kind: 'fenced', seenStart: 4, seenNonce: 8, reason: 'copy' },
};

export function readGolden(kind: string): Uint8Array {
  const text = readFileSync(new URL(`../golden/cluster/${kind}.hex`, import.meta.url), 'utf8');
  return new Uint8Array(Buffer.from(text.replace(/#.*/g, '').replace(/\s/g, ''), 'hex'));
}
