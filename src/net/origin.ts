/**
 * Whether a page in a browser may connect. Programs send no Origin; browsers always do, and any page a user has open could
 * otherwise reach a node on the user's loopback. Until there is authentication, only pages from this machine may, or from
 * the very address that the node listens on. The Host header isn't looked at: it can be anything (DNS rebinding).
 */
import { isLoopback } from '../config/loopback.js';

/** `origin`: the request's Origin header. `listenHost`: the address that the node listens on. */
export function isAllowedOrigin(origin: string | undefined, listenHost: string): boolean {
  if (origin === undefined) return true;
  const hostname = hostnameOf(origin);
  if (hostname === undefined) return false;
  return hostname === 'localhost' || isLoopback(hostname) || hostname === listenHost;
}

function hostnameOf(origin: string): string | undefined {
  if (!URL.canParse(origin)) return undefined;
  const { hostname } = new URL(origin);
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
