import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY } from "./time.ts";
import { LONGEST, SHORTEST, around, bounded, moved, pinched, showing, span, toMs, toX, zoomed } from "./view.ts";

const view = { from: 10 * DAY, to: 11 * DAY };

test("zooming keeps the moment under the pointer where it is", () => {
  for (const factor of [0.1, 0.5, 2, 30]) {
    const about = view.from + 0.3 * DAY;
    assert.ok(Math.abs(toX(zoomed(view, factor, about), about, 1000) - 300) < 0.01);
  }
});

test("no view is shorter than a few samples, longer than a year, or before 1970", () => {
  assert.equal(span(zoomed(view, 1e-12, view.from)), SHORTEST);
  assert.equal(span(bounded({ from: 0, to: 1e13 })), LONGEST);
  assert.equal(zoomed({ from: 0, to: DAY }, 4, DAY / 2).from, 0);
  assert.equal(moved({ from: 1000, to: 2000 }, -5).from, 0);
});

test("a pixel and its moment are each other's", () => {
  for (const x of [0, 1, 500, 999]) assert.ok(Math.abs(toX(view, toMs(view, x, 1000), 1000) - x) < 1e-6);
});

test("what is shown already moves nothing, and what is outside comes in", () => {
  assert.equal(showing(view, view.from + 1000, view.from + 2000), view);
  for (const start of [view.from - 5 * DAY, view.to + 5 * DAY]) {
    const next = showing(view, start, start + 3000);
    assert.ok(next.from <= start && next.to >= start + 3000);
    assert.equal(Math.round(span(next)), DAY);
  }
  assert.ok(span(showing({ from: 0, to: 100 }, 1000, 5000)) > 4000);
  assert.ok(span(around(1000, 1003)) >= 100);
});

test("what lies below two fingers stays there", () => {
  const short = { from: 10_000, to: 20_000 };
  const after = pinched(short, [400, 600], [300, 900], 1000);
  assert.ok(Math.abs(after.to - after.from - 10_000 / 3) < 1e-6);
  assert.ok(Math.abs(toMs(after, 600, 1000) - toMs(short, 500, 1000)) < 1e-6);
  assert.deepEqual(pinched(short, [100, 300], [200, 400], 1000), { from: 9000, to: 19_000 });
});
