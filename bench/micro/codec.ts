/**
 * The client protocol's codec: what a server does for each Append that comes in and each answer that goes out, and what
 * a client does for each Append that it sends. 256-byte events, one or 64 to a request.
 */
import { assert } from '../../src/base/assert.js';
import { AppendCursor } from '../../src/wire/append-frame.js';
import { FrameWriter } from '../../src/wire/frame-writer.js';
import { EXPECTED_REVISION, OPCODE } from '../../src/wire/frames.js';
import { benchData, RequestFrames } from '../request-frames.js';
import type { MicroBenchmark } from './suite.js';

/** Frames to a message: what a busy connection gathers in a turn of the event loop. */
const FRAMES_PER_RUN = 64;
const EVENT_BYTES = 256;

/** Encoding and decoding, in frames. */
export function codecBenchmarks(): MicroBenchmark[] {
  return [
    decode('decode Append, 1 event', 1),
    decode('decode Append, 64 events', 64),
    encode('encode Append, 1 event', 1),
    encode('encode Append, 64 events', 64),
    encodeReplies(),
  ];
}

function decode(name: string, eventsPerRequest: number): MicroBenchmark {
  const { bytes, view } = new RequestFrames([STREAM], { eventBytes: EVENT_BYTES, eventsPerRequest }, 1);
  const cursor = new AppendCursor();
  const run = () => {
    let sum = 0;
    for (let frame = 0; frame < FRAMES_PER_RUN; frame++) {
      assert(cursor.open(bytes, view, 0, bytes.length) === undefined, 'the frame is valid');
      while (cursor.nextEvent()) sum += cursor.dataAt + cursor.dataLength;
    }
    return sum;
  };
  return { name, units: FRAMES_PER_RUN, unit: 'frames', run };
}

function encode(name: string, eventsPerRequest: number): MicroBenchmark {
  const ids = new DataView(new Uint8Array(16).fill(5).buffer);
  const stream = new TextEncoder().encode(STREAM);
  const content = { type: new TextEncoder().encode(TYPE), metadata: '', data: benchData(EVENT_BYTES) };
  const writer = new FrameWriter();
  const run = () => {
    for (let frame = 0; frame < FRAMES_PER_RUN; frame++) {
      writer.begin(OPCODE.append, 0, frame);
      writer.i64(EXPECTED_REVISION.any);
      writer.u16(stream.length);
      writer.u16(eventsPerRequest);
      writer.bytes(stream);
      for (let event = 0; event < eventsPerRequest; event++) writer.event(ids, 0, 0, content);
      writer.end();
    }
    return writer.take().length;
  };
  return { name, units: FRAMES_PER_RUN, unit: 'frames', run };
}

const STREAM = 'bench-0000';
const TYPE = 'measured';

function encodeReplies(): MicroBenchmark {
  const writer = new FrameWriter();
  const run = () => {
    for (let frame = 0; frame < FRAMES_PER_RUN; frame++) {
      writer.appended(frame, 0, frame, frame * EVENT_BYTES);
    }
    return writer.take().length;
  };
  return { name: 'encode Appended', units: FRAMES_PER_RUN, unit: 'frames', run };
}
