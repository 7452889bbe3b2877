// Takes to hear: a list on one side of what is to be judged, and for the chosen one its sound, its picture and what was measured.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "./api.ts";
import { type Action, listen, shown } from "./keys.ts";
import { dbfs } from "./wav.ts";

const KINDS = [["todo", "to hear"], ["good", "good"], ["check", "check"], ["again", "again"], ["accepted", "accepted"], ["rejected", "rejected"], ["", "all"]] as const;
const show = signal<string>("todo");
const takes = signal<readonly api.ReviewedTake[]>([]);
const number = signal(0);
const chosen = signal(0);
const problem = signal("");
const isLoaded = signal(false);
const heard = signal<{ key: string; buffer: AudioBuffer } | null>(null);
const cursor = signal<number | null>(null); // seconds
let set = "";
let playing: { source: AudioBufferSourceNode; context: AudioContext } | null = null;

const ACTIONS: Action[] = [
  { group: "Hear", keys: ["Space", "p"], does: "play, or stop", run: () => void play() },
  { group: "Hear", keys: ["a"], does: "accept", run: () => void judge("accepted") },
  { group: "Hear", keys: ["r"], does: "reject", run: () => void judge("rejected") },
  { group: "Hear", keys: ["u"], does: "take back what was said of it", run: () => void judge(null) },
  { group: "Hear", keys: ["ArrowDown", "j"], does: "the next one", run: () => choose(chosen.value + 1) },
  { group: "Hear", keys: ["ArrowUp", "k"], does: "the one before", run: () => choose(chosen.value - 1) },
];

async function load(offset = 0): Promise<void> {
  try {
    const found = await api.takesToHear(set, show.value, offset);
    takes.value = offset ? [...takes.value, ...found.takes] : found.takes;
    number.value = found.number;
    problem.value = "";
    isLoaded.value = true;
    if (!offset) choose(0);
  } catch (error) {
    problem.value = (error as api.Refused).message;
  }
}

function choose(place: number): void {
  stop();
  chosen.value = Math.max(0, Math.min(takes.value.length - 1, place));
  const take = takes.value[chosen.value];
  heard.value = null;
  if (take) void api.takeSound(`/api/takes/${encodeURIComponent(set)}/${take.key}.wav`).then((buffer) => { if (takes.value[chosen.value]?.key === take.key) heard.value = { key: take.key, buffer }; }, (error: Error) => (problem.value = error.message));
}

async function play(): Promise<void> {
  if (playing) return stop();
  if (!heard.value) return;
  const context = new AudioContext();
  const source = context.createBufferSource();
  source.buffer = heard.value.buffer;
  source.connect(context.destination);
  source.onended = stop;
  playing = { source, context };
  await context.resume();
  source.start();
  const began = context.currentTime;
  const draw = (): void => {
    if (playing?.source !== source) return;
    cursor.value = context.currentTime - began;
    requestAnimationFrame(draw);
  };
  draw();
}

function stop(): void {
  const was = playing;
  playing = null;
  cursor.value = null;
  if (!was) return;
  was.source.onended = null;
  was.source.stop();
  void was.context.close();
}

/** Judges the chosen take, and goes on at once: whoever presses two keys quickly judges two takes. */
async function judge(review: "accepted" | "rejected" | null): Promise<void> {
  const take = takes.value[chosen.value];
  if (!take) return;
  const goes = show.value === "todo" && review !== null;
  if (goes) {
    takes.value = takes.value.filter((one) => one.key !== take.key);
    number.value -= 1;
    choose(chosen.value);
  } else if (review) choose(chosen.value + 1);
  try {
    const now = await api.reviewTake(set, take.key, review);
    problem.value = "";
    if (!goes) takes.value = takes.value.map((one) => (one.key === now.key ? now : one));
    else if (!takes.value.length && number.value) await load();
  } catch (error) {
    problem.value = `“${take.text}”: ${(error as api.Refused).message}`;
    if (goes) await load();
  }
}

