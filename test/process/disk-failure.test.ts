/**
 * Disks that fail: one system call of a node's, the nth of a thread, returns an error or is the node's last. The node must die at
 * once, say why, and have acknowledged nothing that is not there afterwards.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OPCODE } from '../../src/wire/frames.js';
import { shortly } from '../long-test.js';
import { appendFrame, randomEvent } from '../net/frames.js';
import { RawClient } from '../net/raw-client.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import {
  DISK_PATHS,
  type DiskPath,
  endAllNodes,
  NodeProcess,
  removeFolder,
  temporaryFolder,
} from './node-process.js';
import { tampering, withoutStrace } from './tools.js';

let folder: string;

beforeEach(({ skip }) => {
  skip(withoutStrace !== undefined, withoutStrace);
  folder = temporaryFolder();
});

afterEach(async () => {
  await endAllNodes();
  removeFolder(folder);
});

interface Failure {
  readonly disk: DiskPath;
  /** As strace has it: which call fails how, and when. */
  readonly inject: string;
  readonly errno: string;
  readonly syscall: string;
  readonly flags?: readonly string[];
}

const FAILURES: readonly Failure[] = [
  { disk: 'native', inject: 'fdatasync:error=EIO:when=25', errno: 'EIO', syscall: 'fdatasync' },
  { disk: 'javascript', inject: 'fdatasync:error=EIO:when=25', errno: 'EIO', syscall: 'fdatasync' },
  { disk: 'native', inject: 'pwritev:error=EIO:when=25', errno: 'EIO', syscall: 'pwritev' },
  { disk: 'javascript', inject: 'pwritev:error=EIO:when=25', errno: 'EIO', syscall: 'pwritev' },
  { disk: 'native', inject: 'pwritev:error=ENOSPC:when=25', errno: 'ENOSPC', syscall: 'pwritev' },
  {
    disk: 'native',
    inject: 'pwritev:error=EIO:when=25',
    errno: 'EIO',
    syscall: 'pwritev',
    flags: ['--sync-mode', 'dsync'],
  },
  // Not the writer's but the preparer's: the chunk after next.
  { disk: 'native', inject: 'pwrite64:error=EIO:when=20', errno: 'EIO', syscall: 'pwrite' },
  { disk: 'javascript', inject: 'pwrite64:error=EIO:when=20', errno: 'EIO', syscall: 'pwrite' },
  { disk: 'native', inject: 'fsync:error=EIO:when=7', errno: 'EIO', syscall: 'fsync' },
];

const isQuick = ({ disk, syscall, flags }: Failure) =>
  flags === undefined && (disk === 'native' || syscall === 'fdatasync');

const NAMED = shortly(FAILURES, isQuick)
  .filter(({ disk }) => DISK_PATHS.includes(disk))
  .map((failure) => {
    const { disk, inject, flags = [] } = failure;
    return [[inject, `disk: ${disk}`, ...flags].join(', '), failure] as const;
  });

test.each(NAMED)(
  '%s: the node dies, loudly, and nothing acknowledged is lost',
  async (_name, { disk, inject, errno, syscall, flags = [] }) => {
    const load = new Load({ seed: 31 });
    const node = await NodeProcess.start({ folder, disk, flags, under: tampering(inject) });
    load.start(node.url);
    expect(await node.ended()).toEqual({ code: 5, signal: null });
    const deaths = node.log.filter(({ level }) => level === 60);
    expect(deaths).toMatchObject([{ err: { code: 'disk-failure' }, errno, syscall }]);
    expect(deaths[0]!.err!.message).toContain(`${syscall} failed with ${errno} on ${folder}`);
    await load.ended();
    const acknowledged = load.history.acknowledged;
    const next = await NodeProcess.start({ folder, disk });
    load.start(next.url);
    await load.untilAcknowledged(20);
    await load.stop();
    await checkHistory(load.history, next.url);
    expect(load.history.acknowledged).toBeGreaterThan(acknowledged);
  },
);

test.each(DISK_PATHS)('nothing is acknowledged from the sync that failed on (disk: %s)', async (disk) => {
  const failing = 8;
  const under = tampering(`fdatasync:error=EIO:when=${failing}`);
  const node = await NodeProcess.start({ folder, disk, under });
  const { client } = await RawClient.greeted(node.url);
  let acknowledged = 0;
  for (;;) {
    client.send(appendFrame({ requestId: 1, stream: 's', events: [randomEvent(10)] }));
    const answer = await client.next();
    if (answer === undefined) break;
    expect(answer.opcode).toBe(OPCODE.appended);
    acknowledged++;
  }
  expect(await node.ended()).toEqual({ code: 5, signal: null });
  // The first sync is that of the Epoch record; a sync more than once for Commit records, when the machine is slow.
  expect(acknowledged).toBeLessThanOrEqual(failing - 2);
  expect(acknowledged).toBeGreaterThan(0);
});

/** Every kind of step in which a chunk is made, filled and left behind. */
const LAST_CALLS = [
  ...(DISK_PATHS.includes('native') ? ['fallocate:signal=KILL:when=4'] : []),
  'rename:signal=KILL:when=4',
  'fsync:signal=KILL:when=8',
  'pwritev:signal=KILL:when=40',
];

test.each(shortly(LAST_CALLS, (call) => call.startsWith('rename') || call.startsWith('pwritev')))(
  'killed at %s: the next start finds everything acknowledged',
  async (inject) => {
    const load = new Load({ seed: 32, largestBytes: 20_000 });
    const node = await NodeProcess.start({ folder, under: tampering(inject) });
    load.start(node.url);
    await node.ended();
    await load.ended();
    const next = await NodeProcess.start({ folder });
    load.start(next.url);
    await load.untilAcknowledged(20);
    await load.stop();
    await checkHistory(load.history, next.url);
  },
);
