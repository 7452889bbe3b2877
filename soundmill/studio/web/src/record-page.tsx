// Reading sentences aloud: consent, the microphone and its test, then a sentence at a time, by hand or by voice alone.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Help } from "./help.tsx";
import { type Action, listen, shown } from "./keys.ts";
import { devices, hasSettled, isOpen, level, obstacle } from "./microphone.ts";
import * as outbox from "./outbox.ts";
import * as r from "./recording.ts";
import * as speaker from "./speaker.ts";
import { thresholdsFor } from "./gate.ts";

const asksWhy = signal(false);

const ACTIONS: Action[] = [
  { group: "Read", keys: ["Space"], does: "start, stop, and go on", run: r.next },
  { group: "Read", keys: ["Backspace"], does: "read this sentence again", run: r.again },
  { group: "Read", keys: ["p"], does: "hear it, or stop", run: () => void r.play() },
  { group: "Read", keys: ["s"], does: "pass this sentence by", run: () => (asksWhy.value = !asksWhy.value) },
  { group: "Read", keys: ["ArrowRight"], does: "keep it, and go on", run: () => void r.keep() },
  { group: "Read", keys: ["ArrowLeft"], does: "back to the sentence before", run: () => void r.back() },
  { group: "Read", keys: ["h"], does: "hands-free, or not", run: () => r.setHandsFree(!r.handsFree.value) },
];

export function RecordPage({ place }: { place: HTMLElement }) {
  useEffect(() => {
    let stop = (): void => undefined;
    void r.start(place).then((then) => (stop = then));
    const deaf = listen(() => (r.about.value?.has_consented && isOpen.value ? ACTIONS : []));
    return () => { stop(); deaf(); };
  }, []);
  const about = r.about.value;
  if (!about) return <p role={r.problem.value ? "alert" : "status"} class={r.problem.value ? "problem" : "soft"}>{r.problem.value || "Loading…"}</p>;
  const why = obstacle();
  return (
    <div class="reading">
      {why && <CannotRecord why={why} />}
      {about.has_consented ? <Reading blocked={!!why} /> : <Consent />}
      <Outbox />
    </div>
  );
}

function CannotRecord({ why }: { why: string }) {
  if (why === "unsupported") return <p class="problem" role="alert">This browser cannot record: use a current Chrome, Edge, Firefox or Safari.</p>;
  const secure = Object.assign(new URL(location.href), { protocol: "https:" }).href;
  return (
    <div class="problem" role="alert">
      <p>This page cannot record here: browsers give the microphone only to pages by HTTPS, or of the machine itself, and this one came by plain HTTP.</p>
      <p>Ask whoever runs this studio to start it with <code>soundmill studio --tls</code>, and open <a href={secure}>{secure}</a>.</p>
    </div>
  );
}

function Consent() {
  const about = r.about.value!;
  const [allowed, setAllowed] = useState<string[]>([]);
  const [ofAge, setOfAge] = useState(false);
  const [accent, setAccent] = useState(about.accent);
  const [link, setLink] = useState("");
  const [problem, setProblem] = useState("");
  const isReady = allowed.length > 0 && ofAge;
  const agree = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      await r.consent(allowed, ofAge, accent);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const known = (event: SubmitEvent): void => {
    event.preventDefault();
    speaker.keep(link.split("#").at(-1)!.trim());
    void r.load();
  };
  return (
    <>
      {about.has_withdrawn && <p class="problem">You withdrew your consent, and your recordings are deleted. If you consent again, you begin anew.</p>}
      <form class="stacked consent" data-testid="consent" onSubmit={(event) => void agree(event)}>
        <h2>Before you begin</h2>
        {about.instructions && <p class="long pre">{about.instructions}</p>}
        <div class="agreement long pre" tabIndex={0} role="region" aria-label="What you agree to">{about.consent}</div>
        <p>Licence: <strong>{about.licence}</strong>. Language of the sentences: <strong>{about.language}</strong>.</p>
        <fieldset><legend>I agree that my recordings are used</legend>
          {Object.entries(about.purposes).map(([one, meaning]) => (
            <label key={one} class="tick"><input type="checkbox" name={one} checked={allowed.includes(one)} onChange={(event) => setAllowed(event.currentTarget.checked ? [...allowed, one] : allowed.filter((other) => other !== one))} /> {meaning}</label>
          ))}
        </fieldset>
        <label class="tick"><input type="checkbox" name="of-age" checked={ofAge} onChange={(event) => setOfAge(event.currentTarget.checked)} /> I am of age</label>
        <label for="accent">Your accent or dialect, such as Scottish (you may leave it empty)</label>
        <input id="accent" maxLength={200} value={accent} onInput={(event) => setAccent(event.currentTarget.value)} />
        {problem && <p class="problem" role="alert">{problem}</p>}
        <button class="main" disabled={!isReady}>I agree, begin</button>
      </form>
      <details><summary>I have read here before, on another device</summary>
        <form class="stacked" onSubmit={known}>
          <label for="link">Your link to your recordings</label>
          <input id="link" required value={link} onInput={(event) => setLink(event.currentTarget.value)} />
          <button>Go on as the same speaker</button>
        </form>
      </details>
    </>
  );
}

