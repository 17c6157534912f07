// Echoes: each time it is rung it adds one to the count and rings back.
import { workerData } from 'node:worker_threads';
import { Doorbell } from '../../dist/src/ring/doorbell.js';

const words = new Int32Array(workerData.shared);
const mine = new Doorbell(words, 0);
const main = new Doorbell(words, 32);
for (let done = 0; done < workerData.rounds; ) {
  const seen = mine.rings();
  const asked = Atomics.load(words, 64);
  if (asked === done) {
    mine.park(seen, Number.POSITIVE_INFINITY);
    continue;
  }
  done = asked;
  Atomics.store(words, 96, done);
  main.ring();
}
