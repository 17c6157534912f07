import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { CairnError } from '../../src/base/errors.js';
import { DiskError } from '../../src/base/ports.js';
import { type NodeSurroundings, runNode } from '../../src/cli/node-command.js';
import type { Environment } from '../../src/config/environment.js';
import type { NodeOptions } from '../../src/config/options.js';
import type { RunningNode } from '../../src/node/node.js';

const ADDRESSES = { client: 'ws://127.0.0.1:7/client', http: 'http://127.0.0.1:7' };

/** A node that runs until told, and what the command did around it. */
class Stage {
  readonly events = new EventEmitter();
  readonly exits: number[] = [];
  readonly started: NodeOptions[] = [];
  stops = 0;
  output = '';
  errors = '';
  startError: unknown;
  fail: (reason: CairnError) => void = () => undefined;
  /** Resolves when the node listens. */
  readonly listening: Promise<void>;
  #onListening: () => void = () => undefined;
  #stopGate: Promise<void> = Promise.resolve();

  constructor() {
    this.listening = new Promise((resolve) => {
      this.#onListening = resolve;
    });
  }

  /** Makes stopping take until the returned function is called. */
  holdStop(): () => void {
    let release: () => void = () => undefined;
    this.#stopGate = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  run(argv: readonly string[], environment: Environment = {}): Promise<number> {
    const surroundings: NodeSurroundings = {
      startNode: async (options) => this.#start(options),
      input: {
        environment,
        workingFolder: '/work',
        readFile: () => {
          throw new Error('no file');
        },
      },
      output: { write: (text) => this.#written(text) },
      errors: {
        write: (text) => {
          this.errors += text;
        },
      },
      events: this.events,
      exit: (code) => this.exits.push(code),
    };
    // Who waits for a node that never listens would wait forever.
    return runNode(argv, surroundings).finally(() => this.#onListening());
  }

  #start(options: NodeOptions): RunningNode {
    this.started.push(options);
    if (this.startError !== undefined) throw this.startError;
    const failed = new Promise<CairnError>((resolve) => {
      this.fail = resolve;
    });
    const stop = async () => {
      this.stops++;
      await this.#stopGate;
    };
    return { addresses: ADDRESSES, failed, stop };
  }

  #written(text: string): void {
    this.output += text;
    if (text.includes('listening')) this.#onListening();
  }
}

describe('cairn node', () => {
  it('starts a node with the options, says where it listens, and stops with status 0 at SIGTERM', async () => {
    const stage = new Stage();
    const ended = stage.run(['--node-port', '0'], { CAIRN_DB: 'there' });
    await stage.listening;
    expect(stage.started).toEqual([expect.objectContaining({ nodePort: 0, db: '/work/there' })]);
    expect(stage.output).toContain('listening client=ws://127.0.0.1:7/client http=http://127.0.0.1:7');
    expect(stage.output).not.toContain('Try next');
    stage.events.emit('SIGTERM');
    expect(await ended).toBe(0);
    expect([stage.stops, stage.exits]).toEqual([1, []]);
    expect(stage.output).toMatch(/stopping signal=SIGTERM\n.*stopped\n$/);
    expect(stage.events.eventNames()).toEqual([]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('ends at once at a second signal (%s: status %d)', async (signal, code) => {
    const stage = new Stage();
    const release = stage.holdStop();
    const ended = stage.run([]);
    await stage.listening;
    stage.events.emit('SIGTERM');
    expect(stage.exits).toEqual([]);
    stage.events.emit(signal);
    expect(stage.exits).toEqual([code]);
    release();
    await ended;
    expect(stage.stops).toBe(1);
  });

  it.each([
    [new CairnError('thread-died', 'the writer died'), 1, 'the writer died [thread-died]'],
    [new DiskError('EIO', 'fdatasync', '/d/c'), 5, 'fdatasync /d/c: EIO [disk-failure]'],
    [new TypeError('oops'), 1, 'unexpected failure: this is a bug'],
  ])('ends with the status of what killed its node: %s', async (reason, code, text) => {
    const stage = new Stage();
    const ended = stage.run([]);
    await stage.listening;
    // The type promises a CairnError; a bug might break that.
    stage.fail(reason as CairnError);
    expect(await ended).toBe(code);
    expect(stage.output).toMatch(/FATAL/);
    expect(stage.output).toContain(text);
    expect(stage.stops).toBe(0);
  });

  it('ends with the status of what kept its node from starting', async () => {
    const stage = new Stage();
    stage.startError = new CairnError('folder-locked', 'in use', { pid: 1 });
    expect(await stage.run([])).toBe(3);
    expect(stage.output).toContain('the node ends pid=1: in use [folder-locked]');
    expect(stage.errors).toBe('cairn: in use [folder-locked]\n  pid: 1\n');
    expect(stage.events.eventNames()).toEqual([]);
  });

  it('ends at once at an exception that nobody caught', async () => {
    const stage = new Stage();
    const ended = stage.run([]);
    await stage.listening;
    stage.events.emit('uncaughtException', new TypeError('oops'));
    expect(stage.exits).toEqual([1]);
    expect(stage.output).toContain('TypeError: oops');
    stage.events.emit('SIGTERM');
    await ended;
  });

  it('logs warnings, as about old names', async () => {
    const stage = new Stage();
    const ended = stage.run(['--http-port=1', '--log-console-format=json']);
    await stage.listening;
    stage.events.emit('SIGINT');
    await ended;
    const lines = stage.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: number; msg: string });
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, msg: '--http-port is an old name: use --node-port' }),
    );
  });

  it('tells everything that is wrong with its options, starts nothing, and ends with status 2', async () => {
    const stage = new Stage();
    expect(await stage.run(['--chunk-sise=1', '--node-port', 'x'], { CAIRN_DP: 'y' })).toBe(2);
    expect(stage.started).toEqual([]);
    expect(stage.output).toBe('');
    expect(stage.errors.split('\n')).toEqual([
      'cairn: the configuration is not valid [invalid-configuration]',
      '  CAIRN_DP: unknown environment variable. Did you mean CAIRN_DB?',
      '  --chunk-sise: unknown option. Did you mean --chunk-size?',
      '  --node-port "x": must be a whole number from 0 to 65535',
      '  cairn node --help lists all options.',
      '',
    ]);
  });

  it.each(['table', 'json'])(
    'shows with --what-if every value and its source (%s), and starts nothing',
    async (output) => {
      const stage = new Stage();
      expect(await stage.run(['--what-if', '-o', output, '--http-port=5'])).toBe(0);
      expect(stage.started).toEqual([]);
      expect(stage.output).toMatch(/NodePort.*5.*command-line.*--http-port/);
      expect(stage.errors).toBe('warning: --http-port is an old name: use --node-port\n');
    },
  );

  it('shows with --help every option that is not hidden', async () => {
    const stage = new Stage();
    expect(await stage.run(['--help'])).toBe(0);
    expect(stage.output).toMatch(
      /--chunk-size <size>\n.*\n +A multiple of 4096 from 64 KiB to 1 GiB\. Default: 256 MiB\./,
    );
  });

  it('shows its version with --version', async () => {
    const stage = new Stage();
    expect(await stage.run(['--version'])).toBe(0);
    expect(stage.output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
