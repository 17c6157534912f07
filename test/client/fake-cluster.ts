/**
 * Nodes of one cluster, each a fake server, with one log between them: every node answers appends and reads from it as far as it is allowed to, and does
 * what a test tells it otherwise. What is in the log, and in which order, is what tests look at.
 */
import { type ErrorContent, encodeError } from '../../src/wire/answer-frames.js';
import { EVENTS_LAST, OPCODE } from '../../src/wire/frames.js';
import { decodeReadStream } from '../../src/wire/read-frames.js';
import { openFrame } from '../wire/golden-frames.js';
import { eventRecord } from './fake-records.js';
import { decodeAppend, type FakeConnection, type FakeServer, type SeenFrame } from './fake-server.js';
import { fakeServer } from './pair.js';

const RECORD_BYTES = 200;

export class FakeNode {
  server!: FakeServer;
  /** What it answers to appends and reads instead of taking them; stays until it is undefined again. */
  refusal: ErrorContent | undefined;
  /** Writes what it gets, and tells nobody. */
  losesAnswers = false;
  /** Takes what it gets and does nothing with it, as if it were paused. */
  isSilent = false;
  /** How many events of the log it has: others come when it is told to. */
  has = Number.POSITIVE_INFINITY;
  /** Events of a read after which it drops the connection. */
  dropsAfter = Number.POSITIVE_INFINITY;
  /** Types of the appends that it was asked for. */
  readonly asked: string[] = [];
  readonly reads: { atLeast: number; from: number; consistency: string }[] = [];

  constructor(
    readonly name: string,
    readonly cluster: FakeCluster,
  ) {}

  get url(): string {
    return `${this.server.url}/client`;
  }

  get isLeader(): boolean {
    return this.cluster.leader === this;
  }

  /** Cuts off all clients; they may come again. */
  drop(): void {
    for (const connection of this.server.connections) connection.drop();
  }

  take(connection: FakeConnection, frame: SeenFrame): void {
    if (this.isSilent) return;
    if (frame.opcode === OPCODE.append) this.#append(connection, frame);
    else if (frame.opcode === OPCODE.readStream) this.#read(connection, frame);
  }

  #append(connection: FakeConnection, frame: SeenFrame): void {
    const { requestId, events } = decodeAppend(frame);
    const { id, type } = events[0]!;
    this.asked.push(type);
    const refusal = this.refusal ?? this.cluster.interrupted.get(connection);
    if (refusal !== undefined) {
      this.cluster.interrupted.set(connection, refusal);
      connection.send((writer) => encodeError(writer, requestId, refusal));
      return;
    }
    const { log } = this.cluster;
    let at = log.findIndex((event) => event.id === id);
    const isDuplicate = at >= 0;
    if (!isDuplicate) at = log.push({ id, type }) - 1;
    if (this.losesAnswers) return;
    connection.send((writer) => writer.appended(requestId, isDuplicate ? 1 : 0, at, at * RECORD_BYTES));
  }

  #read(connection: FakeConnection, frame: SeenFrame): void {
    const decoded = decodeReadStream(openFrame(frame.bytes));
    if (decoded.kind === 'invalid') throw new Error(decoded.reason);
    const { from, atLeast, consistency } = decoded.frame;
    const { requestId } = frame;
    this.reads.push({ from, atLeast, consistency });
    const length = Math.min(this.has, this.cluster.log.length);
    const isBehind = length * RECORD_BYTES < atLeast;
    const notReady = { code: 'not-ready', message: 'behind', details: {} } as const;
    const refusal = this.refusal ?? (isBehind ? notReady : undefined);
    if (refusal !== undefined) {
      connection.send((writer) => encodeError(writer, requestId, refusal));
      return;
    }
    const last = Math.min(length, from + this.dropsAfter);
    const revisions = Array.from({ length: Math.max(0, last - from) }, (_, i) => from + i);
    const records = revisions.map((revision) => eventRecord({ revision, data: '1' }));
    const flags = last === length ? EVENTS_LAST : 0;
    connection.sendEvents({ requestId, flags, next: last, head: length - 1 }, records);
    if (flags === 0) connection.socket.close();
  }
}

export class FakeCluster {
  readonly nodes: FakeNode[] = [];
  leader: FakeNode | undefined;
  readonly log: { id: string; type: string }[] = [];
  /** Connections that get no further append in, as docs/protocol.md wants it. */
  readonly interrupted = new Map<FakeConnection, ErrorContent>();

  static async start(names: readonly string[]): Promise<FakeCluster> {
    const cluster = new FakeCluster();
    for (const name of names) {
      const node = new FakeNode(name, cluster);
      node.server = await fakeServer({
        gossip: () => (node.isSilent ? undefined : cluster.gossip(node)),
        onFrame: (connection, frame) => node.take(connection, frame),
      });
      cluster.nodes.push(node);
    }
    cluster.leader = cluster.nodes[0];
    return cluster;
  }

  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  /** The node that a client with this URL talks to. */
  at(url: string): string | undefined {
    return this.nodes.find((node) => node.url === url)?.name;
  }

  get types(): string[] {
    return this.log.map(({ type }) => type);
  }

  gossip(teller: FakeNode): object {
    const members = this.nodes.map((node) => ({
      state: node.isLeader ? 'Leader' : 'Follower',
      isAlive: true,
      httpEndPointIp: '127.0.0.1',
      httpEndPointPort: node.server.port,
    }));
    return { members, serverIp: '127.0.0.1', serverPort: teller.server.port };
  }
}

export function refusal(code: ErrorContent['code'], details: ErrorContent['details'] = {}): ErrorContent {
  return { code, message: `refused: ${code}`, details };
}
