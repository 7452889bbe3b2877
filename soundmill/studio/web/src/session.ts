// What the annotator's page knows: the source, the view, the labels of the open day with their history, and what a model predicted.

import { batch, computed, signal } from "@preact/signals";
import * as api from "./api.ts";
import { added, begin, changed, done, drawn, judged, newId, redone, removed, unanswered, undone, type Box, type Boxes, type History, type Prediction } from "./boxes.ts";
import { table } from "./colours.ts";
import { Draft, dayPlace, taskPlace, type SaveState } from "./drafts.ts";
import { DAY, HOUR, dayOf, length, startOfDay } from "./time.ts";
import { around, bounded, showing, span, type View } from "./view.ts";

const asked = new URLSearchParams(location.search);
const SMALLEST = 1 / 100; // of the view: what is stepped to is shown at least so wide
const DAYS_FOR = 60_000; // ms, after which a source's days are looked at again
const REACHED_EVERY = 30_000; // ms
const FINE = 2 * DAY; // a longer timeline is told by day

export const sources = signal<api.Source[]>([]);
export const source = signal("");
export const view = signal<View>({ from: 0, to: DAY });
export const back = signal<readonly View[]>([]);
export const day = signal("");
export const timeline = signal<api.Timeline | null>(null);
export const levels = signal<api.Levels | null>(null);
export const labelCounts = signal<Record<string, Record<string, number>>>({});
export const history = signal<History>(begin([]));
export const others = signal<Boxes>([]);
export const otherAuthors = signal<readonly string[]>([]);
export const reviewed = signal<api.LabelsIn["reviewed"]>([]);
export const tags = signal<readonly string[]>([]);
export const tag = signal(""); // of the next box
export const annotator = signal("");
export const models = signal<api.Model[]>([]);
export const model = signal(""); // name/version
export const predicted = signal<readonly Prediction[]>([]);
export const selected = signal<string | null>(null);
export const selectedPrediction = signal<Prediction | null>(null);
export const saveState = signal<{ state: SaveState; why: string }>({ state: "saved", why: "" });
export const notice = signal(""); // read to screen readers, and shown
export const look = signal({ map: "magma", low: -90, high: -20, recipe: "fft1024", topHz: 0 });
export const isLoaded = signal(false);

export const colours = computed(() => table(look.value.map, look.value.low, look.value.high));
export const boxes = computed(() => history.value.now);
export const openPredictions = computed(() => {
  const [name, version] = chosenModel();
  return unanswered(predicted.value, boxes.value, name, version);
});
export const selectedBox = computed(() => boxes.value.find((box) => box.id === selected.value) ?? null);
export const days = signal<api.Day[]>([]);

export const task = signal<api.Task | null>(null); // on the page of a round
export const isSending = signal(false);

const told = (state: SaveState, why = ""): void => void (saveState.value = { state, why });

let basedOn = 0;
let draft: Draft | null = null;
let opening = 0;

const chosenModel = (): [string, number] => {
  const [name, version] = model.value.split("/");
  return [name ?? "", Number(version ?? 0)];
};

/** Loads sources and models, and opens what the address asks for: `?source=`, and `at=` (ms) or `day=`. */
export async function start(): Promise<void> {
  [sources.value, models.value] = await Promise.all([api.sources(), api.models()]);
  const champion = models.value.find((one) => one.champion) ?? models.value[0];
  model.value = asked.get("model") ?? (champion ? `${champion.name}/${champion.version}` : "");
  const first = asked.get("source") ?? sources.value.at(0)?.source ?? "";
  isLoaded.value = true;
  if (first) await openSource(first, Number(asked.get("at") ?? NaN), Number(asked.get("span") ?? NaN), asked.get("day") ?? "");
}

const UNREACHED = "The studio does not answer. What you label is kept in this browser and saved when it does.";

/** Says so when the studio does not answer, also to somebody who only looks; returns what ends it. */
export function watchStudio(): () => void {
  const look = async (): Promise<void> => {
    const why = await api.models().then(() => "", (error: unknown) => (error instanceof api.Refused && error.status ? error.message : UNREACHED));
    if (why || notice.value === UNREACHED) notice.value = why;
  };
  const again = setInterval(() => void (document.hidden || look()), REACHED_EVERY);
  return () => clearInterval(again);
}

