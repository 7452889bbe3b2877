// The model builder: choose data, see at once what stands against it, and have it fitted.

import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Refused } from "./api.ts";
import { Calendar } from "./calendar.tsx";
import { NOTHING, USES, choiceOf, daysOf, specOf, withSplit, type Choice, type Use } from "./choice.ts";
import { tagColour } from "./colours.ts";
import { Help } from "./help.tsx";
import * as api from "./training.ts";

const SETTLED = 350; // ms without a change before it is looked at
const CALM = 1000; // more of them before copies are looked for
const LEVELS = { refusal: "has to be mended", warning: "worth mending", note: "to know" } as const;

const asked = new URLSearchParams(location.search);
const changed = asked.get("change") ?? "";
const choice = signal<Choice>(NOTHING);
const before = signal<Choice[]>([]);
const brush = signal<Use>("R");
const name = signal(changed);
const definedAt = signal<string | null>(null);
const days = signal<api.DayOfData[]>([]);
const settings = signal<api.Settings | null>(null);
const models = signal<api.Model[]>([]);
const checked = signal<api.Checked | null>(null);
const isChecked = signal(false); // whole, and for the choice as it is
const isLooking = signal(""); // what for
const problem = signal("");
const said = signal("");
const from = signal(""); // the first day that is shown
const hasLoaded = signal(false);

const failed = (error: Error): void => void (problem.value = (error as Refused).message);
const byDay = computed(() => new Map(days.value.map((one) => [one.day, one])));
const sums = computed(() => {
  const found: Record<string, number> = {};
  for (const day of days.value) for (const [tag, number] of Object.entries(day.tags)) found[tag] = (found[tag] ?? 0) + number;
  return found;
});
const allTags = computed(() => settings.value?.tags ?? []);

function change(next: Partial<Choice>): void {
  before.value = [...before.value.slice(-50), choice.value];
  choice.value = { ...choice.value, ...next };
}

function undo(): void {
  const last = before.value.at(-1);
  if (!last) return;
  before.value = before.value.slice(0, -1);
  choice.value = last;
}

/** Marks days with the brush; one that has the mark loses it, if it is where a drag begins. */
let erases = false;
function mark(some: readonly string[], isFirst: boolean): void {
  if (isFirst) erases = brush.value === "N" || choice.value.uses.get(some[0]!) === brush.value;
  const uses = new Map(choice.value.uses);
  for (const day of some) if (erases) uses.delete(day); else uses.set(day, brush.value);
  if (isFirst) change({ uses });
  else choice.value = { ...choice.value, uses }; // of one drag one step back
}

const toggled = (list: readonly string[], one: string): string[] => (list.includes(one) ? list.filter((other) => other !== one) : [...list, one]);

let daysAsked = 0;
async function loadDays(): Promise<void> {
  const mine = ++daysAsked;
  const found = await api.days(choice.value.sources, from.value);
  if (mine === daysAsked) days.value = found;
}

/** Takes up what a model, or one of its versions, was made of. */
async function restore(what: string): Promise<void> {
  const [model = "", version] = what.split("/");
  const known = version ? models.value.find((one) => one.name === model)?.versions.find((one) => one.version === Number(version)) : undefined;
  const spec = known ? (known.spec as api.Spec) : (await api.definition(model)).spec;
  before.value = [...before.value, choice.value];
  choice.value = choiceOf(spec);
  said.value = `what ${known ? `${model} ${version}` : model} was made of`;
}

async function load(): Promise<void> {
  [settings.value, models.value] = await Promise.all([api.settings(), api.models()]);
  if (changed) {
    const known = await api.definition(changed);
    choice.value = choiceOf(known.spec);
    definedAt.value = known.defined_at;
  } else if (asked.get("from")) await restore(asked.get("from")!);
  const tag = asked.get("tag");
  if (tag && choice.value.tags.length) choice.value = { ...choice.value, tags: [...new Set([...choice.value.tags, tag])] };
  before.value = [];
  hasLoaded.value = true;
}

