/**
 * The layering of src/ and bench/ as rules for dependency-cruiser; test/layering/check.mjs runs them.
 * Type imports count like any other. The tables say what each folder may import; what they don't name is forbidden.
 */

/** Threads: from outside, only `proxy.ts` and `commands.ts` of these folders can be seen. */
const THREADS = ['writer', 'preparer', 'indexer'];

/** Folder → the folders of src/ that it may import, besides itself. */
const LAYERS = {
  base: [],
  log: ['base'],
  index: ['base', 'log'],
  ring: ['base'],
  wire: ['base'],
  config: ['base'],
  plot: ['base'],
  pattern: ['base'],
  native: ['base', 'log'],
  writer: ['base', 'log', 'ring', 'native'],
  preparer: ['base', 'log', 'ring', 'native'],
  indexer: ['base', 'log', 'index', 'ring', 'native'],
  sequencer: ['base', 'log', 'ring', 'wire'],
  cluster: ['base', 'log'],
  reader: ['base', 'log', 'ring', 'native', 'indexer', 'pattern'],
  scavenge: ['base', 'log', 'wire'],
  sim: ['base', 'log', 'cluster'],
  client: ['base', 'wire'],
  net: ['base', 'wire', 'sequencer', 'reader', 'cluster', 'config', 'pattern'],
  node: [
    'base',
    'log',
    'ring',
    'wire',
    'config',
    'native',
    ...THREADS,
    'sequencer',
    'reader',
    'cluster',
    'net',
    'scavenge',
  ],
  backup: ['base', 'log', 'native', 'cluster', 'net', 'node'],
};

/** Runtime package → who may import it. A package that is not here may be imported by nobody. */
const PACKAGES = {
  commander: ['src/cli/', 'bench/'],
  'csv-parse': ['src/cli/import/'],
  'd3-array': ['src/plot/'],
  'd3-scale': ['src/plot/'],
  'd3-shape': ['src/plot/'],
  'hdr-histogram-js': ['bench/'],
  'node-gyp-build': ['src/native/'],
  pino: ['src/cli/', 'src/node/'],
  piscina: ['src/indexer/', 'src/reader/', 'src/node/', 'src/cli/inspect/', 'src/cli/simulate/'],
  'prom-client': ['src/net/'],
  ws: ['src/client/', 'src/net/'],
  yaml: ['src/config/', 'bench/zones/'],
  benchmark: ['bench/micro/'],
  'ringbuf.js': ['bench/micro/'],
};

/**
 * Folder → the built-in modules of Node that it may import; folders that are not here may import any. These decide and
 * never act (`net` and `path` have pure functions too), carry (the ring, between threads), or run in browsers (client).
 */
const BUILTINS = {
  base: [],
  log: [],
  index: [],
  wire: [],
  sequencer: [],
  cluster: [],
  scavenge: [],
  sim: [],
  client: [],
  config: ['net', 'path'],
  plot: [],
  pattern: [],
  ring: ['worker_threads'],
};

const any = (names) => `(?:${names.join('|')})`;
const escaped = (text) => text.replaceAll('.', '\\.');

const layerRules = Object.entries(LAYERS).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^(?:src|bench)/', pathNot: `^src/${any([folder, ...allowed])}/` },
}));

const packageRules = Object.entries(PACKAGES).map(([name, importers]) => ({
  name: `package-${name}`,
  comment: `${name} is imported by ${importers.join(', ')} only`,
  severity: 'error',
  from: { pathNot: `^${any(importers)}` },
  to: { path: `node_modules/(?:@types/)?${escaped(name)}/` },
}));

const builtinRules = Object.entries(BUILTINS).map(([folder, allowed]) => ({
  name: `${folder}-builtins`,
  comment: `src/${folder} may import of Node's own modules ${allowed.join(', ') || 'none'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { dependencyTypes: ['core'], pathNot: allowed.length === 0 ? [] : `^(?:node:)?${any(allowed)}$` },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    ...packageRules,
    ...builtinRules,
    {
      name: 'no-cycles',
      comment: 'Who can be read alone can be trusted alone. Type imports count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'threads-by-proxy',
      comment: 'Outside sees of a thread its proxy and its commands only.',
      severity: 'error',
      from: { path: '^(src|bench)/([^/]+)' },
      to: {
        path: `^src/${any(THREADS)}/`,
        pathNot: ['^$1/$2/', `^src/${any(THREADS)}/(?:proxy|commands)\\.ts$`],
      },
    },
    {
      name: 'main-is-tiny',
      comment: 'src/main.ts hands argv to the command line, nothing else.',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/', pathNot: '^src/cli/' },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: {},
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'packages-known',
      comment: 'Every runtime package is in the table PACKAGES of .dependency-cruiser.cjs.',
      severity: 'error',
      from: {},
      to: {
        path: 'node_modules/',
        pathNot: `node_modules/(?:@types/)?${any(Object.keys(PACKAGES).map(escaped))}/`,
      },
    },
    {
      name: 'addon-loaded-once',
      comment: 'Only src/native creates a require, and so only it can load the addon.',
      severity: 'error',
      from: { path: '^(?:src|bench)/', pathNot: '^src/native/' },
      to: { path: '^(?:node:)?module$|\\.node$' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
