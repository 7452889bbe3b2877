// Models: what each is defined as, how its versions do, and what the pipeline does with it now.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Refused } from "./api.ts";
import { Help } from "./help.tsx";
import { HOUR, clock, dayOf } from "./time.ts";
import * as api from "./training.ts";

const EVERY = 3000; // ms between two looks at what becomes of requests
const SHOWN = [["delivered_recall", "recall"], ["accw", "ACCw"], ["known_auroc", "AUROC"], ["false_positives_per_hour", "false alarms/h"]] as const;

const models = signal<api.Model[] | null>(null);
const requests = signal<api.Requests | null>(null);
const problem = signal("");
const said = signal("");

const failed = (error: Error): void => void (problem.value = (error as Refused).message);
const refusal = signal(""); // of what somebody asked for: it stays until they ask for something else

let asked = 0;
async function load(): Promise<void> {
  const mine = ++asked;
  const found = await api.models();
  if (mine === asked) models.value = found; // an answer that was overtaken is an old one
}

let isLooking = false;
async function look(): Promise<void> {
  if (isLooking) return;
  isLooking = true;
  try {
    await lookNow();
    problem.value = "";
  } finally {
    isLooking = false;
  }
}

async function lookNow(): Promise<void> {
  const now = await api.requests();
  const before = requests.value && new Map(requests.value.requests.map((one) => [one.model, `${one.state} ${one.text}`]));
  requests.value = now;
  const isNews = before && (now.requests.length !== before.size || now.requests.some((one) => before.get(one.model) !== `${one.state} ${one.text}`));
  if (isNews) await load();
}

export function ModelsPage({ may }: { may: boolean }) {
  useEffect(() => {
    void Promise.all([load(), look()]).catch(failed);
    const again = setInterval(() => void look().catch(failed), EVERY);
    return () => clearInterval(again);
  }, []);
  const all = models.value;
  return (
    <>
      <div class="bar">
        <h1>Models</h1>
        <span class="grow" />
        {may && <a class="button main" href="/models/new">New model</a>}
        <a class="button" href="/models/try">Try the champion</a>
        <Explained />
      </div>
      {(refusal.value || problem.value) && <p class="problem" role="alert">{refusal.value || problem.value}</p>}
      {requests.value?.problem && <p class="problem">{requests.value.problem}. Until it does, nothing is fitted by itself: <code>soundmill materialize osr_model evaluation_report --model NAME</code> does it by hand.</p>}
      {all?.length === 0 && <p class="soft">There is no model yet. Label some sounds on two days at least, on <a href="/annotate">Annotate</a> or with <code>soundmill labels import</code>, then {may ? <a href="/models/new">put a model together</a> : "an engineer puts a model together"}.</p>}
      {all?.map((one) => <ModelPart key={one.name} model={one} may={may} request={requests.value?.requests.find((request) => request.model === one.name)} />)}
      <p role="status" aria-live="polite" class={said.value ? "toast" : "hidden"}>{said.value}</p>
    </>
  );
}

function ModelPart({ model, may, request }: { model: api.Model; may: boolean; request: api.Request | undefined }) {
  const isChampion = model.versions.some((one) => one.champion);
  const [tags, sources] = [api.textsOf(model.spec, "tags"), api.textsOf(model.spec, "sources")];
  const named = model.versions[0] ? Object.keys(model.versions[0].support) : tags;
  return (
    <section class="model" data-testid="model-row" data-model={model.name} aria-label={model.name}>
      <div class="bar">
        <h2>{model.name}</h2>
        {isChampion && <span class="badge">champion</span>}
        {request && <State request={request} />}
        <span class="grow" />
        {may && <a href={`/models/new?change=${encodeURIComponent(model.name)}`}>Change</a>}
        {may && <a href={`/models/new?from=${encodeURIComponent(model.name)}`}>Copy</a>}
        {may && <Delete model={model} isChampion={isChampion} />}
      </div>
      <p class="soft small">
        {tags.length ? tags.join(", ") : `every labelled tag${named.length ? ` (${named.join(", ")})` : ""}`}; {String(model.spec["extractor"])}
        {sources.length ? `; of ${sources.join(", ")}` : ""}; defined {api.moment(model.defined_at)} UTC
      </p>
      {model.versions.length > 0 && (
        <div class="beside versions">
          <div class="scroll">
            <table class="events">
              <thead><tr><th>version</th><th class="less">fitted (UTC)</th><th class="number less">sounds</th>{SHOWN.map(([name, words]) => <th key={name} class="number">{words}</th>)}<th><span class="hidden">promote</span></th></tr></thead>
              <tbody>{model.versions.map((one) => <VersionRow key={one.version} model={model.name} version={one} may={may} />)}</tbody>
            </table>
          </div>
          <Trend model={model} />
        </div>
      )}
    </section>
  );
}

