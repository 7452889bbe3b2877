// What the page of a source shows.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "./api.ts";
import { DayChart, NoiseChart } from "./charts.tsx";
import { table } from "./colours.ts";
import { shares, stretches, type Stretch } from "./coverage.ts";
import { follow, line, now } from "./live.ts";
import { Help } from "./help.tsx";
import { Level } from "./level.tsx";
import { ROWS } from "./tiles.ts";
import { DAY, clock, dayOf, length, startOfDay } from "./time.ts";

const NOISE_DAYS = 7;
const EVERY = 5000; // ms between two looks at what it hears now
const MOST_GAPS = 20;

const days = signal<api.Day[]>([]);
const counts = signal<Record<string, Record<string, number>>>({});
const day = signal("");
const parts = signal<{ from: number; to: number; stretches: Stretch[] } | null>(null);
const noise = signal<api.NoiseHour[]>([]);
const detected = signal<api.Detections | null>(null);
const problem = signal("");
const isLoaded = signal(false);

const failed = (error: Error): void => void (problem.value = error.message);

async function open(source: string, name: string): Promise<void> {
  day.value = name;
  const from = startOfDay(name);
  const to = Math.min(from + DAY, Math.max(from + 1, Date.now()));
  const [there, hours, found] = await Promise.all([api.timeline(source, from, to), api.noise(source, name, NOISE_DAYS), api.detections(from, to, "", "", source)]);
  if (name !== day.value) return;
  parts.value = { from, to, stretches: stretches(there.spans, from, to) };
  [noise.value, detected.value] = [hours, found];
}

