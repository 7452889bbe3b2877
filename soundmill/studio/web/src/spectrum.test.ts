import assert from "node:assert/strict";
import { test } from "node:test";
import { SIZE, spectrum } from "./spectrum.ts";

const sine = (bin: number, amplitude: number): Float32Array => Float32Array.from({ length: 2 * SIZE }, (_, at) => amplitude * Math.sin((2 * Math.PI * bin * at) / SIZE));

test("a sine at full scale is 0 dB at its own frequency, and nothing far from it", () => {
  const found = spectrum(sine(100, 1), 0);
  assert.ok(Math.abs(found[100]!) < 0.01, String(found[100]));
  assert.ok(found[300]! < -90, String(found[300]));
});

test("half the amplitude is 6 dB less, wherever it begins", () => {
  assert.ok(Math.abs(spectrum(sine(40, 0.5), 777)[40]! + 6.02) < 0.05);
});

test("beyond the samples there is silence", () => {
  assert.ok(Math.max(...spectrum(new Float32Array(10), 500)) <= -119);
});
