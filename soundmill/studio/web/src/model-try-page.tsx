// Trying the champion: drop a file or speak, and see its verdicts on the spectrogram. Nothing is kept.

import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Refused } from "./api.ts";
import { table, tagColour } from "./colours.ts";
import { Level } from "./level.tsx";
import { Microphone, isOpen, level, obstacle } from "./microphone.ts";
import { SIZE, spectrum } from "./spectrum.ts";
import * as api from "./training.ts";
import { wav } from "./wav.ts";

const HEIGHT = 320;
const TOP_HZ = 16_000;
const [LOW, HIGH] = [-90, -15]; // dB of the colours
const LIVE_SECONDS = 30; // of the microphone that are shown
const SEGMENT = 3; // seconds that are sent together
const NOT_HERE: Record<string, string> = {
  insecure: "A browser gives its microphone to https and localhost alone: open the studio as https (soundmill studio --tls), or as localhost.",
  unsupported: "This browser cannot record.",
};

type Verdict = api.Tried["verdicts"][number];

const sound = signal<{ samples: Float32Array; rate: number; begins: number } | null>(null); // begins: seconds before the first sample that is kept
const verdicts = signal<Verdict[]>([]);
const events = signal<api.Tried["events"]>([]);
const model = signal("");
const what = signal("");
const problem = signal("");
const isBusy = signal(false);
const chosen = signal<Verdict | null>(null);
const tags = signal<string[]>([]);

const failed = (error: Error): void => void (problem.value = (error as Refused).message);

let turn = 0; // counts what is tried: an answer about something earlier is dropped

function forget(): number {
  stopPlaying();
  sound.value = null;
  verdicts.value = [];
  events.value = [];
  chosen.value = null;
  problem.value = "";
  return ++turn;
}

function take(tried: api.Tried): Verdict[] {
  model.value = `${tried.model} ${tried.version}`;
  tags.value = [...new Set([...tags.value, ...tried.verdicts.flatMap((one) => Object.keys(one.margins))])].sort();
  return tried.verdicts;
}

async function tryFile(file: File): Promise<void> {
  microphone.close();
  const mine = forget();
  what.value = file.name;
  isBusy.value = true;
  const decoded = new OfflineAudioContext(1, 1, 44_100).decodeAudioData(await file.arrayBuffer()).then(
    (buffer) => {
      if (mine === turn) sound.value = { samples: buffer.getChannelData(0), rate: buffer.sampleRate, begins: 0 };
    },
    () => undefined, // the studio knows more codecs than the browser: then there is no picture
  );
  try {
    const tried = await api.tryOn(file);
    await decoded;
    if (mine !== turn) return;
    verdicts.value = take(tried);
    events.value = tried.events;
  } catch (error) {
    if (mine === turn) failed(error as Error);
  } finally {
    if (mine === turn) isBusy.value = false;
  }
}

let isAsking = false;
let sent = 0; // frames of the microphone that were tried
const microphone = new Microphone(
  () => {
    const rate = microphone.rate;
    if (sent === 0) sent = microphone.keepFrom(microphone.now);
    const end = sent + SEGMENT * rate;
    if (microphone.now < end) return;
    const from = sent;
    sent = end;
    const mine = turn;
    void microphone.piece(from, end).then(async ({ samples }) => {
      if (mine !== turn) return;
      append(samples, rate);
      if (isAsking) return; // the studio is behind: this piece is seen, and gets no verdict
      const offset = (sound.value?.begins ?? 0) + sound.value!.samples.length / rate - samples.length / rate;
      isAsking = true;
      const tried = await api.tryOn(wav(samples, rate)).finally(() => (isAsking = false));
      if (mine !== turn) return;
      const fresh = take(tried);
      verdicts.value = [...verdicts.value, ...fresh.map((one) => ({ ...one, start: one.start + offset }))].slice(-200);
    }).catch(failed);
    microphone.keepFrom(end);
  },
  (why) => {
    problem.value = why;
    microphone.close();
  },
);

function append(samples: Float32Array, rate: number): void {
  const before = sound.value ?? { samples: new Float32Array(0), rate, begins: 0 };
  const all = new Float32Array(before.samples.length + samples.length);
  all.set(before.samples);
  all.set(samples, before.samples.length);
  const extra = Math.max(0, all.length - LIVE_SECONDS * rate);
  sound.value = { samples: all.slice(extra), rate, begins: before.begins + extra / rate };
}

