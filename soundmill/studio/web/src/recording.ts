// A session of reading: the sentences at hand, the take in hand, and what is done with it. What is shown of it lies in record-page.tsx.

import { computed, signal } from "@preact/signals";
import * as api from "./api.ts";
import { type Event as Heard, Gate, thresholdsFor } from "./gate.ts";
import { type Block, hasSettled, Microphone, playSamples, POST_ROLL, PRE_ROLL } from "./microphone.ts";
import * as outbox from "./outbox.ts";
import * as speaker from "./speaker.ts";
import { clippedMs, levels, plainlyWrong, wav } from "./wav.ts";

export type Step = "idle" | "recording" | "ending" | "review";
export interface Room { floor: number; level: number | null; device: string }
interface Sound { samples: Float32Array; rate: number; gap: boolean; recordedAt: number; prompt: api.Prompt }

export const about = signal<api.PromptSet | null>(null);
export const problem = signal("");
export const notice = signal("");
export const queue = signal<readonly api.Prompt[]>([]);
export const isDone = signal(false);
export const step = signal<Step>("idle");
export const sound = signal<Sound | null>(null);
export const isPlaying = signal(false);
export const handsFree = signal(false);
export const isSpeaking = signal(false); // hands-free: somebody is heard
export const clipped = signal(false); // in this take: the lamp stays on
export const verdict = signal<api.TakeOut | null>(null); // of the take that the studio has judged last
export const room = signal<Room | null>(null);
export const testing = signal<"" | "silence" | "speech">("");
export const count = signal(0);
export const read = signal<readonly { key: string; utterance: string; text: string }[]>([]); // in this session, the newest last
export const prompt = computed(() => queue.value[0]);

const AT_HAND = 3; // sentences that are kept for this speaker: some are left when the network is away
const RENEW_MS = 5 * 60_000;
const NOTHING_HEARD_MS = 12_000;
const ROOM = "soundmill room of ";
let base = "";
let name = "";
let worklet = "";
let began = 0; // frame
let beganAt = 0; // ms since 1970
let reading: api.Prompt | undefined; // of the take in hand, from its first moment on
let gate: Gate | null = null;
let pass = 0; // whatever is awaited belongs to one take, and to no later one
let lastHeard = 0;
let stopPlaying: (() => void) | null = null;
let testBlocks: Block[] = [];
const replaces = new Map<string, string>(); // by sentence, the take that goes once the new one is there

export const microphone = new Microphone(heard, (why) => {
  void cancel();
  handsFree.value = false;
  gate = null;
  notice.value = `Recording stopped: ${why}. Nothing of this take is kept; turn the microphone on again to go on.`;
});

export async function start(place: HTMLElement): Promise<() => void> {
  name = place.dataset["of"]!;
  base = place.dataset["base"]!;
  worklet = place.dataset["worklet"]!;
  const stop = outbox.start(judged);
  const renewing = setInterval(() => { if (about.value?.has_consented && !isDone.value) void fill(true); }, RENEW_MS);
  const leave = (): void => {
    if (about.value?.has_consented && !outbox.waiting.value.some((one) => one.set === name)) void api.releasePrompts(base, name, speaker.secret()).catch(() => undefined);
  };
  window.addEventListener("pagehide", leave);
  await alone();
  await load();
  return () => { stop(); clearInterval(renewing); window.removeEventListener("pagehide", leave); microphone.close(); };
}

/** Waits until no other tab reads this set: two would be given the same sentences. */
async function alone(): Promise<void> {
  if (!navigator.locks) return;
  await new Promise<void>((mine) => {
    const held = new Promise<void>(() => undefined); // until the page is left
    void navigator.locks.request(`soundmill reading ${name}`, { ifAvailable: true }, (lock) => {
      if (lock) return mine(), held;
      problem.value = "This set is open in another tab of this browser: read there, or close it, and this one goes on.";
      void navigator.locks.request(`soundmill reading ${name}`, () => { problem.value = ""; mine(); return held; });
    });
  });
}

export async function load(): Promise<void> {
  try {
    about.value = await api.promptSet(base, name, speaker.secret());
    problem.value = "";
  } catch (error) {
    problem.value = (error as api.Refused).message;
    return;
  }
  count.value = about.value.mine;
  if (about.value.has_consented) await begin();
}

export async function consent(purposes: string[], ofAge: boolean, accent: string): Promise<void> {
  const given = await api.consent(base, name, speaker.secret(), purposes, ofAge, about.value!.consent_sha256);
  if (given.secret) speaker.keep(given.secret);
  await api.describeSpeaker(base, name, speaker.secret(), accent, about.value?.microphone ?? "");
  void navigator.storage?.persist?.();
  await load();
}

