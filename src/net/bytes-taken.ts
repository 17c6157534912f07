/**
 * How far a connection's other side has come with what was sent to it. `bufferedAmount` can't tell: it falls only when a
 * whole write is done, and one write may be all the megabytes that wait. Pure.
 */
import type { WebSocket } from 'ws';

/** What ws and Node have inside: how much was handed to libuv, and how much of that the kernel has not taken yet. */
interface SocketInside {
  readonly _socket?: {
    readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
  } | null;
}

/**
 * Grows whenever the kernel takes bytes, which it does as the client reads; to be compared with an earlier result only.
 * Where Node's counters are missing, it grows when whole writes are done.
 */
export function bytesTaken(socket: WebSocket): number {
  const handle = (socket as unknown as SocketInside)._socket?._handle;
  const { bytesWritten, writeQueueSize } = handle ?? {};
  if (bytesWritten === undefined || writeQueueSize === undefined) return -socket.bufferedAmount;
  return bytesWritten - writeQueueSize;
}
