/** The options of `cairn import`: from the command line to a plan. Pure, but for the survey of a JSON file. */
import { randomUUID } from 'node:crypto';
import { basename, extname } from 'node:path';
import { CairnError } from '../../base/errors.js';
import { type Format, formatOf } from './formats.js';
import type { ImportPlan } from './import-run.js';

/** As commander hands them over. */
export interface ImportFlags {
  readonly format?: Format;
  readonly rows?: string;
  readonly stream?: string;
  readonly streamBy?: string;
  readonly streamPrefix: string;
  readonly type?: string;
  readonly typeBy?: string;
  readonly idBy?: string;
  readonly typed?: true;
  readonly source?: string;
  readonly skipBad?: true;
  readonly limit?: number;
  readonly batch: number;
  readonly inFlight: number;
  readonly url: readonly string[];
  readonly output: 'table' | 'json';
}

/** The name of standard input, in place of a file. */
export const STANDARD_INPUT = '-';

/** An append of more bytes gains nothing: by default a node makes 1 MiB durable at a time. */
const APPEND_BYTES_MAX = 512 * 1024;

/**
 * The plan for importing `path` with these flags; `survey` finds the rows of a JSON file that nobody said a path for. Throws
 * `CairnError` `invalid-configuration`, or what the survey throws.
 */
export async function planImport(
  path: string,
  flags: ImportFlags,
  survey: (path: string) => Promise<readonly string[]>,
): Promise<ImportPlan> {
  const isStandardInput = path === STANDARD_INPUT;
  const name = isStandardInput ? undefined : basename(path);
  const format = flags.format ?? formatOf(path);
  checkTogether(flags, format);
  const isSurveyed = format === 'json' && flags.rows === undefined && !isStandardInput;
  return {
    format,
    rowsPath: isSurveyed ? await survey(path) : (flags.rows?.split('.') ?? []),
    isTyped: flags.typed === true,
    mapping: {
      stream: flags.stream ?? (flags.streamBy === undefined ? streamOf(name) : ''),
      streamBy: flags.streamBy,
      streamPrefix: flags.streamPrefix,
      type: flags.type ?? (flags.typeBy === undefined ? 'Imported' : undefined),
      typeBy: flags.typeBy,
      idBy: flags.idBy,
    },
    sourceName: flags.source ?? name ?? `standard input ${randomUUID()}`,
    isSkippingBad: flags.skipBad === true,
    rowsMax: flags.limit ?? Number.POSITIVE_INFINITY,
    importer: {
      batch: { eventsMax: flags.batch, bytesMax: APPEND_BYTES_MAX, idsMayRepeat: flags.idBy !== undefined },
      inFlightMax: flags.inFlight,
    },
  };
}

/** Whether a later run with the same flags would know the source again. */
export function isNamedSource(path: string, flags: ImportFlags): boolean {
  return path !== STANDARD_INPUT || flags.source !== undefined;
}

function streamOf(name: string | undefined): string {
  if (name !== undefined) return basename(name, extname(name));
  throw invalid('standard input has no name to call a stream after: use --stream or --stream-by');
}

function checkTogether({ stream, streamBy, rows, typed }: ImportFlags, format: Format): void {
  if (stream !== undefined && streamBy !== undefined) throw invalid('use --stream or --stream-by, not both');
  if (rows !== undefined && format !== 'json')
    throw invalid(`--rows is for JSON documents, not for ${format}`);
  if (typed === true && format !== 'csv' && format !== 'tsv') throw invalid('--typed is for CSV and TSV');
}

function invalid(message: string): CairnError {
  return new CairnError('invalid-configuration', message);
}