export function SourcePage({ source }: { source: string }) {
  useEffect(() => {
    void Promise.all([api.days(source), api.labelCounts(source)])
      .then(([all, labels]) => {
        [days.value, counts.value, isLoaded.value] = [all, labels, true];
        return open(source, all.at(-1)?.day ?? dayOf(Date.now()));
      })
      .catch(failed);
    return follow();
  }, []);
  const station = now.value.stations?.find((one) => one.name === source);
  const sum = days.value.reduce((all, one) => all + one.seconds, 0);
  return (
    <>
      <div class="bar">
        <h1>{source}</h1>
        {station && <span class={station.alarms ? "code" : "soft"} data-testid="station">{station.state}{station.why ? `: ${station.why}` : ""}</span>}
        <span class="grow" />
        <a href={`/annotate?source=${encodeURIComponent(source)}${day.value && `&day=${day.value}`}`}>Hear and label it</a>
        <Explained />
      </div>
      {station && <Level peak={station.peak_dbfs} floor={station.floor_dbfs} name={source} />}
      {isLoaded.value && !days.value.length && <p>Nothing of {source} was stored yet. A run cuts what has landed within about a minute while Dagster's daemon runs (<code>soundmill dev</code>), or with <code>soundmill materialize day</code>.</p>}
      <div class="parts">
        <Now source={source} />
        <section class="part" aria-label="Days">
          <h2>Days</h2>
          <p class="soft small">{days.value.length} {days.value.length === 1 ? "day" : "days"}, {length(1000 * sum)} of sound.</p>
          <DayChart days={days.value} labels={counts.value} day={day.value} choose={(name) => void open(source, name).catch(failed)} />
        </section>
        <Coverage source={source} />
        <section class="part" aria-label="Noise floor">
          <h2>Noise floor</h2>
          {noise.value.length ? <NoiseChart hours={noise.value} /> : <p class="soft">No stored segments in the week before {day.value || "today"}.</p>}
        </section>
        <Named source={source} />
      </div>
      <p role="status" aria-live="polite" class="notice">{problem.value}{line.value === "broken" ? " Connection lost, trying again…" : ""}</p>
    </>
  );
}

const WORDS = { sound: "sound", silence: "silence, not kept", gap: "nothing was recorded" };

function Coverage({ source }: { source: string }) {
  const found = parts.value;
  if (!found) return null;
  const share = shares(found.stretches);
  const gaps = found.stretches.filter((one) => one.state === "gap");
  return (
    <section class="part" aria-label="Coverage">
      <h2>Coverage of {day.value}</h2>
      {now.value.runs && <p class="small"><a href={`${now.value.runs.address}/assets/captured_segments?partition=${day.value}`}>This day in Dagster</a></p>}
      <figure>
        <figcaption>{(["sound", "silence", "gap"] as const).map((one) => <span key={one} class="legend"><i class={`swatch ${one}`} /> {WORDS[one]} {(100 * share[one]).toFixed(1)} %</span>)}</figcaption>
        <svg class="coverage" data-testid="coverage" role="img" aria-label={`${(100 * share.sound).toFixed(1)} % sound, ${(100 * share.silence).toFixed(1)} % silence, ${(100 * share.gap).toFixed(1)} % gaps`} viewBox="0 0 1440 40" preserveAspectRatio="none">
          {found.stretches.map((one) => <rect key={one.start} class={one.state} x={((one.start - found.from) / DAY) * 1440} width={Math.max(0.5, ((one.end - one.start) / DAY) * 1440)} y="0" height="40" />)}
        </svg>
        <div class="hours soft small" aria-hidden="true">{[0, 6, 12, 18, 24].map((hour) => <span key={hour}>{String(hour).padStart(2, "0")}:00</span>)}</div>
      </figure>
      {gaps.length > 0 && (
        <details>
          <summary>{gaps.length} {gaps.length === 1 ? "gap" : "gaps"}</summary>
          <ul>
            {gaps.slice(0, MOST_GAPS).map((one) => <li key={one.start}><a href={api.annotatorAddress(source, one.start, one.end)}>{clock(one.start, 1000)} to {one.end === startOfDay(day.value) + DAY ? "24:00" : clock(one.end, 1000)}</a>, {length(one.end - one.start)}</li>)}
            {gaps.length > MOST_GAPS && <li>and {gaps.length - MOST_GAPS} more</li>}
          </ul>
        </details>
      )}
    </section>
  );
}

function Named({ source }: { source: string }) {
  const found = detected.value;
  if (!found?.total) return null;
  return (
    <section class="part" aria-label="Detected">
      <h2>Detected on {day.value}</h2>
      <p class="soft small">By {found.model}: {Object.entries(found.counts).map(([tag, hours]) => `${tag} ${Object.values(hours).reduce((sum, one) => sum + one, 0)}`).join(", ")}.</p>
      <ul class="plain">
        {found.events.slice(0, 10).map((one) => <li key={`${one.start} ${one.tag}`} data-testid="event-row"><a href={api.annotatorAddress(source, one.start, one.end)}>{clock(one.start, 1000)}</a> {one.tag}, {length(one.end - one.start)}, margin {one.score.toFixed(2)}</li>)}
      </ul>
    </section>
  );
}

/** The last minute, drawn anew every few seconds while the page is looked at. */
function Now({ source }: { source: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const said = useRef(signal("")).current;
  const isThere = useRef(signal(false)).current;
  useEffect(() => {
    const colours = table("magma", -100, -20);
    const look = async (): Promise<void> => {
      if (document.hidden) return;
      const answer = await fetch(api.newestAddress(source)).catch(() => null);
      if (answer?.status === 204) return void ((said.value = "Nothing of it has landed since yesterday."), (isThere.value = false));
      if (!answer?.ok) return void (said.value = "It cannot be read right now.");
      const data = new Uint8Array(await answer.arrayBuffer());
      const header = (name: string): number => Number(answer.headers.get(name));
      const [start, each, columns] = [header("x-start"), header("x-column-ms"), header("x-columns")];
      isThere.value = true;
      said.value = `The minute until ${dayOf(start + each * columns)} ${clock(start + each * columns, 1000)} UTC, 0 to ${(header("x-sample-rate") / 2000).toFixed(1)} kHz.`;
      draw(canvas.current, data, columns, colours);
    };
    void look();
    const again = setInterval(() => void look(), EVERY);
    return () => clearInterval(again);
  }, []);
  return (
    <section class="part wide-part" aria-label="Now">
      <h2>Now</h2>
      <canvas ref={canvas} class={isThere.value ? "now" : "now none"} data-testid="now" role="img" aria-label={`spectrogram: ${said.value}`} height={ROWS} width={937} />
      <p class="soft small">{said.value}</p>
    </section>
  );
}

function draw(canvas: HTMLCanvasElement | null, data: Uint8Array, columns: number, colours: Uint8ClampedArray): void {
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return;
  canvas.width = columns;
  const image = context.createImageData(columns, ROWS);
  for (let column = 0; column < columns; column++)
    for (let row = 0; row < ROWS; row++) {
      const value = data[column * ROWS + row]!;
      const place = 4 * ((ROWS - 1 - row) * columns + column);
      for (let part = 0; part < 3; part++) image.data[place + part] = colours[3 * value + part]!;
      image.data[place + 3] = value ? 255 : 0;
    }
  context.putImageData(image, 0, 0);
}

function Explained() {
  return (
    <Help title="What this page shows">
      <dl class="explained">
        <dt>Now</dt><dd>The last minute that landed, time from left to right, low frequencies below. It is drawn anew every few seconds.</dd>
        <dt>Days</dt><dd>Minutes of stored sound a day, and labels. Click a day to see its coverage, noise floor and detections.</dd>
        <dt>Coverage</dt><dd>Where there is sound, where the gate held silence back, and where nothing was recorded at all. A gap's time leads to the timeline around it.</dd>
        <dt>Noise floor</dt><dd>The level that one segment in ten stays under, for each hour of the week before. A floor that falls far within an hour is a cable that is out; one that rises is a fan, or rain.</dd>
      </dl>
    </Help>
  );
}
