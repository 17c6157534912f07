import { describe, expect, test } from 'vitest';
import type { OptionName } from '../../src/config/options.js';
import { editYaml } from '../../src/config/yaml-edit.js';
import { readYaml } from '../../src/config/yaml-file.js';

const TUNED: [OptionName, string][] = [
  ['BatchBytesMax', '512KiB'],
  ['SyncMode', 'dsync'],
];

function edit(text: string, options: [OptionName, string][] = TUNED): string {
  return editYaml(text, new Map(options));
}

/** What a node would read. */
function settings(text: string): Record<string, string> {
  const { settings: found, problems } = readYaml(text, 'cairn.yaml');
  expect(problems).toEqual([]);
  return Object.fromEntries(found.map(({ name, text: value }) => [name, value]));
}

describe('options are put into a YAML file', () => {
  test('only the bytes of the value change; comments, order and quotes stay', () => {
    const text =
      '# our node\nDb: "/srv/cairn"   # the fast disk\n\nSyncMode:   fdatasync # safe\nNodePort: 2114\nBatchBytesMax: \'1MiB\'\n# the end\n';
    expect(edit(text)).toBe(
      '# our node\nDb: "/srv/cairn"   # the fast disk\n\nSyncMode:   dsync # safe\nNodePort: 2114\nBatchBytesMax: 512KiB\n# the end\n',
    );
  });

  test('what is not there comes at the end', () => {
    expect(edit('Db: x\n# last words\n')).toBe(
      'Db: x\n# last words\nBatchBytesMax: 512KiB\nSyncMode: dsync\n',
    );
  });

  test('a file that says it all is the same, byte by byte', () => {
    const text = '\r\nSyncMode:\t"dsync"\r\n\r\n  # odd comment\r\nBatchBytesMax: 512KiB';
    expect(edit(text)).toBe(text);
  });

  test.each([
    ['an empty file', ''],
    ['comments alone', '# nothing yet\n'],
    ['no line end at the end', 'Db: x'],
    ['line ends of Windows', 'Db: x\r\nNodePort: 2114\r\n'],
    ['a mapping that is indented', '  Db: x\n  NodePort: 2114\n'],
    ['a marker of the document', '---\nDb: x\n'],
    ['a marker of the end', 'Db: x\n...\n'],
    ['a mapping in braces', '{Db: x, NodePort: 2114} # in one line\n'],
    ['a list of seeds', 'GossipSeed:\n  - a:1\n  - b:2\n'],
    ['an anchor on the value', 'SyncMode: &mode fdatasync\n'],
    ['a text over several lines', 'Zone: >-\n  a\n  b\n'],
    ['a text over several lines at the end, without its line end', 'Db: x\nZone: |-\n  a'],
  ])('%s: what it said stays said', (_, text) => {
    const edited = edit(text);
    const before = settings(text);
    expect(settings(edited)).toEqual({ ...before, BatchBytesMax: '512KiB', SyncMode: 'dsync' });
    for (const comment of text.match(/#.*/g) ?? []) expect(edited).toContain(comment);
    expect(edit(edited)).toBe(edited);
  });

  test('line ends stay those of the file', () => {
    expect(edit('Db: x\r\n')).toBe('Db: x\r\nBatchBytesMax: 512KiB\r\nSyncMode: dsync\r\n');
  });

  test('an option under an old name is changed there', () => {
    expect(edit('HttpPort: 2113\n', [['NodePort', '2115']])).toBe('HttpPort: 2115\n');
  });
});
