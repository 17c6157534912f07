/**
 * Keeps a client connected: makes the first connection, and further ones when it is lost, with growing pauses, until it is
 * closed or gives up. Node and browsers. At most one connection is there at a time, always to the same log.
 */

import { CairnError, type ErrorCode } from '../base/errors.js';
import type { FrameReader } from '../wire/frame-reader.js';
import { Connection, type ConnectionOwner, type ServerWelcome, type Target } from './connection.js';
import type { Exchange } from './exchange.js';
import { type ResolvedOptions, reconnectDelayMs } from './options.js';
import { clientClosed, gaveUp } from './outcomes.js';

/** After these it would be the same again. */
const FINAL_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'protocol-error',
  'version-mismatch',
  'request-too-large',
  'invalid-request',
]);

/** The server's part of a close takes a round trip; who waits longer waits for nobody. */
const CLOSE_TIMEOUT_MS = 1000;

export class Link implements ConnectionOwner {
  readonly #target: Target;
  readonly #options: ResolvedOptions;
  readonly #exchange: Exchange;
  #welcome: ServerWelcome | undefined;
  #connection: Connection | undefined;
  #connectedMs = 0;
  /** Attempts to come back since the server last answered anything. */
  #attempts = 0;
  #isClosed = false;
  #stopWaiting: (() => void) | undefined;

  constructor(target: Target, options: ResolvedOptions, exchange: Exchange) {
    this.#target = target;
    this.#options = options;
    this.#exchange = exchange;
  }

  /** What the server said last; undefined before {@link connect}. */
  get welcome(): ServerWelcome | undefined {
    return this.#welcome;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Makes the first connection, or throws why it can't be made. */
  async connect(): Promise<void> {
    this.#connected(await Connection.open(this.#target, this));
  }

  /** Ends everything: what is still open fails. Resolves when the connection is gone. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWaiting?.();
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
    this.#attempts = 0;
    return this.#exchange.frame(frame.opcode, frame);
  }

  messageEnd(): void {
    this.#exchange.messageEnd();
  }

  disconnected(error: CairnError): void {
    this.#connection = undefined;
    this.#exchange.suspend();
    if (this.#isClosed) {
      this.#stopWaiting?.();
      return;
    }
    // A connection that held for long was a good one, even if nobody asked anything.
    if (performance.now() - this.#connectedMs > this.#options.reconnect.maxDelayMs) this.#attempts = 0;
    const { onDisconnect } = this.#options;
    if (onDisconnect !== undefined) queueMicrotask(() => onDisconnect(error));
    void this.#comeBack(error);
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    this.#welcome = connection.welcome;
    this.#connectedMs = performance.now();
    this.#exchange.resume(connection);
  }

  async #comeBack(lost: CairnError): Promise<void> {
    const { reconnect, onReconnect } = this.#options;
    let error = lost;
    while (!FINAL_ERRORS.has(error.code) && this.#attempts < reconnect.attempts) {
      this.#attempts++;
      await this.#pause(reconnectDelayMs(reconnect, this.#attempts, Math.random()));
      if (this.#isClosed) return;
      const answer = await this.#try();
      if (answer === undefined) {
        if (onReconnect !== undefined) queueMicrotask(onReconnect);
        return;
      }
      error = answer;
    }
    this.#giveUp(error);
  }

  /** One attempt; returns why it failed. */
  async #try(): Promise<CairnError | undefined> {
    try {
      const connection = await Connection.open({ ...this.#target, logId: this.#welcome?.logId }, this);
      this.#connected(connection);
      if (this.#isClosed) connection.close();
      return undefined;
    } catch (error) {
      if (error instanceof CairnError) return error;
      throw error;
    }
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
    this.#exchange.fail(FINAL_ERRORS.has(error.code) ? error : gaveUp(this.#attempts, error));
  }
}
