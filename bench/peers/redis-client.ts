/**
 * As much of RESP, the protocol of Redis, as a durable append needs: XADD, and WAIT for a replica's acknowledgement. WAIT holds its connection
 * up, so what comes meanwhile gathers, and goes out together before the next WAIT: natural batching, each event still a command of
 * its own. Main thread.
 */
import { CairnError } from '../../src/base/errors.js';
import { benchData } from '../request-frames.js';
import { FrameSocket } from './frame-socket.js';
import type { PeerLoad, PeerTarget } from './peer.js';
import { SocketTarget } from './socket-target.js';

/** A cluster that works answers within milliseconds. */
const WAIT_TIMEOUT_MS = 20_000;
const STREAMS = 16;

/** More connections than this gain nothing: what gathers on each is batched. */
const CONNECTIONS_MAX = 4;

const DOLLAR = 0x24;
const COLON = 0x3a;
const MINUS = 0x2d;
const LINE_END = '\r\n';

/** A command as an array of bulk strings. */
export function encodeCommand(words: readonly (string | Uint8Array)[]): Buffer {
  const parts = words.flatMap((word) => {
    const bytes = Buffer.from(word as Uint8Array);
    return [Buffer.from(`$${bytes.length}${LINE_END}`), bytes, Buffer.from(LINE_END)];
  });
  return Buffer.concat([Buffer.from(`*${words.length}${LINE_END}`), ...parts]);
}

/** Where a simple string, error, number or bulk string ends. Nothing else is asked for here. */
export function redisReplyEnd(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf(LINE_END, at, 'latin1');
  if (lineEnd < 0) return -1;
  const start = lineEnd + LINE_END.length;
  if (bytes[at] !== DOLLAR) return start;
  const length = Number(bytes.toString('latin1', at + 1, lineEnd));
  return length < 0 ? start : start + length + LINE_END.length;
}

/** Asks something outside the load. Throws `CairnError` with what Redis says against it. */
export async function askRedis(port: number, words: readonly string[]): Promise<string> {
  const socket = await FrameSocket.connect(port, redisReplyEnd);
  try {
    socket.write(encodeCommand(words));
    const reply = (await socket.next()).toString('latin1');
    if (reply.startsWith('-')) throw refusalOf(reply);
    return reply;
  } finally {
    socket.close();
  }
}

/** One connection: the appends that are under way, and those that gather behind the WAIT. */
export class AppendGroups {
  #gathering: number[] = [];
  #sent: number[] = [];
  #answered = 0;
  #refused = new Map<number, CairnError>();

  /** Whether this one is the first to gather while nothing is under way: then the caller flushes at the turn's end. */
  gather(slot: number): boolean {
    this.#gathering.push(slot);
    return this.#sent.length === 0 && this.#gathering.length === 1;
  }

  /** The slots that go out together now; none while others are under way. */
  take(): readonly number[] {
    if (this.#sent.length > 0) return [];
    this.#sent = this.#gathering;
    this.#gathering = [];
    this.#answered = 0;
    return this.#sent;
  }

  /** The reply to an append of the group. */
  appended(error: CairnError | undefined): void {
    if (error !== undefined) this.#refused.set(this.#sent[this.#answered]!, error);
    this.#answered++;
  }

  /** Whether the next reply is that to WAIT. */
  get isWaitNext(): boolean {
    return this.#answered === this.#sent.length;
  }

  /** The group is over: its slots, and what went wrong with each. */
  end(error: CairnError | undefined): readonly (readonly [slot: number, error: CairnError | undefined])[] {
    const results = this.#sent.map((slot) => [slot, this.#refused.get(slot) ?? error] as const);
    this.#sent = [];
    this.#refused = new Map();
    return results;
  }
}

/** Appends, each group followed by a WAIT for one replica. */
export async function redisTarget(port: number, { inFlight, eventBytes }: PeerLoad): Promise<PeerTarget> {
  const data = benchData(eventBytes);
  const appends = Array.from({ length: STREAMS }, (_, stream) =>
    encodeCommand(['XADD', `bench:${stream}`, '*', 'd', data]),
  );
  const wait = encodeCommand(['WAIT', '1', String(WAIT_TIMEOUT_MS)]);
  const count = Math.min(inFlight, CONNECTIONS_MAX);
  const sockets = await Promise.all(
    Array.from({ length: count }, () => FrameSocket.connect(port, redisReplyEnd)),
  );
  const groups = new Map(sockets.map((socket) => [socket, new AppendGroups()]));
  const flush = (socket: FrameSocket, group: AppendGroups) => {
    const slots = group.take();
    if (slots.length === 0) return;
    for (const slot of slots) socket.write(appends[slot % STREAMS]!);
    socket.write(wait);
  };
  const target = new SocketTarget(sockets, (slot, socket) => {
    const group = groups.get(socket)!;
    if (group.gather(slot)) queueMicrotask(() => flush(socket, group));
  });
  for (const [socket, group] of groups) {
    socket.listen((bytes, start, end) => {
      const kind = bytes[start];
      const error = kind === MINUS ? refusalOf(bytes.toString('latin1', start, end)) : undefined;
      if (!group.isWaitNext) {
        group.appended(error);
        return;
      }
      const replicas = kind === COLON ? Number.parseInt(bytes.toString('latin1', start + 1, end), 10) : 0;
      const missed = replicas >= 1 ? undefined : (error ?? noReplica());
      for (const [slot, failure] of group.end(missed)) {
        if (failure === undefined) target.succeeded(slot);
        else target.failed(slot, failure);
      }
      flush(socket, group);
    });
  }
  return target;
}

function noReplica(): CairnError {
  return new CairnError('timeout', 'no replica acknowledged in time');
}

function refusalOf(reply: string): CairnError {
  return new CairnError('invalid-request', `Redis refused: ${reply.slice(1).trim()}`);
}
