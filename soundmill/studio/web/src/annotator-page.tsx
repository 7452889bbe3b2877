// What the annotator's page shows, and what its pointer and keys do.

import { signal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { changed, merged, split } from "./boxes.ts";
import { parseClock } from "./clock.ts";
import { DayChart, LevelChart } from "./charts.tsx";
import { MAPS, tagColour } from "./colours.ts";
import { isTyping, listen, shown, type Action } from "./keys.ts";
import { cursor, gain, loops, onlyBand, play, playChosen, playView, player, playing, speed } from "./playback.ts";
import * as s from "./session.ts";
import { clock, startOfDay } from "./time.ts";
import { Timeline, width } from "./timeline.tsx";
import { around, moved, span, zoomed } from "./view.ts";

const helping = signal(false);

function nudge(which: "start" | "end", by: number): void {
  const box = s.selectedBox.value;
  if (!box) return void s.go(moved(s.view.value, by > 0 ? 0.1 : -0.1), false);
  s.commit(changed(s.boxes.value, box.id, { [which]: box[which] + (by * span(s.view.value)) / Math.max(300, width.value) }));
}

function cutChosen(): void {
  const box = s.selectedBox.value;
  if (!box) return void (s.notice.value = "Select a box first.");
  const at = cursor.value !== null && cursor.value > box.start && cursor.value < box.end ? cursor.value : (box.start + box.end) / 2;
  s.commit(split(s.boxes.value, box.id, at));
  s.notice.value = `Cut at ${clock(at)}.`;
}

function mergeChosen(): void {
  const box = s.selectedBox.value;
  const next = box && merged(s.boxes.value, box.id);
  if (!next) return void (s.notice.value = box ? "No later box has this tag." : "Select a box first.");
  s.commit(next);
}

function contrast(by: number): void {
  s.look.value = { ...s.look.value, low: Math.max(-120, Math.min(s.look.value.high - 5, s.look.value.low + by)) };
}

function mark(): void {
  const at = player.cursor();
  if (at === null) return;
  if (marking === null) marking = at;
  else {
    s.draw(marking, at, null, null);
    marking = null;
  }
}
let marking: number | null = null;

export const LABELLING: Action[] = [
  { group: "Listen", keys: ["Space"], does: "play what is in view, or stop", run: playView },
  { group: "Listen", keys: ["Enter"], does: "play the selected box", run: playChosen },
  { group: "Listen", keys: ["l"], does: "loop on or off", run: () => (loops.value = !loops.value) },
  { group: "Listen", keys: ["<"], does: "slower", run: () => (speed.value = Math.max(0.25, speed.value / 2)) },
  { group: "Listen", keys: [">"], does: "faster", run: () => (speed.value = Math.min(4, speed.value * 2)) },
  { group: "Listen", keys: ["Ctrl+ArrowUp"], does: "louder", run: () => (gain.value = Math.min(40, gain.value + 5)) },
  { group: "Listen", keys: ["Ctrl+ArrowDown"], does: "softer", run: () => (gain.value = Math.max(0, gain.value - 5)) },
  { group: "Label", keys: ["[", "]"], does: "start and end a box at the sound that plays", run: mark },
  { group: "Label", keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], does: "give the tag with this number", run: (event) => s.setTag(s.tags.value[Number(event.key) - 1] ?? "") },
  { group: "Label", keys: ["/"], does: "search a tag, or type a new one", run: () => document.getElementById("tag-search")?.focus() },
  { group: "Label", keys: ["c"], does: "cut the selected box in two at the cursor", run: cutChosen },
  { group: "Label", keys: ["m"], does: "merge the selected box with the next one of its tag", run: mergeChosen },
  { group: "Label", keys: ["Delete", "Backspace", "d"], does: "delete the selected box", run: s.remove },
  { group: "Label", keys: ["ArrowLeft"], does: "move the box's start earlier", run: () => nudge("start", -1) },
  { group: "Label", keys: ["ArrowRight"], does: "move the box's start later", run: () => nudge("start", 1) },
  { group: "Label", keys: ["Shift+ArrowLeft"], does: "move the box's end earlier", run: () => nudge("end", -1) },
  { group: "Label", keys: ["Shift+ArrowRight"], does: "move the box's end later", run: () => nudge("end", 1) },
  { group: "Label", keys: ["Ctrl+z"], does: "undo", run: s.undo },
  { group: "Label", keys: ["Ctrl+Shift+z", "Ctrl+y"], does: "redo", run: s.redo },
  { group: "Label", keys: ["r"], does: "count the view as looked through", run: s.markReviewed },
  { group: "Label", keys: ["Ctrl+Enter"], does: "hand in the day's labels", run: () => void s.submit() },
  { group: "Predictions", keys: ["y"], does: "accept the selected prediction", run: () => s.selectedPrediction.value && s.judge(s.selectedPrediction.value, "kept") },
  { group: "Predictions", keys: ["x"], does: "reject the selected prediction", run: () => s.selectedPrediction.value && s.judge(s.selectedPrediction.value, "rejected") },
  { group: "Move", keys: ["j"], does: "next box or prediction", run: () => s.step(1) },
  { group: "Move", keys: ["k"], does: "previous box or prediction", run: () => s.step(-1) },
  { group: "Move", keys: ["+", "="], does: "zoom in", run: () => zoom(0.5) },
  { group: "Move", keys: ["-"], does: "zoom out", run: () => zoom(2) },
  { group: "Move", keys: ["f"], does: "fit the selected box", run: fitChosen },
  { group: "Move", keys: ["0"], does: "show the whole day", run: () => void s.openDay(s.day.value) },
  { group: "Move", keys: ["b"], does: "back to the view before", run: s.goBack },
  { group: "Move", keys: ["PageDown"], does: "on by most of a view", run: () => s.go(moved(s.view.value, 0.8), false) },
  { group: "Move", keys: ["PageUp"], does: "back by most of a view", run: () => s.go(moved(s.view.value, -0.8), false) },
  { group: "Look", keys: [","], does: "show softer sounds", run: () => contrast(-5) },
  { group: "Look", keys: ["."], does: "hide softer sounds", run: () => contrast(5) },
  { group: "Look", keys: ["?"], does: "this help", run: () => (helping.value = true) },
];

