// Sounds in a list: each to hear, and to open in the annotator at its moment.

import { signal } from "@preact/signals";
import { annotatorAddress } from "./api.ts";
import { Player } from "./player.ts";
import { clock, dayOf } from "./time.ts";
import type { Place } from "./training.ts";

export const problem = signal("");
const playing = signal("");
const AROUND = 2000; // ms that the annotator shows before and after

const player = new Player(
  () => player.isPlaying || (playing.value = ""),
  (why) => (problem.value = why),
);

const when = (place: Place): string => `${dayOf(Date.parse(place.start))} ${clock(Date.parse(place.start), 1000)}`;

export function Play({ place, of }: { place: Place; of: string }) {
  const key = `${place.source} ${place.start}`;
  const isPlaying = playing.value === key;
  const listen = (): void => {
    if (isPlaying) return player.stop();
    problem.value = "";
    void player.play(place.source, { from: Date.parse(place.start), to: Date.parse(place.end), loop: false });
    playing.value = key;
  };
  return <button data-testid="play" aria-label={`${isPlaying ? "stop" : "play"} ${of}, ${when(place)}`} onClick={listen}>{isPlaying ? "Stop" : "Play"}</button>;
}

/** Where a sound is: its moment, which opens it in the annotator, and its source. */
export function Where({ place }: { place: Place }) {
  const [from, to] = [Date.parse(place.start), Date.parse(place.end)];
  return (
    <>
      <a data-testid="open-sound" href={annotatorAddress(place.source, from - AROUND, to + AROUND)}>{when(place)}</a> <span class="soft">{place.source}, {((to - from) / 1000).toFixed(1)} s</span>
    </>
  );
}
