/** A table for people: columns as wide as their widest cell, numbers to the right. Pure. */

export type Cell = string | number;

/** Lines without their ends. Numbers come rounded as they are to be shown. */
export function textTable(head: readonly string[], rows: readonly (readonly Cell[])[]): readonly string[] {
  const widths = head.map((title, column) => {
    return Math.max(title.length, ...rows.map((row) => String(row[column] ?? '').length));
  });
  const isNumeric = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => {
        const text = String(cell);
        return isNumeric[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
      })
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)];
}
