// A round's sessions in a queue, with the annotator's own parts: hear, answer predictions, draw, hand in or skip.

import { signal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "./api.ts";
import { Controls, LABELLING, Saving, Table, Tags, tip, useLabelling, zoom } from "./annotator-page.tsx";
import type { Action } from "./keys.ts";
import * as s from "./session.ts";
import { levelFor, tilesIn, versionOf } from "./tiles.ts";
import { Timeline, width } from "./timeline.tsx";
import { moved } from "./view.ts";

const reasons = signal<string[]>([]);
const asksWhy = signal(false);

const ACTIONS: Action[] = [
  ...LABELLING.filter((one) => !s.NOT_IN_ROUNDS.includes(one.does)),
  { group: "Round", keys: ["Ctrl+Enter"], does: "hand in this session, and take the next", run: () => void s.handIn() },
  { group: "Round", keys: ["s"], does: "skip this session", run: () => (asksWhy.value = true) },
  { group: "Move", keys: ["0"], does: "show the whole session", run: s.showTask },
  { group: "Move", keys: ["PageDown"], does: "on by most of a view", run: () => s.go(moved(s.view.value, 0.8), false) },
  { group: "Move", keys: ["PageUp"], does: "back by most of a view", run: () => s.go(moved(s.view.value, -0.8), false) },
];

export function RoundPage(props: { name: string }) {
  useLabelling(() => s.startRound(props.name), ACTIONS);
  useEffect(() => void api.skipReasons().then((some) => (reasons.value = some), () => undefined), []);
  useSignalEffect(() => {
    const next = s.task.value?.next;
    if (next && width.value) void fetchAhead(next, s.look.value.recipe, width.value).catch(() => undefined);
  });
  const task = s.task.value;
  if (s.isLoaded.value && !task) return <NothingLeft name={props.name} />;
  if (!task) return <p role="status" class="notice">{s.notice.value}</p>;
  return (
    <>
      <Header task={task} />
      {!!task.others.length && (
        <div class="bar" role="group" aria-label="What was said of this session">
          <span>To be decided: the short bars above the spectrogram are what others said.</span>
          {s.otherAuthors.value.map((one) => <button key={one} onClick={() => s.take(one)}>Take what {one} said</button>)}
        </div>
      )}
      {task.guideline && <details open class="guideline"><summary>Guideline</summary><p>{task.guideline}</p></details>}
      <Timeline tip={tip} zoom={zoom} />
      <Controls />
      <div class="panels">
        <Tags fixed />
        <Table title={`Your labels of session ${task.number}`} />
      </div>
      <p role="status" aria-live="polite" class="notice">{s.notice.value}</p>
    </>
  );
}

/** Fetches the pictures of the session that probably comes next, so that the browser has them when it comes. */
async function fetchAhead(next: NonNullable<api.Task["next"]>, recipe: string, pixels: number): Promise<void> {
  const view = { from: next.start, to: next.end };
  const level = levelFor(view, pixels);
  const marks = new Map(Object.entries((await api.timeline(next.source, view.from, view.to)).marks).map(([hour, mark]) => [Number(hour), mark]));
  for (const index of tilesIn(view, level)) {
    const version = versionOf(level, index, marks);
    for (const address of [api.tileAddress(next.source, recipe, level, index, version), api.peaksAddress(next.source, level, index, version)]) {
      await fetch(address, { priority: "low" });
    }
  }
}

function Header({ task }: { task: api.Task }) {
  const { done, sessions, mine } = task.progress;
  const until = new Date(task.held_until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return (
    <>
      <div class="bar">
        <span data-testid="round-progress"><meter min={0} max={Math.max(1, sessions)} value={done} aria-label="sessions done" /> {done} of {sessions} done, {mine} by you</span>
        <span class="soft">session <a href={`?session=${task.number}`}>{task.number}</a>, held for you until {until}</span>
        <span class="grow" />
        <Saving handedIn={task.boxes.length ? "Handed in before" : ""} />
        <button data-testid="clear" disabled={!s.boxes.value.length && !s.openPredictions.value.length} onClick={s.clear}>Clear</button>
        {!task.others.length && <button data-testid="skip" onClick={() => (asksWhy.value = !asksWhy.value)} aria-expanded={asksWhy.value}>Skip</button>}
        <button data-testid="submit" class="main" disabled={s.isSending.value} title="hand in this session, and take the next (Ctrl+Enter)" onClick={() => void s.handIn()}>{s.openPredictions.value.length || s.boxes.value.some((box) => box.state !== "rejected") ? "Hand in" : "Hand in: nothing here"}</button>
      </div>
      {asksWhy.value && (
        <div class="bar" role="group" aria-label="Why skip it?">
          <span>Why?</span>
          {reasons.value.map((one) => <button key={one} onClick={() => { asksWhy.value = false; void s.skip(one); }}>{one}</button>)}
        </div>
      )}
      <p class="soft">Look for {task.tags.map((one) => one.replaceAll("_", " ")).join(", ")}. Shown because: {task.why}.</p>
    </>
  );
}

function NothingLeft({ name }: { name: string }) {
  return (
    <div class="empty" data-testid="round-done">
      <h2>There is nothing left for you in this round</h2>
      <p>Every session is done, or held by somebody else. <a href={`/rounds/${name}/results`}>See the results</a>, or <a href="/rounds">other rounds</a>.</p>
    </div>
  );
}
