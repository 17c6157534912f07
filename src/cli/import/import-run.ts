/**
 * One import from its first byte to its last: reads rows, maps them, and hands them to the importer. Main thread. What always
 * holds: when it fails, all rows before the failing one are in place, unless it is the node that fails.
 */
import { badRow } from './bad-input.js';
import { type Format, rowParser } from './formats.js';
import type { ImportTarget } from './import-target.js';
import { Importer, type ImporterOptions, type ImportRow } from './importer.js';
import type { Input } from './input.js';
import { readRowBlocks } from './row-blocks.js';
import type { DecodedRow, RowDecoder } from './row-decoder.js';
import { type Mapped, type MappingOptions, rowMapping } from './row-mapping.js';
import type { RowSplitter } from './row-splitter.js';
import { SourceCheck, SourceMarks } from './source-marks.js';

/** What to import, and how. */
export interface ImportPlan {
  readonly format: Format;
  /** Where a JSON document has its rows. */
  readonly rowsPath: readonly string[];
  readonly isTyped: boolean;
  readonly mapping: MappingOptions;
  /** The source's name: a later run goes on where one of the same name stopped. */
  readonly sourceName: string;
  /** Rows that can't be used are counted and left out. */
  readonly isSkippingBad: boolean;
  /** Most rows to read. */
  readonly rowsMax: number;
  readonly importer: ImporterOptions;
  /** Tests choose small blocks. */
  readonly blockBytes?: number;
}

/** How far an import is. */
export interface ImportState {
  readonly rows: number;
  readonly eventsWritten: number;
  readonly eventsAlreadyThere: number;
  readonly rowsSkipped: number;
  readonly streams: number;
  readonly bytes: number;
}

/** Bytes that a row may have besides those that its event has: white space. Enough for any indentation. */
const ROW_SLACK_BYTES = 64 * 1024;

export class ImportRun {
  readonly #marks: SourceMarks;
  readonly #importer: Importer;
  readonly #decoder: RowDecoder;
  readonly #splitter: RowSplitter;
  readonly #map: (row: DecodedRow) => Mapped;
  #check: SourceCheck | undefined;
  #rows = 0;
  #rowsSkipped = 0;

  constructor(
    private readonly plan: ImportPlan,
    private readonly input: Input,
    private readonly target: ImportTarget,
  ) {
    const { splitter, decoder } = rowParser(plan.format, plan.rowsPath, plan.isTyped);
    this.#splitter = splitter;
    this.#decoder = decoder;
    this.#map = rowMapping(plan.mapping, (path) => decoder.fieldReader(path));
    this.#marks = new SourceMarks(sourceLabel(plan));
    this.#importer = new Importer(target, this.#marks, plan.importer);
  }

  get state(): ImportState {
    const { written, alreadyThere, streams } = this.#importer.counts;
    return {
      rows: this.#rows,
      eventsWritten: written,
      eventsAlreadyThere: alreadyThere,
      rowsSkipped: this.#rowsSkipped,
      streams,
      bytes: this.input.bytesRead,
    };
  }

  /** Imports all rows. Rejects with `CairnError`: `bad-input`, or what is wrong with the node or the way to it. */
  async run(): Promise<void> {
    try {
      for await (const rows of this.#importRows()) await this.#importer.add(rows);
    } finally {
      // What stands before a bad row is in place before anybody hears of that row.
      await this.#importer.drain();
    }
    if (this.#rows < this.plan.rowsMax) this.#importer.checkEnd();
  }

  /** The rows, block by block. Throws at the first one that can't be used, after all rows before it. */
  async *#importRows(): AsyncGenerator<ImportRow[], void, void> {
    const { blockBytes, rowsMax } = this.plan;
    const limits = { rowBytesMax: this.target.eventBytesMax + ROW_SLACK_BYTES, blockBytes };
    for await (const block of readRowBlocks(this.input, this.#splitter, limits)) {
      const decoded = this.#decoder.decode(block);
      this.#check ??= new SourceCheck(this.#decoder.header);
      const rows: ImportRow[] = [];
      try {
        for (const row of decoded.slice(0, rowsMax - this.#rows)) this.#take(row, this.#check, rows);
      } catch (error) {
        yield rows;
        throw error;
      }
      yield rows;
      if (this.#rows === rowsMax) return;
    }
  }

  /** Adds a row to `rows`. Throws `bad-input` if it can't be used and such rows are not to be skipped. */
  #take(row: DecodedRow, check: SourceCheck, rows: ImportRow[]): void {
    const mark = { row: row.number, check: check.add(row.bytes) };
    const mapped: Mapped = row.fault === undefined ? this.#map(row) : { kind: 'fault', reason: row.fault };
    const reason = mapped.kind === 'fault' ? mapped.reason : this.#sizeFault(row, mapped.type);
    if (reason !== undefined && !this.plan.isSkippingBad) throw badRow(row, reason);
    this.#rows++;
    if (mapped.kind === 'fault' || reason !== undefined) this.#rowsSkipped++;
    else rows.push({ mark, stream: mapped.stream, type: mapped.type, id: mapped.id, data: row.data });
  }

  #sizeFault({ data }: DecodedRow, type: string): string | undefined {
    const { eventBytesMax } = this.target;
    // A character takes at most 3 bytes of UTF-8.
    const bytes = data.length + 3 * type.length + this.#marks.metadataBytesMax;
    return bytes <= eventBytesMax ? undefined : `it is larger than an event may be (${eventBytesMax} bytes)`;
  }
}

/** What makes two imports one: the source, the rows of it, and how they are spread over streams. */
function sourceLabel({ sourceName, rowsPath, mapping }: ImportPlan): string {
  const choices: string[] = [];
  if (rowsPath.length > 0) choices.push(`rows=${rowsPath.join('.')}`);
  if (mapping.streamBy !== undefined) choices.push(`stream-by=${mapping.streamBy}`);
  return choices.length === 0 ? sourceName : `${sourceName}?${choices.join('&')}`;
}