function Reading({ blocked }: { blocked: boolean }) {
  return (
    <>
      <Header />
      {r.isDone.value && !r.sound.value ? <Done /> : (
        <>
          <Sentence />
          {!blocked && (isOpen.value ? <><Meter /><Controls /></> : <Closed />)}
        </>
      )}
      <p role="status" aria-live="polite" class="notice">{r.notice.value}</p>
      <Verdict />
      {isOpen.value && <Room />}
    </>
  );
}

function Header() {
  const about = r.about.value!;
  return (
    <div class="bar">
      <span><strong>{r.count.value}</strong> read by you, {about.takes} of {about.wanted} in all</span>
      <span class="grow" />
      <button data-testid="back" disabled={!r.read.value.length || r.step.value === "recording" || r.step.value === "ending"} title="delete the recording before, and read its sentence once more (←)" onClick={() => void r.back()}>Back</button>
      <a href={speaker.link(speaker.secret())} target="_blank" rel="noopener">My recordings</a>
      <Help title="How to read">
        {about.instructions && <p class="long pre">{about.instructions}</p>}
        <ol class="steps">
          <li>Turn the microphone on, and test it: five seconds of silence, then a sentence.</li>
          <li>Read the sentence to yourself first. Press Space, speak, and press Space when you are done: what is said half a second before and after is kept, too.</li>
          <li>Space again keeps it and shows the next. P plays it, Backspace reads it again, S passes it by.</li>
          <li>Hands-free, nothing is pressed: speak, and the next sentence comes by itself.</li>
          <li>If the network is away, go on: recordings wait in this browser, also when it is closed, and are sent later.</li>
        </ol>
        <dl class="keylist">{ACTIONS.map((one) => <div key={one.does}><dt>{one.keys.map((key) => <kbd key={key}>{shown(key)}</kbd>)}</dt><dd>{one.does}</dd></div>)}</dl>
        <p><strong>Your link</strong>, to hear, delete or withdraw your recordings from any device. Keep it: nobody else can tell it to you.</p>
        <p class="long"><a href={speaker.link(speaker.secret())}>{speaker.link(speaker.secret())}</a></p>
      </Help>
    </div>
  );
}

function Sentence() {
  const current = r.prompt.value;
  const mood = r.step.value === "recording" ? (r.handsFree.value && !r.isSpeaking.value ? "listening" : "recording") : r.step.value;
  return (
    <div class={`sentence ${mood}`} lang={r.about.value!.language}>
      <p data-testid="prompt" aria-live="polite">{current ? current.text : "…"}</p>
      {r.queue.value[1] && <p class="soft small coming" aria-hidden="true">then: {r.queue.value[1].text}</p>}
    </div>
  );
}

function Closed() {
  return (
    <div class="bar">
      <button class="main" data-testid="microphone" onClick={() => void r.openMicrophone()}>Turn the microphone on</button>
      <span class="soft">The browser asks whether it may. Nothing is recorded before you start.</span>
    </div>
  );
}