export function zoom(factor: number): void {
  const one = s.selectedBox.value ?? s.selectedPrediction.value;
  const middle = (s.view.value.from + s.view.value.to) / 2;
  const about = one && one.start < s.view.value.to && one.end > s.view.value.from ? (one.start + one.end) / 2 : middle;
  s.go(zoomed(s.view.value, factor, about), false);
}

function fitChosen(): void {
  const one = s.selectedBox.value ?? s.selectedPrediction.value;
  if (one) s.go(around(one.start, one.end));
}

export const tip = (does: string): string => {
  const action = LABELLING.find((one) => one.does === does)!;
  return `${does} (${shown(action.keys[0]!)})`;
};

/** While a page is shown: its keys, saving when it is left, and a word when the studio is gone. */
export function useLabelling(start: () => Promise<void>, actions: Action[]): void {
  useEffect(() => {
    void start().catch((error: Error) => (s.notice.value = error.message));
    const [stop, unwatch] = [listen(() => actions), s.watchStudio()];
    const leave = (): void => void s.flush();
    document.addEventListener("visibilitychange", leave);
    return () => {
      stop();
      unwatch();
      document.removeEventListener("visibilitychange", leave);
    };
  }, []);
}

export function Annotator() {
  useLabelling(s.start, LABELLING);
  if (s.isLoaded.value && !s.sources.value.length && !s.source.value) return <NothingYet />;
  return (
    <>
      <Header />
      <div class="charts">
        <DayChart days={s.days.value} labels={s.labelCounts.value} day={s.day.value} choose={(day) => void s.openDay(day)} />
        <LevelChart levels={s.levels.value} view={s.view.value} day={s.day.value} choose={(view) => s.go(view)} />
      </div>
      <Timeline tip={tip} zoom={zoom} />
      <Controls />
      <div class="panels">
        <Tags />
        <Table />
      </div>
      <p role="status" aria-live="polite" class="notice">{s.notice.value}</p>
      <Help />
    </>
  );
}

function NothingYet() {
  return (
    <div class="empty">
      <h2>There is no sound to label yet</h2>
      <p>Land some files with <code>soundmill ingest FOLDER --source garden</code>, or start a microphone with <code>soundmill capture</code>; the day run cuts them, and they appear here.</p>
    </div>
  );
}

