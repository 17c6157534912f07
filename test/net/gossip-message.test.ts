/** Gossip on its way: what is told comes through as it was, and what is no gossip never does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GOSSIP_ENTRIES_MAX } from '../../src/cluster/gossip.js';
import {
  COUNTER_MAX,
  decodeGossip,
  encodeGossip,
  GOSSIP_BYTES_MAX,
  type GossipMessage,
} from '../../src/net/gossip-message.js';
import { idOf } from '../cluster/ids.js';
import { entryOf, messageOf } from './scripted-node.js';

/** A message with one field of its entry, or of itself, replaced. */
function withEntry(field: string, value: unknown): string {
  const message = messageOf([entryOf(2)]);
  return JSON.stringify({ ...message, entries: [{ entry: { ...entryOf(2), [field]: value }, ageMs: 5 }] });
}

function withField(field: string, value: unknown): string {
  return JSON.stringify({ ...messageOf([entryOf(2)]), [field]: value });
}

describe('gossip', () => {
  it('comes through as it was told', () => {
    const replica = entryOf(3, {
      name: '[::1]:2113',
      role: 'replica',
      leader: '',
      zone: 'ä b',
      priority: -3,
      diskSpace: 'short',
    });
    const message: GossipMessage = {
      ...messageOf([entryOf(1), replica], { clusterId: undefined, wallMs: 1.5 }),
    };
    expect(decodeGossip(encodeGossip(message))).toEqual(message);
  });

  it('of the largest cluster, with names as long as they can be, fits', () => {
    const host = `${'a'.repeat(63)}.`.repeat(3) + 'a'.repeat(61);
    const name = `${host}:65535`;
    const long = { name, clientAddress: name, leader: name, zone: 'z'.repeat(64), release: '1'.repeat(64) };
    const big = { start: COUNTER_MAX, version: COUNTER_MAX, end: Number.MAX_SAFE_INTEGER };
    const entries = Array.from({ length: GOSSIP_ENTRIES_MAX }, (_, i) => entryOf(i + 1, { ...long, ...big }));
    const text = encodeGossip(messageOf(entries));
    expect(text.length).toBeLessThan(GOSSIP_BYTES_MAX / 2);
    expect(decodeGossip(text)?.entries).toHaveLength(GOSSIP_ENTRIES_MAX);
    expect(decodeGossip(encodeGossip(messageOf([...entries, entryOf(99)])))).toBeUndefined();
  });

  it('may hold fields that this version does not know, and loses them', () => {
    const message = messageOf([entryOf(2)]);
    const entry = { ...entryOf(2), shoeSize: 43, constructor: 1 };
    const text = JSON.stringify({ ...message, later: [1], entries: [{ entry, ageMs: 0, more: true }] });
    expect(decodeGossip(text)).toEqual(message);
  });

  it.each<[string, string]>([
    ['no JSON', '{'],
    ['null', 'null'],
    ['a number', '1'],
    ['an array', '[]'],
    ['too much', `${' '.repeat(GOSSIP_BYTES_MAX)}{}`],
    ['from nobody', withField('from', '')],
    ['from no address', withField('from', 'node-1')],
    ['from somebody without an id', withField('memberId', 'x')],
    ['of no cluster id', withField('clusterId', 'x')],
    ['of a null cluster', withField('clusterId', null)],
    ['of no time', withField('wallMs', 'now')],
    ['of a time before 1970', withField('wallMs', -1)],
    ['without entries', withField('entries', {})],
    ['with null as an entry', withField('entries', [null])],
    ['with an entry of no age', withField('entries', [{ entry: entryOf(2) }])],
    ['with an entry of a negative age', withField('entries', [{ entry: entryOf(2), ageMs: -1 }])],
  ])('is not %s', (_what, text) => {
    expect(decodeGossip(text)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['memberId', idOf(1).toUpperCase()],
    ['start', -1],
    ['start', 1.5],
    ['version', COUNTER_MAX + 1],
    ['version', '1'],
    ['name', 'node 1:2113'],
    ['name', 'node-1:2113/admin'],
    ['name', `${'a'.repeat(260)}:2113`],
    ['clientAddress', '<script>:1'],
    ['zone', 'a\nb'],
    ['zone', 'z'.repeat(65)],
    ['zone', 5],
    ['diskSpace', 'huge'],
    ['diskSpace', 5],
    ['role', 'boss'],
    ['nodeRole', 'constructor'],
    ['leader', 'nobody'],
    ['epoch', -1],
    ['epochPosition', 2 ** 53],
    ['commit', null],
    ['indexed', []],
    ['end', 0.5],
    ['priority', 2 ** 32],
    ['priority', null],
    ['release', '<b>'],
    ['release', undefined],
  ])('has no entry with %s = %j', (field, value) => {
    expect(decodeGossip(withEntry(field, value))).toBeUndefined();
  });

  it('is nothing that a fuzzer makes up, and nothing breaks', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(decodeGossip(text)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(entryOf(2)), 'ageMs'), fc.jsonValue(), (field, value) => {
        const decoded = decodeGossip(withEntry(field, value));
        if (decoded !== undefined) expect(decodeGossip(encodeGossip(decoded))).toEqual(decoded);
      }),
    );
  });
});
