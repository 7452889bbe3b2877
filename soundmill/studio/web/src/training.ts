// What the pages of models ask the studio for.

import { ask, json } from "./api.ts";
import type { components } from "./generated/api";

export type Settings = components["schemas"]["SettingsOut"];
export type Setting = components["schemas"]["Setting"];
export type Model = components["schemas"]["ModelNow"];
export type Version = components["schemas"]["VersionNow"];
export type Requests = components["schemas"]["Requests"];
export type Request = components["schemas"]["Request"];
export type DayOfData = components["schemas"]["DayOfData"];
export type Checked = components["schemas"]["CheckedOut"];
export type Finding = components["schemas"]["Finding"];
export type Split = components["schemas"]["DaysOut"];
export type Definition = components["schemas"]["DefinitionOut"];
export type Report = components["schemas"]["ReportOut"];
export type Points = components["schemas"]["OperatingPoints"];
export type Sound = components["schemas"]["PredictedSound"];
export type Group = components["schemas"]["NewGroup"];
export type Compared = components["schemas"]["Compared"];
export type Tried = components["schemas"]["TriedOut"];
export type Spec = Record<string, unknown>;

/** A stretch of a source's sound, as reports have it. */
export interface Place {
  readonly key: string;
  readonly source: string;
  readonly start: string;
  readonly end: string;
}

const path = (name: string, version?: number): string => `/api/training/models/${encodeURIComponent(name)}${version === undefined ? "" : `/${version}`}`;

export const settings = (): Promise<Settings> => ask("/api/training/settings");
export const models = (): Promise<Model[]> => ask("/api/training/models");
export const requests = (): Promise<Requests> => ask("/api/training/requests");
export const days = (sources: readonly string[], from = "", to = ""): Promise<DayOfData[]> => {
  const asked = new URLSearchParams(sources.map((one) => ["source", one]));
  if (from) asked.set("from", from);
  if (to) asked.set("to", to);
  return ask(`/api/training/days?${asked}`);
};
export const check = (spec: Spec, copies: boolean): Promise<Checked> => ask("/api/training/check", json("POST", { spec, copies }));
export const suggest = (spec: Spec): Promise<Split> => ask("/api/training/suggest", json("POST", { spec }));
export const definition = (name: string): Promise<Definition> => ask(path(name));
export const define = (name: string, spec: Spec, definedAt: string | null): Promise<Definition> => ask(path(name), json("PUT", { spec, defined_at: definedAt }));
export const remove = (name: string): Promise<void> => ask(path(name), { method: "DELETE" });
export const promote = (name: string, version: number, because: string): Promise<void> => ask(`${path(name, version)}/promote`, json("POST", { because }));
export const moveThresholds = (name: string, version: number, offsets: Record<string, number>): Promise<Definition> =>
  ask(`${path(name, version)}/thresholds`, json("PUT", { offsets }));
export const report = (name: string, version: number): Promise<Report> => ask(`${path(name, version)}/report`);
export const testOn = (name: string, version: number, onDays: string[], background: string[] | null): Promise<Report> =>
  ask(`${path(name, version)}/test`, json("POST", { days: onDays, background_days: background }));
export const tagGroup = (name: string, version: number, rank: number, tag: string, keys: string[]): Promise<{ labels: number }> =>
  ask(`${path(name, version)}/new-sounds/${rank}/tag`, json("POST", { tag, keys }));
export const compare = (first: string, second: string, onDays: readonly string[] = []): Promise<Compared> =>
  ask(`/api/training/compare?${new URLSearchParams([["first", first], ["second", second], ...onDays.map((day) => ["day", day])])}`);

export function tryOn(sound: Blob): Promise<Tried> {
  const form = new FormData();
  form.set("audio", sound, "tried");
  return ask("/api/training/try", { method: "POST", body: form });
}

/** A list of texts in a specification. */
export const textsOf = (spec: Spec, name: string): readonly string[] => (spec[name] as string[] | null | undefined) ?? [];

export const versionAddress = (name: string, version: number): string => `/models/${encodeURIComponent(name)}/${version}`;
export const fileAddress = (name: string, version: number, file: string): string => `${versionAddress(name, version)}/${file}`;

/** How a version stands: why it is the champion, or was, or what became of its candidacy. */
export function standing(of: Version): string {
  if (of.champion) return `champion because: ${of.because}`;
  if (of.because) return `was the champion, because: ${of.because}`;
  return of.promotion;
}

/** With fewer groups of test sounds every draw of them may point one way by chance. */
export const FEWEST_GROUPS = 6;

/** A figure for people: two decimals, a dash where there is none. */
export const figure = (value: number | null | undefined): string => (value === null || value === undefined ? "–" : value.toFixed(2));

/** Its interval, in words; empty where there is none. */
export const interval = (of: readonly number[] | null | undefined): string => (of ? `${of[0]!.toFixed(2)} to ${of[1]!.toFixed(2)}` : "");

/** `2026-01-05 10:15`, UTC. */
export const moment = (iso: string): string => iso.slice(0, 16).replace("T", " ");

/** Days as people name them: ranges of days that follow each other. */
export function ranges(of: readonly string[]): string {
  const found: string[] = [];
  const sorted = [...of].sort();
  for (let at = 0; at < sorted.length; ) {
    let last = at;
    while (last + 1 < sorted.length && Date.parse(sorted[last + 1]!) - Date.parse(sorted[last]!) === 86_400_000) last++;
    found.push(last > at + 1 ? `${sorted[at]} to ${sorted[last]}` : sorted.slice(at, last + 1).join(", "));
    at = last + 1;
  }
  return found.join(", ") || "none";
}