export async function describe(accent: string, label: string): Promise<void> {
  await api.describeSpeaker(base, name, speaker.secret(), accent, label);
  about.value = about.value && { ...about.value, accent, microphone: label };
}

/** Takes up what a closed tab left, and the sentences that are kept for this speaker. */
async function begin(): Promise<void> {
  const draft = await outbox.draftOf(name).catch(() => undefined);
  await fill();
  if (draft) {
    const bytes = await draft.audio.arrayBuffer();
    const pcm = new Int16Array(bytes, 44);
    const samples = Float32Array.from(pcm, (one) => one / 32_768);
    const rate = new DataView(bytes).getUint32(24, true);
    const left = { utterance: draft.utterance, text: draft.text };
    queue.value = [left, ...queue.value.filter((one) => one.utterance !== left.utterance)];
    sound.value = { samples, rate, gap: draft.gap, recordedAt: draft.recordedAt, prompt: left };
    step.value = "review";
    notice.value = "This recording was not kept when the page was closed: keep it, or read it again.";
  }
}

/** Sentences whose takes wait to be sent. */
const queued = (): Set<string> => new Set(outbox.waiting.value.filter((one) => one.set === name && one.state === "queued").map((one) => one.utterance));

/** Asks for sentences where few are at hand, or for more time with them. */
async function fill(renew = false): Promise<void> {
  if (!renew && queue.value.length >= AT_HAND) return;
  try {
    const before = queued(); // what is sent while the studio answers was read all the same
    const held = await api.claimPrompts(base, name, speaker.secret(), AT_HAND);
    const busy = queued();
    const fresh = held.prompts.filter((one) => !busy.has(one.utterance) && !before.has(one.utterance));
    const known = new Set(queue.value.map((one) => one.utterance));
    const given = new Set(held.prompts.map((one) => one.utterance));
    // a sentence that is no longer kept for this speaker goes, but never from under a take
    queue.value = [...queue.value.filter((one) => given.has(one.utterance) || one.utterance === reading?.utterance), ...fresh.filter((one) => !known.has(one.utterance))];
    isDone.value = !queue.value.length && !busy.size;
    problem.value = "";
  } catch (error) {
    const { status, message } = error as api.Refused;
    if (status === 410) return void (about.value = about.value && { ...about.value, has_consented: false });
    problem.value = queue.value.length ? "" : message;
    if (!queue.value.length) setTimeout(() => void fill(), 3000);
  }
}

export async function openMicrophone(device = ""): Promise<void> {
  notice.value = "";
  try {
    await microphone.open(worklet, device);
  } catch (error) {
    const { name: kind, message } = error as DOMException;
    notice.value = kind === "NotAllowedError" ? "The browser was not allowed to use the microphone: allow it beside the address, and try again."
      : kind === "NotFoundError" ? "There is no microphone." : `The microphone cannot be opened: ${message}`;
    return;
  }
  const label = String(microphone.settings["label"] ?? "");
  if (about.value && label !== about.value.microphone) void describe(about.value.accent, label).catch(() => undefined);
  const kept = localStorage.getItem(ROOM + String(microphone.settings["deviceId"] ?? ""));
  room.value = kept ? (JSON.parse(kept) as Room) : null;
}

/** Whether the browser says that it changes the sound, although it was asked not to. */
export const processing = (): string[] =>
  ["echoCancellation", "noiseSuppression", "autoGainControl", "voiceIsolation"].filter((one) => microphone.settings[one] === true || typeof microphone.settings[one] === "string");

/** Five seconds of silence, then a sentence: how noisy the room is, and how loud the voice. */
export async function test(silence = 5, speech = 5): Promise<void> {
  await cancel();
  handsFree.value = false;
  gate = null;
  for (const part of ["silence", "speech"] as const) {
    testing.value = part;
    testBlocks = [];
    await new Promise((then) => setTimeout(then, 1000 * (part === "silence" ? silence : speech)));
    if (!microphone.rate || testing.value !== part) return;
    const all = levels(joined(testBlocks), microphone.rate).sort((one, two) => one - two);
    const device = String(microphone.settings["deviceId"] ?? "");
    // the noise of most of the time, and not that of the loudest moment, such as a chair
    if (part === "silence") room.value = { floor: all[Math.floor(0.9 * all.length)] ?? -120, level: null, device };
    else if (room.value) {
      const loud = all.filter((one) => one > room.value!.floor + 10);
      const power = loud.reduce((sum, one) => sum + 10 ** (one / 10), 0) / Math.max(1, loud.length);
      room.value = { ...room.value, level: loud.length > 30 ? 10 * Math.log10(power) : null };
      localStorage.setItem(ROOM + device, JSON.stringify(room.value));
    }
  }
  testing.value = "";
}

