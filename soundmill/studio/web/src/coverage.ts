// Coverage: how much of a stretch of time there is sound of, and where the gaps are.

export interface Stretch {
  readonly start: number; // ms since 1970
  readonly end: number;
  readonly state: "sound" | "silence" | "gap";
}

const LEAST = 1000; // ms: a shorter gap is a seam, and not worth a word

/** What a stretch from `from` to `to` is made of, gaps included, in order of time. */
export function stretches(spans: readonly { start: number; end: number; state: "sound" | "silence" }[], from: number, to: number): Stretch[] {
  const found: Stretch[] = [];
  let at = from;
  for (const one of spans) {
    const [start, end] = [Math.max(at, one.start), Math.min(to, one.end)];
    if (end <= start) continue;
    if (start - at >= LEAST) found.push({ start: at, end: start, state: "gap" });
    found.push({ start: start - at >= LEAST ? start : at, end, state: one.state });
    at = end;
  }
  if (to - at >= LEAST) found.push({ start: at, end: to, state: "gap" });
  return found;
}

/** Shares of sound, silence and gaps; they add up to 1. */
export function shares(parts: readonly Stretch[]): Record<Stretch["state"], number> {
  const sums = { sound: 0, silence: 0, gap: 0 };
  for (const one of parts) sums[one.state] += one.end - one.start;
  const all = sums.sound + sums.silence + sums.gap || 1;
  return { sound: sums.sound / all, silence: sums.silence / all, gap: sums.gap / all };
}
