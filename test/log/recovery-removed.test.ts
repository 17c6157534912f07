/** Recovery of a log that was fetched from a node that had scavenged it: its end may stand among Removed records. */
import { expect, test } from 'vitest';
import { javascriptKernel as kernel } from '../../src/log/javascript-kernel.js';
import { recoverLog } from '../../src/log/recovery.js';
import { naiveRemoved } from './naive-records.js';
import { FOLDER, SampleLog } from './sample-log.js';

const LARGE = { stream: 's', data: new Uint8Array(25_000).fill(7) };

/** A transaction of so many large events that begins behind some others, without its last. */
function unfinished(events: number): { readonly log: SampleLog; readonly begin: number } {
  const log = new SampleLog().epoch().event(100).event(100);
  const begin = log.end;
  log.transaction(
    Array.from({ length: events }, () => LARGE),
    1,
  );
  return { log, begin };
}

/** Whether each record of the transaction is removed, as the bits of a number. */
function removeSome(log: SampleLog, begin: number, bits: number): void {
  let number = 0;
  for (const [i, record] of log.records.entries()) {
    if (record.position < begin || record.type !== 1) continue;
    if (((bits >> number++) & 1) !== 0) log.records[i] = naiveRemoved(record);
  }
}

test('cuts off an unfinished transaction where it began, however many chunks ago, whatever of it was removed', () => {
  for (let events = 2; events <= 8; events++) {
    for (let bits = 0; bits < 2 ** (events - 1); bits++) {
      const { log, begin } = unfinished(events);
      removeSome(log, begin, bits);
      const recovered = recoverLog({ disk: log.disk(), kernel, folder: FOLDER });
      expect([events, bits, recovered]).toMatchObject([
        events,
        bits,
        { kind: 'log', end: { position: begin } },
      ]);
    }
  }
});

test('takes a transaction for finished whose last record was removed', () => {
  for (let bits = 0; bits < 16; bits++) {
    const log = new SampleLog().epoch().event(100);
    const begin = log.end;
    log.transaction([LARGE, LARGE, LARGE, LARGE]);
    removeSome(log, begin, bits);
    const recovered = recoverLog({ disk: log.disk(), kernel, folder: FOLDER });
    expect([bits, recovered]).toMatchObject([bits, { kind: 'log', end: { position: log.end } }]);
  }
});
