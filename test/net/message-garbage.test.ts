/** Buffers of messages are collected young: V8 marks the whole heap once, and then has room. */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { MessageGarbage } from '../../src/net/message-garbage.js';
import { until } from '../process/within.js';

const DEADLINE_MS = 20_000;
const MESSAGE_BYTES = 256 * 1024;

test('a thousand megabytes of messages cost hardly a marking of the heap', async () => {
  const garbage = new MessageGarbage();
  let markings = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind, flags } = (entry as unknown as { detail: { kind: number; flags: number } }).detail;
      const isForced = (flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0;
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR && !isForced) markings++;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  let bytes = 0;
  await until(DEADLINE_MS, 'all messages have come', () => {
    for (let i = 0; i < 40; i++) {
      const message = Buffer.allocUnsafeSlow(MESSAGE_BYTES).fill(i);
      bytes += message[7]! === i ? message.length : 0;
      garbage.received(message.length);
    }
    return bytes >= 1_000_000_000;
  });
  observer.disconnect();
  // Without, it is one for each 40 MB or so.
  expect(markings).toBeLessThan(6);
});
