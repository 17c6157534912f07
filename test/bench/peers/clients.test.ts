import { describe, expect, test } from 'vitest';
import {
  amqpFrameEnd,
  amqpTarget,
  declareQuorumQueue,
  encodeFrame,
} from '../../../bench/peers/amqp-client.js';
import { askJetStream, connectNats, natsFrameEnd, natsTarget } from '../../../bench/peers/nats-client.js';
import {
  connectPostgres,
  encodeMessage,
  postgresFrameEnd,
  postgresTarget,
  runSql,
} from '../../../bench/peers/postgres-client.js';
import { askRedis, redisTarget } from '../../../bench/peers/redis-client.js';
import { juteFrameEnd, zooKeeperTarget } from '../../../bench/peers/zookeeper-client.js';
import { type Conversation, driven, withServer } from './fake-server.js';

const LOAD = { inFlight: 8, eventBytes: 256 };
const DATA = Buffer.alloc(4);

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

describe('the client of NATS', () => {
  const greeting = 'INFO {"server_name":"n0"}\r\nPING\r\n';
  const server = (acknowledge: (reply: string) => string): (() => Conversation) => {
    return () => ({
      // A publish begins with P, a line of any other kind is a line.
      frameEnd: (bytes, at) => {
        const lineEnd = bytes.indexOf('\r\n', at);
        if (lineEnd < 0) return -1;
        const line = bytes.toString('latin1', at, lineEnd);
        return line.startsWith('PUB ') ? lineEnd + 4 + Number(line.split(' ').at(-1)) : lineEnd + 2;
      },
      begin: greeting,
      answer: (frame, socket) => {
        const [line = ''] = frame.toString('latin1').split('\r\n');
        const [verb, , reply = ''] = line.split(' ');
        if (verb !== 'PUB') return;
        const body = acknowledge(reply);
        socket.write(`MSG ${reply} 1 ${body.length}\r\n${body}\r\n`);
      },
    });
  };

  test('counts an acknowledgement of the stream, and an error as a failure', async () => {
    const refuse = (reply: string) => reply.endsWith('.3');
    const answers = server((reply) =>
      refuse(reply)
        ? '{"error":{"code":503,"description":"no leader"},"stream":"bench","seq":0}'
        : '{"stream":"bench","seq":1}',
    );
    await withServer(answers, async (port) => {
      const target = await natsTarget(port, LOAD);
      expect(await driven(target, 8, 5)).toEqual({ succeeded: 35, failed: 5 });
      expect(target.firstError?.message).toContain('no leader');
    });
  });

  test('asks the API, past what the server says in between, and tells what it says against it', async () => {
    const answers = server(() => '{"cluster":{"leader":"n2"}}');
    await withServer(answers, async (port) => {
      const socket = await connectNats(port);
      expect(await askJetStream(socket, 'STREAM.CREATE.bench', {})).toEqual({ cluster: { leader: 'n2' } });
      socket.close();
    });
    const refusals = server(() => '{"error":{"description":"insufficient resources"}}');
    await withServer(refusals, async (port) => {
      const socket = await connectNats(port);
      await expect(askJetStream(socket, 'STREAM.CREATE.bench', {})).rejects.toThrow('insufficient resources');
      socket.close();
    });
  });

  test('reads messages with their payload as one frame', () => {
    const bytes = Buffer.from('MSG a 1 4\r\nx\r\ny\r\n+OK\r\n');
    expect(natsFrameEnd(bytes, 0)).toBe(17);
    expect(natsFrameEnd(bytes, 17)).toBe(bytes.length);
  });
});

