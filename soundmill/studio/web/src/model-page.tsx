// A version's report: mistakes to hear, thresholds to move, new sounds to name, other days to test on, another version beside it.

import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Refused } from "./api.ts";
import { CellSounds, Confusion } from "./confusion.tsx";
import { Help } from "./help.tsx";
import { Promote } from "./models-page.tsx";
import { Play, Where, problem as ofPlayer } from "./sounds.tsx";
import { Threshold } from "./threshold.tsx";
import * as api from "./training.ts";

const TILES = ["delivered_recall", "closed_accuracy", "accw", "known_auroc", "false_positives_per_hour"];

const asked = new URLSearchParams(location.search);
const report = signal<api.Report | null>(null);
const isOther = signal(false); // of other days than its own
const settings = signal<api.Settings | null>(null);
const models = signal<api.Model[]>([]);
const problem = signal("");
const said = signal("");
const busy = signal("");
const picked = signal<{ row: string; column: string } | null>(null);
const asShares = signal(false);
const offsets = signal<Record<string, number>>({});
const compared = signal<api.Compared | null>(null);
const against = signal(asked.get("against") ?? "");

const failed = (error: Error): void => void (problem.value = (error as Refused).message);
const figures = computed(() => settings.value?.figures ?? []);
const moved = computed(() => Object.fromEntries(Object.entries(offsets.value).filter(([, by]) => by !== 0)));

const left = signal<Record<number, readonly string[]>>({}); // keys that are not to have the tag, by group of new sounds
const isWhole = signal<Record<number, boolean>>({});
const tagged = signal<Record<number, string>>({});

interface Of {
  readonly name: string;
  readonly version: number;
  readonly may: boolean;
}

async function during<T>(words: string, work: () => Promise<T>): Promise<T | undefined> {
  problem.value = "";
  said.value = "";
  busy.value = words;
  try {
    return await work();
  } catch (error) {
    failed(error as Error);
  } finally {
    busy.value = "";
  }
  return undefined;
}

function show(found: api.Report, other: boolean): void {
  report.value = found;
  isOther.value = other;
  picked.value = null;
  offsets.value = {};
  left.value = {};
  isWhole.value = {};
  tagged.value = {};
}

async function load({ name, version }: Of): Promise<void> {
  [settings.value, models.value] = await Promise.all([api.settings(), api.models()]);
  await during("", async () => show(await api.report(name, version), false));
  if (against.value) await compareWith({ name, version, may: false });
}

async function compareWith({ name, version }: Of, days: readonly string[] = []): Promise<void> {
  const other = against.value;
  const address = new URL(location.href);
  if (other) address.searchParams.set("against", other);
  else address.searchParams.delete("against");
  history.replaceState(null, "", address);
  compared.value = null;
  if (!other) return;
  const found = await during(`comparing with ${other}…`, () => api.compare(other, `${name}/${version}`, days));
  if (other === against.value) compared.value = found ?? null;
}

export function ModelPage(props: Of & { files: string[] }) {
  const { name, version, may, files } = props;
  useEffect(() => void load(props).catch(failed), []);
  const found = report.value;
  const mine = models.value.find((one) => one.name === name)?.versions.find((one) => one.version === version); // none of an old one
  const isChampion = found?.champion ?? mine?.champion ?? false;
  return (
    <>
      <div class="bar">
        <h1>{name} {version}</h1>
        {isChampion && <span class="badge">champion</span>}
        <span class="grow" />
        {may && settings.value && !isChampion && <Promote model={name} version={version} isTested={found !== null} done={(words) => { said.value = words; void load(props).catch(failed); }} refused={failed} />}
        {may && <a class="button" href={`/models/new?from=${encodeURIComponent(`${name}/${version}`)}`}>New model from it</a>}
        <Explained />
      </div>
      {mine && <p class="soft small">fitted {api.moment(mine.fitted_at)} UTC; trained on {api.ranges(mine.train_days)}; tested on {api.ranges(mine.test_days)}; {mine.background_segments} segments of background</p>}
      {problem.value && <p class="problem toast" role="alert">{problem.value} <button class="plain" onClick={() => (problem.value = "")}>Close</button></p>}
      {ofPlayer.value && <p class="problem" role="alert">{ofPlayer.value}</p>}
      <p role="status" aria-live="polite" class={busy.value || said.value ? "toast" : "hidden"} data-testid="busy">{busy.value || said.value}</p>
      {isOther.value && found && <p class="verdict">Tested on {api.ranges(found.test_days)}. Nothing of it is stored. <button class="plain" onClick={() => void load(props).catch(failed)}>Back to its own test days</button></p>}
      {found && <InShort report={found} mine={mine} />}
      {found && (
        <>
          <Mistakes report={found} />
          <Thresholds report={found} of={props} />
          <NewSounds report={found} of={props} />
          <Details report={found} />
        </>
      )}
      <OtherDays of={props} />
      <Beside of={props} />
      <section aria-label="Files">
        <h2>Files</h2>
        <p class="bar">{files.map((file) => <a key={file} href={api.fileAddress(name, version, file)} download>{file}</a>)}</p>
      </section>
      {found && <Card report={found} />}
    </>
  );
}

