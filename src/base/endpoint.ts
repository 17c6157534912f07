/**
 * `host:port`, the form in which nodes know each other and are written into options, gossip and URLs. Pure. An IPv6 address stands in
 * brackets, as in URLs, because it has colons of its own.
 */

export interface Endpoint {
  /** A host name, or an IP address; an IPv6 one without brackets. */
  readonly host: string;
  readonly port: number;
}

/** RFC 1035, section 2.3.4: a name has at most 253 characters as text. */
const HOST_LENGTH_MAX = 253;
/** Letters, digits, hyphens (RFC 1123, section 2.1), and underscores, which containers' names have. */
const NAME_PATTERN = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;
/** Enough to tell an address from a name: the resolver is the judge of the rest. A zone (`%eth0`) means something on one machine only. */
const IPV6_PATTERN = /^(?=.*:.*:)[0-9a-f:]+(?:\d+\.\d+\.\d+\.\d+)?$/;
const ENDPOINT_PATTERN = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;
const PORT_MAX = 65_535;

/** The host in lower case, without a final dot; undefined if it is neither a host name nor an IP address. */
export function parseHost(text: string): string | undefined {
  const host = text.toLowerCase().replace(/\.$/, '');
  if (host.length > HOST_LENGTH_MAX) return undefined;
  return NAME_PATTERN.test(host) || IPV6_PATTERN.test(host) ? host : undefined;
}

/** Undefined if it isn't `host:port` with a port from 1 to 65535. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, digits] = ENDPOINT_PATTERN.exec(text) ?? [];
  const host = parseHost(bracketed ?? plain ?? '');
  const port = Number(digits);
  const isForm = host !== undefined && host.includes(':') === (bracketed !== undefined);
  return isForm && port >= 1 && port <= PORT_MAX ? { host, port } : undefined;
}

/** `host:port`, `[::1]:port`. What {@link parseEndpoint} takes comes back in one spelling. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
