import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../src/cluster/message-codec.js';
import { KIND_NUMBER } from '../../src/cluster/message-kinds.js';
import type { Message } from '../../src/cluster/messages.js';
import { ENVELOPE, GOLDEN_PAYLOADS, readGolden } from './golden-messages.js';

const protocol = readFileSync(new URL('../../docs/peer-protocol.md', import.meta.url), 'utf8');
const messages = Object.values(GOLDEN_PAYLOADS).map((payload) => ({ ...ENVELOPE, ...payload }) as Message);

describe.each(messages)('$kind', (message) => {
  test('is written as in the golden file', () => {
    expect(Buffer.from(encodeMessage(message)).toString('hex')).toBe(
      Buffer.from(readGolden(message.kind)).toString('hex'),
    );
  });

  test('is read as what was meant', () => {
    expect(decodeMessage(readGolden(message.kind))).toEqual(message);
  });

  test('is in docs/peer-protocol.md with its number and its fields', () => {
    const row = new RegExp(`^\\| ${KIND_NUMBER[message.kind]} \\| ${message.kind} \\|(.*)$`, 'm').exec(
      protocol,
    );
    expect(row).not.toBeNull();
    const isEnvelope = (name: string) => name === 'kind' || name in ENVELOPE;
    const fields = Object.keys(message).filter((name) => !isEnvelope(name));
    const described = [...row![1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(described.sort()).toEqual(fields.sort());
  });
});

test('every golden file is looked at', () => {
  const names = readdirSync(new URL('../golden/cluster/', import.meta.url));
  expect(names.sort()).toEqual(messages.map(({ kind }) => `${kind}.hex`).sort());
});