const valueOf = (of: api.Report, figure: string): number | null | undefined => (of.evaluation.headline as unknown as Record<string, number | null>)[figure];

function InShort({ report: of, mine }: { report: api.Report; mine: api.Version | undefined }) {
  const { evaluation } = of;
  const groups = evaluation.groups ?? 0;
  return (
    <section aria-label="In short">
      <div class="tiles" data-testid="headline">
        {figures.value.filter(([figure]) => TILES.includes(figure) && valueOf(of, figure) != null).map(([figure, meaning]) => (
          <div key={figure} data-figure={figure}><b>{api.figure(valueOf(of, figure))}</b> <span class="soft small">{api.interval(evaluation.intervals?.[figure])}</span><br />{meaning}</div>
        ))}
        {evaluation.unknown_support > 0 && <div><b>{evaluation.unknown_rejected} of {evaluation.unknown_support}</b><br />sounds that it was not trained on, background included, called “other”</div>}
      </div>
      {mine && api.standing(mine) && <p>{of.name} {of.version}: {api.standing(mine)}.</p>}
      {groups > 0 && groups < api.FEWEST_GROUPS && <p class="soft small">Small figures are 95 % of bootstraps over groups of test sounds (recordings, or ten minutes of one). There are only {groups} here, so they are narrower than they should be: test on more recordings.</p>}
      {Object.keys(of.moved).length > 0 && <p class="verdict check">Thresholds of {Object.entries(of.moved).map(([tag, by]) => `${tag} (${by > 0 ? "+" : ""}${by.toFixed(2)})`).join(", ")} were moved by hand, after a look at results. On days that were looked at, figures are a little better than new days will give: test it on others.</p>}
    </section>
  );
}

function Mistakes({ report: of }: { report: api.Report }) {
  const { rows, columns, confusion } = of.evaluation;
  const cell = picked.value;
  const total = confusion.flat().reduce((sum, one) => sum + one, 0);
  const count = cell ? confusion[rows.indexOf(cell.row)]![columns.indexOf(cell.column)]! : 0;
  return (
    <section aria-label="What it was called">
      <h2>What test sounds were called</h2>
      <p class="soft small">Click a number to hear its sounds. Outlined: what is right. <button class="plain" onClick={() => (asShares.value = !asShares.value)}>{asShares.value ? "Show counts" : "Show shares of each column"}</button></p>
      <div class="beside">
        <Confusion rows={rows} columns={columns} counts={confusion} caption={`${total} test sounds, background included`} picked={cell} pick={(one) => (picked.value = one)} asShares={asShares.value} />
        {cell ? <CellSounds cell={cell} sounds={of.sounds} count={count} kept={of.kept} /> : <Worst report={of} />}
      </div>
    </section>
  );
}

/** The surest mistakes, where nothing is picked. */
function Worst({ report: of }: { report: api.Report }) {
  const known = new Set(of.evaluation.rows);
  const wrong = of.sounds.filter((one) => one.predicted !== (known.has(one.true) ? one.true : "other")).slice(0, 8);
  if (!wrong.length) return <p class="soft">{of.kept ? "No test sound got a wrong name." : ""}</p>;
  return (
    <div data-testid="worst">
      <h3>The surest mistakes</h3>
      <ol class="sounds">{wrong.map((one) => <li key={one.key}><Play place={one} of={`${one.true} called ${one.predicted}`} /> {one.true === "other" ? "background" : one.true}, called {one.predicted}: <Where place={one} /></li>)}</ol>
    </div>
  );
}