/** Opens a source, at a moment, on a day, or on its last day. */
export async function openSource(name: string, at = NaN, wide = NaN, onDay = ""): Promise<void> {
  await flush();
  const [whole, all] = await Promise.all([api.timeline(name, 0, 400 * DAY), api.days(name)]);
  daysAt = Date.now();
  batch(() => {
    source.value = name;
    timeline.value = whole;
    days.value = all;
    day.value = "";
    back.value = [];
  });
  void api.labelCounts(name).then((counts) => (labelCounts.value = counts));
  const last = all.at(-1)?.day ?? dayOf(Date.now());
  if (Number.isFinite(at)) go(around(at, at + (Number.isFinite(wide) ? wide : 6000)), false);
  else if (whole.spans.length) go(around(whole.spans[0]!.start, whole.spans.at(-1)!.end, 0.05), false); // a call, or an upload
  else await openDay(onDay || last);
  follow();
}

/** Shows the sound of a day, from its first segment to its last. */
export async function openDay(name: string): Promise<void> {
  const begins = startOfDay(name);
  if (!Number.isFinite(begins)) return;
  const there = await api.timeline(source.value, begins, begins + DAY - 1);
  const [first, last] = [there.spans.at(0)?.start ?? begins, there.spans.at(-1)?.end ?? begins + DAY];
  timeline.value = there;
  go(bounded({ from: Math.max(begins, first) - 1000, to: Math.min(begins + DAY, last) + 1000 }));
  follow();
}

/** Changes the view; the one before is kept for going back. */
export function go(next: View, remember = true): void {
  if (remember && view.value.to - view.value.from < 400 * DAY) back.value = [...back.value.slice(-49), view.value];
  view.value = next;
  follow();
}

export function goBack(): void {
  const last = back.value.at(-1);
  if (!last) return;
  back.value = back.value.slice(0, -1);
  view.value = last;
  follow();
}

let following: ReturnType<typeof setTimeout> | undefined;
let remembering: ReturnType<typeof setTimeout> | undefined;

/** Loads what belongs to the view: the day's labels, where there is sound; and keeps the address up to it. */
function follow(): void {
  clearTimeout(following);
  following = setTimeout(() => void loadTimeline(), 120);
  if (task.value) return;
  const middle = dayOf((view.value.from + view.value.to) / 2);
  if (middle !== day.value && source.value) void loadDay(middle);
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const { from, to } = view.value;
    const where = new URLSearchParams({ source: source.value, at: String(Math.round((from + to) / 2 - (to - from) / 4)), span: String(Math.round((to - from) / 2)) });
    window.history.replaceState(null, "", `?${where}`);
  }, 400);
}

export async function loadTimeline(): Promise<void> {
  const { from, to } = view.value;
  const margin = Math.min(span(view.value), HOUR);
  const name = source.value;
  const [start, end] = to - from <= FINE ? [Math.max(0, from - margin), to + margin] : [from, to];
  const found = await api.timeline(name, Math.floor(start), Math.ceil(end)).catch(() => null);
  if (found && name === source.value) timeline.value = found;
  if (Date.now() - daysAt < DAYS_FOR) return;
  daysAt = Date.now();
  const all = await api.days(name).catch(() => null);
  if (all && name === source.value) days.value = all;
}
let daysAt = 0;

async function loadDay(name: string): Promise<void> {
  await flush();
  const mine = ++opening;
  day.value = name;
  const where = source.value;
  const begins = startOfDay(name);
  const [there, loud, found] = await Promise.all([
    api.labels(where, name),
    api.levels(where, name).catch(() => null),
    api.predictions(where, begins, begins + DAY, model.value).catch(() => []),
  ]);
  if (mine !== opening) return;
  draft?.close();
  draft = new Draft(dayPlace(where, name), there.draft?.version ?? 0, told);
  const local = draft.local();
  const content = local?.content ?? there.draft?.labels ?? { boxes: there.boxes, reviewed: there.reviewed, based_on: there.version };
  basedOn = content.based_on ?? there.version;
  batch(() => {
    tags.value = there.tags;
    annotator.value = there.annotator;
    levels.value = loud;
    reviewed.value = content.reviewed ?? [];
    show(content.boxes, there.others, found);
    told(local ? "changed" : there.draft ? "saved" : "handed in");
    if (!tag.value) tag.value = there.tags[0] ?? "";
  });
  if (local) draft.change(local.content);
}

