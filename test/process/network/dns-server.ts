/**
 * A name server for tests: one UDP socket that speaks DNS (RFC 1035; SRV: RFC 2782) and answers from a table, which may change at any time.
 * What it isn't asked in order it doesn't answer.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

export interface ServiceRecord {
  readonly host: string;
  readonly port: number;
}

/** What a name has: IPv4 addresses, or services. */
export type NameRecords = readonly string[] | readonly ServiceRecord[];

const TYPES = { a: 1, srv: 33 } as const;
const CLASS_IN = 1;
const HEADER_BYTES = 12;
/** Nobody is to remember an answer. */
const TTL_SECONDS = 0;
/** An answer to a question of the one asked, with authority; and which of them say that there is no such name. */
const FLAGS = { found: 0x8400, noSuchName: 0x8403 };
/** In an answer the question's name stands for all that are alike: a pointer to where it is. */
const SAME_NAME = 0xc000 | HEADER_BYTES;

export class DnsServer {
  /** By name, in lower case. */
  readonly names = new Map<string, NameRecords>();
  /** `A name` or `SRV name`, in the order in which they were asked. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (question, from) => {
      const answer = this.#answer(question);
      if (answer !== undefined) socket.send(answer, from.port, from.address);
    });
  }

  /** Listens; on any free port, if none is given. */
  static async listen(address: string, port = 0): Promise<DnsServer> {
    const socket = createSocket('udp4');
    socket.bind(port, address);
    await once(socket, 'listening');
    return new DnsServer(socket);
  }

  /** `127.0.0.1:5353`. */
  get address(): string {
    const { address, port } = this.#socket.address();
    return `${address}:${port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer | undefined {
    const parsed = parseQuestion(question);
    if (parsed === undefined) return undefined;
    const { name, type, end } = parsed;
    const known = Object.entries(TYPES).find(([, code]) => code === type);
    if (known !== undefined) this.asked.push(`${known[0].toUpperCase()} ${name}`);
    const records = this.names.get(name);
    const answers = (records ?? []).flatMap((record) => encodeRecord(record, type) ?? []);
    const header = Buffer.alloc(HEADER_BYTES);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(records === undefined ? FLAGS.noSuchName : FLAGS.found, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    return Buffer.concat([header, question.subarray(HEADER_BYTES, end), ...answers]);
  }
}

/** The first question of a message; undefined if it has none, or makes no sense. */
function parseQuestion(
  message: Buffer,
): { readonly name: string; readonly type: number; readonly end: number } | undefined {
  if (message.length < HEADER_BYTES || message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER_BYTES;
  while (at < message.length && message[at] !== 0) {
    const length = message[at]!;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5;
  if (end > message.length || message.readUInt16BE(at + 3) !== CLASS_IN) return undefined;
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end };
}

/** Undefined if the record is of another type. */
function encodeRecord(record: string | ServiceRecord, type: number): Buffer | undefined {
  if (typeof record === 'string') return type === TYPES.a ? withHead(type, addressBytes(record)) : undefined;
  if (type !== TYPES.srv) return undefined;
  const numbers = Buffer.alloc(6);
  numbers.writeUInt16BE(record.port, 4);
  return withHead(type, Buffer.concat([numbers, nameBytes(record.host)]));
}

function withHead(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(SAME_NAME, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(CLASS_IN, 4);
  head.writeUInt32BE(TTL_SECONDS, 6);
  head.writeUInt16BE(content.length, 10);
  return Buffer.concat([head, content]);
}

function addressBytes(address: string): Buffer {
  if (!isIPv4(address)) throw new Error(`${address} is no IPv4 address`);
  return Buffer.from(address.split('.').map(Number));
}

function nameBytes(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return Buffer.concat([...labels, Buffer.of(0)]);
}