let run = 0;
async function look(): Promise<void> {
  const mine = ++run;
  const spec = specOf(choice.value);
  try {
    isLooking.value = "looking at the choice…";
    problem.value = "";
    const quick = await api.check(spec, false);
    if (mine !== run) return;
    checked.value = quick;
    if (quick.refused) return;
    isLooking.value = "looking for copies of training sounds among the test sounds…";
    await new Promise((resolve) => setTimeout(resolve, CALM));
    if (mine !== run) return; // nobody wants to know any more
    const whole = await api.check(spec, true);
    if (mine !== run) return;
    checked.value = whole;
    isChecked.value = true;
  } catch (error) {
    if (mine === run) failed(error as Error);
  } finally {
    if (mine === run) isLooking.value = "";
  }
}

async function suggest(): Promise<void> {
  problem.value = "";
  isLooking.value = "looking for a split…";
  try {
    const split = await api.suggest(specOf(choice.value));
    change(withSplit(choice.value, split));
    said.value = `${split.train_days.length} days train, ${split.test_days.length} test${split.note && `; ${split.note}`}`;
  } catch (error) {
    failed(error as Error);
  } finally {
    isLooking.value = "";
  }
}

async function fit(event: Event): Promise<void> {
  event.preventDefault();
  problem.value = "";
  try {
    await api.define(name.value.trim(), specOf(choice.value), changed ? definedAt.value : null);
    location.assign("/models");
  } catch (error) {
    failed(error as Error);
  }
}

export function BuilderPage({ may }: { may: boolean }) {
  useEffect(() => {
    void load().catch(failed);
    let timer = 0;
    const unwatch = effect(() => {
      void choice.value;
      if (!hasLoaded.value) return;
      run++; // what is under way is about an earlier choice
      isChecked.value = false;
      clearTimeout(timer);
      timer = window.setTimeout(() => void look(), SETTLED);
    });
    const redraw = effect(() => {
      void [choice.value.sources.join(), from.value];
      void loadDays().catch(failed);
    });
    const keys = (event: KeyboardEvent): void => {
      const isText = (event.target as HTMLElement).matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
      if ((event.ctrlKey || event.metaKey) && event.key === "z" && !isText) { event.preventDefault(); undo(); }
    };
    addEventListener("keydown", keys);
    return () => { unwatch(); redraw(); removeEventListener("keydown", keys); };
  }, []);
  const isRefused = checked.value?.refused ?? true;
  return (
    <>
      <div class="bar">
        <h1>{changed ? `Change ${changed}` : "A new model"}</h1>
        <span class="grow" />
        <label>Start from <Restore /></label>
        <button onClick={undo} disabled={!before.value.length} data-testid="undo">Undo</button>
        <Explained />
      </div>
      {problem.value && <p class="problem toast" role="alert">{problem.value}</p>}
      <div class="builder">
        <section aria-label="Days">
          <h2>Days</h2>
          <fieldset class="choice" aria-label="What the days that you click are for">
            {USES.map(([use, words, about]) => <button type="button" key={use} title={about} data-testid={`use-${use}`} class={`brush use-${use}`} aria-pressed={brush.value === use} onClick={() => (brush.value = use)}><b>{use}</b> {words} {use !== "N" && <span class="soft-on">{daysOf(choice.value, use).length || ""}</span>}</button>)}
          </fieldset>
          <p class="bar">
            <button type="button" onClick={() => void suggest()} data-testid="suggest">Suggest a split</button>
            <button type="button" onClick={() => change({ uses: new Map() })} disabled={!choice.value.uses.size}>Clear all days</button>
            <label><input type="checkbox" checked={choice.value.isWithoutBackground} onChange={(event) => change({ isWithoutBackground: event.currentTarget.checked })} /> no background</label>
            <label>show from <input type="date" value={from.value} onChange={(event) => (from.value = event.currentTarget.value)} /></label>
          </p>
          <p class="soft small">Click a day, or drag over several. {choice.value.uses.size ? "" : "With no day marked, the first 70 % of the labelled days train. "}{daysOf(choice.value, "E").length ? "" : "With no test day, the labelled days that are left test. "}Upper bar: labels by tag; lower bar: sound, paler where less was recorded than expected.</p>
          {days.value.length || choice.value.uses.size ? (
            <Calendar days={byDay.value} uses={choice.value.uses} tags={allTags.value} counted={new Set(choice.value.tags)} mark={mark} />
          ) : (
            hasLoaded.value && <p class="soft">No day holds a label or a segment{choice.value.sources.length ? " of these sources" : ""}{from.value ? " since then" : " in the last year"}. Label sounds on <a href="/annotate">Annotate</a>.</p>
          )}
        </section>
        <section aria-label="Tags, sources and settings">
          <h2>Tags</h2>
          <p class="soft small">{choice.value.tags.length ? "The model names these, and calls all others “other”." : "None chosen: the model names every labelled tag."}</p>
          <fieldset class="choice chips" aria-label="Tags">
            {allTags.value.map((tag) => <button type="button" key={tag} data-testid="tag-chip" aria-pressed={choice.value.tags.includes(tag)} onClick={() => change({ tags: toggled(choice.value.tags, tag) })}><Swatch tag={tag} /> {tag} <span class="soft-on">{sums.value[tag] ?? 0}</span></button>)}
          </fieldset>
          <h2>Sources</h2>
          <fieldset class="choice chips" aria-label="Sources">
            {settings.value?.sources.map((source) => <button type="button" key={source} aria-pressed={choice.value.sources.includes(source)} onClick={() => change({ sources: toggled(choice.value.sources, source) })}>{source}</button>)}
          </fieldset>
          <p class="soft small">{choice.value.sources.length ? "" : "None chosen: all but those that are set apart, such as training clips."}</p>
          <Advanced />
        </section>
        <section aria-label="What stands against it" class="checks">
          <h2>Before it is fitted</h2>
          <p role="status" aria-live="polite" class="notice" data-testid="looking">{isLooking.value}</p>
          {checked.value && <Findings checked={checked.value} />}
          <form class="stacked" onSubmit={(event) => void fit(event)}>
            <label>Name <input value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} required maxLength={63} pattern="[A-Za-z0-9][A-Za-z0-9_\-]*" title="letters, digits, dashes and underscores" readOnly={!!changed} data-testid="model-name" /></label>
            <p class="bar">
              <button class="main" data-testid="fit" disabled={!may || isRefused || !isChecked.value}>{changed ? "Save and fit" : "Fit"}</button>
              <span class="soft small">{may ? (isRefused ? "first mend what has to be mended" : !isChecked.value ? "as soon as it has been looked at" : "the pipeline fits and evaluates it, half a minute after at the latest") : "engineers define models"}</span>
            </p>
          </form>
        </section>
      </div>
      <p role="status" aria-live="polite" class="notice">{said.value}</p>
    </>
  );
}

