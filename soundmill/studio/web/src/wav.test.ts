import assert from "node:assert/strict";
import { test } from "node:test";
import { clippedMs, dbfs, levels, peakOf, plainlyWrong, wav, zerosMs } from "./wav.ts";

test("16-bit samples come back as they were", async () => {
  const steps = [0, 1, -1, 12_345, -32_768, 32_767];
  const bytes = await wav(Float32Array.from(steps, (one) => one / 32_768), 44_100).arrayBuffer();
  const view = new DataView(bytes);
  assert.equal(bytes.byteLength, 44 + 12);
  assert.equal(view.getUint32(24, true), 44_100);
  assert.deepEqual([...new Int16Array(bytes, 44)], steps);
});

test("samples beyond full scale are cut there", async () => {
  const bytes = await wav(Float32Array.of(1.5, -1.5), 8000).arrayBuffer();
  assert.deepEqual([...new Int16Array(bytes, 44)], [32_767, -32_768]);
});

test("levels, zeros and clipping are measured", () => {
  const tone = Float32Array.from({ length: 8000 }, (_, n) => 0.5 * Math.sin(n / 3));
  assert.ok(Math.abs(levels(tone, 8000)[5]! - dbfs(0.5 / Math.SQRT2)) < 0.3);
  assert.ok(Math.abs(peakOf(tone) - 0.5) < 0.01);
  assert.equal(zerosMs(Float32Array.of(1, 0, 0, 0, 0, 1), 1000), 4);
  assert.equal(clippedMs(Float32Array.of(1, 1, 0, 1, 1, 1, -1, 0), 1000), 4);
});

test("what is plainly wrong is said, and what is not is left to the studio", () => {
  const seconds = { shortest: 0.3, longest: 2 };
  const tone = (length: number, loud = 0.3): Float32Array => Float32Array.from({ length: length * 8000 }, (_, n) => loud * Math.sin(n / 3) + 1e-4);
  assert.equal(plainlyWrong(tone(1), 8000, false, seconds), "");
  assert.match(plainlyWrong(tone(1), 8000, true, seconds), /lost/);
  assert.match(plainlyWrong(tone(0.1), 8000, false, seconds), /short/);
  assert.match(plainlyWrong(tone(3), 8000, false, seconds), /longer/);
  assert.match(plainlyWrong(tone(1, 30), 8000, false, seconds), /loud/);
  const muted = tone(1);
  muted.fill(0, 100, 300);
  assert.match(plainlyWrong(muted, 8000, false, seconds), /no sound/);
});