async function listen(worklet: string): Promise<void> {
  if (isOpen.value) return microphone.close();
  forget();
  what.value = "the microphone";
  sent = 0;
  try {
    await microphone.open(worklet);
  } catch (error) {
    problem.value = (error as Error).name === "NotAllowedError" ? "The microphone is not allowed here: allow it beside the address, and try again." : `The microphone cannot be opened: ${(error as Error).message}`;
  }
}

let playing: { context: AudioContext; source: AudioBufferSourceNode } | null = null;
function stopPlaying(): void {
  playing?.source.stop();
  void playing?.context.close();
  playing = null;
}

function play(one: Verdict): void {
  stopPlaying();
  const of = sound.value;
  if (!of) return;
  const context = new AudioContext();
  const source = context.createBufferSource();
  const buffer = context.createBuffer(1, of.samples.length, of.rate);
  buffer.copyToChannel(of.samples as Float32Array<ArrayBuffer>, 0);
  source.buffer = buffer;
  source.connect(context.destination);
  source.start(0, Math.max(0, one.start - of.begins), one.seconds);
  playing = { context, source };
}

export function TryPage({ worklet }: { worklet: string }) {
  useEffect(() => () => microphone.close(), []);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) void tryFile(file);
  };
  const why = obstacle();
  return (
    <div onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <div class="bar">
        <h1>Try the champion</h1>
        <span class="soft">{model.value}</span>
      </div>
      <p class="soft">Drop a recording anywhere on this page, choose one, or use the microphone. Nothing of it is kept; of a long one the first ten minutes are looked at.</p>
      <div class="bar">
        <label class="button">Choose a file <input class="hidden" type="file" accept="audio/*,video/*" data-testid="try-file" onChange={(event) => { const file = event.currentTarget.files?.[0]; if (file) void tryFile(file); }} /></label>
        <button data-testid="try-microphone" class={isOpen.value ? "main live" : ""} disabled={!!why} onClick={() => void listen(worklet)}>{isOpen.value ? "Stop listening" : "Use the microphone"}</button>
        {isOpen.value && <Level peak={level.value.peak} floor={null} name="the microphone" />}
        {why && <span class="soft small">{NOT_HERE[why]}</span>}
      </div>
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      <p role="status" aria-live="polite" class="notice" data-testid="tried">{isBusy.value ? `the champion hears ${what.value}…` : isOpen.value && !verdicts.value.length ? `listening; a verdict comes every ${SEGMENT} seconds` : verdicts.value.length ? words() : ""}</p>
      <Picture />
      <div class="beside">
        <Verdicts />
        {chosen.value && <Margins one={chosen.value} />}
        {events.value.length > 0 && (
          <div>
            <h2>Events</h2>
            <p class="soft small">Neighbouring segments of one sound are one event. A sound over the edge of two segments is heard in the window between them, too, so an event may have no row of its own.</p>
            <ul class="plain">{events.value.map((one) => <li key={`${one.tag} ${one.onset}`}>{one.tag}: {one.onset.toFixed(1)} to {one.offset.toFixed(1)} s <span class="soft small">margin {one.score.toFixed(2)}</span></li>)}</ul>
          </div>
        )}
      </div>
    </div>
  );
}

/** The last verdict of the microphone; how a file came out. */
function words(): string {
  const last = verdicts.value.at(-1)!;
  if (isOpen.value) return last.silent ? "silence" : `${last.tag}${last.probability === null ? "" : `, ${(100 * last.probability).toFixed(0)} % sure`}`;
  const named = verdicts.value.filter((one) => one.tag !== "other").length;
  return `${named} of ${verdicts.value.length} segments of ${what.value} have a name`;
}

