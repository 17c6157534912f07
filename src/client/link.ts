/**
 * Keeps a client connected to a node of its cluster: makes the first connection, moves to a node that suits better, and comes back when the connection
 * is lost, to the same node or another, with growing pauses, until it is closed or gives up. Node and browsers. At most one connection is used at
 * a time, and all are to the same log.
 */

import { CairnError, type ErrorCode } from '../base/errors.js';
import type { FrameReader } from '../wire/frame-reader.js';
import { OPCODE } from '../wire/frames.js';
import { isInterruption } from '../wire/interruptions.js';
import { Connection, type ConnectionOwner, type ServerWelcome, type Target } from './connection.js';
import type { Exchange } from './exchange.js';
import { membersOf, reachedLike } from './members.js';
import { type ResolvedOptions, reconnectDelayMs } from './options.js';
import { answerTimeout, clientClosed, gaveUp, overruled } from './outcomes.js';
import { probe } from './probe.js';
import type { Route } from './route.js';

/** After these it would be the same again. */
const FINAL_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'protocol-error',
  'version-mismatch',
  'request-too-large',
  'invalid-request',
]);

/** The server's part of a close takes a round trip; who waits longer waits for nobody. */
const CLOSE_TIMEOUT_MS = 1000;
/** Most for one of several nodes to let us in: one that is paused takes connections and says nothing. */
const ATTEMPT_MS = 2000;
/** Most for a node to say who is in the cluster. */
const GOSSIP_MS = 1000;
/** A move that takes longer, because appends are in flight so long, is put off: new ones wait meanwhile. */
const MOVE_MS = 1000;
/** Gossip may lag behind, so that the first move leads to one that knows better; more than some are a sign of confusion. */
const MOVES_MAX = 3;
/** Ask who is in the cluster again: soon if this node is not the preferred one, else in case that the leader has changed without a word. */
const REFRESH_MS = { unsatisfied: 500, satisfied: 2000 } as const;
/**
 * Who only follows asks for nothing, and so would not notice that the node is gone without a word: after so long a silence it is asked who is in the
 * cluster, and then the others are asked about it.
 */
const FOLLOWING_MS = { look: 1000, ask: 2000, suspect: 4000 } as const;
/** Nodes to measure. */
const MEASURED_MAX = 16;