const STATES = { saved: "Draft saved", changed: "Changed", saving: "Saving…", waiting: "Not saved yet, trying again", conflict: "Saved elsewhere meanwhile" };

/** What became of the last change, and the way back from it; `handedIn` says so where nothing has changed since. */
export function Saving(props: { handedIn: string }) {
  const { state, why } = s.saveState.value;
  return (
    <>
      <span data-testid="save-state" data-state={state} class={`save ${state.replace(" ", "-")}`} title={why}>{state === "handed in" ? props.handedIn : STATES[state]}{state === "waiting" && why ? `: ${why}` : ""}</span>
      {state === "conflict" && (
        <>
          <button onClick={() => void s.resolve(true)}>Keep mine</button>
          <button onClick={() => void s.resolve(false)}>Take the other</button>
        </>
      )}
      <button data-testid="undo" title={tip("undo")} disabled={!s.history.value.past.length} onClick={s.undo}>Undo</button>
      <button data-testid="redo" title={tip("redo")} disabled={!s.history.value.future.length} onClick={s.redo}>Redo</button>
    </>
  );
}

function Header() {
  const known = s.sources.value.some((one) => one.source === s.source.value);
  return (
    <div class="bar">
      <label>
        Source{" "}
        <select value={s.source.value} onChange={(event) => void s.openSource(event.currentTarget.value)}>
          {!known && s.source.value && <option>{s.source.value}</option>}
          {s.sources.value.map((one) => <option key={one.source}>{one.source}</option>)}
        </select>
      </label>
      <label>
        Day{" "}
        <input type="date" value={s.day.value} onChange={(event) => void s.openDay(event.currentTarget.value)} />
      </label>
      <label>
        Predictions{" "}
        <select value={s.model.value} onChange={(event) => { s.model.value = event.currentTarget.value; void s.loadPredictions(); }}>
          {!s.models.value.length && <option value="">no model yet</option>}
          {s.models.value.map((one) => <option key={`${one.name}/${one.version}`} value={`${one.name}/${one.version}`}>{one.name} {one.version}{one.champion ? " (champion)" : ""}</option>)}
        </select>
      </label>
      <span class="grow" />
      <Saving handedIn="All labels are handed in" />
      <button data-testid="submit" class="main" title={tip("hand in the day's labels")} onClick={() => void s.submit()}>Hand in</button>
      <button title={tip("this help")} onClick={() => (helping.value = true)}>Help</button>
    </div>
  );
}

export function Controls() {
  const look = s.look.value;
  const set = (fields: Partial<typeof look>): void => void (s.look.value = { ...look, ...fields });
  return (
    <div class="bar controls">
      <button data-testid="play" class="main" aria-pressed={playing.value} title={tip("play what is in view, or stop")} onClick={playView}>{playing.value ? "Stop" : "Play"}</button>
      <button title={tip("play the selected box")} disabled={!s.selectedBox.value && !s.selectedPrediction.value} onClick={playChosen}>Play box</button>
      <label><input type="checkbox" checked={loops.value} onChange={(event) => (loops.value = event.currentTarget.checked)} /> loop</label>
      <label><input type="checkbox" checked={onlyBand.value} onChange={(event) => (onlyBand.value = event.currentTarget.checked)} /> only the box's frequencies</label>
      <label>Speed <select value={speed.value} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>{[0.25, 0.5, 1, 2, 4].map((one) => <option key={one} value={one}>{one} x</option>)}</select></label>
      <label>Gain <select value={gain.value} onChange={(event) => (gain.value = Number(event.currentTarget.value))}>{[0, 5, 10, 15, 20, 25, 30, 35, 40].map((one) => <option key={one} value={one}>{one} dB</option>)}</select></label>
      <span class="grow" />
      <label>Colours <select value={look.map} onChange={(event) => set({ map: event.currentTarget.value })}>{MAPS.map((one) => <option key={one}>{one}</option>)}</select></label>
      <label>Window <select value={look.recipe} onChange={(event) => set({ recipe: event.currentTarget.value })}>{[["fft512", "512"], ["fft1024", "1024"], ["fft2048", "2048"]].map(([value, name]) => <option key={value} value={value}>{name}</option>)}</select></label>
      <label>From <input type="range" min={-120} max={-20} step={5} value={look.low} aria-label="softest level that is shown" onInput={(event) => set({ low: Math.min(Number(event.currentTarget.value), look.high - 5) })} /> {look.low} dB</label>
      <label>to <input type="range" min={-80} max={0} step={5} value={look.high} aria-label="loudest level" onInput={(event) => set({ high: Math.max(Number(event.currentTarget.value), look.low + 5) })} /> {look.high} dB</label>
      <label>Up to <select value={look.topHz} onChange={(event) => set({ topHz: Number(event.currentTarget.value) })}>{[0, 1000, 2000, 4000, 8000, 12_000, 16_000].map((one) => <option key={one} value={one}>{one ? `${one / 1000} kHz` : "all Hz"}</option>)}</select></label>
    </div>
  );
}

