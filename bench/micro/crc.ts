/**
 * CRC-32C at the size of a record, a block and a batch, with every implementation that this processor can run, and
 * sealing a batch of records (two checksums each, and the chain), which is what the write path really does.
 */
import { writeU64 } from '../../src/base/bytes.js';
import type { RecordKernel } from '../../src/base/ports.js';
import { RECORD, RECORD_TYPE, RECORD_VERSION } from '../../src/log/record.js';
import { kernelsByName } from '../../src/native/platform.js';
import { benchData } from '../request-frames.js';
import type { MicroBenchmark } from './suite.js';

const BATCH_BYTES = 1024 * 1024;
/** A 256-byte event with its header and short names. */
const RECORD_BYTES = 352;
const SIZES = [RECORD_BYTES, 4096, BATCH_BYTES];
/** What 256 appends in flight make of a turn. */
const SEALED_RECORDS = 256;

/** All implementations at all sizes. */
export function crcBenchmarks(): MicroBenchmark[] {
  const bytes = benchData(BATCH_BYTES);
  const kernels = [...kernelsByName()];
  return SIZES.flatMap((size) => kernels.map(([name, kernel]) => checksum(name, kernel, bytes, size)));
}

/** Sealing, in records. */
export function sealBenchmarks(): MicroBenchmark[] {
  return [...kernelsByName()].map(([name, kernel]) => seal(name, kernel));
}

function checksum(name: string, kernel: RecordKernel, bytes: Uint8Array, size: number): MicroBenchmark {
  // Each run starts from the last one's result, so that none can be left out.
  let crc = 0;
  const run = () => {
    crc = kernel.crc32c(bytes, 0, size, crc);
    return crc;
  };
  return { name: `${name}, ${size} bytes`, units: size, unit: 'bytes', run };
}

function seal(name: string, kernel: RecordKernel): MicroBenchmark {
  const bytes = framedRecords();
  const run = () => {
    const state = { position: 0, chain: 0, previousLength: 0, epoch: 1 };
    return kernel.seal(bytes, 0, bytes.length, state) + state.chain;
  };
  return { name: `${name}, seal ${SEALED_RECORDS} records`, units: SEALED_RECORDS, unit: 'records', run };
}

/** Records as the sequencer frames them, before they are sealed. */
function framedRecords(): Uint8Array<ArrayBuffer> {
  const bytes = benchData(SEALED_RECORDS * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    view.setUint32(at + RECORD.length, RECORD_BYTES, true);
    writeU64(view, at + RECORD.position, at);
    writeU64(view, at + RECORD.timestamp, 1);
    view.setUint32(at + RECORD.epoch, 1, true);
    view.setUint32(at + RECORD.type, RECORD_TYPE.prepare | (RECORD_VERSION << 8), true);
  }
  return bytes;
}
