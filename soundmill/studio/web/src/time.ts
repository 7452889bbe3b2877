// Moments in ms since 1970 as people read them, in UTC; and the marks of a time axis.

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500,
  SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY, 90 * DAY,
];

const pad = (value: number, digits = 2): string => String(value).padStart(digits, "0");

/** `2026-01-05`, the UTC day of a moment. */
export function dayOf(ms: number): string {
  const at = new Date(Math.floor(ms));
  return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
}

/** The start of a UTC day; NaN for what is no day. */
export function startOfDay(day: string): number {
  return /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
}

/** `10:15:03.644`, with as many decimals as a step in ms asks for. */
export function clock(ms: number, step = 1): string {
  const at = new Date(Math.floor(ms));
  const whole = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
  if (step >= MINUTE) return whole;
  const seconds = `${whole}:${pad(at.getUTCSeconds())}`;
  return step >= SECOND ? seconds : `${seconds}.${pad(Math.floor(ms) % 1000, 3)}`;
}

/** A label for a mark of an axis whose marks are `step` ms apart. */
export function axisLabel(ms: number, step: number): string {
  if (step >= DAY) return dayOf(ms).slice(5);
  const text = clock(ms, step);
  return ms % DAY === 0 ? dayOf(ms).slice(5) : text;
}

/** Marks of an axis from `from` to `to`, at most `most` of them, at round moments; and their distance in ms. */
export function axisMarks(from: number, to: number, most: number): { step: number; marks: number[] } {
  const step = STEPS.find((one) => (to - from) / one <= most) ?? 365 * DAY;
  const marks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) marks.push(at);
  return { step, marks };
}

/** `2.35 s`, `12 min`, `3.0 h`: a length for people. */
export function length(ms: number): string {
  if (ms < 1) return `${(1000 * ms).toFixed(0)} µs`;
  if (ms < SECOND) return `${ms.toFixed(0)} ms`;
  if (ms < 2 * MINUTE) return `${(ms / SECOND).toFixed(ms < 10 * SECOND ? 2 : 1)} s`;
  if (ms < 2 * HOUR) return `${(ms / MINUTE).toFixed(0)} min`;
  return ms < 2 * DAY ? `${(ms / HOUR).toFixed(1)} h` : `${(ms / DAY).toFixed(0)} days`;
}