function Meter() {
  const { peak, rms } = level.value;
  const held = useHeld(peak);
  const place = (db: number): string => `${Math.max(0, Math.min(100, (100 * (db + 60)) / 60))}%`;
  return (
    <div class="bar">
      <div class="meter" role="meter" aria-label="level of the microphone" aria-valuemin={-60} aria-valuemax={0} aria-valuenow={Math.round(Math.max(-60, rms))} aria-valuetext={`${Math.round(rms)} dBFS`}>
        <span class="well" style={{ left: place(-24), right: `calc(100% - ${place(-6)})` }} />
        <span class="rms" style={{ width: place(rms) }} />
        <span class={`peak${held > -2 ? " over" : ""}`} style={{ left: place(held) }} />
      </div>
      <span class="number small meter-text">{Math.max(-60, Math.round(held))} dBFS</span>
      <span class={`lamp${r.clipped.value ? " on" : ""}`} data-testid="clip">{r.clipped.value ? "distorted" : "not distorted"}</span>
      {!hasSettled.value && <span class="soft">one moment…</span>}
    </div>
  );
}

/** The highest level of the last second and a half. */
function useHeld(peak: number): number {
  const [held] = useState({ peak: -120, at: 0 });
  if (peak >= held.peak || Date.now() - held.at > 1500) Object.assign(held, { peak, at: Date.now() });
  return held.peak;
}

function Controls() {
  const step = r.step.value;
  const isRecording = step === "recording" || step === "ending";
  const main = step === "idle" ? "Start" : step === "recording" ? "Stop" : step === "ending" ? "…" : "Start again";
  const start = (): void => (step === "recording" ? void r.end() : r.beginTake());
  return (
    <>
      <div class="bar controls">
        {r.handsFree.value ? (
          <button data-testid="record" class="main" aria-pressed={true} onClick={() => r.setHandsFree(false)}>{r.isSpeaking.value ? "Listening: speak" : "Waiting for you to speak"}</button>
        ) : step === "review" ? (
          <button data-testid="keep" class="main" title="keep it, and go on (Space)" onClick={() => void r.keep()}>Keep, and go on <kbd>Space</kbd></button>
        ) : (
          <button data-testid="record" class={`main${isRecording ? " live" : ""}`} disabled={!r.prompt.value || !hasSettled.value || step === "ending" || !!r.testing.value} onClick={start}>{main} <kbd>Space</kbd></button>
        )}
        <button data-testid="play" disabled={!r.sound.value} aria-pressed={r.isPlaying.value} onClick={() => void r.play()}>{r.isPlaying.value ? "Stop" : "Play"} <kbd>P</kbd></button>
        <button data-testid="again" disabled={step !== "review" && step !== "recording"} onClick={r.again}>Again <kbd>⌫</kbd></button>
        <button data-testid="skip" disabled={isRecording || !r.prompt.value} aria-expanded={asksWhy.value} onClick={() => (asksWhy.value = !asksWhy.value)}>Skip <kbd>S</kbd></button>
        <span class="grow" />
        <label title={r.room.value ? "" : "test the microphone first: the test sets how loud you have to be"}>
          <input type="checkbox" data-testid="hands-free" disabled={!r.room.value || !!r.testing.value} checked={r.handsFree.value} onChange={(event) => r.setHandsFree(event.currentTarget.checked)} /> hands-free
        </label>
      </div>
      {asksWhy.value && (
        <div class="bar" role="group" aria-label="Why pass it by?"><span>Why?</span>
          {r.about.value!.skip_reasons.map((one) => <button key={one} onClick={() => { asksWhy.value = false; void r.skip(one); }}>{one}</button>)}
        </div>
      )}
    </>
  );
}

function Verdict() {
  const take = r.verdict.value;
  if (!take) return null;
  const said = take.verdict === "good" ? "good" : take.verdict === "check" ? "kept; somebody will listen to it" : "please read it again";
  return (
    <div class={`verdict ${take.verdict}`} data-testid="take-verdict" role="status">
      <p>“{take.text}”: <strong>{said}</strong></p>
      {!!take.reasons.length && <ul>{take.reasons.map((one) => <li key={one.rule}>{one.text}</li>)}</ul>}
    </div>
  );
}

