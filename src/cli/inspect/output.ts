/**
 * Rows for people or for programs: a table whose columns have fixed widths, so that rows can be printed as they come, or one
 * JSON object a line. Results go to standard output, as fast as it takes them. Main thread.
 */
import { once } from 'node:events';

export type Cell = string | number | boolean | null;
export type Row = Readonly<Record<string, Cell>>;

export type OutputFormat = 'table' | 'json';

/** A column of the table: which field it shows. A longer cell pushes the others to the right; nothing is cut off. */
export interface Column {
  readonly field: string;
  readonly title: string;
  readonly width: number;
  readonly align?: 'right';
}

/** Written in one piece: large enough to cost nothing, small enough to appear at once. */
const BUFFER_CHARACTERS = 65_536;

export class RowWriter {
  readonly #sink: NodeJS.WritableStream;
  readonly #format: OutputFormat;
  readonly #columns: readonly Column[];
  #text = '';

  constructor(sink: NodeJS.WritableStream, format: OutputFormat, columns: readonly Column[]) {
    this.#sink = sink;
    this.#format = format;
    this.#columns = columns;
    if (format === 'table') this.#text = `${formatCells(columns, (column) => column.title)}\n`;
  }

  /** Adds a row. Waits while the sink is full. */
  async write(row: Row): Promise<void> {
    this.#text += `${this.#format === 'json' ? JSON.stringify(row) : formatRow(this.#columns, row)}\n`;
    if (this.#text.length >= BUFFER_CHARACTERS) await this.flush();
  }

  /** Hands over what has not been written yet. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '' && !this.#sink.write(text)) await once(this.#sink, 'drain');
  }
}

export function formatRow(columns: readonly Column[], row: Row): string {
  return formatCells(columns, ({ field }) => printable(row[field] ?? null));
}

function formatCells(columns: readonly Column[], cellOf: (column: Column) => string): string {
  const cells = columns.map((column) => {
    const cell = cellOf(column);
    return column.align === 'right' ? cell.padStart(column.width) : cell.padEnd(column.width);
  });
  return cells.join('  ').trimEnd();
}

/** Stream names and types come from clients: what could move the cursor or colour the screen is shown as an escape. */
function printable(cell: Cell): string {
  if (cell === null) return '';
  return String(cell).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`;
  });
}
