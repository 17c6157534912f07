import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const trees: string[] = [];

afterAll(() => {
  for (const tree of trees) rmSync(tree, { recursive: true });
});

/** Runs the layering check over a small tree of the given files (path → text). */
function check(files: Record<string, string>): { status: number | null; errors: string; output: string } {
  const tree = mkdtempSync(join(tmpdir(), 'cairn-layering-'));
  trees.push(tree);
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json']) cpSync(join(ROOT, name), join(tree, name));
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  mkdirSync(join(tree, 'bench'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  const run = spawnSync(process.execPath, [join(ROOT, 'test/layering/check.mjs')], {
    cwd: tree,
    encoding: 'utf8',
  });
  return { status: run.status, errors: run.stderr, output: run.stdout };
}

const EXPORTS = 'export type T = number;\nexport const x = 1;\n';
const VISIBLE = [
  'base/b',
  'log/b',
  'config/b',
  'cli/b',
  'node/b',
  'writer/agent',
  'writer/proxy',
  'writer/commands',
];

/** Rule, file that breaks it, its text. */
const VIOLATIONS: readonly [string, string, string][] = [
  ['base-imports', 'src/base/a.ts', "import { x } from '../log/b.js';"],
  ['base-imports', 'src/base/typed.ts', "import type { T } from '../log/b.js';"],
  ['client-imports', 'src/client/a.ts', "import { x } from '../config/b.js';"],
  ['node-imports', 'src/node/a.ts', "import { x } from '../cli/b.js';"],
  ['log-imports', 'src/log/a.ts', "import { x } from '../../bench/b.js';"],
  ['threads-by-proxy', 'src/net/a.ts', "import { x } from '../writer/agent.js';"],
  ['threads-by-proxy', 'src/indexer/a.ts', "import type { T } from '../writer/agent.js';"],
  ['threads-by-proxy', 'bench/micro/a.ts', "import { x } from '../../src/writer/agent.js';"],
  ['main-is-tiny', 'src/main.ts', "import { x } from './node/b.js';"],
  ['nobody-imports-main', 'src/cli/a.ts', "import '../main.js';"],
  ['package-ws', 'src/reader/a.ts', "import type { WebSocket } from 'ws';"],
  ['packages-known', 'src/node/unknown.ts', "import { describe } from 'vitest';"],
  ['log-builtins', 'src/log/builtin.ts', "import { readFileSync } from 'node:fs';"],
  ['addon-loaded-once', 'src/node/addon.ts', "import { createRequire } from 'node:module';"],
  ['resolvable', 'src/node/gone.ts', "import { x } from './nowhere.js';"],
  ['no-cycles', 'src/log/chicken.ts', "import type { Egg } from './egg.js';\nexport type Chicken = Egg;"],
];

describe('the layering check', () => {
  let run: ReturnType<typeof check>;

  beforeAll(() => {
    run = check({
      ...Object.fromEntries(VISIBLE.map((name) => [`src/${name}.ts`, EXPORTS])),
      'bench/b.ts': EXPORTS,
      'src/log/egg.ts': "import type { Chicken } from './chicken.js';\nexport type Egg = Chicken;\n",
      'src/node/fine.ts':
        "export { x } from '../writer/proxy.js';\nexport type { T } from '../writer/commands.js';\n",
      ...Object.fromEntries(VIOLATIONS.map(([, path, text]) => [path, `${text}\n`])),
    });
  });

  it.each(VIOLATIONS)('enforces %s on %s', (rule, path) => {
    expect(run.errors).toContain(`${rule}: ${path}`);
    expect(run.status).toBe(1);
  });

  it('lets the outside see the proxy and the commands of a thread', () => {
    expect(run.errors).not.toContain('src/node/fine.ts');
  });

  it('fails when it saw fewer imports than the project has, whatever the reason', () => {
    const few = check({ 'src/base/a.ts': EXPORTS });
    expect(few.output).toContain('1 of 1 modules, 0 imports');
    expect(few.errors).toContain('only 0 imports seen');
    expect(few.status).toBe(1);
  });
});
