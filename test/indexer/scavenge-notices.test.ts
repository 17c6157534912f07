import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sendOutcome, takeOutcome } from '../../src/indexer/messages.js';
import { ScavengeNotices } from '../../src/indexer/scavenge-notices.js';
import { Doorbell } from '../../src/ring/doorbell.js';
import { createMailbox, MailboxReceiver, MailboxSender } from '../../src/ring/mailbox.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function rig() {
  const mailbox = createMailbox(65_536);
  const sender = new MailboxSender(mailbox);
  const receiver = new MailboxReceiver(mailbox);
  const bell = new Doorbell(new Int32Array(new SharedArrayBuffer(256)), 0);
  const taken: unknown[] = [];
  const take = () => {
    for (let next = takeOutcome(receiver); next !== undefined; next = takeOutcome(receiver)) taken.push(next);
  };
  return { sender, taken, take, notices: new ScavengeNotices(sender, bell) };
}

test('tells of each chunk, and of the end, in the order in which that happened', () => {
  const { notices, taken, take } = rig();
  notices.scavenged(3);
  take();
  notices.scavenged(4);
  take();
  notices.ended();
  take();
  expect(taken).toEqual([
    { kind: 'scavenged', chunks: [3] },
    { kind: 'scavenged', chunks: [4] },
    { kind: 'scavenge-ended' },
  ]);
});

test('leaves the mailbox to outcomes as long as nobody takes anything, and tells then what is left', () => {
  const { notices, sender, taken, take } = rig();
  for (let chunk = 0; chunk < 100_000; chunk++) notices.scavenged(chunk);
  notices.ended();
  expect(
    sendOutcome(sender, {
      kind: 'failed',
      error: { code: 'disk-failure', message: 'x'.repeat(8_000), details: {} },
    }),
  ).toBe(true);
  for (let i = 0; i < 200; i++) {
    vi.advanceTimersByTime(1_000);
    take();
  }
  const chunks = taken.flatMap((message) => (message as { chunks?: number[] }).chunks ?? []);
  expect(chunks).toEqual(Array.from({ length: 100_000 }, (_, chunk) => chunk));
  expect(taken.at(-1)).toEqual({ kind: 'scavenge-ended' });
  expect(taken.length).toBeLessThan(110);
});

test('takes back that it is over if another chunk is scavenged before that was told', () => {
  const { notices, taken, take } = rig();
  for (const chunk of [1, 2]) notices.scavenged(chunk);
  notices.ended();
  notices.scavenged(3);
  for (let i = 0; i < 5; i++) {
    take();
    vi.advanceTimersByTime(1_000);
  }
  expect(taken).toEqual([
    { kind: 'scavenged', chunks: [1] },
    { kind: 'scavenged', chunks: [2, 3] },
  ]);
});
