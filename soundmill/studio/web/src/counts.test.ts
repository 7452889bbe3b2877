import assert from "node:assert/strict";
import { test } from "node:test";
import { grid } from "./counts.ts";
import { DAY, HOUR } from "./time.ts";

const NOON = Date.parse("2026-01-05T12:00:00Z");

test("a day has a column an hour, and nothing is lost or counted twice", () => {
  const found = grid({ owl: { [NOON]: 3, [NOON + HOUR]: 1 }, fox: { [NOON]: 9 } }, NOON - 12 * HOUR, NOON + 12 * HOUR, 24);
  assert.equal(found.each, HOUR);
  assert.equal(found.starts.length, 24);
  assert.deepEqual(found.rows.map((row) => [row.tag, row.sum]), [["fox", 9], ["owl", 4]]);
  assert.equal(found.rows[1]!.counts[12], 3);
  assert.equal(found.rows[1]!.counts[13], 1);
  assert.equal(found.most, 9);
});

test("a month is brought together until it fits", () => {
  const hours = Object.fromEntries(Array.from({ length: 31 * 24 }, (_, at) => [NOON - 31 * DAY + at * HOUR, 1]));
  const found = grid({ owl: hours }, NOON - 31 * DAY, NOON, 24);
  assert.ok(found.starts.length <= 24);
  assert.equal(found.rows[0]!.counts.reduce((sum, one) => sum + one, 0), 31 * 24);
});

test("an event that began before the span is counted in its first column", () => {
  const found = grid({ owl: { [NOON - HOUR]: 1 } }, NOON, NOON + HOUR, 24);
  assert.deepEqual(found.rows[0]!.counts, [1]);
});

test("nothing is an empty table", () => {
  assert.deepEqual(grid({}, NOON, NOON + HOUR, 24).rows, []);
});