function Swatch({ tag }: { tag: string }) {
  return <svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" fill={tagColour(tag, allTags.value)} /></svg>;
}

function Restore() {
  return (
    <select data-testid="restore" value="" onChange={(event) => { const what = event.currentTarget.value; if (what) void restore(what).catch(failed); event.currentTarget.value = ""; }}>
      <option value="">choose…</option>
      {models.value.flatMap((one) => [
        <option key={one.name} value={one.name}>{one.name}, as it is defined</option>,
        ...one.versions.map((version) => <option key={`${one.name}/${version.version}`} value={`${one.name}/${version.version}`}>{one.name} {version.version}{version.champion ? " (champion)" : ""}</option>),
      ])}
    </select>
  );
}

function Advanced() {
  const { settings: chosen } = choice.value;
  const set = (setting: api.Setting, value: unknown): void => {
    const rest = Object.fromEntries(Object.entries(chosen).filter(([name]) => name !== setting.name));
    change({ settings: value === setting.default || value === "" || value === null ? rest : { ...rest, [setting.name]: value } });
  };
  const all = settings.value?.settings ?? [];
  const offsets = (chosen["threshold_offsets"] ?? {}) as Record<string, number>;
  const differing = all.filter((one) => one.name in chosen && chosen[one.name] !== one.default).length;
  return (
    <>
      {Object.keys(offsets).length > 0 && (
        <p class="small verdict">
          Thresholds moved by hand: {Object.entries(offsets).map(([tag, by]) => `${tag} ${by > 0 ? "+" : ""}${by.toFixed(2)}`).join(", ")}.{" "}
          <button type="button" class="plain" onClick={() => change({ settings: Object.fromEntries(Object.entries(chosen).filter(([name]) => name !== "threshold_offsets")) })}>Put them back</button>
        </p>
      )}
    <details class="advanced">
      <summary>Advanced settings{differing ? ` (${differing} changed)` : ""}</summary>
      {all.map((one) => {
        const value = chosen[one.name] ?? one.default;
        const choices = one.name === "extractor" ? settings.value!.extractors : one.choices;
        return (
          <div class="setting" key={one.name}>
            <label>
              <span>{one.name.replaceAll("_", " ")}</span>
              {one.kind === "switch" ? (
                <input type="checkbox" checked={Boolean(value)} onChange={(event) => set(one, event.currentTarget.checked)} />
              ) : choices.length ? (
                <select value={value === null ? "" : String(value)} onChange={(event) => set(one, event.currentTarget.value)}>
                  {one.default === null && <option value="">left open</option>}
                  {[...new Set([...choices, ...(value === null ? [] : [String(value)])])].map((each) => <option key={each} value={each}>{each}</option>)}
                </select>
              ) : (
                <input inputMode={one.kind === "number" ? "decimal" : "text"} value={value === null ? "" : String(value)} placeholder={one.default === null ? "left open" : ""} onChange={(event) => set(one, read(one, event.currentTarget.value))} />
              )}
            </label>
            <p class="soft small">{one.about}.</p>
          </div>
        );
      })}
    </details>
    </>
  );
}

