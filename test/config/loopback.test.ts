import { expect, test } from 'vitest';
import { isLoopback } from '../../src/config/loopback.js';

test.each(['127.0.0.1', '127.1.2.3', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
  '%s is loopback',
  (address) => {
    expect(isLoopback(address)).toBe(true);
  },
);

test.each([
  '',
  '0.0.0.0',
  '126.0.0.1',
  '128.0.0.1',
  '127.0.0',
  '1127.0.0.1',
  '127.0.0.1.example',
  '::',
  '::11',
  'localhost',
])('%s is not', (address) => {
  expect(isLoopback(address)).toBe(false);
});
