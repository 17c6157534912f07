/**
 * What a node measures, as Prometheus' text. Main thread. Most of it is read off the node's status when somebody asks; what happens between
 * is told as it happens (`observe…`, `note…`).
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { stateWord } from './http/state-words.js';
import { LoopDelay } from './loop-delay.js';
import { type Moment, SERIES, type Series } from './metric-series.js';
import type { NodeStatus } from './node-port.js';

export interface MetricsParts {
  readonly status: () => NodeStatus;
  /** Path → WebSocket connections there. */
  readonly connections: () => ReadonlyMap<string, number>;
  readonly clockDifferencesMs: () => ReadonlyMap<string, number>;
  readonly wallMs: () => number;
  /** The version of the software. */
  readonly release: string;
}

const PREFIX = 'cairn_';
/** A quorum on fast disks in one room takes a tenth of a millisecond, on slow ones over an ocean a second. */
const ACK_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];
/** From a microsecond to some seconds, each close enough to the next that a median means something. */
const STAGE_SECONDS = [-6, -5, -4, -3, -2, -1, 0].flatMap((power) =>
  [1, 1.5, 2, 3, 5, 7].map((step) => Number(`${step}e${power}`)),
);
const GOSSIP_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5];
const DELAY_QUANTILES = [0.5, 0.9, 0.99, 0.999, 1];

export class NodeMetrics {
  readonly #parts: MetricsParts;
  readonly #registry = new Registry();
  readonly #delay = new LoopDelay();
  readonly #acks: Histogram;
  readonly #gossip: Histogram<'activity' | 'status'>;
  readonly #elections: Counter;
  /** State → when the node was last seen in it, in seconds since 1970. */
  readonly #seen = new Map<string, number>();
  #moment: Moment | undefined;

  constructor(parts: MetricsParts) {
    this.#parts = parts;
    for (const series of SERIES) this.#add(series);
    const registers = [this.#registry];
    this.#acks = new Histogram({
      name: `${PREFIX}quorum_ack_seconds`,
      help: "On a leader: from a record's publishing until a quorum has it on disk.",
      buckets: ACK_SECONDS,
      registers,
    });
    this.#gossip = new Histogram({
      name: `${PREFIX}gossip_latency_seconds`,
      help: 'How long exchanges of gossip took that this node began.',
      labelNames: ['activity', 'status'],
      buckets: GOSSIP_SECONDS,
      registers,
    });
    this.#elections = new Counter({
      name: `${PREFIX}elections_count_total`,
      help: 'Elections that this node has seen a leader come out of.',
      registers,
    });
    this.#addStatuses();
    this.#addDelay();
    this.#addRelease();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics, now. */
  async read(): Promise<string> {
    const { status, connections, clockDifferencesMs } = this.#parts;
    const { user, system } = process.cpuUsage();
    this.#moment = {
      status: status(),
      connections: connections(),
      clockDifferencesMs: clockDifferencesMs(),
      memory: process.memoryUsage(),
      cpuSeconds: (user + system) / 1e6,
    };
    return this.#registry.metrics();
  }

  /** Leader: some records that were published at once are committed, so long after. Not for each event: for each step of `committed`. */
  observeQuorumAck(seconds: number): void {
    this.#acks.observe(seconds);
  }

  /** From now on there are histograms of the stages of writes; whoever follows writes tells what it sees. */
  addWriteStages(): {
    stage(stage: string, seconds: number): void;
    memberStage(stage: string, member: string, seconds: number): void;
  } {
    const settings = { buckets: STAGE_SECONDS, registers: [this.#registry] };
    const stages = new Histogram({
      ...settings,
      name: `${PREFIX}write_stage_seconds`,
      help: "On a leader: where a write's time goes. docs/performance.md says what the stages are.",
      labelNames: ['stage'],
    });
    const memberStages = new Histogram({
      ...settings,
      name: `${PREFIX}replication_stage_seconds`,
      help: 'On a leader, of a member. ship: from publishing until the records are with its socket; follower: from then until its ack.',
      labelNames: ['stage', 'member'],
    });
    return {
      stage: (stage, seconds) => stages.observe({ stage }, seconds),
      memberStage: (stage, member, seconds) => memberStages.observe({ stage, member }, seconds),
    };
  }

  observeGossip(seconds: number, isSuccessful: boolean): void {
    const status = isSuccessful ? 'successful' : 'failed';
    this.#gossip.observe({ activity: 'push-to-peer', status }, seconds);
  }

  /** A new leader is known. */
  noteElection(): void {
    this.#elections.inc();
  }

  stop(): void {
    this.#delay.stop();
  }

  #add({ name, help, kind, labels, samples }: Series): void {
    const read = () => (this.#moment === undefined ? [] : samples(this.#moment));
    const settings = { name: PREFIX + name, help, labelNames: [...labels], registers: [this.#registry] };
    if (kind === 'gauge') {
      new Gauge({
        ...settings,
        collect() {
          this.reset();
          for (const { labels, value } of read()) this.set(labels, value);
        },
      });
      return;
    }
    // The sums are kept elsewhere: a scrape sets them, and they only grow.
    new Counter({
      ...settings,
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.inc(labels, value);
      },
    });
  }

  /** As KurrentDB has it: the newest time tells the present state. States between two scrapes are not seen. */
  #addStatuses(): void {
    const now = () => {
      const { status } = this.#moment!;
      this.#seen.set(stateWord(status.role, status.memberRole, 0), Math.floor(this.#parts.wallMs() / 1000));
      return this.#seen;
    };
    new Gauge({
      name: `${PREFIX}statuses`,
      help: 'When the node was last seen in a state, in seconds since 1970.',
      labelNames: ['name', 'status'],
      registers: [this.#registry],
      collect() {
        for (const [status, seconds] of now()) this.set({ name: 'Node', status }, seconds);
      },
    });
  }

  #addDelay(): void {
    const take = () => this.#delay.take(DELAY_QUANTILES);
    new Gauge({
      name: `${PREFIX}event_loop_delay_seconds`,
      help: 'How late the main thread came to its work, since the last scrape.',
      labelNames: ['quantile'],
      registers: [this.#registry],
      collect() {
        for (const [quantile, seconds] of take()) this.set({ quantile: String(quantile) }, seconds);
      },
    });
  }

  #addRelease(): void {
    const info = new Gauge({
      name: `${PREFIX}info`,
      help: '1; the version is the label.',
      labelNames: ['version'],
      registers: [this.#registry],
    });
    info.set({ version: this.#parts.release }, 1);
  }
}