describe('the client of Redis', () => {
  /** Arrays of bulk strings: how many lines a command has stands in its first. */
  const commandEnd = (bytes: Buffer, at: number): number => {
    let end = bytes.indexOf('\r\n', at) + 2;
    if (end < 2) return -1;
    for (let left = Number(bytes.toString('latin1', at + 1, end - 2)); left > 0; left--) {
      const lineEnd = bytes.indexOf('\r\n', end);
      if (lineEnd < 0) return -1;
      end = lineEnd + 4 + Number(bytes.toString('latin1', end + 1, lineEnd));
    }
    return end;
  };
  const server = (appended: string, waited: string, seen: string[] = []) => {
    return (): Conversation => ({
      frameEnd: commandEnd,
      answer: (frame, socket) => {
        const verb = frame.toString('latin1').split('\r\n')[2]!;
        seen.push(verb);
        socket.write(verb === 'WAIT' ? waited : appended);
      },
    });
  };

  test('answers an append only after the WAIT behind it, and gathers what comes meanwhile', async () => {
    const seen: string[] = [];
    await withServer(server('$3\r\n1-1\r\n', ':1\r\n', seen), async (port) => {
      const target = await redisTarget(port, LOAD);
      expect(await driven(target, 8, 6)).toEqual({ succeeded: 48, failed: 0 });
    });
    const waits = seen.filter((verb) => verb === 'WAIT').length;
    expect(seen.filter((verb) => verb === 'XADD')).toHaveLength(48);
    expect(waits).toBeGreaterThanOrEqual(6);
    expect(waits).toBeLessThanOrEqual(48);
  });

  test.each([
    ['an append is refused', '-READONLY no\r\n', ':1\r\n', 'READONLY'],
    ['no replica has it', '$3\r\n1-1\r\n', ':0\r\n', 'no replica'],
  ])('counts a failure when %s', async (_, appended, waited, message) => {
    await withServer(server(appended, waited), async (port) => {
      const target = await redisTarget(port, LOAD);
      expect(await driven(target, 8, 2)).toEqual({ succeeded: 0, failed: 16 });
      expect(target.firstError?.message).toContain(message);
    });
  });

  test('a question is answered, or refused with what Redis says', async () => {
    await withServer(server('$5\r\nstate\r\n', ''), async (port) => {
      expect(await askRedis(port, ['INFO', 'replication'])).toContain('state');
    });
    await withServer(server('-ERR what\r\n', ''), async (port) => {
      await expect(askRedis(port, ['INFO'])).rejects.toThrow('ERR what');
    });
  });
});

describe('the client of ZooKeeper', () => {
  const server = (errorOf: (id: number, path: string) => number) => {
    let isGreeted = false;
    return (): Conversation => ({
      frameEnd: juteFrameEnd,
      answer: (frame, socket) => {
        if (!isGreeted) {
          isGreeted = true;
          socket.write(Buffer.concat([int32(4), DATA]));
          return;
        }
        const id = frame.readInt32BE(4);
        const path = frame.subarray(16, 16 + frame.readInt32BE(12)).toString();
        const reply = Buffer.concat([int32(id), Buffer.alloc(8), int32(errorOf(id, path))]);
        socket.write(Buffer.concat([int32(reply.length), reply]));
      },
    });
  };

  test('creates where it can, and knows an error by its number', async () => {
    const paths = new Set<string>();
    const errorOf = (id: number, path: string) => {
      paths.add(path);
      return path.endsWith('/e') && id === 2 ? -101 : 0;
    };
    await withServer(server(errorOf), async (port) => {
      const target = await zooKeeperTarget(port, LOAD);
      expect(await driven(target, 8, 3)).toEqual({ succeeded: 21, failed: 3 });
      expect(target.firstError?.message).toContain('-101');
    });
    expect(paths).toContain('/b0');
    expect(paths).toContain('/b7/e');
  });

  test('parents that are there already are no error; that they can’t be made is one', async () => {
    await withServer(
      server((_, path) => (path.endsWith('/e') ? 0 : -110)),
      async (port) => {
        expect(await driven(await zooKeeperTarget(port, LOAD), 8, 1)).toEqual({ succeeded: 8, failed: 0 });
      },
    );
    await withServer(
      server(() => -102),
      async (port) => {
        await expect(zooKeeperTarget(port, LOAD)).rejects.toThrow('-102');
      },
    );
  });
});

describe('the client of PostgreSQL', () => {
  const ready = encodeMessage('Z', Buffer.from('I'));
  const server = (outcome: () => Buffer) => {
    return (): Conversation => {
      let isGreeted = false;
      return {
        frameEnd: (bytes, at) => {
          if (isGreeted) return postgresFrameEnd(bytes, at);
          return bytes.length - at < 4 ? -1 : at + bytes.readInt32BE(at);
        },
        answer: (frame, socket) => {
          if (!isGreeted) {
            isGreeted = true;
            socket.write(Buffer.concat([encodeMessage('R', int32(0)), ready]));
          } else if (frame[0] === 0x45) socket.write(outcome());
          else if (frame[0] === 0x53) socket.write(ready);
          else if (frame[0] === 0x51) socket.write(Buffer.concat([outcome(), ready]));
        },
      };
    };
  };
  const refusal = encodeMessage('E', Buffer.from('SERROR\0C53100\0Mno space\0\0'));

  test('has a connection for each request in flight, and tells an error from a commit', async () => {
    let count = 0;
    const outcome = () => (++count % 4 === 0 ? refusal : encodeMessage('C', Buffer.from('INSERT 0 1\0')));
    await withServer(server(outcome), async (port) => {
      const target = await postgresTarget(port, LOAD);
      expect(target.connections).toBe(8);
      expect(await driven(target, 8, 4)).toEqual({ succeeded: 24, failed: 8 });
      expect(target.firstError?.message).toContain('no space');
    });
  });

  test('runs SQL and gives the first value', async () => {
    const row = encodeMessage('D', Buffer.concat([Buffer.of(0, 1), int32(1), Buffer.from('2')]));
    await withServer(
      server(() => row),
      async (port) => {
        const socket = await connectPostgres(port);
        expect(await runSql(socket, 'SELECT 2')).toBe('2');
        socket.close();
      },
    );
    await withServer(
      server(() => refusal),
      async (port) => {
        const socket = await connectPostgres(port);
        await expect(runSql(socket, 'SELECT 2')).rejects.toThrow('no space');
        socket.close();
      },
    );
  });
});