export class Link implements ConnectionOwner {
  readonly #route: Route;
  readonly #options: ResolvedOptions;
  readonly #exchange: Exchange;
  #welcome: ServerWelcome | undefined;
  #connection: Connection | undefined;
  #url = '';
  /** A connection to a better node, which waits until nothing is in flight over the present one. */
  #next: { readonly connection: Connection; readonly url: string } | undefined;
  #connectedMs = 0;
  /** Attempts to come back since the server last answered anything. */
  #attempts = 0;
  /** Connections left in a row because the node could not decide about what was asked. */
  #refusals = 0;
  #isClosed = false;
  #isSettling = false;
  #isSuspecting = false;
  #stopWaiting: (() => void) | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #followTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(route: Route, options: ResolvedOptions, exchange: Exchange) {
    this.#route = route;
    this.#options = options;
    this.#exchange = exchange;
    exchange.whenSilent = () => void this.#suspect();
  }

  /** What the server said last; undefined before {@link connect}. */
  get welcome(): ServerWelcome | undefined {
    return this.#welcome;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Of the node that it is, or was last, connected to. */
  get url(): string {
    return this.#url;
  }

  /** Makes the first connection, to the node that the user prefers as far as it can be found; or throws why it can't be made. */
  async connect(): Promise<void> {
    const error = await this.#tryAll();
    if (error !== undefined) throw error;
    await this.#settle(true);
  }

  /** Ends everything: what is still open fails. Resolves when the connection is gone. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWaiting?.();
    clearTimeout(this.#refreshTimer);
    clearTimeout(this.#followTimer);
    this.#next?.connection.retire();
    const connection = this.#connection;
    if (connection !== undefined) {
      const closed = new Promise<void>((resolve) => {
        this.#stopWaiting = resolve;
      });
      connection.close();
      const timer = setTimeout(() => connection.abort(clientClosed()), CLOSE_TIMEOUT_MS);
      await closed;
      clearTimeout(timer);
    }
    this.#exchange.fail(clientClosed());
  }

  frame(frame: FrameReader): string | undefined {
    const { opcode } = frame;
    if (opcode !== OPCODE.gossipReply) {
      this.#attempts = 0;
      if (opcode !== OPCODE.error) this.#refusals = 0;
    }
    return this.#exchange.frame(opcode, frame);
  }

  messageEnd(): void {
    this.#exchange.messageEnd();
  }

  disconnected(error: CairnError, connection: Connection): void {
    if (connection === this.#next?.connection) this.#next = undefined;
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    clearTimeout(this.#followTimer);
    this.#exchange.suspend();
    if (this.#isClosed) {
      this.#stopWaiting?.();
      return;
    }
    this.#route.failed(this.#url, performance.now());
    const next = this.#next;
    if (next !== undefined) {
      this.#next = undefined;
      this.#connected(next.connection, next.url);
      return;
    }
    this.#lost(error);
  }

  #lost(error: CairnError): void {
    const { onDisconnect, reconnect, nodePreference } = this.#options;
    const { url } = error.details;
    if (error.code === 'not-leader' && typeof url === 'string' && nodePreference === 'leader') {
      const leader = reachedLike(this.#url, url);
      if (leader !== undefined) this.#route.told(leader);
    }
    if (isInterruption(error.code)) this.#refusals++;
    // A connection that held for long was a good one, even if nobody asked anything.
    if (performance.now() - this.#connectedMs > reconnect.maxDelayMs) this.#attempts = 0;
    if (onDisconnect !== undefined) queueMicrotask(() => onDisconnect(error));
    void this.#comeBack(error);
  }

  #connected(connection: Connection, url: string): void {
    this.#connection = connection;
    this.#url = url;
    this.#welcome = connection.welcome;
    this.#connectedMs = performance.now();
    this.#exchange.resume(connection);
    this.#lookAtSilence();
  }

  /** As long as there are subscriptions, sees to it that something is heard; again and again while there is a connection. */
  #lookAtSilence(): void {
    clearTimeout(this.#followTimer);
    const connection = this.#connection;
    if (connection === undefined || this.#isClosed) return;
    const silentMs = performance.now() - this.#exchange.heardMs;
    if (this.#exchange.isFollowing) {
      const { requestTimeoutMs } = this.#options;
      if (silentMs >= Math.max(requestTimeoutMs, FOLLOWING_MS.suspect))
        connection.abort(answerTimeout(requestTimeoutMs));
      else if (silentMs >= FOLLOWING_MS.suspect) void this.#suspect();
      else if (silentMs >= FOLLOWING_MS.ask) void this.#exchange.askGossip();
    }
    if (connection === this.#connection)
      this.#followTimer = setTimeout(() => this.#lookAtSilence(), FOLLOWING_MS.look);
  }

  async #comeBack(lost: CairnError): Promise<void> {
    const { reconnect, onReconnect } = this.#options;
    let error = lost;
    // Another node may be there at once; where there is none, or it refuses as well, things take time.
    let isHurried = this.#route.hasAlternatives && this.#refusals <= 1;
    while (!FINAL_ERRORS.has(error.code) && this.#attempts < reconnect.attempts) {
      this.#attempts++;
      const tries = Math.max(this.#attempts, this.#refusals);
      if (!isHurried) await this.#pause(reconnectDelayMs(reconnect, tries, Math.random()));
      isHurried = false;
      if (this.#isClosed) return;
      const answer = await this.#tryAll();
      if (answer === undefined) {
        if (onReconnect !== undefined) queueMicrotask(onReconnect);
        void this.#settle(true);
        return;
      }
      error = answer;
    }
    this.#giveUp(error);
  }

  /** Tries one node after the other until one lets us in; returns why none did. */
  async #tryAll(): Promise<CairnError | undefined> {
    let error: CairnError | undefined;
    for (const url of this.#route.candidates(performance.now())) {
      const opened = await this.#open(url);
      if (opened instanceof Connection) {
        this.#connected(opened, url);
        if (this.#isClosed) opened.close();
        return undefined;
      }
      if (this.#isClosed) return opened;
      // One node that can't be talked to at all is no reason to give up the others.
      if (error === undefined || FINAL_ERRORS.has(error.code)) error = opened;
    }
    return error;
  }

  /** One attempt; returns why it failed, if it did. */
  async #open(url: string): Promise<Connection | CairnError> {
    try {
      const connection = await Connection.open(this.#target(url), this);
      this.#route.worked(url);
      return connection;
    } catch (error) {
      if (!(error instanceof CairnError)) throw error;
      this.#route.failed(url, performance.now());
      return error;
    }
  }

  #target(url: string): Target {
    const { name, requestTimeoutMs } = this.#options;
    const timeoutMs = this.#route.hasAlternatives ? Math.min(requestTimeoutMs, ATTEMPT_MS) : requestTimeoutMs;
    return { url, clientName: name, timeoutMs, logId: this.#welcome?.logId };
  }

  /** Asks who is in the cluster, goes to the node that the user prefers, and sees to it that this is done again. Never rejects. */
  async #settle(isNew: boolean): Promise<void> {
    if (!this.#options.discover || this.#isSettling) return;
    this.#isSettling = true;
    clearTimeout(this.#refreshTimer);
    for (let moves = 0; moves < MOVES_MAX && (await this.#learn()); moves++) {
      if (isNew && moves === 0 && this.#options.nodePreference === 'nearest') await this.#measure();
      const better = this.#route.better(this.#url, performance.now());
      if (better === undefined || !(await this.#move(better))) break;
    }
    this.#isSettling = false;
    // A node that is cut off commits nothing, and would let its followers wait for ever.
    if (this.#exchange.isFollowing && !this.#route.hasLeader) void this.#suspect();
    if (this.#isClosed || !this.#route.hasAlternatives) return;
    const delayMs = this.#route.isSatisfied(this.#url) ? REFRESH_MS.satisfied : REFRESH_MS.unsatisfied;
    this.#refreshTimer = setTimeout(() => void this.#settle(false), delayMs);
  }

  /** Returns whether there is a node that says who is in the cluster. */
  async #learn(): Promise<boolean> {
    const [connection, url] = [this.#connection, this.#url];
    if (connection === undefined || this.#isClosed) return false;
    const gossip = await within(this.#exchange.askGossip(), GOSSIP_MS);
    if (gossip === undefined) return false;
    this.#route.learn(membersOf(gossip, url), url);
    return connection === this.#connection && !this.#isClosed;
  }

  async #measure(): Promise<void> {
    const measured = this.#route.alive().slice(0, MEASURED_MAX);
    await Promise.all(measured.map((url) => this.#probe(url)));
  }

  /** Asks another node who is in the cluster; returns whether it answered. */
  async #probe(url: string): Promise<boolean> {
    try {
      const target = this.#target(url);
      const { gossip, roundTripMs } = await probe({
        ...target,
        timeoutMs: Math.min(target.timeoutMs, GOSSIP_MS),
      });
      this.#route.measured(url, roundTripMs);
      this.#route.learn(membersOf(gossip, url), url);
      return true;
    } catch (error) {
      if (!(error instanceof CairnError)) throw error;
      this.#route.failed(url, performance.now());
      return false;
    }
  }

  /** Goes over to another node without losing anything: makes the new connection before it leaves the old one. Returns whether it did. */
  async #move(url: string): Promise<boolean> {
    const from = this.#connection;
    const opened = await this.#open(url);
    if (!(opened instanceof Connection)) return false;
    if (from === undefined || this.#connection !== from || this.#isClosed) {
      opened.retire();
      return false;
    }
    const next = { connection: opened, url };
    this.#next = next;
    const isQuiet = await within(
      this.#exchange.quiesce().then(() => true),
      MOVE_MS,
    );
    if (this.#connection !== from || this.#isClosed) return this.#connection === opened;
    if (this.#next !== next || isQuiet !== true) {
      this.#next = undefined;
      opened.retire();
      this.#exchange.unquiesce();
      return false;
    }
    this.#next = undefined;
    from.retire();
    this.#exchange.suspend();
    this.#connected(opened, url);
    return true;
  }

  /** The node is silent while it owes an answer: asks others whether it is still what it was. */
  async #suspect(): Promise<void> {
    const [connection, url] = [this.#connection, this.#url];
    if (this.#isSuspecting || connection === undefined || !this.#options.discover) return;
    this.#isSuspecting = true;
    for (const other of this.#route.others(url, performance.now())) if (await this.#probe(other)) break;
    this.#isSuspecting = false;
    if (this.#connection === connection && this.#route.isOverruled(url)) connection.abort(overruled(url));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#stopWaiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #giveUp(error: CairnError): void {
    this.#isClosed = true;
    clearTimeout(this.#refreshTimer);
    clearTimeout(this.#followTimer);
    this.#exchange.fail(FINAL_ERRORS.has(error.code) ? error : gaveUp(this.#attempts, error));
  }
}

/** What the promise resolves to; undefined if that takes longer. */
async function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const first = await Promise.race([promise, late]);
  clearTimeout(timer);
  return first;
}
