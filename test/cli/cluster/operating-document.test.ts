/** docs/operating.md names only what there is: options, error codes, commands, files. */
import { readdirSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { ERROR_NUMBERS } from '../../../src/base/errors.js';
import { registerBackup } from '../../../src/cli/backup/backup-command.js';
import { registerCluster } from '../../../src/cli/cluster/cluster-command.js';
import { registerInspect } from '../../../src/cli/inspect/inspect-command.js';
import { OPTION_NAMES } from '../../../src/config/options.js';

const text = readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
/** What stands between backquotes, and in code blocks. */
const code = [...text.matchAll(/`([^`\n]+)`/g)].map(([, inside]) => inside!);
const program = new Command('cairn');
registerCluster(program);
registerBackup(program);
const backup = program.commands.find((command) => command.name() === 'backup')!;
registerInspect(program);
const cluster = program.commands.find((command) => command.name() === 'cluster')!;

describe('docs/operating.md', () => {
  it('names only options that there are', () => {
    const others = ['SIGKILL', 'SIGTERM'];
    const named = code.flatMap((words) => /^([A-Z][A-Za-z]+)(?::|$)/.exec(words)?.[1] ?? []);
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) expect([...OPTION_NAMES, ...others]).toContain(name);
  });

  it('names only error codes that there are', () => {
    const reasons = [
      'change-in-progress',
      'not-caught-up',
      'quorum-needed',
      'no-successor',
      'invalid-change',
    ];
    const notCodes = ['quorum-and-zone', ...reasons];
    const named = code.filter((words) => /^[a-z]+(?:-[a-z]+)+$/.test(words) && !notCodes.includes(words));
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) expect(Object.keys(ERROR_NUMBERS)).toContain(name);
  });

  it('names every command of cairn cluster, and only those', () => {
    const names = cluster.commands.map((command) => command.name());
    for (const name of names.filter((name) => name !== 'tour'))
      expect(text).toMatch(new RegExp(`\\b${name}\\b`));
    for (const [, name] of text.matchAll(/cairn cluster ([a-z]+)/g)) expect(names).toContain(name);
  });

  it('names every command of cairn backup, and only those', () => {
    const names = backup.commands.map((command) => command.name());
    for (const name of names) expect(text).toMatch(new RegExp(`cairn backup ${name}\\b`));
    for (const [, name] of text.matchAll(/cairn backup ([a-z]+)/g)) expect(names).toContain(name);
  });

  it('names only options of these commands that there are', () => {
    const known = program.commands
      .flatMap(({ commands }) => commands)
      .flatMap((command) => command.options.map(({ long }) => long));
    for (const [, name] of text.matchAll(/[^-\w](--[a-z][a-z-]*)/g))
      expect([...known, '--what-if']).toContain(name);
  });

  it('links every file of docs/deploy', () => {
    for (const file of readdirSync(new URL('../../../docs/deploy/', import.meta.url)))
      expect(text).toContain(`(deploy/${file})`);
  });
});