/** What the test of the room means, for whoever reads here. */
export function advice(of: Room): { good: boolean; text: string } {
  if (of.level === null) return { good: false, text: "No voice was heard: is this the right microphone, and not muted?" };
  const over = of.level - of.floor;
  if (of.level < -45) return { good: false, text: "Your voice is too soft: come closer to the microphone, or turn it up." };
  if (of.level > -9) return { good: false, text: "Your voice is too loud: move away from the microphone, or turn it down." };
  if (over < 15) return { good: false, text: "The room is too noisy: find a quieter place, or come closer to the microphone." };
  if (of.level < -36 || of.level > -14 || over < 25) return { good: true, text: "It will do. A quieter room, or a hand's breadth to the microphone, is better." };
  return { good: true, text: "Good: the room is quiet, and your voice is loud enough." };
}

/** Space: starts, stops, and goes on. */
export function next(): void {
  if (handsFree.value) return void setHandsFree(false);
  if (step.value === "idle") beginTake();
  else if (step.value === "recording") void end();
  else if (step.value === "review") void keep();
}

export function beginTake(frame?: number): void {
  if (!prompt.value || !hasSettled.value || testing.value || (step.value !== "idle" && step.value !== "review")) return;
  stopPlaying?.();
  const before = sound.value;
  sound.value = null;
  if (before) void forgetDraft(before);
  pass++;
  reading = prompt.value; // whatever comes next, this take is of this sentence
  began = microphone.keepFrom(frame);
  beganAt = Date.now() - (1000 * (microphone.now - began)) / microphone.rate;
  clipped.value = false;
  notice.value = "";
  step.value = "recording";
}

/** Ends a take: now, or after the last word that was heard. Half a second more is kept. */
export async function end(last = microphone.now): Promise<void> {
  if (step.value !== "recording" || !reading) return;
  step.value = "ending";
  const [mine, of, from, at] = [pass, reading, began, beganAt];
  const { samples, gap } = await microphone.piece(from, last + Math.round(POST_ROLL * microphone.rate));
  if (mine !== pass) return; // it was cancelled meanwhile
  microphone.let();
  const taken = { samples, rate: microphone.rate, gap, recordedAt: at, prompt: of };
  sound.value = taken;
  step.value = "review";
  const wrong = plainlyWrong(samples, taken.rate, gap, { shortest: about.value!.shortest_seconds, longest: about.value!.longest_seconds });
  clipped.value ||= clippedMs(samples, taken.rate) > 0;
  if (wrong) {
    notice.value = `Read it again: ${wrong}.`;
    if (handsFree.value) again();
    return;
  }
  await outbox.put(await packed(taken, "draft")).catch(noRoom);
  if (mine === pass && handsFree.value) await keep();
}

/** Drops the take in hand. */
export async function cancel(): Promise<void> {
  pass++;
  stopPlaying?.();
  microphone.let();
  const before = sound.value;
  sound.value = null;
  reading = undefined;
  step.value = "idle";
  if (before) await forgetDraft(before);
}

/** Again: for the same sentence. */
export function again(): void {
  void cancel();
  gate?.reset();
}

export async function keep(): Promise<void> {
  const taken = sound.value;
  if (step.value !== "review" || !taken) return;
  stopPlaying?.();
  const mine = ++pass;
  try {
    await outbox.put(await packed(taken, "queued")); // on the disk, before the next sentence appears
  } catch (error) {
    return noRoom(error);
  }
  if (mine !== pass) return;
  sound.value = null;
  reading = undefined;
  step.value = "idle";
  queue.value = queue.value.filter((one) => one.utterance !== taken.prompt.utterance);
  notice.value = "";
  await fill();
  if (!queue.value.length && !outbox.waiting.value.some((one) => one.set === name && one.state === "queued")) isDone.value = true;
}

/** Passes the sentence by. A take of it that is being recorded is void. */
export async function skip(reason: string): Promise<void> {
  const passed = prompt.value;
  if (!passed) return;
  await cancel();
  gate?.reset();
  try {
    await api.skipPrompt(base, name, speaker.secret(), passed.utterance, reason);
  } catch (error) {
    return void (notice.value = `It could not be passed by: ${(error as api.Refused).message}.`);
  }
  queue.value = queue.value.filter((one) => one.utterance !== passed.utterance);
  await fill();
}