function State({ request }: { request: api.Request }) {
  const isBusy = request.state === "queued" || request.state === "fitting" || request.state === "evaluating";
  const since = isBusy && request.since ? `, since ${clock(Date.parse(request.since), 1000)} UTC` : "";
  return (
    <span class={`request ${request.state}`} data-testid="request" data-state={request.state}>
      {isBusy && <span class="turning" aria-hidden="true" />}
      {request.state === "failed" ? <strong>{request.text}</strong> : request.text}{since}
      {request.link && request.state !== "done" && <> <a href={request.link}>see its run</a></>}
    </span>
  );
}

function VersionRow({ model, version, may }: { model: string; version: api.Version; may: boolean }) {
  const head = version.headline as Record<string, number | null> | null;
  const sum = Object.values(version.support).reduce((total, one) => total + one, 0);
  return (
    <>
      <tr data-testid="version-row" data-version={version.version} class={version.champion ? "chosen" : ""}>
        <td><a href={api.versionAddress(model, version.version)}>{model} {version.version}</a>{version.champion && <span class="badge">champion</span>}</td>
        <td class="less">{dayOf(Date.parse(version.fitted_at))} {clock(Date.parse(version.fitted_at), HOUR)}</td>
        <td class="number less" title={Object.entries(version.support).map(([tag, number]) => `${number} ${tag}`).join(", ")}>{sum}</td>
        {SHOWN.map(([name]) => (
          <td key={name} class="number">{head ? api.figure(head[name]) : "–"}<br /><span class="soft small less">{api.interval(version.intervals[name])}</span></td>
        ))}
        <td>{may && !version.champion && <Promote model={model} version={version.version} isTested={head !== null} done={(words) => { said.value = words; void load().catch(failed); }} refused={(error) => (refusal.value = error.message)} />}</td>
      </tr>
      {(version.promotion || version.because || !head) && (
        <tr class="more"><td colSpan={4 + SHOWN.length} class="soft small wraps">{[api.standing(version), head ? "" : "not evaluated: it has no report yet"].filter(Boolean).join("; ")}</td></tr>
      )}
    </>
  );
}

/** ACCw of each version with its interval, the oldest first. */
function Trend({ model }: { model: api.Model }) {
  const points = [...model.versions].reverse().flatMap((one) => (one.headline?.accw == null ? [] : [{ version: one.version, value: one.headline.accw, bounds: one.intervals["accw"] }]));
  if (points.length < 2) return null;
  const [width, height, side] = [260, 96, 26];
  const x = (at: number): number => side + (at * (width - 2 * side)) / (points.length - 1);
  const y = (value: number): number => 8 + (1 - value) * (height - 28);
  return (
    <figure>
      <figcaption>ACCw over versions, on the test days of each</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} class="trend" role="img" aria-label={points.map((one) => `version ${one.version}: ${api.figure(one.value)}`).join(", ")}>
        {[0, 0.5, 1].map((value) => <g key={value}><line class="grid" x1={side} x2={width - 6} y1={y(value)} y2={y(value)} /><text x={side - 4} y={y(value) + 4} text-anchor="end">{value}</text></g>)}
        {points.map((one, at) => one.bounds && <line key={one.version} class="bound" x1={x(at)} x2={x(at)} y1={y(one.bounds[0]!)} y2={y(one.bounds[1]!)} />)}
        <polyline class="curve" points={points.map((one, at) => `${x(at)},${y(one.value)}`).join(" ")} />
        {points.map((one, at) => <g key={one.version}><circle class="point" cx={x(at)} cy={y(one.value)} r="3.5" /><text x={x(at)} y={height - 4} text-anchor="middle">{one.version}</text></g>)}
      </svg>
    </figure>
  );
}

