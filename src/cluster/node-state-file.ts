/**
 * The file that holds a node's state: two slots, written in turn (docs/formats.md, "Node state"). Pure, but for the disk that it is given. A
 * save is durable when it returns, and was read back: a promise that a disk swallowed would be given twice.
 */
import { bytesEqual } from '../base/bytes.js';
import { type Bytes, type Disk, DiskError, type FileHandle } from '../base/ports.js';
import type { NodeState } from './node-state.js';
import {
  type DecodedNodeState,
  decodeNodeState,
  encodeNodeState,
  STATE_FILE_BYTES,
  STATE_SLOT_BYTES,
  stateSlotOffset,
} from './node-state-codec.js';

export const NODE_STATE_FILE = 'node-state';

export type LoadedNodeState =
  | { readonly kind: 'loaded'; readonly file: NodeStateFile; readonly state: NodeState }
  /** There is none: the folder is new. */
  | { readonly kind: 'absent' }
  | Exclude<DecodedNodeState, { readonly kind: 'state' }>;

export class NodeStateFile {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #slot: Bytes;
  readonly #check: Bytes;
  #file: FileHandle | undefined;
  /** Of the last save. */
  #sequence: number;

  private constructor(disk: Disk, path: string, sequence: number) {
    this.#disk = disk;
    this.#path = path;
    this.#sequence = sequence;
    this.#slot = disk.alignedBuffer(STATE_SLOT_BYTES);
    this.#check = disk.alignedBuffer(STATE_SLOT_BYTES);
  }

  /** Reads the state of the node in `folder`, and makes sure that it is durable. Throws `DiskError`. */
  static load(disk: Disk, folder: string): LoadedNodeState {
    const path = pathIn(folder);
    if (!disk.list(folder).includes(NODE_STATE_FILE)) return { kind: 'absent' };
    const file = disk.open(path, { access: 'write', direct: true });
    let decoded: DecodedNodeState;
    try {
      // A killed process may have left it, and the file's name, in caches only.
      disk.sync(file);
      disk.syncDirectory(folder);
      decoded = readState(disk, file);
    } finally {
      disk.close(file);
    }
    if (decoded.kind !== 'state') return decoded;
    return { kind: 'loaded', file: new NodeStateFile(disk, path, decoded.sequence), state: decoded.state };
  }

  /** What the file says, without touching it; undefined if there is none that can be read. Throws `DiskError`. */
  static peek(disk: Disk, folder: string): NodeState | undefined {
    const decoded = look(disk, folder);
    return decoded?.kind === 'state' ? decoded.state : undefined;
  }

  /** What is wrong with the file, without touching it; undefined if nothing is, or if there is none. Throws `DiskError`. */
  static check(disk: Disk, folder: string): string | undefined {
    const decoded = look(disk, folder);
    if (decoded === undefined || decoded.kind === 'state') return undefined;
    return decoded.kind === 'damaged' ? decoded.reason : `it has format version ${decoded.version}`;
  }

  /** Makes the file, durably, in a folder that exists. Throws `DiskError`. */
  static create(disk: Disk, folder: string, state: NodeState): NodeStateFile {
    const path = pathIn(folder);
    const temporaryPath = `${path}.tmp`;
    if (disk.list(folder).includes(`${NODE_STATE_FILE}.tmp`)) disk.unlink(temporaryPath);
    const file = disk.open(temporaryPath, { access: 'create-new', direct: true });
    disk.allocate(file, STATE_FILE_BYTES);
    disk.close(file);
    const created = new NodeStateFile(disk, temporaryPath, 0);
    created.save(state);
    created.close();
    disk.rename(temporaryPath, path);
    disk.syncDirectory(folder);
    return new NodeStateFile(disk, path, created.#sequence);
  }

  /** Durable when it returns. Throws `DiskError`: then which state the file holds is known only when it is loaded again. */
  save(state: NodeState): void {
    const sequence = this.#sequence + 1;
    const offset = stateSlotOffset(sequence);
    const file = this.#opened();
    encodeNodeState(this.#slot, { sequence, state });
    this.#disk.write(file, this.#slot, 0, STATE_SLOT_BYTES, offset);
    this.#disk.syncData(file);
    this.#disk.read(file, this.#check, 0, STATE_SLOT_BYTES, offset);
    if (!bytesEqual(this.#check, 0, this.#slot, 0, STATE_SLOT_BYTES)) {
      throw new DiskError('EIO', 'write', this.#path);
    }
    this.#sequence = sequence;
  }

  close(): void {
    if (this.#file !== undefined) this.#disk.close(this.#file);
    this.#file = undefined;
  }

  #opened(): FileHandle {
    this.#file ??= this.#disk.open(this.#path, { access: 'write', direct: true });
    return this.#file;
  }
}

function look(disk: Disk, folder: string): DecodedNodeState | undefined {
  if (!disk.list(folder).includes(NODE_STATE_FILE)) return undefined;
  const file = disk.open(pathIn(folder), { access: 'read' });
  try {
    return readState(disk, file);
  } finally {
    disk.close(file);
  }
}

function readState(disk: Disk, file: FileHandle): DecodedNodeState {
  const fileBytes = disk.sizeOf(file);
  if (fileBytes !== STATE_FILE_BYTES) return { kind: 'damaged', reason: `the file has ${fileBytes} bytes` };
  const bytes = disk.alignedBuffer(STATE_FILE_BYTES);
  disk.read(file, bytes, 0, STATE_FILE_BYTES, 0);
  return decodeNodeState(bytes);
}

function pathIn(folder: string): string {
  return `${folder}/${NODE_STATE_FILE}`;
}