function Thresholds({ report: of, of: { name, version, may } }: { report: api.Report; of: Of }) {
  const tags = Object.keys(of.points);
  const recogniser = (of.card["spec"] as api.Spec)["recogniser"];
  if (recogniser === "gaussian_votes") return <section aria-label="Thresholds"><h2>Thresholds</h2><p class="soft">In this recogniser vectors vote for a name, so no single threshold says what would be found. <code>soundmill model thresholds</code> moves them; the next version shows what came of it.</p></section>;
  if (!tags.length) return null;
  const save = (): void => void during("saving…", async () => {
    await api.moveThresholds(name, version, moved.value);
    offsets.value = {};
    said.value = `saved as settings of ${name}: the pipeline fits a version that has them; see Models`;
  });
  const some = Object.entries(moved.value);
  return (
    <section aria-label="Thresholds">
      <h2>Thresholds</h2>
      <p class="soft small">Move one to see what precision, recall and false alarms it would give on {isOther.value ? "these" : "the test"} days. Dotted: where it is. False alarms are names in unlabelled sound, of which {(60 * of.evaluation.background_hours).toFixed(0)} minutes were tested; other sounds that get a name count in precision. <span class="key precision">precision</span>, <span class="key recall">recall</span>.</p>
      <div class="thresholds">{tags.map((tag) => <Threshold key={tag} tag={tag} points={of.points[tag]!} offset={offsets.value[tag] ?? 0} move={(by) => (offsets.value = { ...offsets.value, [tag]: by })} />)}</div>
      {some.length > 0 && (
        <div class="bar verdict" data-testid="moved">
          <span>{some.map(([tag, by]) => `${tag} ${by > 0 ? "+" : ""}${by.toFixed(2)}`).join(", ")}</span>
          {may && <button class="main" data-testid="save-thresholds" disabled={!of.current} onClick={save}>Save as {some.length > 1 ? "the tags' settings" : "the tag's setting"}</button>}
          <button onClick={() => (offsets.value = {})}>Put back</button>
          <span class="soft small">{of.current ? `${name} is fitted again with it, as a new version that you can promote.` : `${name} was defined anew since: move the thresholds of its newest version.`}</span>
        </div>
      )}
    </section>
  );
}

function NewSounds({ report: of, of: { name, version } }: { report: api.Report; of: Of }) {
  if (!of.new_sounds.length) return null;
  return (
    <section aria-label="New sounds">
      <h2>New among the rejected</h2>
      <p class="soft small">Groups of alike sounds that were called “other”, the most worth a tag first. Hear some; if they are one kind, give it a name{isOther.value ? " in the annotator, which each moment opens" : ""}.</p>
      <div class="groups">{of.new_sounds.map((group) => <Group key={group.rank} group={group} name={name} version={version} />)}</div>
    </section>
  );
}

const FEW = 4;

function Group({ group, name, version }: { group: api.Group; name: string; version: number }) {
  const without = new Set(left.value[group.rank] ?? []);
  const shown = isWhole.value[group.rank] ? group.members : group.members.slice(0, FEW);
  const toggle = (key: string): void => {
    const keys = without.has(key) ? [...without].filter((one) => one !== key) : [...without, key];
    left.value = { ...left.value, [group.rank]: keys };
  };
  const label = (event: SubmitEvent): void => {
    event.preventDefault();
    const tag = String(new FormData(event.currentTarget as HTMLFormElement).get("tag")).trim();
    const keys = group.members.flatMap((one) => (without.has(one.key) ? [] : [one.key]));
    void during("labelling…", async () => {
      const { labels } = await api.tagGroup(name, version, group.rank, tag, keys);
      tagged.value = { ...tagged.value, [group.rank]: tag };
      said.value = `${labels} labels of ${tag} are made`;
    });
  };
  const done = tagged.value[group.rank];
  const number = group.members.length - without.size;
  return (
    <div class="group" data-testid="new-group" data-rank={group.rank}>
      <h3>{group.sounds} sounds <span class="soft small">nearest to {group.nearest}; {group.novelty.toFixed(1)} deviations away; compactness {group.compactness.toFixed(2)}</span></h3>
      <ul class="plain sounds">
        {shown.map((one) => (
          <li key={one.key}>
            <label><input type="checkbox" checked={!without.has(one.key)} onChange={() => toggle(one.key)} aria-label={`take the sound at ${api.moment(one.start)}`} /></label> <Play place={one} of={`a sound of group ${group.rank}`} /> <Where place={one} />
          </li>
        ))}
      </ul>
      {group.members.length > shown.length && <button class="plain" onClick={() => (isWhole.value = { ...isWhole.value, [group.rank]: true })}>Show all {group.members.length}</button>}
      {done ? (
        <p class="verdict good">Labelled as {done}. To train it, <a href={`/models/new?from=${encodeURIComponent(name)}&tag=${encodeURIComponent(done)}`}>put a model together</a> in which its days train.</p>
      ) : isOther.value ? null : (
        <form class="bar" onSubmit={label}>
          <label>Tag <input name="tag" required maxLength={64} list="known-tags" data-testid="group-tag" /></label>
          <button data-testid="make-tag" disabled={!number}>Make a tag of {number === group.members.length ? "this group" : `these ${number}`}</button>
        </form>
      )}
      <datalist id="known-tags">{settings.value?.tags.map((tag) => <option key={tag} value={tag} />)}</datalist>
    </div>
  );
}

