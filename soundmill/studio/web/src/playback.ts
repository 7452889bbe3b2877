// What plays, and how: the one player of the page, and where it is.

import { signal } from "@preact/signals";
import type { Box } from "./boxes.ts";
import { Player } from "./player.ts";
import * as s from "./session.ts";

export const cursor = signal<number | null>(null);
export const playing = signal(false);
export const loops = signal(false);
export const speed = signal(1);
export const gain = signal(0);
export const onlyBand = signal(false);

export const player = new Player(
  () => (playing.value = player.isPlaying),
  (why) => (s.notice.value = why),
);

export function play(from: number, to: number, band: Box | null = null): void {
  const bounded = onlyBand.value && band && (band.low !== null || band.high !== null);
  player.options = { speed: speed.value, gainDb: gain.value, band: bounded ? { low: band.low ?? 0, high: band.high ?? 1e6 } : null };
  void player.play(s.source.value, { from, to, loop: loops.value });
}

export function playView(): void {
  if (playing.value) return player.stop();
  const { from, to } = s.view.value;
  const at = cursor.value !== null && cursor.value > from && cursor.value < to - 20 ? cursor.value : from;
  play(at, loops.value ? to : Math.max(to, at + 1));
}

export function playChosen(): void {
  const one = s.selectedBox.value ?? s.selectedPrediction.value;
  if (one) play(one.start, one.end, s.selectedBox.value);
}