/** Back to the sentence before, to read it once more; the take of it goes once the new one is there. */
export async function back(): Promise<void> {
  const last = read.value.at(-1);
  if (!last || step.value === "recording" || step.value === "ending") return;
  await cancel();
  try {
    const once = await api.readAgain(base, name, speaker.secret(), last.utterance);
    replaces.set(once.utterance, last.key);
    queue.value = [once, ...queue.value.filter((one) => one.utterance !== once.utterance)];
    read.value = read.value.slice(0, -1);
    notice.value = "Read it once more: the recording before is deleted once this one is there.";
  } catch (error) {
    notice.value = `It cannot be read again: ${(error as api.Refused).message}.`;
  }
}

export async function play(): Promise<void> {
  const taken = sound.value;
  if (isPlaying.value) return void stopPlaying?.();
  if (!taken) return;
  const { done, stop } = await playSamples(taken.samples, taken.rate);
  stopPlaying = stop;
  isPlaying.value = true;
  await done;
  isPlaying.value = false;
  stopPlaying = null;
}

export function setHandsFree(on: boolean): void {
  void cancel();
  handsFree.value = on;
  gate = on && room.value ? new Gate(microphone.rate, thresholdsFor(room.value.floor)) : null;
  isSpeaking.value = false;
  lastHeard = Date.now();
}

/** What the studio made of a take. One that it wants once more comes back at once. */
function judged(take: api.TakeOut): void {
  if (take.set !== name) return;
  verdict.value = take;
  count.value = take.mine;
  replaces.delete(take.utterance);
  if (take.counts) {
    read.value = [...read.value.filter((one) => one.utterance !== take.utterance), { key: take.key, utterance: take.utterance, text: take.text }];
    if (!queue.value.length) void fill();
    return;
  }
  const once = { utterance: take.utterance, text: take.text };
  const [current, ...others] = queue.value.filter((one) => one.utterance !== once.utterance);
  // not from under the take in hand
  queue.value = current && step.value !== "idle" ? [current, once, ...others] : [once, ...(current ? [current] : []), ...others];
  isDone.value = false;
}

function heard(block: Block): void {
  if (testing.value) testBlocks.push(block);
  if (step.value === "recording") clipped.value ||= clippedMs(block.samples, microphone.rate) > 0;
  if (!gate || !handsFree.value || step.value === "ending" || step.value === "review" || !prompt.value || !hasSettled.value) return;
  for (const event of gate.push(block.samples, block.frame)) act(event);
  if (step.value === "idle" && Date.now() - lastHeard > NOTHING_HEARD_MS) {
    notice.value = "Nothing is heard. Speak, or test the microphone again.";
    lastHeard = Date.now();
  }
}

function act(event: Heard): void {
  lastHeard = Date.now();
  isSpeaking.value = event.kind === "begin";
  if (event.kind === "begin") beginTake(event.frame);
  else void end(event.frame);
}

async function packed(taken: Sound, state: "draft" | "queued"): Promise<outbox.Waiting> {
  const audio = wav(taken.samples, taken.rate);
  const { utterance, text } = taken.prompt;
  return {
    key: await outbox.keyOf(audio, name, utterance, about.value!.speaker!),
    base,
    set: name,
    utterance,
    text,
    secret: speaker.secret(),
    audio,
    recordedAt: Math.round(taken.recordedAt),
    settings: { ...plain(microphone.settings), mode: handsFree.value ? "hands-free" : "classic", preRoll: PRE_ROLL },
    gap: taken.gap,
    added: Date.now(),
    replaces: replaces.get(utterance),
    state,
    why: "",
  };
}

async function forgetDraft(taken: Sound): Promise<void> {
  const key = await outbox.keyOf(wav(taken.samples, taken.rate), name, taken.prompt.utterance, about.value!.speaker!);
  if (outbox.waiting.value.some((one) => one.key === key && one.state === "draft")) await outbox.drop(key);
}

function noRoom(error: unknown): void {
  notice.value = `This browser has no room to keep the recording (${String((error as Error)?.message ?? error)}): free some, and keep it again.`;
}

const plain = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => ["boolean", "number", "string"].includes(typeof value)));

function joined(blocks: Block[]): Float32Array {
  const all = new Float32Array(blocks.reduce((sum, one) => sum + one.samples.length, 0));
  let at = 0;
  for (const one of blocks) {
    all.set(one.samples, at);
    at += one.samples.length;
  }
  return all;
}

