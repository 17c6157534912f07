/**
 * Where a log stood, as a field in the headers of index files (docs/formats.md): position (u64), then chain, length of the last record and
 * epoch (u32 each). Pure; any thread.
 */
import { readU64, writeU64 } from '../base/bytes.js';
import type { ChainState } from '../base/ports.js';

const AT = { position: 0, chain: 8, previousLength: 12, epoch: 16 } as const;

export function writeChainState(view: DataView, at: number, state: Readonly<ChainState>): void {
  writeU64(view, at + AT.position, state.position);
  view.setUint32(at + AT.chain, state.chain, true);
  view.setUint32(at + AT.previousLength, state.previousLength, true);
  view.setUint32(at + AT.epoch, state.epoch, true);
}

export function readChainState(view: DataView, at: number): ChainState {
  return {
    position: readU64(view, at + AT.position),
    chain: view.getUint32(at + AT.chain, true),
    previousLength: view.getUint32(at + AT.previousLength, true),
    epoch: view.getUint32(at + AT.epoch, true),
  };
}
