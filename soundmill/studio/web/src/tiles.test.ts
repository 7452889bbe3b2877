import assert from "node:assert/strict";
import { test } from "node:test";
import { DEEPEST, columnMs, levelFor, tileMs, tilesIn, versionOf } from "./tiles.ts";
import { DAY, HOUR } from "./time.ts";

test("a column is never wider than one and a half pixels, and never much narrower", () => {
  for (const span of [10_000, 60_000, HOUR, DAY, 30 * DAY, 365 * DAY]) {
    const pixels = columnMs(levelFor({ from: 0, to: span }, 1200)) / (span / 1200);
    assert.ok(pixels <= 1.5 && pixels > 0.7, `${span}: ${pixels}`);
  }
  assert.equal(levelFor({ from: 0, to: 10 }, 1200), 0);
  assert.equal(levelFor({ from: 0, to: 1e15 }, 100), DEEPEST);
});

test("tiles cover the view, and no more", () => {
  const view = { from: 5 * tileMs(3) + 1, to: 7 * tileMs(3) };
  assert.deepEqual(tilesIn(view, 3), [5, 6]);
});

test("a tile may be kept for ever only where the marks of all its hours are known", () => {
  const marks = new Map([[10, "a"], [11, "b"]]);
  const index = Math.floor((10.999 * HOUR) / tileMs(9));
  assert.equal(versionOf(0, Math.floor((10.5 * HOUR) / tileMs(0)), marks), "a");
  assert.equal(versionOf(9, index, marks), "a-b");
  assert.equal(versionOf(12, Math.floor((10 * HOUR) / tileMs(12)), marks), "");
});
