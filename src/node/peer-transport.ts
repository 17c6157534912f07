/** How a node's messages get to others, as an interface: sockets in production, nothing at all in a cluster of one. */
import type { Message, MessageOf } from '../cluster/messages.js';

export interface PeerTransport {
  /** Sends it if it can; messages may be lost. */
  send(to: string, message: Message): void;
  /** The same, but the bulk: `sent` is called when it has left. False: there is no way to that node now. */
  ship(to: string, range: MessageOf<'range'>, sent: () => void): boolean;
  stop(): void;
}

/** For who is alone. */
export const NO_PEERS: PeerTransport = {
  send: () => undefined,
  ship: () => false,
  stop: () => undefined,
};