function Room() {
  const room = r.room.value;
  const [found, setFound] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => void devices().then(setFound), []);
  const [wasOpen] = useState(!room); // whoever has just tested sees what came of it
  const processed = r.processing();
  const told = room && r.advice(room);
  const current = String(r.microphone.settings["deviceId"] ?? "");
  return (
    <details class="room" open={wasOpen || !!r.testing.value}>
      <summary>Microphone{room?.level != null && `: noise ${Math.round(room.floor)} dBFS, voice ${Math.round(room.level)} dBFS`}</summary>
      <div class="bar">
        <label>Device <select value={current} onChange={(event) => void r.openMicrophone(event.currentTarget.value)}>
          {found.map((one) => <option key={one.deviceId} value={one.deviceId}>{one.label || "microphone"}</option>)}
        </select></label>
        <button data-testid="test" disabled={!!r.testing.value || !hasSettled.value} onClick={() => void r.test()}>Test the microphone</button>
        <button onClick={() => r.microphone.close()}>Turn it off</button>
        <span class="soft">{Math.round(r.microphone.rate / 100) / 10} kHz</span>
      </div>
      {r.testing.value && <p class="sentence test" role="status" aria-live="assertive">{r.testing.value === "silence" ? "Be silent for five seconds…" : "Now speak, as loud as you will read: “The quick brown fox jumps over the lazy dog.”"}</p>}
      {!r.testing.value && told && room && (
        <p data-testid="room" class={told.good ? "" : "problem"}>{told.text} <span class="soft">Hands-free starts at {Math.round(thresholdsFor(room.floor).start)} dBFS, and ends 1.2 s after it falls below {Math.round(thresholdsFor(room.floor).stop)}.</span></p>
      )}
      {!room && !r.testing.value && <p class="soft">Test it once: five seconds of silence, then a sentence. Hands-free needs it.</p>}
      {!!processed.length && <p class="problem">This browser changes the sound although it was asked not to ({processed.join(", ")}): use another browser or microphone if you can. It is noted with each recording.</p>}
      <Accent />
    </details>
  );
}

function Accent() {
  const about = r.about.value!;
  const [accent, setAccent] = useState(about.accent);
  return (
    <div class="bar"><label>Accent <input maxLength={200} value={accent} onInput={(event) => setAccent(event.currentTarget.value)} onChange={() => void r.describe(accent, about.microphone).catch((error: Error) => (r.notice.value = `The accent could not be stored: ${error.message}.`))} /></label></div>
  );
}

function Done() {
  return (
    <div class="empty" data-testid="record-done">
      <h2>Thank you: there is nothing left for you to read</h2>
      <p>Every sentence of this set is read, or somebody reads it just now. <a href="/record">Other sets</a>, or <a href={speaker.link(speaker.secret())}>your recordings</a>.</p>
    </div>
  );
}

function Outbox() {
  const [isFull, setFull] = useState(false);
  const all = outbox.waiting.value.filter((one) => one.state !== "draft");
  const queued = all.filter((one) => one.state === "queued");
  const refused = all.filter((one) => one.state === "refused");
  useEffect(() => void navigator.storage?.estimate?.().then(({ quota = 0, usage = 0 }) => setFull(!!quota && quota - usage < 50e6)), [all.length]);
  return (
    <div data-testid="outbox" class="outbox" role="status">
      {queued.length > 0 && <p>{queued.length} {queued.length === 1 ? "recording waits" : "recordings wait"} in this browser to be sent{outbox.trouble.value && `: ${outbox.trouble.value}`}. You can go on, or close the page: they are sent when it is open again. <button onClick={outbox.wake}>Send now</button>{outbox.trouble.value === "sign in first" && <a href={`/sign-in?next=${encodeURIComponent(location.pathname)}`}> Sign in</a>}</p>}
      {refused.map((one) => <p key={one.key} class="problem">“{one.text}” was not taken: {one.why}. <a href={URL.createObjectURL(one.audio)} download="recording.wav">Save it</a> <button onClick={() => void outbox.drop(one.key)}>Delete it</button></p>)}
      {isFull && <p class="problem">This browser has little room left for recordings.</p>}
    </div>
  );
}
