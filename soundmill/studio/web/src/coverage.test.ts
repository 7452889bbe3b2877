import assert from "node:assert/strict";
import { test } from "node:test";
import { shares, stretches } from "./coverage.ts";

test("what is between spans is a gap, a seam is none, and all of it adds up", () => {
  const found = stretches(
    [
      { start: -500, end: 10_000, state: "sound" },
      { start: 10_003, end: 20_000, state: "silence" },
      { start: 50_000, end: 200_000, state: "sound" },
    ],
    0,
    100_000,
  );
  assert.deepEqual(found, [
    { start: 0, end: 10_000, state: "sound" },
    { start: 10_000, end: 20_000, state: "silence" },
    { start: 20_000, end: 50_000, state: "gap" },
    { start: 50_000, end: 100_000, state: "sound" },
  ]);
  assert.deepEqual(shares(found), { sound: 0.6, silence: 0.1, gap: 0.3 });
});

test("spans that overlap are counted once, and nothing is one long gap", () => {
  assert.deepEqual(shares(stretches([{ start: 0, end: 60, state: "sound" }, { start: 30, end: 100_000, state: "sound" }], 0, 100_000)), { sound: 1, silence: 0, gap: 0 });
  assert.deepEqual(stretches([], 0, 5000), [{ start: 0, end: 5000, state: "gap" }]);
});
