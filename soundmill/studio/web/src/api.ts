// What the pages ask the studio for. Types come from its OpenAPI document, which `make types` writes anew.

import type { components } from "./generated/api";
import type { Waiting } from "./outbox.ts";

export type Labels = components["schemas"]["LabelsOut"];
export type LabelsIn = components["schemas"]["LabelsIn"];
export type BoxIn = components["schemas"]["BoxIn"];
export type Saved = components["schemas"]["Saved"];
export type Timeline = components["schemas"]["TimelineOut"];
export type Day = components["schemas"]["DayOut"];
export type NoiseHour = components["schemas"]["NoiseHour"];
export type Source = components["schemas"]["SourceOut"];
export type Model = components["schemas"]["ModelOut"];
export type PredictionOut = components["schemas"]["PredictionOut"];
export type Levels = components["schemas"]["LevelsOut"];
export type Overview = components["schemas"]["Overview"];
export type Collection = components["schemas"]["CollectionNow"];
export type Station = components["schemas"]["StationNow"];
export type Run = components["schemas"]["RunNow"];
export type Quarantine = components["schemas"]["QuarantineNow"];
export type Detections = components["schemas"]["DetectionsOut"];
export type Detected = components["schemas"]["DetectedEvent"];
export type OthersBox = components["schemas"]["OthersBox"];
export type Task = components["schemas"]["TaskOut"];
export type RoundLabels = components["schemas"]["RoundLabels"];
export type PromptSet = components["schemas"]["SetOut"];
export type Prompt = components["schemas"]["PromptOut"];
export type Held = components["schemas"]["HeldOut"];
export type TakeOut = components["schemas"]["TakeOut"];
export type ReviewedTake = components["schemas"]["ReviewedTake"];
export type Mine = components["schemas"]["MineOut"];
export type HandedIn = components["schemas"]["DoneOut"];

