/**
 * `cairn node`: resolves the options, starts a node, and stays until a signal or a failure ends it. Main thread. Its arguments
 * go past commander to src/config, so that the command line, the environment and the file are judged by one table, at once.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { CairnError } from '../base/errors.js';
import { effectiveLines } from '../config/effective.js';
import { type ConfigurationInput, type Resolution, resolveOptions } from '../config/resolve.js';
import { openPlatform } from '../native/platform.js';
import { type RunningNode, startNode } from '../node/node.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { describeFailure, knownError } from './failure.js';
import { type LineSink, openLog } from './log.js';
import { nodeHelp } from './node-help.js';
import { packageVersion } from './version.js';

type StartNode = typeof startNode;

/** What the command touches: the process in production, a test's stand-ins otherwise. */
export interface NodeSurroundings {
  readonly startNode: StartNode;
  readonly input: Omit<ConfigurationInput, 'argv'>;
  readonly output: LineSink;
  readonly errors: LineSink;
  /** Signals and uncaught exceptions arrive here. */
  readonly events: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  /** Ends the process at once. */
  exit(code: ExitCode): void;
}

const SIGNAL_EXITS = { SIGINT: EXIT_CODES.interrupted, SIGTERM: EXIT_CODES.terminated } as const;

/** Adds `node` to the command line. */
export function registerNode(program: Command): void {
  const command = program.command('node').description('run a node').usage('[options]');
  command.helpInformation = nodeHelp;
  command
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .action(async () => {
      process.exitCode = await runNode(command.args, processSurroundings());
    });
}

function processSurroundings(): NodeSurroundings {
  return {
    startNode,
    input: {
      environment: process.env,
      workingFolder: process.cwd(),
      readFile: (path) => readFileSync(path, 'utf8'),
    },
    output: process.stdout,
    errors: process.stderr,
    events: process,
    exit: (code) => process.exit(code),
  };
}

/** Runs a node with the arguments behind `cairn node`; resolves, when it has ended, to the status to exit with. */
export async function runNode(argv: readonly string[], surroundings: NodeSurroundings): Promise<ExitCode> {
  const { output, errors } = surroundings;
  const resolution = resolveOptions({ ...surroundings.input, argv });
  switch (resolution.kind) {
    case 'help':
      output.write(nodeHelp());
      return EXIT_CODES.ok;
    case 'version':
      output.write(`${packageVersion()}\n`);
      return EXIT_CODES.ok;
    case 'invalid':
      errors.write('cairn: the configuration is not valid [invalid-configuration]\n');
      for (const problem of resolution.problems) errors.write(`  ${problem}\n`);
      errors.write('  cairn node --help lists all options.\n');
      return EXIT_CODES.usage;
    case 'ok':
      return resolution.values.WhatIf
        ? showEffective(resolution, surroundings)
        : await serve(resolution, surroundings);
  }
}

type Resolved = Extract<Resolution, { kind: 'ok' }>;

function showEffective(
  { values, sources, warnings }: Resolved,
  { output, errors }: NodeSurroundings,
): ExitCode {
  for (const warning of warnings) errors.write(`warning: ${warning}\n`);
  for (const line of effectiveLines(values, sources, values.Output)) output.write(`${line}\n`);
  return EXIT_CODES.ok;
}

async function serve({ options, warnings }: Resolved, surroundings: NodeSurroundings): Promise<ExitCode> {
  const { events, exit, output } = surroundings;
  const logger = openLog(options, output);
  const version = packageVersion();
  logger.info({ version, node: process.version, pid: process.pid, db: options.db }, 'starting');
  for (const warning of warnings) logger.warn(warning);
  const onBug = (error: unknown) => exit(tellDeath(error, logger, surroundings));
  events.on('uncaughtException', onBug);
  try {
    logPlatform(logger);
    const node = await surroundings.startNode(options, logger, version);
    const ended = untilEnded(node, logger, surroundings);
    logger.info({ ...node.addresses }, 'listening');
    const death = await ended;
    if (death !== undefined) return tellDeath(death, logger, surroundings);
    logger.info('stopped');
    return EXIT_CODES.ok;
  } catch (error) {
    return tellDeath(error, logger, surroundings);
  } finally {
    events.off('uncaughtException', onBug);
  }
}

function logPlatform(logger: Logger): void {
  const { disk, crc32c, reason } = openPlatform().describe;
  logger.info({ disk, crc32c }, 'platform');
  if (disk === 'javascript') logger.warn({ reason }, 'without the addon the disk path is slower');
}

/**
 * The first signal stops the node in order, a second one ends the process at once. Resolves when the node has stopped, or
 * to what killed it. Who listens for signals only from here on can be killed while it starts, which loses nothing.
 */
async function untilEnded(
  node: RunningNode,
  logger: Logger,
  { events, exit }: NodeSurroundings,
): Promise<CairnError | undefined> {
  const handlers = new Map<string, () => void>();
  const stopped = new Promise<undefined>((resolve, reject) => {
    let isStopping = false;
    for (const [signal, code] of Object.entries(SIGNAL_EXITS)) {
      handlers.set(signal, () => {
        if (isStopping) return exit(code);
        isStopping = true;
        logger.info({ signal }, 'stopping');
        node.stop().then(() => resolve(undefined), reject);
      });
    }
  });
  for (const [signal, handler] of handlers) events.on(signal, handler);
  try {
    return await Promise.race([node.failed, stopped]);
  } finally {
    for (const [signal, handler] of handlers) events.off(signal, handler);
  }
}

/** Tells of the end in the log, and on standard error as every command does. Returns the status to exit with. */
function tellDeath(error: unknown, logger: Logger, { errors, input }: NodeSurroundings): ExitCode {
  const known = knownError(error);
  if (known === undefined) logger.fatal({ err: error }, 'unexpected failure: this is a bug');
  else logger.fatal({ err: known, ...known.details }, 'the node ends');
  const { lines, exitCode } = describeFailure(error, input.environment['CAIRN_DEBUG'] === '1');
  for (const line of lines) errors.write(`${line}\n`);
  return exitCode;
}
