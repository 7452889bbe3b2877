import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate, HANGOVER_SECONDS, thresholdsFor } from "./gate.ts";

const RATE = 16_000;
const quiet = (seconds: number): number[] => Array.from({ length: seconds * RATE }, (_, n) => 0.0003 * Math.sin(n * 1.7));
const loud = (seconds: number): number[] => Array.from({ length: seconds * RATE }, (_, n) => 0.1 * Math.sin(n / 5));
const run = (sound: number[], size = 1024) => {
  const gate = new Gate(RATE, thresholdsFor(-70));
  const found: { kind: string; at: number }[] = [];
  for (let from = 0; from < sound.length; from += size)
    for (const event of gate.push(Float32Array.from(sound.slice(from, from + size)), 1000 + from)) found.push({ kind: event.kind, at: (event.frame - 1000) / RATE });
  return found;
};

test("a word opens it, and silence after the last one ends it there", () => {
  const events = run([...quiet(1), ...loud(0.5), ...quiet(0.8), ...loud(0.4), ...quiet(2)]);
  assert.deepEqual(events.map((one) => one.kind), ["begin", "end"]);
  assert.ok(Math.abs(events[0]!.at - 1) < 0.06, String(events[0]!.at));
  assert.ok(events[0]!.at <= 1);
  assert.ok(Math.abs(events[1]!.at - 2.7) < 0.02, String(events[1]!.at));
});

test("a pause longer than the hangover parts two sentences", () => {
  const events = run([...quiet(1), ...loud(0.5), ...quiet(HANGOVER_SECONDS + 0.3), ...loud(0.4), ...quiet(2)]);
  assert.deepEqual(events.map((one) => one.kind), ["begin", "end", "begin", "end"]);
});

test("a click is no word", () => {
  assert.deepEqual(run([...quiet(1), ...loud(0.02), ...quiet(2)]), []);
});

test("blocks of any size give the same cuts", () => {
  const sound = [...quiet(0.5), ...loud(0.7), ...quiet(2)];
  assert.deepEqual(run(sound, 128), run(sound, 4096));
});

test("a noisy room asks for a louder voice, a quiet one never for a whisper of noise", () => {
  assert.ok(thresholdsFor(-50).start > thresholdsFor(-70).start);
  assert.ok(thresholdsFor(-10).start <= -20);
  for (const floor of [-90, -60, -40, -20]) assert.ok(thresholdsFor(floor).stop < thresholdsFor(floor).start);
});
