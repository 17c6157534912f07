/**
 * A peer's client as the load sees it: its connections, which slots wait for an answer, and what becomes of them when a connection breaks.
 * Slots go to the connections in turn. Main thread.
 */
import type { CairnError } from '../../src/base/errors.js';
import { type Completed, unattached } from '../target.js';
import type { FrameSocket } from './frame-socket.js';
import type { PeerTarget } from './peer.js';

export class SocketTarget implements PeerTarget {
  completed: Completed = unattached;
  firstError: CairnError | undefined;
  readonly #sockets: readonly FrameSocket[];
  readonly #send: (slot: number, socket: FrameSocket) => void;
  readonly #open = new Set<number>();

  /** `send` writes the request of a slot; whoever reads the answers calls {@link succeeded} or {@link failed}. */
  constructor(sockets: readonly FrameSocket[], send: (slot: number, socket: FrameSocket) => void) {
    this.#sockets = sockets;
    this.#send = send;
    sockets.forEach((socket, index) => {
      socket.onLost = (error) => this.#failAll(index, error);
    });
  }

  get connections(): number {
    return this.#sockets.length;
  }

  submit(slot: number): void {
    const socket = this.#sockets[slot % this.#sockets.length]!;
    const { lost } = socket;
    this.#open.add(slot);
    if (lost === undefined) this.#send(slot, socket);
    else setImmediate(() => this.failed(slot, lost));
  }

  /** An answer that nobody waits for is none. */
  succeeded(slot: number): void {
    if (this.#open.delete(slot)) this.completed(slot, true);
  }

  failed(slot: number, error: CairnError): void {
    this.firstError ??= error;
    if (this.#open.delete(slot)) this.completed(slot, false);
  }

  /** The other side won't answer any more what is open. */
  failedAll(error: CairnError): void {
    for (const slot of [...this.#open]) this.failed(slot, error);
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    return Promise.resolve();
  }

  #failAll(connection: number, error: CairnError): void {
    const slots = [...this.#open].filter((slot) => slot % this.#sockets.length === connection);
    for (const slot of slots) this.failed(slot, error);
  }
}
