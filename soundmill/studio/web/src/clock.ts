// Times of day as people type them.

import { DAY } from "./time.ts";

/** Milliseconds of a day from `10:15:03.644`; NaN for what is no time. */
export function parseClock(text: string): number {
  const parts = /^(\d{1,2}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?$/.exec(text.trim());
  const ms = parts ? Math.round(((Number(parts[1]) * 60 + Number(parts[2])) * 60 + Number(parts[3] ?? 0)) * 1e6) / 1e3 : NaN;
  return ms < DAY ? ms : NaN;
}