describe('the client of RabbitMQ', () => {
  const method = (channel: number, group: number, number: number, ...rest: Uint8Array[]) =>
    encodeFrame(1, channel, Buffer.concat([Buffer.of(0, group, 0, number), ...rest]));
  /** Confirms by `confirm(tag)`: what is said when a body has come. */
  const server = (confirm: (tag: number) => Buffer, seen: string[] = []) => {
    return (): Conversation => {
      let isGreeted = false;
      let tag = 0;
      return {
        frameEnd: (bytes, at) => (isGreeted ? amqpFrameEnd(bytes, at) : 8),
        answer: (frame, socket) => {
          if (!isGreeted) {
            isGreeted = true;
            expect(frame.toString('latin1')).toBe('AMQP\0\0\x09\x01');
            socket.write(method(0, 10, 10));
          } else if (frame[0] === 3) socket.write(confirm(++tag));
          else if (frame[0] === 1) {
            const what = `${frame[8]}.${frame[10]}`;
            seen.push(what);
            const answers: Record<string, Buffer> = {
              '10.11': method(0, 10, 30),
              '10.40': method(0, 10, 41),
              '20.10': method(1, 20, 11),
              '50.10': method(1, 50, 11),
              '85.10': method(1, 85, 11),
            };
            socket.write(answers[what] ?? Buffer.alloc(0));
          }
        },
      };
    };
  };
  const confirmed = (number: number, tag: number, isMultiple: boolean) =>
    method(1, 60, number, Buffer.alloc(4), int32(tag), Buffer.of(isMultiple ? 1 : 0));

  test('takes single confirms and those of many, and a nack as a failure', async () => {
    const single = server((tag) => confirmed(tag % 4 === 0 ? 120 : 80, tag, false));
    await withServer(single, async (port) => {
      expect(await driven(await amqpTarget(port, LOAD), 8, 4)).toEqual({ succeeded: 24, failed: 8 });
    });
    const many = server((tag) => (tag % 4 === 0 ? confirmed(80, tag, true) : Buffer.alloc(0)));
    await withServer(many, async (port) => {
      expect(await driven(await amqpTarget(port, LOAD), 8, 4)).toEqual({ succeeded: 32, failed: 0 });
    });
  });

  test('fails what is open when the channel is closed under it', async () => {
    const closing = method(1, 20, 40, Buffer.of(1, 3, 7), Buffer.from('no disk'));
    await withServer(
      server((tag) => (tag === 1 ? closing : confirmed(80, tag, false))),
      async (port) => {
        const target = await amqpTarget(port, LOAD);
        const { failed } = await driven(target, 8, 2);
        expect(failed).toBeGreaterThan(0);
        expect(target.firstError?.message).toContain('no disk');
      },
    );
  });

  test('declares the queue after the login', async () => {
    const seen: string[] = [];
    await withServer(
      server(() => Buffer.alloc(0), seen),
      async (port) => declareQuorumQueue(port, 3),
    );
    expect(seen).toEqual(['10.11', '10.31', '10.40', '20.10', '50.10']);
  });

  test('tells why it is refused', async () => {
    const closed = Buffer.concat([Buffer.of(0, 10, 0, 50, 1, 3, 7), Buffer.from('no user')]);
    const server = (): Conversation => ({
      frameEnd: () => 8,
      answer: (_, socket) => void socket.write(encodeFrame(1, 0, closed)),
    });
    await withServer(server, async (port) => {
      await expect(declareQuorumQueue(port, 3)).rejects.toThrow('no user');
    });
  });
});

describe('every client', () => {
  test('fails what is open, and what comes later, when its connection breaks', async () => {
    const server = (): Conversation => ({
      frameEnd: (bytes) => bytes.length,
      answer: (frame, socket) => {
        if (frame.toString('latin1').includes('XADD')) socket.destroy();
      },
    });
    await withServer(server, async (port) => {
      const target = await redisTarget(port, LOAD);
      expect(await driven(target, 8, 2)).toEqual({ succeeded: 0, failed: 16 });
      expect(target.firstError?.code).toBe('connection-lost');
    });
  });

  test('a port where nobody listens is an error that says so', async () => {
    let free = 0;
    await withServer(
      () => ({ frameEnd: () => -1, answer: () => undefined }),
      (port) => {
        free = port;
        return Promise.resolve();
      },
    );
    await expect(askRedis(free, ['PING'])).rejects.toMatchObject({ code: 'connection-lost' });
  });
});