function Verdicts() {
  const some = isOpen.value ? [...verdicts.value].reverse() : verdicts.value;
  if (!some.length) return null;
  return (
    <div class="scroll tall">
      <table class="events" data-testid="verdicts">
        <thead><tr><th class="number">from</th><th>sound</th><th class="number">probability</th><th class="number">margin</th><th><span class="hidden">listen</span></th></tr></thead>
        <tbody>
          {some.map((one) => (
            <tr key={one.start} data-testid="verdict" class={chosen.value === one ? "chosen" : ""}>
              <td class="number">{one.start.toFixed(1)} s</td>
              <td><button class="plain" onClick={() => (chosen.value = chosen.value === one ? null : one)}>{one.tag}</button>{one.silent && <span class="soft small"> (so soft that a capture would not keep it)</span>}</td>
              <td class="number">{one.probability === null ? "–" : `${(100 * one.probability).toFixed(0)} %`}</td>
              <td class="number">{one.tag === "other" ? "–" : one.score.toFixed(2)}</td>
              <td>{sound.value && one.start >= sound.value.begins && <button aria-label={`play from ${one.start.toFixed(1)} s`} onClick={() => play(one)}>Play</button>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How far a segment is within the threshold of each tag. */
function Margins({ one }: { one: Verdict }) {
  const rows = Object.entries(one.margins).sort((a, b) => b[1] - a[1]);
  return (
    <div>
      <h2>Margins at {one.start.toFixed(1)} s</h2>
      <p class="soft small">Above 0 it is near enough to the tag. It gets the name of the tag that it is nearest to, or none.</p>
      <table class="narrow"><tbody>{rows.map(([tag, margin]) => <tr key={tag}><td>{tag}</td><td class="number">{margin < -99 ? "far" : margin.toFixed(2)}</td></tr>)}</tbody></table>
    </div>
  );
}

/** The spectrogram, with a strip of verdicts above it. */
function Picture() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(
    () =>
      effect(() => {
        const place = canvas.current;
        if (place) draw(place);
      }),
    [],
  );
  const total = sound.value ? sound.value.samples.length / sound.value.rate : 0;
  return <canvas ref={canvas} class={`tried ${sound.value ? "" : "none"}`} role="img" aria-label={`spectrogram of ${total.toFixed(1)} s with the verdicts on it`} data-testid="tried-picture" />;
}

const STRIP = 26;

function draw(place: HTMLCanvasElement): void {
  const [of, some] = [sound.value, verdicts.value];
  if (!of) return;
  const width = (place.width = Math.max(1, Math.min(place.clientWidth || place.parentElement!.clientWidth, 4096)));
  place.height = HEIGHT;
  const to = place.getContext("2d")!;
  const seconds = isOpen.value ? LIVE_SECONDS : of.samples.length / of.rate;
  const map = table("magma", LOW, HIGH);
  const rows = HEIGHT - STRIP;
  const image = to.createImageData(width, rows);
  const top = Math.min(TOP_HZ, of.rate / 2);
  for (let x = 0; x < width; x++) {
    const from = Math.floor((x / width) * seconds * of.rate);
    if (from >= of.samples.length) break;
    const column = spectrum(of.samples, from);
    for (let y = 0; y < rows; y++) {
      const bin = Math.min(SIZE / 2 - 1, Math.floor((((rows - 1 - y) / rows) * top * SIZE) / of.rate));
      const value = Math.max(1, Math.min(255, Math.round(1 + ((column[bin]! + 120) * 254) / 120)));
      const at = 4 * (y * width + x);
      image.data[at] = map[3 * value]!;
      image.data[at + 1] = map[3 * value + 1]!;
      image.data[at + 2] = map[3 * value + 2]!;
      image.data[at + 3] = 255;
    }
  }
  to.clearRect(0, 0, width, HEIGHT);
  to.putImageData(image, 0, STRIP);
  to.font = "13px system-ui, sans-serif";
  to.textBaseline = "middle";
  const ink = getComputedStyle(place).color;
  for (const one of some) {
    const left = ((one.start - of.begins) / seconds) * width;
    const wide = (one.seconds / seconds) * width;
    if (left + wide < 0) continue;
    const isNamed = one.tag !== "other";
    if (isNamed) {
      to.fillStyle = tagColour(one.tag, tags.value);
      to.fillRect(left + 1, 0, wide - 2, STRIP - 2);
    }
    if (isNamed || wide > 60) {
      to.save();
      to.beginPath();
      to.rect(left, 0, wide, STRIP);
      to.clip();
      to.fillStyle = isNamed ? "#111111" : ink;
      to.fillText(one.tag, left + 4, STRIP / 2);
      to.restore();
    }
    to.fillStyle = "rgb(255 255 255 / .35)";
    to.fillRect(left, STRIP, 1, rows);
  }
}
