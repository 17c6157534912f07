/**
 * The command line: which commands there are, and how every one of them ends. Main thread. What always holds: results go to
 * standard output, everything else to standard error; a failure is one line with a code, and the exit status follows from it.
 */
import { Command, CommanderError } from 'commander';
import { EXIT_CODES } from './exit-codes.js';
import { describeFailure } from './failure.js';
import { packageVersion } from './version.js';

type Register = (program: Command) => void;

/** In the order of the help. Loaded only when needed: a client command should not wait for the code of a node. */
const COMMANDS: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ['node', async () => (await import('./node-command.js')).registerNode],
  ['cluster', async () => (await import('./cluster/cluster-command.js')).registerCluster],
  ['stream', async () => (await import('./stream/stream-command.js')).registerStream],
  ['import', async () => (await import('./import/import-command.js')).registerImport],
  ['scavenge', async () => (await import('./scavenge/scavenge-command.js')).registerScavenge],
  ['backup', async () => (await import('./backup/backup-command.js')).registerBackup],
  ['inspect', async () => (await import('./inspect/inspect-command.js')).registerInspect],
  ['simulate', async () => (await import('./simulate/simulate-command.js')).registerSimulate],
  ['bench', async () => (await import('../../bench/command.js')).registerBench],
  ['tune', async () => (await import('../../bench/tune/command.js')).registerTune],
  ['zones', async () => (await import('../../bench/zones/command.js')).registerZones],
  ['check', async () => (await import('../../bench/check-command.js')).registerCheck],
  ['version', async () => (await import('./version-command.js')).registerVersion],
]);

/** Runs one command, `argv` being the words behind `cairn`. Resolves to the status to exit with. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  outliveClosedPipe(argv[0]);
  try {
    const program = await createProgram(argv[0]);
    await program.parseAsync(argv, { from: 'user' });
    return process.exitCode === undefined ? EXIT_CODES.ok : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
    const { lines, exitCode } = describeFailure(error, process.env['CAIRN_DEBUG'] === '1');
    for (const line of lines) console.error(line);
    return exitCode;
  }
}

/** The program with the command that is called `first`, or with all if there is none, for help and suggestions. */
async function createProgram(first: string | undefined): Promise<Command> {
  const program = new Command('cairn')
    .description(
      'Cairn: an event store. Streams of events in one append-only log, fsynced before it says yes.',
    )
    .version(packageVersion(), '-V, --version', 'show the version')
    // Options belong to the command in front of them; `cairn node` takes all behind it for src/config.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageFailure(text)) });
  const wanted = COMMANDS.get(first ?? '');
  const loads = wanted === undefined ? [...COMMANDS.values()] : [wanted];
  for (const register of await Promise.all(loads.map((load) => load()))) register(program);
  return program;
}

/** commander's message in our form: one line with a code. */
function usageFailure(text: string): string {
  const message = text
    .replace(/^error: /, '')
    .trimEnd()
    .replaceAll('\n', ' ');
  return `cairn: ${message} [invalid-configuration]\n`;
}

/** `cairn stream read … | head`: who closes the pipe has what it wanted. A node goes on, without its log. */
function outliveClosedPipe(command: string | undefined): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (command !== 'node') process.exit(EXIT_CODES.ok);
  });
}
