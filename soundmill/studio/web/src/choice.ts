// A choice of data as it is being put together: uses of days, tags, sources, settings; to and from a specification.

import type { Spec, Split } from "./training.ts";

/** What a day is for, as Buddybork's model builder has it. */
export type Use = "R" | "E" | "Br" | "Be" | "N";
export const USES: readonly [Use, string, string][] = [
  ["R", "train", "its labelled sounds train the model"],
  ["E", "test", "its labelled sounds test the model"],
  ["Br", "background, train", "its unlabelled sound is background to train against"],
  ["Be", "background, test", "its unlabelled sound is background to test on"],
  ["N", "none", "it is left out"],
];

export interface Choice {
  readonly uses: ReadonlyMap<string, Use>; // days without an entry are left out
  readonly tags: readonly string[]; // none: all
  readonly sources: readonly string[]; // none: all
  readonly isWithoutBackground: boolean;
  readonly doubled: ReadonlySet<string>; // days that train, or test, and whose background is used as well, though others' is, too
  readonly settings: Readonly<Record<string, unknown>>; // those that differ from their default, and what else a specification holds
}

export const NOTHING: Choice = { uses: new Map(), tags: [], sources: [], isWithoutBackground: false, doubled: new Set(), settings: {} };
const DAYS = ["train_days", "test_days", "background_days", "test_background_days"] as const;

export const daysOf = (choice: Choice, use: Use): string[] => [...choice.uses].flatMap(([day, of]) => (of === use ? [day] : [])).sort();

/** The specification of a choice. Without days of its own background comes from the training days, and from the test days. */
export function specOf(choice: Choice): Spec {
  const [train, test, quiet, quietTest] = (["R", "E", "Br", "Be"] as const).map((use) => daysOf(choice, use));
  const [learned, tested] = [[quiet!, train!], [quietTest!, test!]].map(([own, others]) => [...own!, ...others!.filter((day) => choice.doubled.has(day))].sort());
  return {
    ...choice.settings,
    tags: [...choice.tags],
    sources: [...choice.sources],
    train_days: train,
    test_days: test,
    background_days: choice.isWithoutBackground ? [] : learned!.length ? learned : null,
    ...(tested!.length ? { test_background_days: tested } : {}),
  };
}

/** The choice that a specification was made from. */
export function choiceOf(spec: Spec): Choice {
  const days = Object.fromEntries(DAYS.map((name) => [name, (spec[name] as string[] | null | undefined) ?? null]));
  const uses = new Map<string, Use>();
  for (const day of days["test_background_days"] ?? []) uses.set(day, "Be");
  for (const day of days["background_days"] ?? []) uses.set(day, "Br");
  for (const day of days["test_days"] ?? []) uses.set(day, "E");
  for (const day of days["train_days"] ?? []) uses.set(day, "R");
  const [train, test] = [new Set(days["train_days"]), new Set(days["test_days"])];
  const doubled = new Set([...(days["background_days"] ?? []).filter((day) => train.has(day)), ...(days["test_background_days"] ?? []).filter((day) => test.has(day))]);
  const known = new Set<string>([...DAYS.filter((name) => name !== "test_background_days" || days[name]?.length !== 0), "tags", "sources"]);
  const settings = Object.fromEntries(Object.entries(spec).filter(([name]) => !known.has(name)));
  return {
    uses,
    tags: (spec["tags"] as string[] | undefined) ?? [],
    sources: (spec["sources"] as string[] | undefined) ?? [],
    isWithoutBackground: days["background_days"]?.length === 0,
    doubled,
    settings,
  };
}

/** A choice with a split that was suggested; days of background stay what they are, unless the split wants them. */
export function withSplit(choice: Choice, split: Split): Choice {
  const uses = new Map([...choice.uses].filter(([, use]) => use === "Br" || use === "Be"));
  for (const day of split.train_days) uses.set(day, "R");
  for (const day of split.test_days) uses.set(day, "E");
  return { ...choice, uses, doubled: new Set() };
}

/** The days of a month in weeks from Monday on; null before the first and after the last. */
export function weeks(month: string): (string | null)[][] {
  const first = Date.parse(`${month}-01T00:00:00Z`);
  const blank = (new Date(first).getUTCDay() + 6) % 7;
  const days: (string | null)[] = Array<null>(blank).fill(null);
  for (let at = first; new Date(at).toISOString().startsWith(month); at += 86_400_000) days.push(new Date(at).toISOString().slice(0, 10));
  while (days.length % 7) days.push(null);
  return Array.from({ length: days.length / 7 }, (_, week) => days.slice(7 * week, 7 * week + 7));
}