/** Puts labels on the page, with nothing to undo yet, beside those of others and what a model predicted. */
function show(own: readonly api.BoxIn[], theirs: readonly api.OthersBox[], found: readonly Prediction[]): void {
  history.value = begin(own.map(asBox));
  others.value = theirs.map(asBox).sort((a, b) => a.start - b.start);
  otherAuthors.value = [...new Set(theirs.map((one) => one.author || "nobody named"))];
  predicted.value = found;
  selected.value = null;
  selectedPrediction.value = null;
}

export async function loadPredictions(): Promise<void> {
  const begins = startOfDay(day.value);
  predicted.value = await api.predictions(source.value, begins, begins + DAY, model.value).catch(() => []);
  selectedPrediction.value = null;
}

const asBox = (one: api.BoxIn): Box => ({
  id: newId(), start: one.start, end: one.end, tag: one.tag, low: one.low ?? null, high: one.high ?? null, origin: one.origin ?? "drawn",
  state: one.state ?? "drawn", model: one.model ?? null, model_version: one.model_version ?? null, score: one.score ?? null, note: one.note ?? "",
});

function content(): api.LabelsIn {
  return { boxes: boxes.value.map(({ id: _, ...fields }) => fields), reviewed: reviewed.value ?? [], based_on: basedOn };
}

/** Takes a new list of boxes as one step that can be undone, and saves it shortly. */
export function commit(next: Boxes): void {
  const before = history.value;
  history.value = done(before, next);
  if (history.value !== before) draft?.change(content());
}

export function undo(): void {
  if (!history.value.past.length) return;
  history.value = undone(history.value);
  notice.value = "Undone.";
  draft?.change(content());
}

export function redo(): void {
  if (!history.value.future.length) return;
  history.value = redone(history.value);
  notice.value = "Done again.";
  draft?.change(content());
}

/** Draws a box with the tag in use, within the open day, or session. */
export function draw(from: number, to: number, low: number | null, high: number | null): void {
  if (task.value) return drawInTask(task.value, Math.min(from, to), Math.max(from, to), low, high);
  const begins = startOfDay(day.value);
  const start = Math.max(begins, Math.min(from, to));
  if (start >= begins + DAY || Math.max(from, to) <= begins) {
    notice.value = `labels of ${day.value} start on that day (UTC)`;
    return;
  }
  if (Math.abs(to - from) > HOUR) {
    notice.value = `A label is an hour long at most, and this would be ${length(Math.abs(to - from))}: zoom in first.`;
    return;
  }
  const box = drawn(start, Math.max(from, to), tag.value, low, high);
  batch(() => {
    commit(added(boxes.value, box));
    choose(box.id);
  });
}

/** At least as long as the round wants, and inside the session. */
function drawInTask(one: api.Task, from: number, to: number, low: number | null, high: number | null): void {
  if (to <= one.start || from >= one.end) return void (notice.value = "Labels lie in the session.");
  const long = Math.min(Math.max(to - from, 1000 * one.shortest_seconds), one.end - one.start);
  const start = Math.min(Math.max(from, one.start), one.end - long);
  const box = drawn(start, Math.min(one.end, Math.max(start + long, Math.min(to, one.end))), tag.value, low, high);
  batch(() => {
    commit(added(boxes.value, box));
    choose(box.id);
  });
}

export function choose(id: string | null): void {
  batch(() => {
    selected.value = id;
    selectedPrediction.value = null;
  });
}

export function choosePrediction(one: Prediction): void {
  batch(() => {
    selected.value = null;
    selectedPrediction.value = one;
  });
}

