import { expect, test } from 'vitest';
import { SteadyLoad } from '../../bench/steady-load.js';
import { CairnError } from '../../src/base/errors.js';
import type { AppendResult, Client } from '../../src/client/client.js';

/** Appends wait here until a test answers them. */
class HeldClient {
  readonly answers: { succeed: () => void; fail: (error: CairnError) => void }[] = [];
  #wanted = 0;
  #reached: () => void = () => undefined;

  append(): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      const result = { revision: 0, position: 0, duplicate: false };
      this.answers.push({ succeed: () => resolve(result), fail: reject });
      if (this.answers.length >= this.#wanted) this.#reached();
    });
  }

  /** Resolves when so many appends have come. */
  until(count: number): Promise<void> {
    this.#wanted = count;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }
}

test('goes on whether or not it is answered, and an append counts in the window that it began in', async () => {
  const client = new HeldClient();
  const load = new SteadyLoad(client as unknown as Client, 1000, 8);
  const first = load.window();
  await client.until(3);
  const begun = client.answers.length;
  load.window();
  await client.until(begun + 2);
  load.stop();
  for (const { succeed } of client.answers) succeed();
  await first.answered();
  expect(first.latency.count).toBe(begun);
});

test('a window with a failed append says what it failed with', async () => {
  const client = new HeldClient();
  const load = new SteadyLoad(client as unknown as Client, 1000, 8);
  const window = load.window();
  await client.until(1);
  load.stop();
  const failure = new CairnError('no-quorum', 'nobody there');
  for (const { fail } of client.answers) fail(failure);
  await expect(window.answered()).rejects.toBe(failure);
});
