/** `GET /gossip` for clients and people, `POST /gossip` between nodes. */
import { decodeGossip, encodeGossip, GOSSIP_BYTES_MAX } from '../gossip-message.js';
import type { GossipPort } from '../gossip-port.js';
import { type Answer, BROKEN, failure, invalid, ok, type Route } from './route.js';

/** `view`: the body of `GET /gossip`. */
export function gossipRoutes(gossip: GossipPort, view: () => object): readonly Route[] {
  return [
    { method: 'GET', path: '/gossip', bodyBytesMax: 0, handle: () => ok(view()) },
    {
      method: 'POST',
      path: '/gossip',
      bodyBytesMax: GOSSIP_BYTES_MAX,
      handle: ({ body }) => exchange(gossip, body),
    },
  ];
}

function exchange(gossip: GossipPort, body: string): Answer | typeof BROKEN {
  const message = decodeGossip(body);
  if (message === undefined) throw invalid('this is no gossip (docs/http.md)');
  const reply = gossip.receive(message);
  switch (reply.kind) {
    case 'answer':
      return { status: 200, body: encodeGossip(reply.message) };
    case 'foreign':
      return failure(409, 'invalid-request', 'this node is of another cluster', {
        clusterId: reply.clusterId,
      });
    case 'blocked':
      return BROKEN;
  }
}
