/** Plans of imports for tests: one that can be had whole, or with other choices. */
import { type ImportPlan, ImportRun, type ImportState } from '../../../src/cli/import/import-run.js';
import type { ImportTarget } from '../../../src/cli/import/import-target.js';
import { inputOf } from './inputs.js';

type Choices = Partial<Omit<ImportPlan, 'mapping' | 'importer'>> & {
  readonly mapping?: Partial<ImportPlan['mapping']>;
  readonly importer?: Partial<ImportPlan['importer']>;
};

export function planOf(choices: Choices = {}): ImportPlan {
  const { mapping, importer, ...others } = choices;
  return {
    format: 'ndjson',
    rowsPath: [],
    isTyped: false,
    sourceName: 'rows.ndjson',
    isSkippingBad: false,
    rowsMax: Number.POSITIVE_INFINITY,
    ...others,
    mapping: {
      stream: 'rows',
      streamBy: undefined,
      streamPrefix: '',
      type: 'Imported',
      typeBy: undefined,
      idBy: undefined,
      ...mapping,
    },
    importer: { batch: { eventsMax: 4, bytesMax: 1 << 20, idsMayRepeat: true }, inFlightMax: 3, ...importer },
  };
}

/** Runs an import of `text` to its end. */
export async function importText(
  text: string,
  target: ImportTarget,
  choices: Choices = {},
): Promise<ImportState> {
  const run = new ImportRun(planOf(choices), inputOf(text), target);
  await run.run();
  return run.state;
}
