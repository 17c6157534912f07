import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Configuration } from '../../src/cluster/configuration.js';
import { decodeMembership, encodeMembership } from '../../src/cluster/membership-record.js';
import { decodeRecord } from '../../src/log/decoded-record.js';
import { readGolden } from '../log/golden-formats.js';
import { anyConfiguration } from './arbitrary-messages.js';
import { configurationOf, memberOf } from './ids.js';

const GOLDEN: Configuration = {
  version: 1,
  clusterSize: 3,
  members: [memberOf(1, 'voter', 'a'), memberOf(2, 'voter', 'b'), memberOf(3, 'replica')],
};

function goldenContent(): Uint8Array {
  const { body } = decodeRecord(readGolden('record-membership.hex'), 0);
  return body.kind === 'membership' ? new Uint8Array(body.content) : new Uint8Array(0);
}

test('the golden record is what encoding makes, and reads back', () => {
  expect(Buffer.from(encodeMembership(GOLDEN)).toString('hex')).toBe(
    Buffer.from(goldenContent()).toString('hex'),
  );
  expect(decodeMembership(goldenContent())).toEqual(GOLDEN);
});

test('any configuration comes back as it was', () => {
  fc.assert(
    fc.property(anyConfiguration, (configuration) => {
      expect(decodeMembership(encodeMembership(configuration))).toEqual(configuration);
    }),
  );
});

test('what is cut short, longer or arbitrary is malformed', () => {
  const content = goldenContent();
  for (let length = 0; length < content.length; length++)
    expect(decodeMembership(content.subarray(0, length))).toBeUndefined();
  expect(decodeMembership(Buffer.concat([content, Buffer.alloc(1)]))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decodeMembership(bytes)).toBeUndefined();
    }),
  );
});

test('what is still accepted after some bytes were flipped is a configuration that encodes to these bytes', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyConfiguration, flips, (configuration, changes) => {
      const bytes = encodeMembership(configuration).slice();
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const decoded = decodeMembership(bytes);
      if (decoded !== undefined) expect(Buffer.compare(encodeMembership(decoded), bytes)).toBe(0);
    }),
    { numRuns: 500 },
  );
});

/** Offsets in the content, which begins at 44 in the record; of the first member, which has 33 bytes. */
const ID_AT = 16;
const ROLE_AT = 32;
const NAME_AT = 35;
const MEMBER_BYTES = 33;

test.each<[string, number, number]>([
  ['a field without meaning that is not 0', 0, 1],
  ['version 0', 4, 0],
  ['a version beyond 2^53', 10, 0x20],
  ['a cluster size of 0', 12, 0],
  ['a cluster size of 10', 12, 10],
  ['no members', 14, 0],
  ['more members than may be', 14, 33],
  ['a role that is none', ROLE_AT, 0],
  ['an id that comes before the one in front of it', ID_AT + MEMBER_BYTES + 15, 0],
  ['a name that is not UTF-8', NAME_AT, 0xff],
])('%s is malformed', (_, at, value) => {
  const content = goldenContent();
  expect(content[at]).not.toBe(value);
  content[at] = value;
  expect(decodeMembership(content)).toBeUndefined();
});

test('a configuration without voters or with too many is malformed', () => {
  const content = goldenContent();
  content[ROLE_AT] = 2;
  expect(decodeMembership(content)?.members[0]?.role).toBe('clone');
  content[ROLE_AT + MEMBER_BYTES] = 2;
  expect(decodeMembership(content)).toBeUndefined();
  // Behind the last member's role: its name with its length, and that of its zone.
  const many = encodeMembership(configurationOf(9, 1)).slice();
  many[many.length - (2 + 'node-10:2113'.length + 2) - 1] = 1;
  expect(decodeMembership(many)).toBeUndefined();
});

test.each<[string, Configuration]>([
  ['no members', { ...configurationOf(1), members: [] }],
  ['no voters', { ...configurationOf(1), members: [memberOf(1, 'clone')] }],
  ['ten voters', { ...configurationOf(10), clusterSize: 9 }],
  ['33 members', configurationOf(1, 32)],
  ['version 0', { ...configurationOf(1), version: 0 }],
  ['a cluster size of 0', { ...configurationOf(1), clusterSize: 0 }],
  ['members in another order', { ...configurationOf(2), members: [memberOf(2), memberOf(1)] }],
  ['a member twice', { ...configurationOf(2), members: [memberOf(1), memberOf(1)] }],
  ['an id that is no UUID', { ...configurationOf(1), members: [{ ...memberOf(1), id: 'one' }] }],
  ['a long zone', { ...configurationOf(1), members: [memberOf(1, 'voter', 'z'.repeat(65))] }],
])('%s is never written', (_, configuration) => {
  expect(() => encodeMembership(configuration)).toThrow();
});
