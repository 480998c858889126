// Rows of figures: medians, ratios, and how they are shown.

export interface Row {
  /** group of rows: start, files, host, egress, credentials, mcp, report */
  group: string;
  name: string;
  unit: 's' | 'ms' | 'us' | 'MB' | 'MB/s' | '1/s' | 'x' | '';
  ours: number;
  /** what it is measured against, in the same run */
  rivals: { name: string; value: number }[];
  /** what the project promises; the row says whether it is kept */
  target?: { text: string; isKept: boolean };
}

export interface Skipped {
  what: string;
  why: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export function formatRows(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.name,
    `${round(row.ours)} ${row.unit}`,
    row.rivals
      .map((rival) => `${rival.name} ${round(rival.value)} (${round(row.ours / rival.value)}x)`)
      .join(', '),
    row.target === undefined ? '' : `${row.target.isKept ? 'kept' : 'MISSED'}: ${row.target.text}`,
  ]);
  const table = [['row', 'agent-sandbox', 'rival (ours / rival)', 'target'], ...lines];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function round(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
