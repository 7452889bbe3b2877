// What the first page shows of the pipeline, part by part; each part redraws when its event comes.

import { computed, effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "./api.ts";
import { HoursChart } from "./charts.tsx";
import { grid, type Grid } from "./counts.ts";
import { Help } from "./help.tsx";
import { Level } from "./level.tsx";
import { follow, line, now } from "./live.ts";
import { Player } from "./player.ts";
import { DAY, HOUR, clock, dayOf, length } from "./time.ts";

const SPANS: [string, number][] = [["hour", HOUR], ["6 hours", 6 * HOUR], ["day", DAY], ["week", 7 * DAY], ["month", 31 * DAY]];
const COLUMNS = 25; // a day from any minute on reaches into 25 hours
const FIRST_SHOWN = 12;
const AGAIN = 60_000; // ms, after which the span's end moves on although nothing was detected

const asked = new URLSearchParams(location.search);
const span = signal(SPANS.find(([name]) => name === asked.get("span"))?.[1] ?? DAY);
const model = signal(asked.get("model") ?? "");
const models = signal<api.Model[]>([]);
const found = signal<{ from: number; to: number; detections: api.Detections } | null>(null);
const picked = signal<{ tag: string; start: number; end: number } | null>(null);
const ofPicked = signal<api.Detections | null>(null);
const reason = signal("");
const ofReason = signal<api.Quarantine | null>(null);
const all = signal(false);
const problem = signal("");
const playing = signal("");

const player = new Player(
  () => player.isPlaying || (playing.value = ""),
  (why) => (problem.value = why),
);

const failed = (error: Error): void => void (problem.value = error.message);

async function loadDetections(): Promise<void> {
  const to = Date.now();
  const [wanted, from] = [model.value, to - span.value];
  const detections = await api.detections(from, to, wanted);
  if (wanted === model.value && from === to - span.value) found.value = { from, to, detections };
}

const table = computed(() => (found.value ? grid(found.value.detections.counts, found.value.from, found.value.to, COLUMNS) : null));
const listed = computed(() => ofPicked.value ?? found.value?.detections ?? { events: [], total: 0 });

/** The page as it is shown, to keep or to send. */
function address(): string {
  const kept = new URLSearchParams();
  if (span.value !== DAY) kept.set("span", SPANS.find(([, each]) => each === span.value)![0]);
  if (model.value) kept.set("model", model.value);
  return kept.size ? `/?${kept}` : "/";
}

/** Lists the events of one cell of the table; null: of all. */
function pick(one: { tag: string; start: number; end: number } | null): void {
  picked.value = one;
  ofPicked.value = null;
  if (one) void api.detections(one.start, one.end, model.value, one.tag).then((some) => picked.value === one && (ofPicked.value = some), failed);
}

export function Dashboard() {
  useEffect(() => {
    void api.models().then((some) => (models.value = some), failed);
    const unwatch = effect(() => {
      void now.value.detections?.mark;
      void [span.value, model.value];
      void loadDetections().catch(failed);
      history.replaceState(null, "", address());
    });
    const again = setInterval(() => void loadDetections().catch(failed), AGAIN);
    const stop = follow();
    return () => {
      unwatch();
      clearInterval(again);
      stop();
    };
  }, []);
  const { collection, downloads, uploads, stations } = now.value;
  const isEmpty = collection && downloads && uploads && stations && !Object.keys(collection.days).length && !Object.keys(downloads.counts).length && !Object.keys(uploads).length && !stations.length;
  return (
    <>
      <div class="bar">
        <h1>Overview</h1>
        <Line />
        <span class="grow" />
        <Explained />
      </div>
      {isEmpty && <FirstSteps />}
      <div class="parts">
        <Stations />
        <Detections />
        <Hours />
        <Runs />
        <Downloads />
        <Quarantine />
      </div>
      <p role="status" aria-live="polite" class="notice">{problem.value}</p>
    </>
  );
}

const LINE = { opening: "connecting…", live: "live", broken: "connection lost, trying again…", ended: "no longer live: load the page again" };

function Line() {
  return <span role="status" data-testid="line" data-state={line.value} class={`line ${line.value}`}>{LINE[line.value]}</span>;
}

function FirstSteps() {
  return (
    <section class="steps" data-testid="first-steps">
      <h2>Nothing has come in yet</h2>
      <ul>
        <li>Recordings on a disk: <code>soundmill ingest FOLDER --source garden</code></li>
        <li>A microphone: <code>soundmill capture --name garden</code></li>
        <li>Calls by URL: <code>soundmill download add calls.csv</code></li>
        <li>Just to look around: <code>soundmill demo</code>, a household with its sounds, labels and a model</li>
      </ul>
    </section>
  );
}

/** A heading, and what is below it; nothing before the part has come. */
function Section(props: { title: string; note?: string; wide?: boolean; children: preact.ComponentChildren }) {
  return (
    <section class={props.wide ? "part wide-part" : "part"} aria-label={props.title}>
      <h2>{props.title}</h2>
      {props.note && <p class="soft small">{props.note}</p>}
      {props.children}
    </section>
  );
}

function Stations() {
  const { stations } = now.value;
  if (!stations?.length) return null;
  return (
    <Section title="Stations" wide>
      <ul class="stations">
        {stations.map((one) => (
          <li key={one.name} data-testid="station" class={one.alarms ? "alarming" : ""}>
            <div class="bar">
              <a href={api.sourceAddress(one.name)}>{one.name}</a>
              <span class={one.alarms ? "code" : "soft"}>{one.state}</span>
            </div>
            <Level peak={one.peak_dbfs} floor={one.floor_dbfs} name={one.name} />
            {one.why && <p class="small">{one.why}</p>}
            <p class="soft small">
              last segment {one.last_segment_at ? `${one.last_segment_at.slice(0, 19).replace("T", " ")} UTC` : "none yet"}; {one.segments} stored, {one.silent} silent
              {one.lost_seconds ? `, ${one.lost_seconds.toFixed(1)} s lost` : ""}{one.waiting ? `, ${one.waiting} waiting for the hub` : ""}
            </p>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Detections() {
  const detected = found.value;
  return (
    <Section title="Detected" wide>
      <div class="bar">
        <label>
          Model{" "}
          <select value={model.value} onChange={(event) => { pick(null); model.value = event.currentTarget.value; }}>
            <option value="">{models.value.length ? "the champion" : "no model yet"}</option>
            {models.value.map((one) => <option key={`${one.name}/${one.version}`} value={`${one.name}/${one.version}`}>{one.name} {one.version}{one.champion ? " (champion)" : ""}</option>)}
          </select>
        </label>
        <fieldset class="choice" aria-label="span">
          {SPANS.map(([name, each]) => <button key={name} aria-pressed={span.value === each} onClick={() => { pick(null); span.value = each; }}>{name}</button>)}
        </fieldset>
        {picked.value && <button onClick={() => pick(null)}>Show all tags again</button>}
      </div>
      {detected && !detected.detections.model && <p class="soft">There is no model yet: <code>soundmill model train NAME FOLDER</code> makes one of a folder of clips, or label sounds on <a href="/annotate">Annotate</a> and define one.</p>}
      {detected?.detections.model && !detected.detections.total && <p class="soft">Nothing was detected in this span. {span.value < 31 * DAY && <button class="plain" onClick={() => (span.value = 31 * DAY)}>Look at the last month</button>}{detected.detections.newest && <> The last event before it was <a data-testid="newest" href={api.annotatorAddress(detected.detections.newest.source, detected.detections.newest.start, detected.detections.newest.end)}>{detected.detections.newest.tag} on {dayOf(detected.detections.newest.start)}</a>.</>}</p>}
      <div class="beside">
        {table.value && table.value.rows.length > 0 && <Counts table={table.value} />}
        <Events />
      </div>
    </Section>
  );
}

function Events() {
  const { events, total } = listed.value;
  if (!events.length) return null;
  const shown = all.value ? events : events.slice(0, FIRST_SHOWN);
  return (
    <div>
      <div class="scroll">
        <table class="events">
          <thead><tr><th>from (UTC)</th><th class="number less">length</th><th class="less">source</th><th>sound</th><th class="number less">margin</th><th><span class="hidden">listen</span></th></tr></thead>
          <tbody>{shown.map((one) => <Event key={`${one.source} ${one.start} ${one.tag}`} event={one} />)}</tbody>
        </table>
      </div>
      {!all.value && events.length > FIRST_SHOWN && <button onClick={() => (all.value = true)}>Show {events.length - FIRST_SHOWN} more</button>}
      {all.value && events.length < total && <p class="soft small">The last {events.length} of {total}.</p>}
    </div>
  );
}

function Event({ event }: { event: api.Detected }) {
  const key = `${event.source} ${event.start} ${event.tag}`;
  const listen = (): void => {
    if (playing.value === key) return player.stop();
    problem.value = "";
    void player.play(event.source, { from: event.start, to: event.end, loop: false });
    playing.value = key;
  };
  return (
    <tr data-testid="event-row">
      <td><a href={api.annotatorAddress(event.source, event.start, event.end)}>{dayOf(event.start).slice(5)} {clock(event.start, 1000)}</a></td>
      <td class="number less">{length(event.end - event.start)}</td>
      <td class="less"><a href={api.sourceAddress(event.source)}>{event.source}</a></td>
      <td>{event.tag}</td>
      <td class="number less">{event.score >= 0 ? "+" : ""}{event.score.toFixed(2)}</td>
      <td><button data-testid="play" aria-label={`${playing.value === key ? "stop" : "play"} ${event.tag} at ${clock(event.start, 1000)}`} onClick={listen}>{playing.value === key ? "Stop" : "Play"}</button></td>
    </tr>
  );
}

function Counts({ table: { starts, each, rows, most } }: { table: Grid }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.scrollTo({ left: place.current.scrollWidth }), [starts.at(-1)]); // the newest is what people look for
  const name = (at: number): string => (each >= DAY ? dayOf(at).slice(5) : clock(at, HOUR));
  const words = (at: number): string => `${dayOf(at)} ${clock(at, HOUR)} UTC, ${length(each)}`;
  return (
    <div class="scroll" ref={place}>
      <table class="heat" data-testid="counts">
        <caption class="soft small">Events by tag, {length(each)} a column (UTC); click one to list its events</caption>
        <thead>
          <tr><th>tag</th><th class="number">all</th>{starts.map((at, place) => <th key={at} class="number" title={words(at)}>{place % 3 === 0 && place < starts.length - 2 ? name(at) : ""}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.tag}>
              <th scope="row">{row.tag}</th>
              <td class="number">{row.sum}</td>
              {row.counts.map((count, place) => {
                const start = starts[place]!;
                const isPicked = picked.value?.tag === row.tag && picked.value.start === start;
                const level = count ? Math.max(1, Math.ceil((5 * Math.log1p(count)) / Math.log1p(most))) : 0;
                return (
                  <td key={start} class={`heat-${level}`}>
                    {count > 0 && <button aria-pressed={isPicked} aria-label={`${count} of ${row.tag}, ${words(start)}`} title={words(start)} onClick={() => pick(isPicked ? null : { tag: row.tag, start, end: start + each })}>{count}</button>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Hours() {
  const { collection } = now.value;
  if (!collection || !(Object.keys(collection.sources).length || Object.keys(collection.apart_hours).length)) return null;
  const { percent, target_hours: target, forecast } = collection;
  return (
    <Section title="The collection">
      {target !== null && percent !== null && (
        <>
          <progress max={100} value={Math.min(100, percent)} aria-label="share of the target" />
          <p>{collection.ready_hours.toFixed(2)} of {target} hours, {percent.toFixed(1)} %{forecast ? `; at the pace of the last two weeks all of it on ${forecast}` : ""}</p>
        </>
      )}
      {target === null && <p>{collection.ready_hours.toFixed(2)} hours are ready. <span class="soft">SOUNDMILL_TARGET_HOURS sets a target, and a forecast appears.</span></p>}
      {Object.keys(collection.days).length > 0 && <HoursChart collection={collection} />}
      <div class="scroll">
        <table>
          <thead><tr><th>source</th><th>state</th><th class="number">hours</th></tr></thead>
          <tbody>
            {Object.entries(collection.sources).flatMap(([source, states]) =>
              Object.entries(states).map(([state, hours]) => <tr key={`${source} ${state}`}><td><a href={api.sourceAddress(source)}>{source}</a></td><td>{state}</td><td class="number">{hours.toFixed(2)}</td></tr>),
            )}
          </tbody>
        </table>
      </div>
      {Object.entries(collection.apart_hours).map(([purpose, hours]) => <p key={purpose} class="soft">{hours.toFixed(2)} h of {purpose} are apart from it.</p>)}
    </Section>
  );
}

function Runs() {
  const { runs } = now.value;
  if (!runs) return null;
  const done = runs.newest.filter((one) => one.status === "success").slice(0, 5);
  return (
    <Section title="Runs in Dagster">
      {runs.problem ? <p class="soft">{runs.problem}</p> : <p><a href={runs.address}>Open Dagster</a></p>}
      <RunTable title="under way" runs={runs.under_way} />
      <RunTable title="failed" runs={runs.failed.slice(0, 8)} />
      <RunTable title="done" runs={done} />
      {!runs.problem && !runs.newest.length && <p class="soft">There were no runs yet.</p>}
    </Section>
  );
}

function RunTable({ title, runs }: { title: string; runs: api.Run[] }) {
  if (!runs.length) return null;
  return (
    <div class="scroll">
      <table>
        <caption>{title}</caption>
        <thead><tr><th>what</th><th>began (UTC)</th><th class="number">took</th></tr></thead>
        <tbody>
          {runs.map((one) => {
            const begun = Date.parse(one.started_at ?? one.created_at);
            const took = one.started_at ? length((one.ended_at ? Date.parse(one.ended_at) : Date.now()) - begun) : one.status.replace("_", " ");
            return (
              <tr key={one.id} data-testid="run">
                <td><a href={one.link}>{one.what}</a>{one.by && <span class="soft small"> {one.by}</span>}</td>
                <td class="moment">{dayOf(begun).slice(5)} {clock(begun, HOUR)}</td>
                <td class="number">{took}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Downloads() {
  const { downloads, uploads } = now.value;
  if (!downloads || !uploads) return null;
  const counts = Object.entries(downloads.counts);
  const uploaded = Object.entries(uploads);
  if (!counts.length && !uploaded.length) return null;
  return (
    <Section title="Downloads and uploads">
      {!downloads.enabled && <p>Downloads over HTTP are off (SOUNDMILL_DOWNLOADS_ENABLED): requests are answered as a dry run.</p>}
      <table>
        <thead><tr><th>what</th><th>state</th><th class="number">number</th></tr></thead>
        <tbody>
          {counts.map(([state, number]) => <tr key={state}><td>requests</td><td>{state}</td><td class="number">{number}</td></tr>)}
          {uploaded.map(([state, number]) => <tr key={`upload ${state}`}><td>recordings</td><td><a href={`/recordings?state=${encodeURIComponent(state)}`}>{state}</a></td><td class="number">{number}</td></tr>)}
        </tbody>
      </table>
      {downloads.failures.length > 0 && (
        <div class="scroll">
          <table class="cards">
            <caption>failed, or to be tried again</caption>
            <thead><tr><th>call</th><th>reason</th><th>next attempt</th></tr></thead>
            <tbody>
              {downloads.failures.map((one) => (
                <tr key={`${one.conversation} ${one.speaker}`} data-testid="failed-download">
                  <td>{one.conversation}, {one.speaker}<br /><span class="soft small">{one.url}</span></td>
                  <td><span class="code">{one.reason}</span><br /><span class="small">{one.message}</span></td>
                  <td data-name="next attempt">{one.next_attempt_at ? `${one.next_attempt_at.slice(5, 16).replace("T", " ")} UTC` : "none"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function Quarantine() {
  const { quarantine } = now.value;
  if (!quarantine || !Object.keys(quarantine.reasons).length) return null;
  const choose = (one: string): void => {
    reason.value = reason.value === one ? "" : one;
    ofReason.value = null;
    if (reason.value) void api.quarantine(reason.value).then((some) => (ofReason.value = some), failed);
  };
  const items = reason.value ? (ofReason.value?.items ?? []) : quarantine.items;
  return (
    <Section title="In quarantine" note="What could not be used, and why. The rest went on without it.">
      <fieldset class="choice" aria-label="reason">
        {Object.entries(quarantine.reasons).map(([one, number]) => <button key={one} aria-pressed={reason.value === one} onClick={() => choose(one)}>{one} {number}</button>)}
      </fieldset>
      <ul class="plain">{items.map((one) => <Quarantined key={one.key} item={one} />)}</ul>
    </Section>
  );
}

const DEAF = new Set(["not_audio", "empty", "not_a_file", "no_audio_stream"]); // reasons that say that there is nothing to hear

function Quarantined({ item }: { item: api.Quarantine["items"][number] }) {
  const hears = useRef(signal(false)).current;
  const refused = useRef(signal("")).current;
  const address = api.quarantineAddress(item.key, "sound.wav");
  const why = async (): Promise<void> => {
    const answer = await fetch(address).catch(() => null);
    refused.value = answer && !answer.ok ? ((await answer.json().catch(() => ({}))) as { detail?: string }).detail ?? "it cannot be heard" : "it cannot be heard";
  };
  return (
    <li data-testid="quarantined">
      <span class="code">{item.reason}</span> <span class="path">{item.key}</span>
      <br />
      <span class="soft small">{item.message}</span>
      {item.has_file && (
        <div class="bar">
          {!hears.value && !DEAF.has(item.reason) && <button onClick={() => (hears.value = true)}>Hear what is there</button>}
          {hears.value && !refused.value && <audio controls autoplay src={address} onError={() => void why()} />}
          {refused.value && <span class="small">{refused.value}</span>}
          <a href={api.quarantineAddress(item.key, "file")} download>Fetch the file</a>
        </div>
      )}
    </li>
  );
}

function Explained() {
  return (
    <Help title="What this page shows">
      <dl class="explained">
        <dt>Stations</dt><dd>Microphones that record here, or report here. The meter is the peak of the last second. Orange: somebody ought to look after it; the words beside it say why.</dd>
        <dt>Detected</dt><dd>What the model named, by tag and time. Click a number to list its events, Play to hear one, its time to see it on the timeline, where you can accept, correct or reject it. The margin says how far above the tag's threshold it was.</dd>
        <dt>The collection</dt><dd>Hours that count toward the target. Training clips and the demo are apart from it.</dd>
        <dt>Runs in Dagster</dt><dd>What is worked on, and what failed. Each links to its page in Dagster, where it can be looked into and started again.</dd>
        <dt>Downloads and uploads</dt><dd>Requests by state, with the reasons of those that failed: <code>soundmill download retry</code> tries them again.</dd>
        <dt>In quarantine</dt><dd>Files that could not be used. Hear as much of one as can be read, or fetch it, mend it, and land it again.</dd>
      </dl>
      <p>The page changes by itself; nothing needs to be loaded again. All times are UTC.</p>
    </Help>
  );
}
