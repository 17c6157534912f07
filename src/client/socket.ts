/**
 * A WebSocket, as little of it as a client needs: the `ws` package under Node (the platform's own where there is one lacks
 * limits and speed), the platform's anywhere else. `ws` is loaded only when it is used, so that a browser never asks for it.
 */

import type { WebSocket as NodeWebSocket } from 'ws';
import { CairnError } from '../base/errors.js';

export interface Socket {
  /** Queues a binary message. The bytes must not change afterwards. Does nothing once the socket is closing. */
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** Closes with this code once everything queued is out. */
  close(code: number, reason: string): void;
  /** Drops the connection at once, where the platform can, and says `closed` at the latest soon. */
  terminate(): void;
}

/** What a socket tells. After `closed` nothing comes any more. */
export interface SocketEvents {
  /** A binary message; undefined for a text message, which the protocol does not have. */
  message(bytes: Uint8Array | undefined): void;
  closed(code: number, reason: string): void;
}

/**
 * Most bytes of a message from the server: Events frames have up to 1 MiB, or one record of up to 32 MiB, and a
 * server puts a few frames into a message.
 */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

/** Connects, or throws `connection-refused`. */
export function openSocket(url: string, events: SocketEvents, timeoutMs: number): Promise<Socket> {
  const isNode = typeof process === 'object' && process.versions?.node !== undefined;
  return isNode ? openNodeSocket(url, events, timeoutMs) : openPlatformSocket(url, events, timeoutMs);
}

/**
 * Whether something between here and the server may read the bytes as HTTP. Against that, frames are masked (RFC 6455, section
 * 10.3), which costs both sides a pass over all bytes; inside of TLS, and of one machine, there is nothing to guard against.
 */
function isReadByStrangers(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== 'wss:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** The key that changes nothing; `ws` then leaves the bytes alone. */
function noMask(mask: Buffer): void {
  mask.fill(0);
}

async function openNodeSocket(url: string, events: SocketEvents, timeoutMs: number): Promise<Socket> {
  const { WebSocket } = await import('ws');
  const socket: NodeWebSocket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
    handshakeTimeout: timeoutMs,
    skipUTF8Validation: true,
    ...(isReadByStrangers(url) ? {} : { generateMask: noMask }),
  });
  socket.binaryType = 'nodebuffer';
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => {
      // Before anyone awaits: the server's first words may be in the same packet as its handshake.
      socket.on('message', (data: Buffer, isBinary: boolean) => events.message(isBinary ? data : undefined));
      socket.on('close', (code, reason) => events.closed(code, reason.toString()));
      resolve();
    });
    // When it is open, a close follows every error.
    socket.on('error', (error) => reject(refused(url, error.message, error)));
  });
  return {
    send: (bytes) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}

/** The part of the platform's WebSocket that is used here; the types of browsers are not loaded in this project. */
interface PlatformSocket {
  binaryType: string;
  readonly readyState: number;
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

const OPEN = 1;
/** A page may close with 1000 or with codes from 3000 on, nothing else. */
const CLOSE_CODE = 1000;

/** {@link openSocket} outside Node. */
export async function openPlatformSocket(
  url: string,
  events: SocketEvents,
  timeoutMs: number,
): Promise<Socket> {
  const { WebSocket } = globalThis as unknown as { WebSocket?: new (url: string) => PlatformSocket };
  if (WebSocket === undefined) throw refused(url, 'this platform has no WebSocket');
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(refused(url, `no answer within ${timeoutMs} ms`));
      socket.close();
    }, timeoutMs);
    socket.onopen = () => {
      clearTimeout(timer);
      socket.onmessage = ({ data }) =>
        events.message(data instanceof ArrayBuffer ? new Uint8Array(data) : undefined);
      socket.onclose = ({ code, reason }) => events.closed(code, reason);
      resolve();
    };
    // A page isn't told why; a close follows every error.
    socket.onerror = () => undefined;
    socket.onclose = () => {
      clearTimeout(timer);
      reject(refused(url, 'the connection could not be made'));
    };
  });
  return platformSocket(socket, events);
}

/** A page can't drop a connection; waiting for the closing handshake with a dead peer takes minutes, so don't. */
function platformSocket(socket: PlatformSocket, events: SocketEvents): Socket {
  return {
    send: (bytes) => {
      if (socket.readyState === OPEN) socket.send(bytes);
    },
    close: (_code, reason) => socket.close(CLOSE_CODE, reason),
    terminate: () => {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
      queueMicrotask(() => events.closed(1006, ''));
    },
  };
}

function refused(url: string, why: string, cause?: unknown): CairnError {
  return new CairnError('connection-refused', `no connection to ${url}: ${why}`, { url }, cause);
}