export function TakesPage({ name }: { name: string }) {
  useEffect(() => {
    set = name;
    void load();
    return listen(() => ACTIONS);
  }, []);
  const take = takes.value[chosen.value];
  return (
    <>
      <fieldset class="choice"><legend class="hidden">Which takes</legend>
        {KINDS.map(([kind, said]) => <button key={kind} aria-pressed={show.value === kind} onClick={() => { show.value = kind; void load(); }}>{said}</button>)}
      </fieldset>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      {isLoaded.value && !take && <p class="soft" data-testid="no-takes">{show.value === "todo" ? "Nothing is left to hear." : "There is none of this kind."}</p>}
      {take && (
        <div class="beside review">
          <section aria-label="The chosen take">
            <p class="sentence small-one" lang="">{take.text}</p>
            <Picture take={take} />
            <div class="bar">
              <button onClick={() => void play()} aria-pressed={cursor.value !== null} disabled={!heard.value}>{cursor.value !== null ? "Stop" : "Play"} <kbd>Space</kbd></button>
              <button data-testid="accept" class="main" onClick={() => void judge("accepted")}>Accept <kbd>A</kbd></button>
              <button data-testid="reject" onClick={() => void judge("rejected")}>Reject <kbd>R</kbd></button>
              {take.review && <button onClick={() => void judge(null)}>Take it back <kbd>U</kbd></button>}
            </div>
            <p class={`verdict ${take.verdict}`} data-testid="take-verdict"><strong>{take.verdict}</strong>{take.review && `, ${take.review} by ${take.reviewed_by}`}{take.counts ? ": counts" : ": does not count"}</p>
            {!!take.reasons.length && <ul>{take.reasons.map((one) => <li key={one.rule}><strong>{one.rule}</strong> ({one.verdict}): {one.text}</li>)}</ul>}
            <Facts take={take} />
          </section>
          <section aria-label="Takes">
            <p class="soft">{number.value} {number.value === 1 ? "take" : "takes"}</p>
            <ul class="plain takelist">
              {takes.value.map((one, place) => (
                <li key={one.key}><button class="plain" aria-current={place === chosen.value} onClick={() => choose(place)}>{one.text}</button> <span class={`soft small ${one.verdict}`}>{one.review ?? one.verdict}{one.reasons.length ? `: ${one.reasons.map((reason) => reason.rule).join(", ")}` : ""}</span></li>
              ))}
            </ul>
            {takes.value.length < number.value && <button onClick={() => void load(takes.value.length)}>More</button>}
          </section>
        </div>
      )}
      <details><summary>Keys</summary><dl class="keylist">{ACTIONS.map((one) => <div key={one.does}><dt>{one.keys.map((key) => <kbd key={key}>{shown(key)}</kbd>)}</dt><dd>{one.does}</dd></div>)}</dl></details>
    </>
  );
}

function Facts({ take }: { take: api.ReviewedTake }) {
  const m = take.measures as Record<string, number | null>;
  const one = (value: number | null | undefined, unit: string, digits = 0): string => (value === null || value === undefined ? "–" : `${value.toFixed(digits)} ${unit}`);
  const rows: [string, string][] = [
    ["level of speech", one(m["level"], "dBFS")],
    ["over the noise", one(m["snr"], "dB")],
    ["silence before, after", `${one(m["before"], "s", 2)}, ${one(m["after"], "s", 2)}`],
    ["longest pause", one(m["pause"], "s", 2)],
    ["characters a second", one(m["characters"], "", 1)],
    ["bandwidth", one(m["bandwidth"] == null ? null : m["bandwidth"]! / 1000, "kHz", 1)],
    ["recognised otherwise", m["errors"] === undefined ? "not heard yet" : one(100 * (m["errors"] ?? 0), "%")],
    ["speaker", `${take.speaker}${take.accent && `, ${take.accent}`}`],
    ["microphone", `${take.microphone || "–"}${take.processed ? " (its sound was changed by the browser)" : ""}`],
  ];
  return <dl class="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

/** The loudness of a take along its time. */
function Picture({ take }: { take: api.ReviewedTake }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const buffer = heard.value?.key === take.key ? heard.value.buffer : null;
  const at = cursor.value;
  useEffect(() => {
    const place = canvas.current;
    if (!place) return;
    const width = (place.width = place.clientWidth * devicePixelRatio);
    const height = (place.height = place.clientHeight * devicePixelRatio);
    const draw = place.getContext("2d")!;
    const style = getComputedStyle(place);
    draw.clearRect(0, 0, width, height);
    if (!buffer) return;
    const samples = buffer.getChannelData(0);
    draw.fillStyle = style.color;
    for (let x = 0; x < width; x++) {
      const from = Math.floor((x * samples.length) / width);
      const to = Math.max(from + 1, Math.floor(((x + 1) * samples.length) / width));
      let peak = 0;
      for (let number = from; number < to; number++) peak = Math.max(peak, Math.abs(samples[number]!));
      const tall = (height * Math.max(0, 60 + dbfs(peak))) / 60; // so that soft sounds show, too
      draw.fillRect(x, (height - tall) / 2, 1, Math.max(1, tall));
    }
    if (at !== null) {
      draw.fillStyle = style.getPropertyValue("--warm");
      draw.fillRect((at / buffer.duration) * width, 0, 2 * devicePixelRatio, height);
    }
  }, [buffer, at]);
  return <canvas ref={canvas} class="take-picture" role="img" aria-label={`loudness along ${take.seconds.toFixed(1)} s`} />;
}
