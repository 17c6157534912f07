/**
 * The real data of the tour: flights and earthquakes of the package vega-datasets, which is there wherever Cairn was installed to be tried. Main
 * thread.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connectTarget } from '../import/client-target.js';
import { planImport } from '../import/import-options.js';
import { ImportRun, type ImportState } from '../import/import-run.js';
import { openFile } from '../import/input.js';

/** Beside dist/, in the folder in which `npm ci` ran. */
const DATA_FOLDER = new URL('../../../../node_modules/vega-datasets/data/', import.meta.url);
const FLIGHTS = fileURLToPath(new URL('flights-20k.json', DATA_FOLDER));
const EARTHQUAKES = fileURLToPath(new URL('earthquakes.json', DATA_FOLDER));

/** An earthquake as the USGS tells it: GeoJSON. */
export type Earthquake = Readonly<Record<string, unknown>>;

/** Whether the package is there. */
export function hasTourData(): boolean {
  return existsSync(FLIGHTS) && existsSync(EARTHQUAKES);
}

/** A week of them. */
export function readEarthquakes(): readonly Earthquake[] {
  const { features } = JSON.parse(readFileSync(EARTHQUAKES, 'utf8')) as { features: Earthquake[] };
  return features;
}

/** Imports the flights, a stream for each airport; `begun` gets the means to look how far it is. Throws `CairnError`. */
export async function importFlights(
  address: string,
  begun: (state: () => ImportState) => void,
): Promise<ImportState> {
  const flags = { streamBy: 'origin', streamPrefix: 'flights-', type: 'Flight', batch: 500, inFlight: 16 };
  const plan = await planImport(FLIGHTS, { ...flags, url: address, output: 'table' }, () =>
    Promise.resolve([]),
  );
  const input = await openFile(FLIGHTS);
  try {
    const target = await connectTarget(address, { lost: () => undefined, back: () => undefined });
    try {
      const run = new ImportRun(plan, input, target);
      begun(() => run.state);
      await run.run();
      return run.state;
    } finally {
      await target.close();
    }
  } finally {
    await input.close();
  }
}
