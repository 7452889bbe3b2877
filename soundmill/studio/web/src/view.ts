// The part of the timeline that is looked at: from one moment to another, in ms since 1970. Pure functions.

import { DAY } from "./time.ts";

export interface View {
  readonly from: number;
  readonly to: number;
}

export const SHORTEST = 5; // ms
export const LONGEST = 400 * DAY;

export const span = (view: View): number => view.to - view.from;

/** A view of an allowed length around the same middle. */
export function bounded(view: View): View {
  const wanted = Math.min(LONGEST, Math.max(SHORTEST, span(view)));
  const middle = (view.from + view.to) / 2;
  const from = Math.max(0, middle - wanted / 2);
  return { from, to: from + wanted };
}

/** Zoomed by a factor (above 1: out) about a moment, which stays where it is on the screen. */
export function zoomed(view: View, factor: number, about: number): View {
  const wanted = Math.min(LONGEST, Math.max(SHORTEST, span(view) * factor));
  const share = (about - view.from) / span(view);
  const from = Math.max(0, about - share * wanted);
  return { from, to: from + wanted };
}

/** As two fingers leave it that lay at two places (pixels of `width`), and now lie at two others: what was below them still is. */
export function pinched(view: View, before: readonly [number, number], after: readonly [number, number], width: number): View {
  const [was, is] = [Math.max(8, Math.abs(before[1] - before[0])), Math.max(8, Math.abs(after[1] - after[0]))];
  const held = toMs(view, (before[0] + before[1]) / 2, width);
  const wanted = Math.min(LONGEST, Math.max(SHORTEST, (span(view) * was) / is));
  const from = Math.max(0, held - ((after[0] + after[1]) / 2 / width) * wanted);
  return { from, to: from + wanted };
}

/** Moved by a share of its length. */
export function moved(view: View, share: number): View {
  const by = share * span(view);
  return view.from + by < 0 ? { from: 0, to: span(view) } : { from: view.from + by, to: view.to + by };
}

/** With a stretch of time in its middle, with room on both sides. */
export function around(start: number, end: number, room = 0.5): View {
  const margin = Math.max(room * (end - start), 50);
  return bounded({ from: start - margin, to: end + margin });
}

/** Moved just so far that a stretch of time lies within it; zoomed out where it does not fit. */
export function showing(view: View, start: number, end: number): View {
  if (end - start > span(view)) return around(start, end);
  if (start < view.from) return moved(view, (start - view.from) / span(view) - 0.1);
  if (end > view.to) return moved(view, (end - view.to) / span(view) + 0.1);
  return view;
}

export const toX = (view: View, ms: number, width: number): number => ((ms - view.from) / span(view)) * width;
export const toMs = (view: View, x: number, width: number): number => view.from + (x / width) * span(view);
