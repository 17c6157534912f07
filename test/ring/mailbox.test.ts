import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMailbox, MailboxReceiver, MailboxSender } from '../../src/ring/mailbox.js';

function put(sender: MailboxSender, message: Uint8Array): boolean {
  const at = sender.claim(message.length);
  if (at < 0) return false;
  sender.bytes.set(message, at);
  sender.send();
  return true;
}

function get(receiver: MailboxReceiver): Uint8Array | undefined {
  const at = receiver.poll();
  if (at < 0) return undefined;
  const message = receiver.bytes.slice(at, at + receiver.length);
  receiver.release();
  return message;
}

test('messages arrive whole, in order, whatever their sizes and whoever is ahead', () => {
  const message = fc.uint8Array({ maxLength: 120 });
  fc.assert(
    fc.property(fc.array(fc.option(message, { nil: undefined }), { maxLength: 300 }), (actions) => {
      const descriptor = createMailbox(256);
      const sender = new MailboxSender(descriptor);
      const receiver = new MailboxReceiver(descriptor);
      const model: Uint8Array[] = [];
      for (const action of actions) {
        if (action === undefined) expect(get(receiver)).toEqual(model.shift());
        else if (put(sender, action)) model.push(action);
        else expect(model.length).toBeGreaterThan(0);
      }
      for (const expected of model) expect(get(receiver)).toEqual(expected);
      expect(get(receiver)).toBeUndefined();
    }),
  );
});

test('a full mailbox says so, and takes messages again once some were read', () => {
  const descriptor = createMailbox(64);
  const sender = new MailboxSender(descriptor);
  const receiver = new MailboxReceiver(descriptor);
  expect(put(sender, new Uint8Array(28))).toBe(true);
  expect(put(sender, new Uint8Array(28))).toBe(true);
  expect(put(sender, new Uint8Array(1))).toBe(false);
  expect(get(receiver)).toHaveLength(28);
  expect(put(sender, new Uint8Array(1))).toBe(true);
});

test('a message that could never fit is a bug, not a wait', () => {
  const sender = new MailboxSender(createMailbox(64));
  expect(() => sender.claim(40)).toThrow(/half the mailbox/);
});

test('counters may pass 2^32 bytes', () => {
  const descriptor = createMailbox(1 << 20);
  const sender = new MailboxSender(descriptor);
  const receiver = new MailboxReceiver(descriptor);
  const step = 500_000;
  for (let sent = 0; sent < 2 ** 32 + 2 ** 30; sent += step) {
    expect(sender.claim(step)).toBeGreaterThanOrEqual(0);
    sender.send();
    expect(receiver.poll()).toBeGreaterThanOrEqual(0);
    expect(receiver.length).toBe(step);
    receiver.release();
  }
});
