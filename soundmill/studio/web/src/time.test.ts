import assert from "node:assert/strict";
import { test } from "node:test";
import { parseClock } from "./clock.ts";
import { DAY, HOUR, axisLabel, axisMarks, clock, dayOf, length, startOfDay } from "./time.ts";

const at = Date.UTC(2026, 0, 5, 10, 15, 3, 644);

test("a moment is written in UTC, as exactly as it is looked at", () => {
  assert.equal(dayOf(at), "2026-01-05");
  assert.deepEqual([clock(at), clock(at, 1000), clock(at, HOUR)], ["10:15:03.644", "10:15:03", "10:15"]);
  assert.equal(startOfDay("2026-01-05"), Date.UTC(2026, 0, 5));
  assert.ok(Number.isNaN(startOfDay("5 January")));
});

test("a time of day that is typed is read, and nonsense is not", () => {
  assert.equal(parseClock("10:15:03.644"), at - Date.UTC(2026, 0, 5));
  assert.equal(parseClock(" 9:05 "), 9 * HOUR + 5 * 60_000);
  for (const text of ["25:00", "noon", "", "10:99x"]) assert.ok(Number.isNaN(parseClock(text)), text);
});

test("marks of an axis are round moments, and few enough", () => {
  for (const span of [20, 900, 60_000, HOUR, DAY, 90 * DAY]) {
    const { step, marks } = axisMarks(at, at + span, 10);
    assert.ok(marks.length <= 11 && marks.every((mark) => mark % step === 0));
  }
  assert.equal(axisLabel(startOfDay("2026-01-05"), HOUR), "01-05");
  assert.equal(axisLabel(at, 2 * DAY), "01-05");
});

test("lengths are in the unit that people would take", () => {
  assert.deepEqual([0.2, 40, 2350, 90_000, 12 * 60_000, 3 * HOUR, 5 * DAY].map(length), ["200 µs", "40 ms", "2.35 s", "90.0 s", "12 min", "3.0 h", "5 days"]);
});