/** What was typed; text that is no number stays as it is, and is refused with a sentence. */
function read(setting: api.Setting, typed: string): unknown {
  const number = Number(typed);
  return setting.kind === "number" && typed.trim() && !Number.isNaN(number) ? number : typed.trim();
}

function Findings({ checked }: { checked: api.Checked }) {
  const tags = [...new Set([...Object.keys(checked.train), ...Object.keys(checked.test)])].sort();
  return (
    <>
      {!checked.findings.length && !isLooking.value && <p class="verdict good" data-testid="nothing-against">Nothing stands against it.</p>}
      {(["refusal", "warning", "note"] as const).map((level) => {
        const some = checked.findings.filter((one) => one.level === level);
        return some.length > 0 && (
          <div key={level} class={`verdict ${level === "refusal" ? "again" : level === "warning" ? "check" : ""}`}>
            <p><strong>{LEVELS[level]}</strong></p>
            <ul>{some.map((one) => <li key={one.text} data-testid={level} data-about={one.about}>{one.text}</li>)}</ul>
          </div>
        );
      })}
      {tags.length > 0 && (
        <table class="narrow">
          <caption>Labelled sounds: {checked.train_days.length} days train ({api.ranges(checked.train_days)}), {checked.test_days.length} test ({api.ranges(checked.test_days)})</caption>
          <thead><tr><th>tag</th><th class="number">train</th><th class="number">test</th></tr></thead>
          <tbody>{tags.map((tag) => <tr key={tag}><td><Swatch tag={tag} /> {tag}</td><td class="number">{checked.train[tag] ?? 0}</td><td class="number">{checked.test[tag] ?? 0}</td></tr>)}</tbody>
        </table>
      )}
    </>
  );
}

function Explained() {
  return (
    <Help title="Putting a model together">
      <dl class="explained">
        {USES.map(([use, words, about]) => <div key={use}><dt>{use}: {words}</dt><dd>{about[0]!.toUpperCase()}{about.slice(1)}.</dd></div>)}
        <dt>Background</dt><dd>Sound that nobody labelled. The model learns from it what is none of its tags. With no day marked Br it comes from the training days, with none marked Be from the test days.</dd>
        <dt>Test days</dt><dd>Days that the model never meets while it is fitted: its report rests on them. Sounds of other tags on them test whether it calls them “other”.</dd>
        <dt>Suggest a split</dt><dd>About three in ten sounds of each tag are tested; parts of one recording, and copies of one sound, stay on one side.</dd>
        <dt>Keys</dt><dd>Arrow keys move from day to day, Enter marks one, <kbd>Ctrl</kbd>+<kbd>Z</kbd> takes a step back.</dd>
      </dl>
    </Help>
  );
}
