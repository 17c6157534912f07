/**
 * As much of the NATS client protocol as a durable append needs: publish into a JetStream stream with a reply subject, and take the stream's
 * acknowledgement there. Lines of text; a payload follows some of them. Main thread.
 */
import { CairnError } from '../../src/base/errors.js';
import { benchData } from '../request-frames.js';
import { FrameSocket } from './frame-socket.js';
import type { PeerLoad, PeerTarget } from './peer.js';
import { SocketTarget } from './socket-target.js';

export const STREAM = 'bench';
const SUBJECTS = 16;
const INBOX = '_INBOX.bench';
const LINE_END = '\r\n';

/** Where a line, or a message with its payload, ends. */
export function natsFrameEnd(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf(LINE_END, at, 'latin1');
  if (lineEnd < 0) return -1;
  const start = lineEnd + LINE_END.length;
  if (bytes[at] !== 0x4d) return start;
  const payload = Number(bytes.toString('latin1', bytes.lastIndexOf(' ', lineEnd) + 1, lineEnd));
  return start + payload + LINE_END.length;
}

/** What a MSG line says, and its payload. Undefined for any other line. */
function parseMessage(frame: string): { readonly subject: string; readonly payload: string } | undefined {
  if (!frame.startsWith('MSG ')) return undefined;
  const lineEnd = frame.indexOf(LINE_END);
  return {
    subject: frame.slice(4, frame.indexOf(' ', 4)),
    payload: frame.slice(lineEnd + LINE_END.length, -LINE_END.length),
  };
}

/** A connection past the greeting, which hears of what is sent to its inbox. */
export async function connectNats(port: number): Promise<FrameSocket> {
  const socket = await FrameSocket.connect(port, natsFrameEnd);
  await socket.next();
  socket.write(`CONNECT {"verbose":false,"pedantic":false,"lang":"node","version":"0"}${LINE_END}`);
  socket.write(`SUB ${INBOX}.* 1${LINE_END}`);
  return socket;
}

/** Asks the JetStream API. Throws `CairnError` with what it says against it. */
export async function askJetStream(
  socket: FrameSocket,
  subject: string,
  request: object,
): Promise<Record<string, unknown>> {
  const body = JSON.stringify(request);
  socket.write(`PUB $JS.API.${subject} ${INBOX}.api ${Buffer.byteLength(body)}${LINE_END}${body}${LINE_END}`);
  for (;;) {
    const frame = (await socket.next()).toString('latin1');
    if (frame.startsWith('PING')) socket.write(`PONG${LINE_END}`);
    const message = parseMessage(frame);
    if (message === undefined) continue;
    const answer = JSON.parse(message.payload) as Record<string, unknown>;
    if (answer['error'] === undefined) return answer;
    throw refusalOf(message.payload);
  }
}

/** Appends over one connection; publishes are pipelined. */
export async function natsTarget(port: number, { inFlight, eventBytes }: PeerLoad): Promise<PeerTarget> {
  const socket = await connectNats(port);
  const payload = Buffer.concat([benchData(eventBytes), Buffer.from(LINE_END)]);
  const requests = Array.from({ length: inFlight }, (_, slot) => {
    const line = `PUB ${STREAM}.${slot % SUBJECTS} ${INBOX}.${slot} ${eventBytes}${LINE_END}`;
    return Buffer.concat([Buffer.from(line), payload]);
  });
  const target = new SocketTarget([socket], (slot) => socket.write(requests[slot]!));
  const prefix = `MSG ${INBOX}.`;
  socket.listen((bytes, start, end) => {
    const frame = bytes.toString('latin1', start, end);
    if (frame.startsWith('PING')) socket.write(`PONG${LINE_END}`);
    if (!frame.startsWith(prefix)) return;
    const slot = Number.parseInt(frame.slice(prefix.length), 10);
    if (frame.includes('"error"')) target.failed(slot, refusalOf(frame));
    else target.succeeded(slot);
  });
  return target;
}

function refusalOf(text: string): CairnError {
  const message = /"description":"([^"]*)"/.exec(text)?.[1] ?? text;
  return new CairnError('invalid-request', `NATS refused: ${message}`);
}