function Details({ report: of }: { report: api.Report }) {
  const { tags, events, headline, intervals, reliability, hours, without_hours: without } = of.evaluation;
  const head = headline as unknown as Record<string, number | null>;
  const bare = without as unknown as Record<string, number | null> | null;
  return (
    <section aria-label="In detail">
      <h2>In detail</h2>
      <div>
        <div class="scroll" tabIndex={0} role="region" aria-label="Each tag">
          <table class="events">
            <caption>Each tag</caption>
            <thead><tr><th>tag</th><th class="number">test sounds</th><th class="number">precision</th><th class="number">recall</th><th class="number">expected</th><th class="number">F1</th><th class="number">events: found, false, missed</th></tr></thead>
            <tbody>
              {Object.entries(tags).map(([tag, row]) => {
                const counts = events?.[tag];
                const isLow = row.recall !== null && row.expected_recall !== null && row.recall < row.expected_recall - 0.05;
                return <tr key={tag}><td>{tag}</td><td class="number">{row.support}</td><td class="number">{api.figure(row.precision)}</td><td class={`number ${isLow ? "code" : ""}`}>{api.figure(row.recall)}</td><td class="number">{api.figure(row.expected_recall)}</td><td class="number">{api.figure(row.f1)}</td><td class="number">{counts ? `${counts.hits}, ${counts.false_alarms}, ${counts.misses}` : "–"}</td></tr>;
              })}
            </tbody>
          </table>
        </div>
        <div class="scroll" tabIndex={0} role="region" aria-label="All figures">
          <table>
            <caption>All figures, with 95 % of bootstraps</caption>
            <tbody>{figures.value.filter(([figure]) => head[figure] != null).map(([figure, meaning]) => <tr key={figure}><td>{meaning}</td><td class="number">{api.figure(head[figure])}</td><td class="moment soft">{api.interval(intervals?.[figure])}</td>{bare && <td class="number soft">{api.figure(bare[figure])} without the hour</td>}</tr>)}</tbody>
          </table>
        </div>
      </div>
      <div class="parts">
        <Reliability points={reliability ?? []} />
        <Hours hours={hours ?? {}} zone={String((of.card["data"] as Record<string, unknown>)["timezone"] ?? "UTC")} />
      </div>
    </section>
  );
}

function Reliability({ points }: { points: readonly (readonly number[])[] }) {
  if (!points.length) return <p class="soft">This recogniser gives no probabilities.</p>;
  const most = Math.max(...points.map((one) => one[2]!));
  const at = (share: number): number => 30 + 180 * share;
  return (
    <figure>
      <figcaption>Probabilities against the truth: on the line is honest; larger dots are more sounds</figcaption>
      <svg viewBox="0 0 220 220" class="square" role="img" aria-label={points.map((one) => `${(100 * one[0]!).toFixed(0)} % given, ${(100 * one[1]!).toFixed(0)} % right, ${one[2]} sounds`).join("; ")}>
        <line class="now" x1={at(0)} y1={220 - at(0)} x2={at(1)} y2={220 - at(1)} />
        {[0, 0.5, 1].map((share) => <g key={share}><text x={at(share)} y="212" text-anchor="middle">{share}</text><text x="24" y={220 - at(share) + 4} text-anchor="end">{share}</text></g>)}
        {points.map((one) => <circle key={one[0]} class="point" cx={at(one[0]!)} cy={220 - at(one[1]!)} r={2 + 8 * Math.sqrt(one[2]! / most)} />)}
      </svg>
    </figure>
  );
}

