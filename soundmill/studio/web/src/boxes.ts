// Boxes and what is done to them: immutable lists, and a history without end. Pure functions.

export interface Box {
  readonly id: string;
  readonly start: number; // ms since 1970
  readonly end: number;
  readonly tag: string;
  readonly low: number | null; // Hz
  readonly high: number | null;
  readonly origin: "drawn" | "imported" | "prediction";
  readonly state: "drawn" | "kept" | "moved" | "rejected";
  readonly model: string | null;
  readonly model_version: number | null;
  readonly score: number | null;
  readonly note: string;
}

export interface Prediction {
  readonly start: number;
  readonly end: number;
  readonly tag: string;
  readonly score: number;
  readonly probability: number | null;
}

export type Boxes = readonly Box[];

let counted = 0;
export const newId = (): string => `b${++counted}`;

export function drawn(start: number, end: number, tag: string, low: number | null = null, high: number | null = null): Box {
  const [a, b] = start <= end ? [start, end] : [end, start];
  const [from, to] = low !== null && high !== null && low > high ? [high, low] : [low, high];
  return {
    id: newId(), start: round(a), end: round(Math.max(b, a + 1)), tag, low: from, high: to,
    origin: "drawn", state: "drawn", model: null, model_version: null, score: null, note: "",
  };
}

/** A model's prediction with what somebody made of it. */
export function judged(one: Prediction, model: string, version: number, state: "kept" | "moved" | "rejected"): Box {
  return {
    ...drawn(one.start, one.end, one.tag), origin: "prediction", state, model, model_version: version, score: one.score,
  };
}

/** Times are kept to the thousandth of a millisecond. */
export const round = (ms: number): number => Math.round(ms * 1000) / 1000;

export const sorted = (boxes: Boxes): Boxes => [...boxes].sort((a, b) => a.start - b.start || a.end - b.end || a.tag.localeCompare(b.tag));

export const added = (boxes: Boxes, box: Box): Boxes => sorted([...boxes, box]);
export const removed = (boxes: Boxes, id: string): Boxes => boxes.filter((box) => box.id !== id);

/** With some fields of a box changed: a prediction that was kept counts as moved from then on. */
export function changed(boxes: Boxes, id: string, fields: Partial<Pick<Box, "start" | "end" | "tag" | "low" | "high" | "note">>): Boxes {
  return sorted(
    boxes.map((box) => {
      if (box.id !== id) return box;
      const next = { ...box, ...fields };
      const [start, end] = next.start <= next.end ? [next.start, next.end] : [next.end, next.start];
      const differs = ["start", "end", "tag", "low", "high"].some((name) => next[name as keyof Box] !== box[name as keyof Box]);
      const state = box.origin === "prediction" && differs ? "moved" : box.state;
      return { ...next, start: round(start), end: round(Math.max(end, start + 1)), state };
    }),
  );
}

/** With a box cut in two at a moment inside it; the second part is a box of its own. */
export function split(boxes: Boxes, id: string, at: number): Boxes {
  const box = boxes.find((one) => one.id === id);
  if (!box || at <= box.start + 1 || at >= box.end - 1) return boxes;
  const [first, second] = [changed(boxes, id, { end: at }), { ...box, id: newId(), start: round(at), state: box.origin === "prediction" ? ("moved" as const) : box.state }];
  return added(first, second);
}

/** With a box and the next one of the same tag as one, frequencies and all; null where there is none. */
export function merged(boxes: Boxes, id: string): Boxes | null {
  const box = boxes.find((one) => one.id === id);
  if (!box) return null;
  const next = sorted(boxes).find((one) => one.id !== id && one.tag === box.tag && one.state !== "rejected" && one.start >= box.start);
  if (!next) return null;
  const low = box.low === null || next.low === null ? null : Math.min(box.low, next.low);
  const high = box.high === null || next.high === null ? null : Math.max(box.high, next.high);
  return changed(removed(boxes, next.id), id, { end: Math.max(box.end, next.end), low, high });
}

const NARROWEST = 1 / 50; // of all frequencies: an edge that is dragged over the other one becomes the other one

/** The bounds of a box whose lower or upper one is dragged by so many Hz; past the other bound, the two change places. */
export function banded(box: Box, part: "low" | "high", by: number, top: number): { low: number; high: number } {
  const [low, high] = [(box.low ?? 0) + (part === "low" ? by : 0), (box.high ?? top) + (part === "high" ? by : 0)];
  const [a, b] = [Math.max(0, Math.min(low, high)), Math.max(low, high)];
  return { low: a, high: Math.max(b, a + NARROWEST * top) };
}

/** A moment, or the nearest of some edges where one is within reach. */
export function snapped(at: number, edges: readonly number[], reach: number): number {
  let [best, far] = [at, reach];
  for (const edge of edges) if (Math.abs(edge - at) <= far) [best, far] = [edge, Math.abs(edge - at)];
  return best;
}

/** Predictions that no box of the same model version answers yet. */
export function unanswered(predictions: readonly Prediction[], boxes: Boxes, model: string, version: number): Prediction[] {
  const answers = boxes.filter((box) => box.model === model && box.model_version === version);
  return predictions.filter((one) => !answers.some((box) => box.start < one.end && box.end > one.start));
}

/** The boxes that reach into a stretch of time; boxes are in order of their start. */
export function visible(boxes: Boxes, from: number, to: number, longest: number): Boxes {
  let [low, high] = [0, boxes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (boxes[middle]!.start < from - longest) low = middle + 1;
    else high = middle;
  }
  const found: Box[] = [];
  for (let at = low; at < boxes.length && boxes[at]!.start < to; at++) if (boxes[at]!.end > from) found.push(boxes[at]!);
  return found;
}

export const longest = (boxes: Boxes): number => boxes.reduce((most, box) => Math.max(most, box.end - box.start), 0);

/** What was done, and can be undone. */
export interface History {
  readonly past: readonly Boxes[];
  readonly now: Boxes;
  readonly future: readonly Boxes[];
}

export const begin = (boxes: Boxes): History => ({ past: [], now: sorted(boxes), future: [] });
export const done = (history: History, boxes: Boxes): History =>
  boxes === history.now ? history : { past: [...history.past, history.now], now: boxes, future: [] };
export function undone(history: History): History {
  const last = history.past.at(-1);
  return last === undefined ? history : { past: history.past.slice(0, -1), now: last, future: [history.now, ...history.future] };
}
export function redone(history: History): History {
  const [next, ...rest] = history.future;
  return next === undefined ? history : { past: [...history.past, history.now], now: next, future: rest };
}
