import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEndpoint, parseEndpoint, parseHost } from '../../src/base/endpoint.js';

describe('an endpoint', () => {
  it.each([
    ['node-1:2113', { host: 'node-1', port: 2113 }],
    ['Node-1.Example.COM.:1', { host: 'node-1.example.com', port: 1 }],
    ['my_container_1:65535', { host: 'my_container_1', port: 65_535 }],
    ['10.0.0.1:2113', { host: '10.0.0.1', port: 2113 }],
    ['[::1]:2113', { host: '::1', port: 2113 }],
    ['[2001:DB8::1]:2113', { host: '2001:db8::1', port: 2113 }],
    ['[::ffff:10.0.0.1]:2113', { host: '::ffff:10.0.0.1', port: 2113 }],
  ])('can be %s', (text, endpoint) => {
    expect(parseEndpoint(text)).toEqual(endpoint);
    expect(parseEndpoint(formatEndpoint(endpoint))).toEqual(endpoint);
  });

  it.each([
    '',
    ':',
    ':2113',
    'node',
    'node:',
    'node:0',
    'node:65536',
    'node:-1',
    'node:2113 ',
    'node:2113/path',
    'user@node:2113',
    'http://node:2113',
    '::1:2113',
    '[::1]',
    '[node]:2113',
    '[fe80::1%eth0]:2113',
    '-node:2113',
    'node..example:2113',
    'nöde:2113',
    'node\n:2113',
    `${'a'.repeat(254)}:1`,
    'node:00000000001',
  ])('is not %j', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });

  it('can be put into a URL as it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()),
        fc.integer({ min: 1, max: 65_535 }),
        (host, port) => {
          const parsed = parseHost(host);
          fc.pre(parsed !== undefined);
          const url = new URL(`http://${formatEndpoint({ host: parsed!, port })}/gossip`);
          expect(Number(url.port || '80')).toBe(port);
        },
      ),
    );
  });
});
