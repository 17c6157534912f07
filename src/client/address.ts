/** From what people write to the URL that a client connects to. Pure; runs in Node and in browsers. */

import { CairnError } from '../base/errors.js';

const CLIENT_PATH = '/client';
const DEFAULT_PORT = '2113';
const SCHEMES: Readonly<Record<string, string>> = {
  'http:': 'ws:',
  'ws:': 'ws:',
  'https:': 'wss:',
  'wss:': 'wss:',
};

/**
 * Takes `host`, `host:port`, `[::1]:port`, and `ws://`, `wss://`, `http://` or `https://` URLs. Without a port it is 2113 if
 * there was no scheme either; without a path it is `/client`. Throws `invalid-request`.
 */
export function clientUrl(address: string): string {
  const hasScheme = address.includes('://');
  const url = parse(hasScheme ? address : `ws://${address}`);
  const scheme = url === undefined ? undefined : SCHEMES[url.protocol];
  if (url === undefined || scheme === undefined || url.username !== '' || url.hash !== '') {
    throw new CairnError('invalid-request', `'${address}' is not an address: try ws://127.0.0.1:2113`, {
      address,
    });
  }
  if (!hasScheme && url.port === '') url.port = DEFAULT_PORT;
  const path = url.pathname === '/' ? CLIENT_PATH : url.pathname;
  return `${scheme}//${url.host}${path}${url.search}`;
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
