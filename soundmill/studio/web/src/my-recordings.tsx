// What a speaker has read: to hear, to delete, to take back as a whole.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import * as api from "./api.ts";
import * as speaker from "./speaker.ts";

function MyRecordings() {
  const [secret, setSecret] = useState(location.hash.slice(1) || speaker.secret());
  const [told, setTold] = useState<api.Mine | null>(null);
  const [problem, setProblem] = useState("");
  const [asks, setAsks] = useState("");
  const load = async (): Promise<void> => {
    if (!secret) return;
    try {
      setTold(await api.mine(secret));
      setProblem("");
    } catch (error) {
      const { status, message } = error as api.Refused;
      setTold(null);
      setProblem(status === 404 ? "No speaker has this link: it is not whole, or of another studio." : message);
    }
  };
  useEffect(() => void load(), [secret]);
  useEffect(() => {
    const changed = (): void => setSecret(location.hash.slice(1));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  const remove = async (key = ""): Promise<void> => {
    setAsks("");
    try {
      await api.deleteMine(secret, key);
    } catch (error) {
      return setProblem((error as api.Refused).message);
    }
    await load();
  };
  if (!told) {
    return (
      <>
        {problem && <p class="problem" role="alert">{problem}</p>}
        <form class="stacked" onSubmit={(event) => { event.preventDefault(); location.hash = new FormData(event.currentTarget).get("link")!.toString().split("#").at(-1)!.trim(); }}>
          <p>Open the link that you got when you began to read, or paste it here. Nobody else can tell it to you.</p>
          <label for="link">Your link</label><input id="link" name="link" required />
          <button class="main">Show my recordings</button>
        </form>
      </>
    );
  }
  const living = told.consents.filter((one) => !one.withdrawn_at);
  return (
    <>
      {problem && <p class="problem" role="alert">{problem}</p>}
      <p>You are speaker <code>{told.speaker}</code>{told.accent && `, accent: ${told.accent}`}{told.microphone && `, microphone: ${told.microphone}`}. Nothing else is kept of you.</p>
      {told.withdrawn_at && <p class="verdict" data-testid="withdrawn">You withdrew everything on {day(told.withdrawn_at)}. Your recordings are deleted here; copies in the backup go with its next run, and whoever has a data set is told which to delete.</p>}
      {!told.withdrawn_at && (
        <>
          <h2>{told.takes.length} {told.takes.length === 1 ? "recording" : "recordings"}</h2>
          {told.takes.length > 0 && <div class="scroll"><table class="cards" data-testid="my-takes"><thead><tr><th scope="col">sentence</th><th scope="col">set</th><th scope="col">when</th><th scope="col">seconds</th><th scope="col"><span class="hidden">actions</span></th></tr></thead>
            <tbody>{told.takes.map((one) => (
              <tr key={one.key}>
                <td>{one.text}</td><td data-name="set">{one.set}</td><td class="moment" data-name="when">{day(one.recorded_at)}</td><td class="number" data-name="seconds">{one.seconds.toFixed(1)}</td>
                <td><Play path={`/api/my-recordings/${one.key}.wav`} secret={secret} of={one.text} />{" "}
                  {asks === one.key ? <><button class="main" onClick={() => void remove(one.key)}>Delete it for good</button> <button onClick={() => setAsks("")}>No</button></> : <button onClick={() => setAsks(one.key)} aria-label={`Delete: ${one.text}`}>Delete</button>}</td>
              </tr>))}</tbody></table></div>}
          <h2>Withdraw</h2>
          <p>Ends your consent, and deletes all your recordings. It cannot be undone.</p>
          {asks === "all" ? <p><button class="main" data-testid="withdraw-all" onClick={() => void remove()}>Yes, delete all my recordings for good</button> <button onClick={() => setAsks("")}>No</button></p>
            : <p><button data-testid="withdraw" onClick={() => setAsks("all")}>Withdraw my consent</button></p>}
        </>
      )}
      <h2>What you agreed to</h2>
      {!living.length && !told.consents.length && <p class="soft">Nothing.</p>}
      {told.consents.map((one) => (
        <details key={one.given_at}><summary>{one.set}, {day(one.given_at)}{one.withdrawn_at && `, withdrawn on ${day(one.withdrawn_at)}`}</summary>
          <p>For: {one.purposes.join(", ")}. Licence: {one.licence}.</p><p class="long pre">{one.text}</p></details>
      ))}
    </>
  );
}

const day = (moment: string): string => new Date(moment).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

export function Play({ path, secret = "", of }: { path: string; secret?: string; of: string }) {
  const [playing, setPlaying] = useState<AudioBufferSourceNode | null>(null);
  const [problem, setProblem] = useState("");
  const play = async (): Promise<void> => {
    if (playing) return playing.stop();
    try {
      const buffer = await api.takeSound(path, secret);
      const context = new AudioContext();
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(context.destination);
      source.onended = () => { setPlaying(null); void context.close(); };
      source.start();
      setPlaying(source);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return <>{problem ? <span class="soft">{problem}</span> : <button aria-label={`${playing ? "Stop" : "Play"}: ${of}`} onClick={() => void play()}>{playing ? "Stop" : "Play"}</button>}</>;
}

const place = document.getElementById("my-recordings");
if (place) render(<MyRecordings />, place);