/** An answer that is no success: `status` 0 where there was none at all. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused(0, "the studio cannot be reached");
  }
  if (!answer.ok) {
    const body = (await answer.json().catch(() => ({}))) as { detail?: string };
    throw new Refused(answer.status, body.detail ?? `${answer.status} ${answer.statusText}`);
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

const named = (source: string): string => source.split("/").map(encodeURIComponent).join("/");
export const json = (method: string, body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
});

export const sources = (): Promise<Source[]> => ask("/api/sources");
export const models = (): Promise<Model[]> => ask("/api/models");
export const timeline = (source: string, from: number, to: number): Promise<Timeline> =>
  ask(`/api/timeline/${named(source)}?from=${from}&to=${to}`);
export const days = (source: string): Promise<Day[]> => ask(`/api/days/${named(source)}`);
export const noise = (source: string, last: string, number: number): Promise<NoiseHour[]> =>
  ask(`/api/noise/${named(source)}?last=${last}&number=${number}`);
export const newestAddress = (source: string): string => `/api/newest/${named(source)}`;
export const labels = (source: string, day: string): Promise<Labels> => ask(`/api/labels/${named(source)}/${day}`);
export const labelCounts = (source: string): Promise<Record<string, Record<string, number>>> => ask(`/api/label-counts/${named(source)}`);
export const levels = (source: string, day: string): Promise<Levels> => ask(`/api/levels/${named(source)}/${day}`);
export const predictions = (source: string, from: number, to: number, model: string): Promise<PredictionOut[]> =>
  ask(`/api/predictions/${named(source)}?from=${from}&to=${to}&model=${encodeURIComponent(model)}`);
export const detections = (from: number, to: number, model: string, tag = "", source = ""): Promise<Detections> =>
  ask(`/api/detections?from=${from}&to=${to}&model=${encodeURIComponent(model)}&tag=${encodeURIComponent(tag)}&source=${encodeURIComponent(source)}`);
export const quarantine = (reason: string): Promise<Quarantine> =>
  ask(`/api/quarantine${reason && `?reason=${encodeURIComponent(reason)}`}`);
export const saveDraft = (source: string, day: string, content: LabelsIn, version: number): Promise<Saved> =>
  ask(`/api/drafts/${named(source)}/${day}`, json("PUT", content, { "if-match": String(version) }));
export const discardDraft = (source: string, day: string): Promise<void> =>
  ask(`/api/drafts/${named(source)}/${day}`, { method: "DELETE" });
export const submit = (source: string, day: string, content: LabelsIn): Promise<Saved> =>
  ask(`/api/labels/${named(source)}/${day}`, json("POST", content));

const sessionPath = (task: Task): string => `/api/rounds/${encodeURIComponent(task.round)}/sessions/${task.number}`;
export const claim = (round: string, number: number, decide = false): Promise<Task | null> =>
  ask(`/api/rounds/${encodeURIComponent(round)}/claim${number ? `?number=${number}&decide=${decide}` : ""}`, { method: "POST" });
export const saveTask = (task: Task, content: LabelsIn, version: number): Promise<Saved> =>
  ask(`${sessionPath(task)}/draft`, json("PUT", { ...content, token: task.token }, { "if-match": String(version) }));
export const submitTask = (task: Task, content: LabelsIn): Promise<HandedIn> => ask(sessionPath(task), json("POST", { ...content, token: task.token }));
export const skipTask = (task: Task, reason: string): Promise<unknown> => ask(`${sessionPath(task)}/skip`, json("POST", { token: task.token, reason }));
export const skipReasons = (): Promise<string[]> => ask("/api/rounds/skip-reasons");

export const quarantineAddress = (key: string, what: "file" | "sound.wav"): string => `/api/quarantine/${named(key)}/${what}`;
export const annotatorAddress = (source: string, from: number, to: number): string =>
  `/annotate?source=${encodeURIComponent(source)}&at=${from}&span=${to - from}`;
export const sourceAddress = (source: string): string => `/sources/${named(source)}`;
export const tileAddress = (source: string, recipe: string, level: number, index: number, v: string): string =>
  `/api/tiles/${named(source)}/${recipe}/${level}/${index}${v && `?v=${encodeURIComponent(v)}`}`;
export const peaksAddress = (source: string, level: number, index: number, v: string): string =>
  `/api/peaks/${named(source)}/${level}/${index}${v && `?v=${encodeURIComponent(v)}`}`;
export const soundAddress = (source: string, from: number, samples: number): string =>
  `/api/sound/${named(source)}.wav?from=${from}&samples=${samples}`;

const spoken = (secret: string): Record<string, string> => (secret ? { "x-speaker": secret } : {});
const setPath = (base: string, name: string): string => `${base}/${encodeURIComponent(name)}`;
export const promptSet = (base: string, name: string, secret: string): Promise<PromptSet> => ask(setPath(base, name), { headers: spoken(secret) });
export const consent = (base: string, name: string, secret: string, purposes: string[], ofAge: boolean, text: string): Promise<{ speaker: string; secret: string | null }> =>
  ask(`${setPath(base, name)}/consent`, json("POST", { purposes, of_age: ofAge, text_sha256: text }, spoken(secret)));
export const describeSpeaker = (base: string, name: string, secret: string, accent: string, microphone: string): Promise<void> =>
  ask(`${setPath(base, name)}/speaker`, json("PUT", { accent, microphone }, spoken(secret)));
export const claimPrompts = (base: string, name: string, secret: string, number: number): Promise<Held> =>
  ask(`${setPath(base, name)}/claim?number=${number}`, { method: "POST", headers: spoken(secret) });
export const skipPrompt = (base: string, name: string, secret: string, utterance: string, reason: string): Promise<void> =>
  ask(`${setPath(base, name)}/skip`, json("POST", { utterance, reason }, spoken(secret)));
export const readAgain = (base: string, name: string, secret: string, utterance: string): Promise<Prompt> =>
  ask(`${setPath(base, name)}/again`, json("POST", { utterance }, spoken(secret)));
export const releasePrompts = (base: string, name: string, secret: string): Promise<void> =>
  ask(`${setPath(base, name)}/release`, { method: "POST", headers: spoken(secret), keepalive: true });

export function storeTake(take: Waiting): Promise<TakeOut> {
  const form = new FormData();
  form.set("audio", take.audio, "take.wav");
  form.set("utterance", take.utterance);
  form.set("recorded_at", String(take.recordedAt));
  form.set("settings", JSON.stringify(take.settings));
  form.set("gap", String(take.gap));
  return ask(`${setPath(take.base, take.set)}/takes/${take.key}`, { method: "PUT", headers: spoken(take.secret), body: form });
}

export const mine = (secret: string): Promise<Mine> => ask("/api/my-recordings", { headers: spoken(secret) });
export const deleteMine = (secret: string, key = ""): Promise<{ takes: number }> =>
  ask(`/api/my-recordings${key && `/${key}`}`, { method: "DELETE", headers: spoken(secret) });
export const takesToHear = (name: string, show: string, offset: number): Promise<{ takes: ReviewedTake[]; number: number }> =>
  ask(`/api/takes/${encodeURIComponent(name)}?show=${show}&offset=${offset}`);
export const reviewTake = (name: string, key: string, review: "accepted" | "rejected" | null): Promise<ReviewedTake> =>
  ask(`/api/takes/${encodeURIComponent(name)}/${key}`, json("POST", { review }));

/** The samples of a take, for playing. Raises `Refused`. */
export async function takeSound(path: string, secret = ""): Promise<AudioBuffer> {
  const answer = await fetch(path, { headers: spoken(secret) });
  if (!answer.ok) throw new Refused(answer.status, "the sound of this take is gone");
  return new OfflineAudioContext(1, 1, 48_000).decodeAudioData(await answer.arrayBuffer());
}
