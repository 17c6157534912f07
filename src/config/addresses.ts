/** How others reach a node, from its options and the port that it got. Pure. */
import { formatEndpoint } from '../base/endpoint.js';
import type { NodeOptions } from './options.js';

type AddressOptions = Pick<
  NodeOptions,
  | 'nodeIp'
  | 'nodeHostAdvertiseAs'
  | 'nodePortAdvertiseAs'
  | 'advertiseHostToClientAs'
  | 'advertiseNodePortToClientAs'
>;

/** The node's name: `host:port` for other nodes, which know it by that over all its lives. `listeningPort`: where NodePort is 0, the one it got. */
export function nodeName(options: AddressOptions, listeningPort: number): string {
  return formatEndpoint({
    host: options.nodeHostAdvertiseAs || options.nodeIp.toLowerCase(),
    port: options.nodePortAdvertiseAs || listeningPort,
  });
}

/** `host:port` for clients. */
export function clientAddress(options: AddressOptions, listeningPort: number): string {
  return formatEndpoint({
    host: options.advertiseHostToClientAs || options.nodeHostAdvertiseAs || options.nodeIp.toLowerCase(),
    port: options.advertiseNodePortToClientAs || options.nodePortAdvertiseAs || listeningPort,
  });
}
