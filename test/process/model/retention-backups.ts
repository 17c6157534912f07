/**
 * Incremental backups of a node with a model: each comes with the model as it was then, and a node that starts on what is restored of it answers like that
 * model, whatever was appended, said or deleted since.
 */
import { join } from 'node:path';
import { connect } from '../../../src/client/client.js';
import { backup } from '../backup/backup-process.js';
import { NodeProcess } from '../node-process.js';
import type { SeededRandom } from '../random.js';
import { expectLog, expectStream, type KeptStore } from './kept-streams.js';

interface KeptBackup {
  readonly name: string;
  readonly store: KeptStore;
}

export class RetentionBackups {
  readonly #random: SeededRandom;
  readonly #scratch: string;
  readonly #repository: string;
  readonly #made: KeptBackup[] = [];
  #restored = 0;

  constructor(random: SeededRandom, scratch: string) {
    this.#random = random;
    this.#scratch = scratch;
    this.#repository = join(scratch, 'backups');
  }

  get count(): number {
    return this.#made.length;
  }

  /** `store`: what the node has, nothing of which is under way. */
  async make(url: string, store: KeptStore): Promise<void> {
    const { backup: name } = await backup('create', '--url', url, '--to', this.#repository);
    // Together, so that an event is the same one in its stream and in the log.
    this.#made.push({ name: String(name), store: structuredClone(store) });
  }

  /** Restores one of them into a folder of its own. Throws at the first answer that is not its model's. */
  async restore(which: 'oldest' | 'any'): Promise<void> {
    const random = this.#random;
    const { name, store } = which === 'oldest' ? this.#made[0]! : random.pick(this.#made);
    const folder = join(this.#scratch, `restored-${this.#restored++}`);
    await backup('restore', '--from', this.#repository, '--backup', name, '--db', folder);
    const node = await NodeProcess.start({ folder });
    const client = await connect(node.url);
    try {
      for (const stream of store.streams) await expectStream(client, stream, random.chance(0.5));
      await expectLog(client, store, random.chance(0.5));
      // It is a store like any other.
      for (const { name: stream, events, isTombstoned } of store.streams) {
        if (isTombstoned) continue;
        const { revision } = await client.append(stream, { type: 'Restored', data: {} });
        if (revision !== events.length) throw new Error(`${stream} came to ${revision} in ${name}`);
      }
    } catch (error) {
      throw new Error(`of ${name}, restored: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    } finally {
      await client.close();
      await node.end();
    }
  }
}
