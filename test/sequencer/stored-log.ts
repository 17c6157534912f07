/** A log behind a ring, as tests of the sequencer need it: its durable bytes, read when the test lets them be read. */
import { CairnError } from '../../src/base/errors.js';
import type { RecordKernel } from '../../src/base/ports.js';
import { logCorrupt } from '../../src/log/damage.js';
import { RecordChecks } from '../../src/reader/record-checks.js';
import type { RingMemory } from '../../src/ring/layout.js';
import type { PublishedLog } from '../../src/sequencer/body-check.js';

/** What it shows. `bytes`: all that is durable. */
export interface LoggedBytes {
  readonly bytes: readonly number[];
  readonly producer: { readonly memory: RingMemory; readonly published: number };
}

export class StoredLog implements PublishedLog {
  readonly #log: LoggedBytes;
  readonly #checks: RecordChecks;
  /** Where each read began. */
  readonly reads: number[] = [];
  /** How many were under way at the same time, at most. */
  mostAtOnce = 0;
  #underWay = 0;
  /** Whether reads fail. */
  isBroken = false;
  /** Positions of bytes that come back wrong. */
  readonly damagedAt = new Set<number>();
  #gate: Promise<void> | undefined;

  constructor(log: LoggedBytes, kernel: RecordKernel) {
    this.#log = log;
    this.#checks = new RecordChecks(kernel);
  }

  /** Reads wait from now on, until what this returns is called. */
  stall(): () => void {
    let open = (): void => undefined;
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  async readRaw(position: number, target: Uint8Array): Promise<void> {
    const { bytes, producer } = this.#log;
    if (position + target.length > producer.published) throw new Error('only what is published can be read');
    this.reads.push(position);
    // Never at once, as no disk does.
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#underWay);
    await (this.#gate ?? Promise.resolve());
    this.#underWay--;
    if (this.isBroken) throw new CairnError('disk-failure', 'the disk is broken');
    const { memory } = producer;
    target.set(bytes.slice(position, position + target.length));
    for (let at = Math.max(position, bytes.length); at < position + target.length; at++) {
      target[at - position] = memory.bytes[memory.offsetOf(at)]!;
    }
    for (const at of this.damagedAt) {
      if (at >= position && at < position + target.length) target[at - position]! ^= 0xff;
    }
  }

  wholeRecords(position: number, bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { goodBytes, damage } = this.#checks.run({ bytes, view, at: 0, length: bytes.length, position });
    if (goodBytes > 0 || damage === undefined) return goodBytes;
    throw logCorrupt({ file: 'a chunk', offset: position, position }, damage);
  }
}
