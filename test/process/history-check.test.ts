/** A check that never complains proves nothing: here the history is bent, and the store is right. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXPECTED_REVISION } from '../../src/wire/frames.js';
import type { AppendRequest, History } from './history.js';
import { checkHistory } from './history-check.js';
import { Load } from './load.js';
import { endAllNodes, NodeProcess, removeFolder, temporaryFolder } from './node-process.js';

let folder: string;
let node: NodeProcess;
let history: History;

beforeAll(async () => {
  folder = temporaryFolder();
  node = await NodeProcess.start({ folder });
  const load = new Load({ seed: 71 });
  load.start(node.url);
  await load.untilAcknowledged(150);
  await load.stop();
  history = load.history;
});

afterAll(async () => {
  await endAllNodes();
  removeFolder(folder);
});

function acknowledged(fits: (request: AppendRequest) => boolean = () => true): AppendRequest {
  return history.requests.find((request) => request.outcome === 'acknowledged' && fits(request))!;
}

/** Checks with the request changed, and changes it back. */
async function complaint(request: AppendRequest, changes: Partial<AppendRequest>): Promise<string> {
  const before = { ...request };
  Object.assign(request, changes);
  try {
    return await checkHistory(history, node.url).then(() => 'none', String);
  } finally {
    Object.assign(request, before);
  }
}

test('a true history passes, and covers all of the log', async () => {
  const findings = await checkHistory(history, node.url);
  const events = history.requests
    .filter(({ outcome }) => outcome === 'acknowledged')
    .flatMap(({ sizes }) => sizes);
  expect(findings).toMatchObject({ events: events.length, silentlyWritten: 0 });
});

test('an acknowledged event that is not there is missed', async () => {
  const request = history.add('nowhere', EXPECTED_REVISION.any, [{ metadataBytes: 0, dataBytes: 1 }]);
  expect(await complaint(request, { outcome: 'acknowledged', revision: 0, position: 8 })).toMatch(/was lost/);
  history.requests.pop();
});

test('an event of a request that was refused is noticed', async () => {
  expect(await complaint(acknowledged(), { outcome: 'refused' })).toMatch(/was refused, and written/);
});

test('an answer with another revision or position is noticed', async () => {
  const request = acknowledged();
  expect(await complaint(request, { revision: request.revision + 1 })).toMatch(/elsewhere/);
  expect(await complaint(request, { position: request.position + 8 })).toMatch(/elsewhere/);
});

test('an event with other bytes is noticed', async () => {
  const request = acknowledged(({ sizes }) => sizes[0]!.dataBytes > 0);
  const [first, ...others] = request.sizes;
  const sizes = [{ ...first!, dataBytes: first!.dataBytes - 1 }, ...others];
  expect(await complaint(request, { sizes })).toMatch(/is not as it was sent/);
});

test('an event in another stream is noticed', async () => {
  expect(await complaint(acknowledged(), { stream: 'another' })).toMatch(/is not as it was sent/);
});

test('half a request is noticed', async () => {
  const request = acknowledged();
  const sizes = [...request.sizes, { metadataBytes: 0, dataBytes: 0 }];
  expect(await complaint(request, { sizes })).toMatch(/is not followed by the rest of its request/);
});

test('an event that nobody sent is noticed', async () => {
  const request = acknowledged(({ sizes }) => sizes.length > 1);
  expect(await complaint(request, { sizes: request.sizes.slice(0, 1) })).toMatch(/an event that nobody sent/);
});

test('an event at another revision than the expected one is noticed', async () => {
  const request = acknowledged(({ expected }) => expected >= 0);
  expect(await complaint(request, { expected: request.expected + 1 })).toMatch(
    /is not at the expected revision/,
  );
});