/** Says what became of a prediction: kept as it is, or rejected. */
export function judge(one: Prediction, state: "kept" | "rejected"): void {
  const [name, version] = chosenModel();
  const box = judged(one, name, version, state);
  batch(() => {
    commit(added(boxes.value, box));
    choose(box.id);
    notice.value = `${state === "kept" ? "accepted" : "rejected"}: ${one.tag}`;
  });
}

/** Makes a prediction a box of one's own, to be corrected. */
export function adopt(one: Prediction): Box {
  const [name, version] = chosenModel();
  const box = judged(one, name, version, "kept");
  batch(() => {
    commit(added(boxes.value, box));
    choose(box.id);
  });
  return box;
}

/** Gives the selected box, or the selected prediction, a tag; without either, the next box. */
export function setTag(name: string): void {
  const clean = name.trim().normalize("NFC").replaceAll(" ", "_");
  if (!clean) return;
  batch(() => {
    tag.value = clean;
    if (!tags.value.includes(clean)) tags.value = [...tags.value, clean];
    const box = selectedBox.value ?? (selectedPrediction.value ? adopt(selectedPrediction.value) : null);
    if (box) commit(changed(boxes.value, box.id, { tag: clean }));
  });
}

export function remove(): void {
  const box = selectedBox.value;
  if (!box) return;
  const at = boxes.value.indexOf(box);
  batch(() => {
    commit(removed(boxes.value, box.id));
    choose(boxes.value[Math.min(at, boxes.value.length - 1)]?.id ?? null);
  });
}

/** The next or previous of all boxes and open predictions. */
export function step(by: 1 | -1): void {
  const all = [...boxes.value.map((box) => ({ at: box.start, box, one: null })), ...openPredictions.value.map((one) => ({ at: one.start, box: null, one }))];
  all.sort((a, b) => a.at - b.at);
  if (!all.length) return;
  const now = all.findIndex((entry) => (entry.box ? entry.box.id === selected.value : entry.one === selectedPrediction.value));
  const first = all.findIndex((entry) => entry.at >= view.value.from);
  const next = now >= 0 ? now + by : by > 0 ? Math.max(0, first) : (first < 0 ? all.length : first) - 1;
  const entry = all[(next + all.length) % all.length]!;
  if (entry.box) choose(entry.box.id);
  else choosePrediction(entry.one!);
  const { start, end } = entry.box ?? entry.one!;
  const shown = end - start < SMALLEST * span(view.value) ? around(start, end) : showing(view.value, start, end); // a sliver is not judged
  if (shown !== view.value) go(shown);
}

export const NOT_IN_ROUNDS = ["count the view as looked through", "hand in the day's labels", "show the whole day", "search a tag, or type a new one"];

/** Takes a session of the round: the one that the address names, or that is held, or the next. */
export async function startRound(name: string): Promise<void> {
  const number = Number(asked.get("session") ?? 0);
  if (number && asked.has("decide")) return openTask(await api.claim(name, number, true));
  await openTask((number && (await api.claim(name, number).catch(() => null))) || (await api.claim(name, 0)));
}

async function openTask(next: api.Task | null): Promise<void> {
  draft?.close();
  draft = next && new Draft(taskPlace(next), next.draft?.version ?? 0, told);
  const local = draft?.local();
  const there = local?.content ?? next?.draft?.labels ?? { boxes: next?.boxes ?? [] };
  batch(() => {
    task.value = next;
    isLoaded.value = true;
    if (!next) return;
    source.value = next.source;
    model.value = next.model ?? "";
    day.value = dayOf(next.start);
    tags.value = next.tags;
    tag.value = next.tags[0] ?? "";
    reviewed.value = [];
    show(there.boxes, next.others, next.predictions);
    told(local ? "changed" : next.draft ? "saved" : "handed in");
    back.value = [];
  });
  if (!next) return;
  window.history.replaceState(null, "", `?session=${next.number}${next.others.length ? "&decide=1" : ""}`);
  showTask();
  if (local) draft?.change(local.content);
}

