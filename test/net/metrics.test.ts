/** GET /metrics: what a scrape finds. */
import { expect, test } from 'vitest';
import { nameOf, show, statusOf, WALL_MS } from './scripted-node.js';

/** Line → value, without comments. */
async function scrape(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.replace(/.* /, ''))]));
}

test('the metrics are text as Prometheus reads it', async () => {
  const { url } = await show();
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of text.split('\n').filter((each) => each !== ''))
    expect(line).toMatch(/^(?:# (?:HELP|TYPE) cairn_\w+ .+|cairn_\w+(?:\{[^}]*\})? -?(?:[\d.e+-]+))$/);
});

test("KurrentDB's metrics have its names, with another prefix", async () => {
  const { url, metrics } = await show();
  metrics.noteElection();
  const found = await scrape(url);
  expect(found.get('cairn_checkpoints{name="writer",read="non-flushed"}')).toBe(9000);
  expect(found.get('cairn_checkpoints{name="writer",read="flushed"}')).toBe(8000);
  expect(found.get('cairn_checkpoints{name="replication",read="non-flushed"}')).toBe(7000);
  expect(found.get('cairn_checkpoints{name="index",read="non-flushed"}')).toBe(6000);
  expect(found.get('cairn_checkpoints{name="epoch",read="non-flushed"}')).toBe(4096);
  expect(found.get('cairn_statuses{name="Node",status="Leader"}')).toBe(WALL_MS / 1000);
  expect(found.get('cairn_elections_count_total')).toBe(1);
  expect(found.get('cairn_info{version="1.2.3"}')).toBe(1);
});

test('a leader shows how far behind each member is', async () => {
  const { url, node } = await show();
  const third = `member="${nameOf(3)}",role="voter",zone="c"`;
  const found = await scrape(url);
  expect(found.get(`cairn_replication_lag_bytes{${third}}`)).toBe(5_000_000);
  expect(found.get(`cairn_replication_silence_seconds{${third}}`)).toBe(9);
  expect(found.get(`cairn_replication_streaming{${third}}`)).toBe(1);
  node.current = statusOf({ role: 'following', members: [] });
  const later = await scrape(url);
  expect([...later.keys()].filter((key) => key.startsWith('cairn_replication_'))).toEqual([]);
  expect(later.get('cairn_node_role{role="following"}')).toBe(1);
  expect(later.has('cairn_node_role{role="leader"}')).toBe(false);
});

test('sums of the writer are what it has done since the start, however often they are read', async () => {
  const { url } = await show();
  await scrape(url);
  const found = await scrape(url);
  expect(found.get('cairn_writer_flush_duration_seconds_sum')).toBe(0.03);
  expect(found.get('cairn_writer_flush_duration_seconds_count')).toBe(10);
  expect(found.get('cairn_writer_write_duration_seconds_sum')).toBe(0.02);
  expect(found.get('cairn_writer_flush_size_bytes_sum')).toBe(5000);
  expect(found.get('cairn_ring_used_bytes')).toBe(2000);
});

test('subscriptions are counted by state, and what was sent to them since the start', async () => {
  const { url } = await show();
  const found = await scrape(url);
  expect(found.get('cairn_subscriptions{state="live"}')).toBe(3);
  expect(found.get('cairn_subscriptions{state="catching-up"}')).toBe(2);
  expect(found.get('cairn_subscription_events_total')).toBe(1000);
  expect(found.get('cairn_subscription_bytes_total')).toBe(90_000);
  expect(found.get('cairn_subscription_falls_behind_total')).toBe(2);
});

test('the stages of writes are there from when somebody follows writes', async () => {
  const { url, metrics } = await show();
  expect([...(await scrape(url)).keys()].filter((name) => name.includes('_stage_'))).toEqual([]);
  const stages = metrics.addWriteStages();
  stages.stage('sync', 0.00008);
  stages.memberStage('follower', nameOf(2), 0.3);
  const found = await scrape(url);
  expect(found.get('cairn_write_stage_seconds_bucket{le="0.00005",stage="sync"}')).toBe(0);
  expect(found.get('cairn_write_stage_seconds_bucket{le="0.0001",stage="sync"}')).toBe(1);
  const labels = `stage="follower",member="${nameOf(2)}"`;
  expect(found.get(`cairn_replication_stage_seconds_sum{${labels}}`)).toBe(0.3);
});

test('what happens between scrapes is counted', async () => {
  const { url, metrics, node } = await show();
  metrics.observeQuorumAck(0.0002);
  metrics.observeQuorumAck(0.7);
  metrics.observeGossip(0.002, true);
  metrics.observeGossip(0.002, false);
  node.clockDifferencesMs.set(nameOf(2), -1500);
  const found = await scrape(url);
  expect(found.get('cairn_quorum_ack_seconds_bucket{le="0.00025"}')).toBe(1);
  expect(found.get('cairn_quorum_ack_seconds_bucket{le="1"}')).toBe(2);
  expect(found.get('cairn_quorum_ack_seconds_count')).toBe(2);
  for (const status of ['successful', 'failed'])
    expect(found.get(`cairn_gossip_latency_seconds_count{activity="push-to-peer",status="${status}"}`)).toBe(
      1,
    );
  expect(found.get(`cairn_gossip_clock_difference_seconds{peer="${nameOf(2)}"}`)).toBe(-1.5);
});

test('the process and its event loop are measured', async () => {
  const { url } = await show();
  const found = await scrape(url);
  expect(found.get('cairn_proc_mem_bytes{kind="working-set"}')).toBeGreaterThan(0);
  expect(found.get('cairn_proc_cpu_seconds_total')).toBeGreaterThan(0);
  expect(found.get('cairn_event_loop_delay_seconds{quantile="0.99"}')).toBeGreaterThanOrEqual(0);
  expect(found.get('cairn_connections{path="/client"}')).toBe(0);
});