export function Tags(props: { fixed?: boolean }) {
  const search = useRef<HTMLInputElement>(null);
  const counts = new Map<string, number>();
  for (const box of s.boxes.value) if (box.state !== "rejected") counts.set(box.tag, (counts.get(box.tag) ?? 0) + 1);
  const most = Math.max(1, ...counts.values());
  const take = (event: Event): void => {
    event.preventDefault();
    s.setTag(search.current!.value);
    search.current!.value = "";
    search.current!.blur();
  };
  return (
    <section class="tags" aria-label="Tags">
      <h2>Tags</h2>
      {!props.fixed && <form onSubmit={take}>
        <input ref={search} id="tag-search" data-testid="tag-search" list="all-tags" maxLength={64} autocomplete="off" placeholder="Search, or a new tag" aria-label="Search a tag, or type a new one" onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()} />
        <datalist id="all-tags">{s.tags.value.map((one) => <option key={one} value={one.replaceAll("_", " ")} />)}</datalist>
      </form>}
      <ol>
        {s.tags.value.map((one, at) => (
          <li key={one}>
            <button class={`tag${one === s.tag.value ? " chosen" : ""}`} aria-pressed={one === s.tag.value} onClick={() => s.setTag(one)} title={at < 9 ? `give this tag (${at + 1})` : "give this tag"}>
              <span class="swatch" style={{ background: tagColour(one, s.tags.value) }} /> {one.replaceAll("_", " ")} {at < 9 && <kbd>{at + 1}</kbd>}
            </button>
            <meter min={0} max={most} value={counts.get(one) ?? 0} aria-label={`${one}: labels of the day`} /> <span class="number">{counts.get(one) ?? 0}</span>
          </li>
        ))}
      </ol>
      {!s.tags.value.length && <p class="soft">No tag has been used yet: type one, then draw a box.</p>}
    </section>
  );
}

const ORIGINS = { drawn: "drawn", kept: "accepted", moved: "corrected", rejected: "rejected" };
const SHOWN_ROWS = 60; // more would take longer to lay out than all else on the page together