function Hours({ hours, zone }: { hours: Record<string, readonly number[]>; zone: string }) {
  const names = Object.keys(hours);
  if (!names.length) return <p class="soft">The hour of the day does not count in this model (setting “time of day”).</p>;
  const x = (hour: number): number => 30 + (hour * 360) / 24;
  return (
    <figure data-testid="hours">
      <figcaption>When each sound is expected ({zone}); flat where it has too few</figcaption>
      <div class="small-multiples">
        {names.map((name) => (
          <svg key={name} viewBox="0 0 400 90" class="hours-of" role="img" aria-label={`hours of ${name}`}>
            <text x="30" y="12">{name}</text>
            {[0, 6, 12, 18, 24].map((hour) => <g key={hour}><line class="grid" x1={x(hour)} x2={x(hour)} y1="16" y2="74" /><text x={x(hour)} y="87" text-anchor="middle">{hour}</text></g>)}
            <polyline class="curve" points={hours[name]!.map((weight, at) => `${x(at / 3)},${74 - 56 * weight}`).join(" ")} />
          </svg>
        ))}
      </div>
    </figure>
  );
}

const otherDays = signal<api.DayOfData[] | null>(null);
const wanted = signal<readonly string[]>([]);

function OtherDays({ of }: { of: Of }) {
  const data = (report.value?.card["data"] ?? {}) as api.Spec;
  const mine = models.value.find((one) => one.name === of.name)?.versions.find((one) => one.version === of.version);
  const learned = new Set([...api.textsOf(data, "train_days"), ...api.textsOf(data, "background_days"), ...(mine?.train_days ?? []), ...(mine?.background_days ?? [])]);
  const open = (): void => {
    if (!otherDays.value) void api.days(mine ? api.textsOf(mine.spec, "sources") : []).then((found) => (otherDays.value = found), failed);
  };
  const free = (otherDays.value ?? []).filter((one) => !learned.has(one.day) && Object.keys(one.tags).length);
  const run = (): void => void during(`testing on ${api.ranges(wanted.value)}…`, async () => {
    show(await api.testOn(of.name, of.version, [...wanted.value], null), true);
    scrollTo({ top: 0 });
  });
  return (
    <details onToggle={open} data-testid="other-days">
      <summary>Test it on other days</summary>
      <p class="soft small">Labelled days that it was not trained on, its own test days among them. Nothing is fitted again.</p>
      {otherDays.value && !free.length && <p>There is none: label another day.</p>}
      <fieldset class="choice chips" aria-label="Days">
        {free.map((one) => <button key={one.day} aria-pressed={wanted.value.includes(one.day)} onClick={() => (wanted.value = wanted.value.includes(one.day) ? wanted.value.filter((day) => day !== one.day) : [...wanted.value, one.day])}>{one.day} <span class="soft-on">{Object.values(one.tags).reduce((sum, number) => sum + number, 0)}</span></button>)}
      </fieldset>
      <p><button class="main" disabled={!wanted.value.length || !!busy.value} onClick={run} data-testid="test">Test</button></p>
    </details>
  );
}

function Beside({ of }: { of: Of }) {
  const others = models.value.flatMap((one) => one.versions.map((version) => `${one.name}/${version.version}`)).filter((one) => one !== `${of.name}/${of.version}`);
  const found = compared.value;
  return (
    <section aria-label="Compare">
      <h2>Beside another version</h2>
      {others.length ? (
        <p class="bar"><label>Compare with <select data-testid="against" value={against.value} onChange={(event) => { against.value = event.currentTarget.value; void compareWith(of); }}><option value="">none</option>{others.map((one) => <option key={one} value={one}>{one.replace("/", " ")}</option>)}</select></label><span class="soft small">on the days that test both</span></p>
      ) : (
        <p class="soft">There is no other version yet.</p>
      )}
      {found && <SideBySide found={found} first={against.value.replace("/", " ")} second={`${of.name} ${of.version}`} />}
    </section>
  );
}

