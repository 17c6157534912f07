/**
 * A transaction of a random history that stays open over many requests, and over restarts: nothing of it may be seen before its commit, all of
 * it at once from then on.
 */
import type { ExpectedRevision } from '../../../src/client/append-encoder.js';
import { CairnError, type Client, type OpenTransaction } from '../../../src/client/client.js';
import { eventOf } from '../cluster/event-content.js';
import type { ModelPart, StoreModel, Verdict } from './store-model.js';

export class ModelTransaction {
  readonly #open: OpenTransaction;
  /** By stream, in the order in which they were first appended to: as the log will have them. */
  readonly #parts = new Map<string, { readonly expected: ExpectedRevision; readonly ids: string[] }>();

  constructor(client: Client) {
    this.#open = client.begin();
  }

  /** How many events it has so far. */
  get events(): number {
    return [...this.#parts.values()].reduce((sum, { ids }) => sum + ids.length, 0);
  }

  /** What is expected of a stream counts when it is first appended to. */
  async append(stream: string, ids: readonly string[], expected: ExpectedRevision): Promise<void> {
    const known = this.#parts.get(stream);
    await this.#open.append(stream, ids.map(eventOf), known === undefined ? { expected } : {});
    if (known === undefined) this.#parts.set(stream, { expected, ids: [...ids] });
    else known.ids.push(...ids);
  }

  /** Ends it, as the model says; a commit that is refused leaves it open, and it is abandoned. True if its events are there. */
  async commit(model: StoreModel): Promise<boolean> {
    const parts: ModelPart[] = Array.from(this.#parts, ([stream, part]) => ({ stream, ...part }));
    const verdict: Verdict = model.append(parts);
    try {
      const { revisions, position } = await this.#open.commit();
      if (verdict.kind !== 'written' || JSON.stringify(revisions) !== JSON.stringify(verdict.revisions))
        throw new Error(`a commit came to ${revisions} instead of ${JSON.stringify(verdict)}`);
      verdict.last.position ??= position;
      // Committed again, it has the same result.
      const again = await this.#open.commit();
      if (JSON.stringify(again.revisions) !== JSON.stringify(revisions) || again.position !== position)
        throw new Error(`a second commit came to ${again.revisions} at ${again.position}`);
      return true;
    } catch (error) {
      if (!(error instanceof CairnError) || verdict.kind === 'written') throw error;
      await this.abandon();
      return false;
    }
  }

  async abandon(): Promise<void> {
    await this.#open.abandon();
  }
}