export function Table(props: { title?: string }) {
  const all = s.boxes.value;
  const at = Math.max(0, all.findIndex((box) => box.id === s.selected.value));
  const half = SHOWN_ROWS / 2; // the rows stay the same ones while the next box is selected
  const first = Math.max(0, Math.min(all.length - SHOWN_ROWS, Math.floor(at / half) * half - half / 2));
  const begins = startOfDay(s.day.value);
  return (
    <section class="boxes" aria-label="Boxes">
      <h2>{props.title ?? `Your labels of ${s.day.value}`}: {all.length}</h2>
      {s.selectedPrediction.value && <Verdict />}
      <div class="scroll">
        <table data-testid="box-table">
          <thead><tr><th>start (UTC)</th><th>seconds</th><th>tag</th><th class="less">Hz</th><th class="less">what it is</th><th><span class="hidden">actions</span></th></tr></thead>
          <tbody>
            {all.slice(first, first + SHOWN_ROWS).map((box) => (
              <tr key={box.id} class={box.id === s.selected.value ? "chosen" : ""} aria-selected={box.id === s.selected.value} data-box={box.id} onClick={() => s.choose(box.id)}>
                <td><Edge value={clock(box.start)} label="start" read={(text) => begins + parseClock(text)} set={(start) => s.commit(changed(s.boxes.value, box.id, { start, end: box.end - box.start + start }))} /></td>
                <td><Edge value={((box.end - box.start) / 1000).toFixed(3)} label="seconds" read={(text) => Number(text) * 1000} set={(ms) => s.commit(changed(s.boxes.value, box.id, { end: box.start + ms }))} /></td>
                <td><span class="swatch" style={{ background: tagColour(box.tag, s.tags.value) }} /> {box.tag ? box.tag.replaceAll("_", " ") : <em>no tag yet</em>}</td>
                <td class="less">{box.low === null && box.high === null ? "all" : `${Math.round(box.low ?? 0)} to ${box.high === null ? "top" : Math.round(box.high)}`}</td>
                <td class="less">{box.origin === "prediction" ? `${ORIGINS[box.state]}: ${box.model} ${box.model_version}, score ${box.score?.toFixed(1)}` : box.origin}</td>
                <td class="actions">
                  <button onClick={() => { s.choose(box.id); s.go(around(box.start, box.end)); }} aria-label={`show ${box.tag} at ${clock(box.start)}`}>Show</button>
                  <button onClick={() => play(box.start, box.end, box)} aria-label={`play ${box.tag} at ${clock(box.start)}`}>Play</button>
                  <button onClick={() => { s.choose(box.id); s.remove(); }} aria-label={`delete ${box.tag} at ${clock(box.start)}`}>Delete</button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!all.length && <p class="soft">None yet. {s.openPredictions.value.length ? `${s.openPredictions.value.length} predictions wait for your answer: J goes to the next one.` : "Drag across a sound to draw a box."}</p>}
      {all.length > SHOWN_ROWS && <p class="soft">{SHOWN_ROWS} of {all.length}, around the selected one.</p>}
      {!!s.others.value.length && <p class="soft">{s.others.value.length} labels by {s.otherAuthors.value.join(", ")} are the short bars above the spectrogram.</p>}
      {!!all.length && !!s.openPredictions.value.length && <p class="soft">{s.openPredictions.value.length} predictions are not answered yet.</p>}
    </section>
  );
}

function Verdict() {
  const one = s.selectedPrediction.value!;
  return (
    <div class="bar verdict" role="group" aria-label="Selected prediction">
      <span>Predicted: <strong>{one.tag.replaceAll("_", " ")}</strong> at {clock(one.start)}, score {one.score.toFixed(2)}{one.probability !== null ? `, probability ${one.probability.toFixed(2)}` : ""}</span>
      <button onClick={() => play(one.start, one.end)}>Play</button>
      <button class="main" title={tip("accept the selected prediction")} onClick={() => s.judge(one, "kept")}>Accept</button>
      <button title={tip("reject the selected prediction")} onClick={() => s.judge(one, "rejected")}>Reject</button>
      <button onClick={() => s.adopt(one)}>Correct it</button>
    </div>
  );
}

function Edge(props: { value: string; label: string; read: (text: string) => number; set: (value: number) => void }) {
  const take = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement;
    const value = props.read(input.value);
    if (Number.isFinite(value) && input.value !== props.value) props.set(value);
    else input.value = props.value;
  };
  return <input class="edge" value={props.value} aria-label={props.label} onChange={take} onKeyDown={(event) => event.key === "Enter" && isTyping(event.target) && event.currentTarget.blur()} />;
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useSignalEffect(() => {
    if (helping.value) dialog.current?.showModal();
  });
  const groups = [...new Set(LABELLING.map((one) => one.group))];
  return (
    <dialog ref={dialog} onClose={() => (helping.value = false)} aria-labelledby="help-title">
      <h2 id="help-title" tabIndex={-1} autoFocus>Labelling sound</h2>
      <p>The picture is sound over time: the waveform above, frequencies below it. Dashed boxes are what the model predicts; answer them with Y or X. Everything you do is saved as a draft; “Hand in” makes the day's labels count, and the next model learns from them.</p>
      <div class="keys">
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {LABELLING.filter((one) => one.group === group).map((one) => (
                <div key={one.does}><dt>{one.keys.length > 3 ? <kbd>{shown(one.keys[0]!)} to {shown(one.keys.at(-1)!)}</kbd> : one.keys.map((key) => <kbd key={key}>{shown(key)}</kbd>)}</dt><dd>{one.does}</dd></div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <form method="dialog"><button class="main">Close</button></form>
    </dialog>
  );
}
