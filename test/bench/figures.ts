/** What measurements give, and how it is printed. */

/** One line of a table. */
export type Figures = Readonly<Record<string, string | number | null>>;

export interface Measurement {
  readonly name: string;
  /** What was measured beside what. */
  readonly about: string;
  readonly rows: readonly Figures[];
}

/** A quotient with three digits that count; null where there is nothing to divide by. */
export function ratio(ours: number, other: number): number | null {
  return other > 0 ? Number((ours / other).toPrecision(3)) : null;
}

export function perSecond(count: number, ms: number): number {
  return Math.round((1000 * count) / Math.max(ms, 0.001));
}

/** The value below which a share (0-1) of the values lies, with two decimals. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return Number((sorted[at] ?? 0).toFixed(2));
}

/** A measurement as a table for people. */
export function toTable({ name, about, rows }: Measurement): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '-')))];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row, line) =>
    row
      .map((cell, column) =>
        padded(cell, widths[column] ?? 0, line === 0 ? null : rows[line - 1]?.[columns[column] ?? '']),
      )
      .join('  ')
      .trimEnd(),
  );
  return [`${name}: ${about}`, ...lines.map((line) => `  ${line}`)].join('\n');
}

function padded(cell: string, width: number, value: unknown): string {
  return typeof value === 'number' ? cell.padStart(width) : cell.padEnd(width);
}