export function showTask(): void {
  if (task.value) go({ from: task.value.start, to: task.value.end }, false);
}

/** Takes the boxes of one of those between whom a disputed session is decided, in place of what is there. */
export function take(author: string): void {
  commit(task.value!.others.filter((other) => other.author === author).map((other) => ({ ...asBox(other), note: "" })));
  choose(null);
}

/** Removes every box, and says of every prediction that nothing is there. */
export function clear(): void {
  const open = openPredictions.value;
  const [name, version] = chosenModel();
  const kept = boxes.value.filter((box) => box.origin === "prediction").map((box) => ({ ...box, state: "rejected" as const }));
  commit([...kept, ...open.map((one) => judged(one, name, version, "rejected"))]);
  choose(null);
}

/** Hands the session in, and takes the next. Predictions without an answer are taken for kept. */
export async function handIn(): Promise<void> {
  const one = task.value;
  if (!one || isSending.value) return;
  isSending.value = true;
  try {
    const [name, version] = chosenModel();
    for (const open of openPredictions.value) commit(added(boxes.value, judged(open, name, version, "kept")));
    const sent = await draft!.submit(() => api.submitTask(one, content()));
    if (asked.has("decide")) return location.assign(`/rounds/${encodeURIComponent(one.round)}/results`);
    await openTask(await api.claim(one.round, 0));
    notice.value = sent.counts ? `Session ${one.number} is handed in.` : `Session ${one.number} was done by others meanwhile; yours is kept beside.`;
  } catch (error) {
    notice.value = `not handed in: ${(error as Error).message}`;
    told("waiting", (error as Error).message);
  } finally {
    isSending.value = false;
  }
}

export async function skip(reason: string): Promise<void> {
  const one = task.value!;
  try {
    await api.skipTask(one, reason);
    draft?.forget();
    await openTask(await api.claim(one.round, 0));
    notice.value = `Session ${one.number} was skipped: ${reason}.`;
  } catch (error) {
    notice.value = `not skipped: ${(error as Error).message}`;
  }
}

export function markReviewed(): void {
  const begins = startOfDay(day.value);
  const [from, to] = [Math.max(begins, view.value.from), Math.min(begins + DAY, view.value.to)];
  if (to <= from) return;
  reviewed.value = [...(reviewed.value ?? []), { start: Math.round(from), end: Math.round(to), tags: [...tags.value] }];
  draft?.change(content());
  notice.value = "this part counts as looked through for all tags";
}

export async function flush(): Promise<void> {
  await draft?.flush();
}

/** Hands in the labels of the open day. */
export async function submit(): Promise<void> {
  if (boxes.value.some((box) => !box.tag)) {
    const untagged = boxes.value.find((box) => !box.tag)!;
    choose(untagged.id);
    go(showing(view.value, untagged.start, untagged.end));
    notice.value = "this box has no tag yet";
    return;
  }
  try {
    const saved = await draft!.submit(() => api.submit(source.value, day.value, content()));
    basedOn = saved.version;
    notice.value = `Handed in: ${boxes.value.length} labels and answers; ${saved.changed} annotations changed.`;
    labelCounts.value = await api.labelCounts(source.value);
  } catch (error) {
    notice.value = `not handed in: ${(error as Error).message}`;
    const status = (error as api.Refused).status;
    // what is wrong with the labels is wrong whenever they are tried again; the draft is saved
    saveState.value = { state: status === 412 ? "conflict" : status >= 400 && status < 500 ? "saved" : "waiting", why: (error as Error).message };
  }
}

/** After somebody saved elsewhere: takes what is stored now, or keeps what is here. */
export async function resolve(keepMine: boolean): Promise<void> {
  if (task.value) {
    if (keepMine) return draft?.overrule();
    draft?.forget();
    return openTask(await api.claim(task.value.round, task.value.number, !!task.value.others.length));
  }
  if (keepMine) {
    basedOn = (await api.labels(source.value, day.value)).version;
    draft?.change(content());
    await draft?.overrule();
    return;
  }
  draft?.forget();
  draft = null;
  await loadDay(day.value);
}
