/** What the tuner found, as tables for people and as one JSON object for programs. Pure. */
import type { CheckRow } from './check-row.js';
import { LOADS, type Load } from './engine-runs.js';
import { sizeText } from './host-checks.js';
import { DISTURBANCES } from './plausibility.js';
import type { PredictionRow } from './prediction.js';
import { defaultSettings, settingText, TUNED_NAMES } from './settings.js';
import type { SweepPoint } from './sweep-point.js';
import { settingsOf, type TuneResult, tunedNames } from './tune-run.js';

/** A table whose columns are as wide as they must be. */
export interface TextTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Which columns are numbers, from 0. */
  readonly numbers?: readonly number[];
}

export const CHECK_COLUMNS = ['Condition', 'Required', 'Current', 'Severity', 'Passed'];

export function checkCells({ condition, required, current, severity, passed }: CheckRow): string[] {
  return [condition, required, current, severity, passedText(passed)];
}

function passedText(passed: boolean | undefined): string {
  return passed === undefined ? 'unknown' : passed ? 'yes' : 'no';
}

/** All tables that there is something to show in. */
export function tablesOf(result: TuneResult): TextTable[] {
  const { checks, sweep, predictions } = result;
  const tables: TextTable[] = [{ title: 'checks', columns: CHECK_COLUMNS, rows: checks.map(checkCells) }];
  if (sweep !== undefined) tables.push(measurementTable(sweep.points));
  if (predictions.length > 0) tables.push(verificationTable(predictions));
  const choices = choiceTable(result);
  if (choices !== undefined) tables.push(choices);
  return tables;
}

export function measurementTable(points: readonly SweepPoint[]): TextTable {
  return {
    title: 'durable writes, one after the other (depth 2: two at a time)',
    columns: ['Path', 'Mode', 'Blocks', 'Depth', 'Size', 'p50 µs', 'p99 µs', '± %', 'MB/s', 'Writes'],
    numbers: [3, 4, 5, 6, 7, 8, 9],
    rows: points.map((point) => [
      point.path,
      point.mode,
      point.blocks,
      String(point.depth),
      sizeText(point.bytes),
      point.p50Us.toFixed(1),
      point.p99Us.toFixed(1),
      (point.spread * 50).toFixed(0),
      point.megabytesPerSecond.toFixed(0),
      String(point.writes),
    ]),
  };
}

export function verificationTable(predictions: readonly PredictionRow[]): TextTable {
  return {
    title: 'the engine: predicted and verified',
    columns: [
      ...[
        'Load',
        'SyncMode',
        'BatchBytesMax',
        'ChunkSize',
        'Prepared',
        'events/s',
        'predicted',
        'off',
        '± %',
      ],
      ...['p50 µs', 'p99 µs', 'batch', 'batch µs', 'predicted', 'MB/s', 'limit'],
    ],
    numbers: [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    rows: predictions.map(({ run, predicted, predictedBatchUs, isTeacher }) => {
      const { median, settings, load, spread } = run;
      return [
        load,
        settingText(settings, 'SyncMode'),
        settingText(settings, 'BatchBytesMax'),
        sizeText((LOADS[load] as Load).chunkSize ?? settings.ChunkSize),
        settingText(settings, 'PreparedChunks'),
        whole(median.eventsPerSecond),
        predicted === undefined ? '' : whole(predicted.eventsPerSecond),
        predicted === undefined || isTeacher
          ? ''
          : offText(predicted.eventsPerSecond, median.eventsPerSecond),
        (spread * 50).toFixed(0),
        whole(median.p50Us),
        whole(median.p99Us),
        sizeText(Math.round(median.batchBytes)),
        whole(median.batchUs),
        predictedBatchUs === undefined ? '' : whole(predictedBatchUs),
        whole(median.megabytesPerSecond),
        predicted?.limit ?? '',
      ];
    }),
  };
}

/** Undefined if nothing was proposed. */
export function choiceTable(result: TuneResult): TextTable | undefined {
  const { proposal, verification, keptChunkSize } = result;
  if (proposal === undefined) return undefined;
  const defaults = defaultSettings();
  return {
    title: `settings for the goal ${result.goal}`,
    columns: ['Option', 'Default', 'Predicted', 'Best', 'Why', 'The engine said'],
    rows: TUNED_NAMES.map((name) => {
      const isKept = name === 'ChunkSize' && keptChunkSize !== undefined;
      const best =
        verification?.isComplete === true ? settingText(verification.settings, name) : 'not verified';
      return [
        name,
        settingText(defaults, name),
        settingText(proposal.settings, name),
        isKept ? `${sizeText(keptChunkSize)}: the log that is there keeps it` : best,
        proposal.why[name],
        verification?.verdicts[name] ?? '',
      ];
    }),
  };
}

/** What the figures are worth, if that is less than it should be. */
export function trustText({ checks }: TuneResult): string | undefined {
  const failed = checks.filter(
    ({ condition, passed }) => passed === false && DISTURBANCES.includes(condition),
  );
  if (failed.length === 0) return undefined;
  const told = failed.map(({ condition, current }) => `${condition}: ${current}`).join('; ');
  return `The machine was busy (${told}). Settings that the rounds don't bear out are left alone; run again when it is quiet.`;
}

/** What the loads are, in words. */
export function loadsText(): string {
  return Object.entries(LOADS)
    .map(([name, { inFlight, eventBytes }]) => `${name}: ${inFlight} in flight, ${eventBytes} bytes each`)
    .join('; ');
}

export function tableLines({ title, columns, rows, numbers = [] }: TextTable): string[] {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => row[index]!.length)),
  );
  const lineOf = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        numbers.includes(index) ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
      )
      .join('  ')
      .trimEnd();
  return [`${title}:`, lineOf(columns), ...rows.map(lineOf)];
}

/** All raw figures. A check that can't be made has `passed: null`; JSON has no infinity, so what has no limit is `unlimited`. */
export function resultJson(result: TuneResult): string {
  const { refusal, checks } = result;
  const settings = settingsOf(result);
  const names = tunedNames(result);
  const all = {
    ...result,
    checks: checks.map((row) => ({ ...row, passed: row.passed ?? null })),
    tuned: settings === undefined ? null : Object.fromEntries(names.map((name) => [name, settings[name]])),
    refusal: refusal === undefined ? null : { code: refusal.code, message: refusal.message },
  };
  return JSON.stringify(all, (_, value: unknown) =>
    value === Number.POSITIVE_INFINITY ? 'unlimited' : value,
  );
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function offText(predicted: number, verified: number): string {
  const off = ((predicted - verified) / verified) * 100;
  return `${off >= 0 ? '+' : ''}${off.toFixed(0)} %`;
}
