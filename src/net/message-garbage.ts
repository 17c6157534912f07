/**
 * Gets rid of messages cheaply. Each is a buffer outside of JavaScript's heap that is garbage as soon as it is
 * handled, or sent; but V8 looks at what lies outside only after every 64 MiB, and then by marking the whole heap, which at some hundred
 * megabytes a second takes more processor time than everything else a node does. A collection of the young generation alone
 * frees them in a fraction of a millisecond: asked for often enough, the big one never comes. Main thread.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Well below V8's limit. */
const COLLECT_EVERY_BYTES = 32 * 1024 * 1024;
/** What is received takes several times its length, as sockets read into buffers of 64 KiB, out of which messages are put together. */
const RECEIVED_FACTOR = 8;
const LARGE_RECEIVED_FACTOR = 3;

type Collect = (options: { readonly type: 'minor'; readonly execution: 'sync' }) => void;

export class MessageGarbage {
  readonly #collect = exposedCollect();
  #bytes = 0;

  /** A message of `bytes` was received. */
  received(bytes: number): void {
    this.#add(RECEIVED_FACTOR * bytes);
  }

  /** A large message of `bytes` was received: what sockets read into is about as long as itself. */
  receivedLarge(bytes: number): void {
    this.#add(LARGE_RECEIVED_FACTOR * bytes);
  }

  /** A message of `bytes` was handed to a socket. */
  sent(bytes: number): void {
    this.#add(bytes);
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY_BYTES) return;
    this.#bytes = 0;
    this.#collect?.({ type: 'minor', execution: 'sync' });
  }
}

/** V8's own function, which it gives to contexts made while its flag is up; undefined if this runtime does not. */
function exposedCollect(): Collect | undefined {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString('--no-expose-gc');
  return collect as Collect | undefined;
}
