// Detections by tag and time, as a table that fits a page: hours are brought together until there are few enough.

import { HOUR } from "./time.ts";

export interface Grid {
  readonly starts: number[]; // ms since 1970, of the columns
  readonly each: number; // ms, of a column
  readonly rows: { tag: string; counts: number[]; sum: number }[]; // the most frequent tag first
  readonly most: number;
}

const WIDTHS = [1, 2, 3, 6, 12, 24, 48].map((one) => one * HOUR);

/** Counts by tag and hour (ms) from one moment to another, in at most `columns` columns. */
export function grid(counts: Record<string, Record<string, number>>, from: number, to: number, columns: number): Grid {
  const each = WIDTHS.find((one) => Math.floor((to - 1) / one) - Math.floor(from / one) + 1 <= columns) ?? WIDTHS.at(-1)!;
  const first = Math.floor(from / each);
  const number = Math.floor((to - 1) / each) - first + 1;
  const rows = Object.entries(counts).map(([tag, hours]) => {
    const cells = new Array<number>(number).fill(0);
    let sum = 0;
    for (const [hour, count] of Object.entries(hours)) {
      const at = Math.max(0, Math.min(number - 1, Math.floor(Number(hour) / each) - first));
      cells[at]! += count;
      sum += count;
    }
    return { tag, counts: cells, sum };
  });
  rows.sort((a, b) => b.sum - a.sum || a.tag.localeCompare(b.tag));
  const most = Math.max(0, ...rows.flatMap((row) => row.counts));
  return { starts: Array.from({ length: number }, (_, at) => (first + at) * each), each, rows, most };
}