function SideBySide({ found, first, second }: { found: api.Compared; first: string; second: string }) {
  const { result } = found;
  const meaning = new Map(figures.value.map(([figure, words]) => [figure, words]));
  const isMore = new Map(figures.value.map(([figure, , more]) => [figure, more]));
  const row = (one: (typeof result.figures)[number], words: string, more: boolean) => {
    const isEnough = result.groups >= api.FEWEST_GROUPS;
    const sure = isEnough && one.interval && (one.interval[0]! > 0 || one.interval[1]! < 0);
    const better = sure && one.interval![0]! > 0 === more;
    return <tr key={one.name} data-figure={one.name}><td>{words}</td><td class="number">{api.figure(one.first)}</td><td class="number">{api.figure(one.second)}</td><td class="moment">{one.interval ? `${signed(one.interval[0]!)} to ${signed(one.interval[1]!)}` : "–"}</td><td>{sure ? (better ? `${second} is better` : `${first} is better`) : isEnough && one.interval ? "may be chance" : ""}</td></tr>;
  };
  return (
    <div data-testid="compared">
      <p class="soft small">On {api.ranges(found.test_days)}: {result.sounds} sounds in {result.groups} groups, with the labels as they are now. A tag that either knows counts as known for both.{result.groups < api.FEWEST_GROUPS && ` With fewer than ${api.FEWEST_GROUPS} groups (recordings, or ten minutes of one) no difference can be told from chance: the intervals are narrower than they should be.`}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Figures of both">
        <table class="events compared">
          <thead><tr><th>figure</th><th class="number">{first}</th><th class="number">{second}</th><th>difference, 95 %</th><th><span class="hidden">verdict</span></th></tr></thead>
          <tbody>
            {result.figures.filter((one) => one.first !== null && one.second !== null).map((one) => row(one, meaning.get(one.name) ?? one.name, isMore.get(one.name) ?? true))}
            {result.tags.map((one) => row(one, `F1 of ${one.name}`, true))}
          </tbody>
        </table>
      </div>
      <div class="beside">
        <Confusion rows={result.rows} columns={result.columns} counts={result.first} caption={first} />
        <Confusion rows={result.rows} columns={result.columns} counts={result.second} caption={second} />
      </div>
      <h3>{found.differ.length} sounds that they call differently</h3>
      <ol class="sounds">{found.differ.slice(0, 30).map((one) => <li key={one.key}><Play place={one} of={one.true} /> {one.true === "other" ? "background" : one.true}: {one.first} by {first}, {one.second} by {second}; <Where place={one} /></li>)}</ol>
    </div>
  );
}

const signed = (value: number): string => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}`;

function Card({ report: of }: { report: api.Report }) {
  const chosen = (of.card["chosen"] ?? []) as { setting: string; value: string; because: string }[];
  const spec = of.card["spec"] as Record<string, unknown>;
  const words = (value: unknown): string => (value === null ? "left open" : typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value));
  return (
    <details>
      <summary>How it was made</summary>
      <div class="beside">
        <table><caption>What the data decided</caption><tbody>{chosen.map((one) => <tr key={one.setting}><td>{one.setting}</td><td>{one.value}</td><td class="soft small">{one.because}</td></tr>)}</tbody></table>
        <table><caption>Definition</caption><tbody>{Object.entries(spec).map(([name, value]) => <tr key={name}><td>{name.replaceAll("_", " ")}</td><td class="long">{words(value)}</td></tr>)}</tbody></table>
      </div>
    </details>
  );
}

function Explained() {
  return (
    <Help title="Reading a report">
      <dl class="explained">
        <dt>What test sounds were called</dt><dd>Columns are what sounds are, rows what they were called. Sounds of a tag that the model does not know, and background, ought to be “other”.</dd>
        <dt>Thresholds</dt><dd>A sound gets a tag's name where it is far enough within its threshold. Stricter: fewer false alarms, and fewer sounds found.</dd>
        <dt>Expected</dt><dd>The recall that cross-validation on the training days found, and so what to expect. Coloured where the test stays more than 0.05 under it; with few sounds that may be chance.</dd>
        <dt>Difference</dt><dd>95 % of bootstraps, with the same sounds drawn for both versions. Where all of it lies on one side of 0, chance alone would hardly do it.</dd>
        <dt>ACCw, AUROC, OSCR, FPR95</dt><dd>Each is explained beside its figure under “In detail”.</dd>
        <dt>Deviations away, compactness</dt><dd>Of a group of new sounds: how far its middle is from every known tag, in standard deviations of known sounds; and how alike its sounds are, from 0 (as mixed as all that was rejected) to 1.</dd>
        <dt>New sounds</dt><dd>A label made here is yours, as if you had drawn it; the annotator shows it, and can take it back.</dd>
      </dl>
    </Help>
  );
}