export function Promote({ model, version, isTested, done, refused }: { model: string; version: number; isTested: boolean; done: (words: string) => void; refused: (error: Error) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const reason = useRef<HTMLInputElement>(null);
  const promote = (event: Event): void => {
    event.preventDefault();
    dialog.current!.close();
    void api.promote(model, version, reason.current!.value.trim()).then(() => done(`${model} ${version} is the champion: detections of past days are made anew, the newest first`), refused);
  };
  return (
    <>
      <button data-testid="promote" onClick={() => dialog.current!.showModal()}>Promote</button>
      <dialog ref={dialog} aria-labelledby={`promote-${model}-${version}`}>
        <form class="stacked" onSubmit={promote}>
          <h2 id={`promote-${model}-${version}`}>Make {model} {version} the champion</h2>
          <p>Its verdicts become the detections, live at once. Detections of past days are made anew; those of the champion before are kept under its name.</p>
          {!isTested && <p class="verdict check">It has not been evaluated: nobody knows how good it is.</p>}
          <label>Why <input ref={reason} required maxLength={500} placeholder="fewer false alarms at night" autoFocus /></label>
          <p class="bar"><button class="main">Promote</button><button type="button" onClick={() => dialog.current!.close()}>Cancel</button></p>
        </form>
      </dialog>
    </>
  );
}

function Delete({ model, isChampion }: { model: api.Model; isChampion: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const remove = (): void => {
    dialog.current!.close();
    void api.remove(model.name).then(() => {
      said.value = `${model.name} is deleted`;
      refusal.value = "";
      return load();
    }).catch((error: Error) => (refusal.value = error.message));
  };
  const number = model.versions.length;
  return (
    <>
      <button class="plain" data-testid="delete" onClick={() => dialog.current!.showModal()}>Delete</button>
      <dialog ref={dialog} aria-labelledby={`delete-${model.name}`}>
        <h2 id={`delete-${model.name}`}>Delete {model.name}?</h2>
        <p>{number ? `It goes with ${number === 1 ? "its version" : `all ${number} versions`}, for good.` : "It has not been fitted."} Its detections and reports stay.{isChampion && " One of its versions is the champion: without one, nothing is detected until another is promoted."}</p>
        <p class="bar"><button class="main" data-testid="really-delete" onClick={remove}>Delete</button><button onClick={() => dialog.current!.close()} autoFocus>Keep it</button></p>
      </dialog>
    </>
  );
}

function Explained() {
  return (
    <Help title="What this page shows">
      <dl class="explained">
        <dt>A model and its versions</dt><dd>A model is defined by its tags, days and settings. Each fit of it is a version, which never changes. The same definition on the same labels is the same version.</dd>
        <dt>The champion</dt><dd>The one version whose verdicts become detections. A later one takes its place by itself when it is better beyond chance on days new to both, or when you promote it.</dd>
        <dt>Recall</dt><dd>The share of known test sounds that got their right name, as the mean of the tags.</dd>
        <dt>ACCw</dt><dd>The mean of two shares: known sounds named rightly, and others called “other”.</dd>
        <dt>AUROC</dt><dd>How well known sounds stand apart from all others; 0.5 is chance, 1 perfect.</dd>
        <dt>False alarms/h</dt><dd>Names given in an hour of unlabelled sound. A name is a false alarm there even if someone merely forgot to label the sound.</dd>
        <dt>Small figures</dt><dd>95 % of bootstraps: how far chance in the choice of test sounds moves the figure.</dd>
      </dl>
    </Help>
  );
}
