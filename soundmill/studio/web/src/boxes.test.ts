import assert from "node:assert/strict";
import { test } from "node:test";
import { added, banded, begin, changed, done, drawn, judged, longest, merged, redone, removed, snapped, sorted, split, unanswered, undone, visible, type Boxes } from "./boxes.ts";

const prediction = { start: 1000, end: 4000, tag: "owl", score: 1.5, probability: 0.9 };

test("a box drawn backwards is the same box, and none is without length", () => {
  const box = drawn(5000, 2000, "owl", 900, 300);
  assert.deepEqual([box.start, box.end, box.low, box.high], [2000, 5000, 300, 900]);
  assert.equal(drawn(1000, 1000, "owl").end, 1001);
});

test("a kept prediction that is corrected counts as moved, and a note does not move it", () => {
  const kept = judged(prediction, "yard", 3, "kept");
  assert.equal(changed([kept], kept.id, { note: "far away" })[0]!.state, "kept");
  const moved = changed([kept], kept.id, { end: 3500 })[0]!;
  assert.deepEqual([moved.state, moved.origin, moved.model, moved.model_version, moved.score], ["moved", "prediction", "yard", 3, 1.5]);
  const own = drawn(0, 10, "owl");
  assert.equal(changed([own], own.id, { tag: "fox" })[0]!.state, "drawn");
});

test("predictions are answered by boxes of the same version alone", () => {
  const answered = [judged(prediction, "yard", 3, "rejected")];
  assert.equal(unanswered([prediction], answered, "yard", 3).length, 0);
  assert.equal(unanswered([prediction], answered, "yard", 4).length, 1);
  assert.equal(unanswered([prediction], [drawn(1000, 4000, "owl")], "yard", 3).length, 1);
});

test("every step can be undone and redone, and a new step ends redoing", () => {
  let history = begin([]);
  const lists: Boxes[] = [history.now];
  for (let at = 0; at < 500; at++) {
    history = done(history, added(history.now, drawn(at * 10, at * 10 + 5, "owl")));
    lists.push(history.now);
  }
  for (let at = 499; at >= 0; at--) assert.equal((history = undone(history)).now, lists[at]);
  assert.equal(undone(history), history);
  for (let at = 1; at <= 500; at++) assert.equal((history = redone(history)).now, lists[at]);
  history = done(undone(history), []);
  assert.equal(redone(history), history);
});

test("what is in view is found whatever the lengths are", () => {
  const boxes = sorted(Array.from({ length: 400 }, (_, at) => drawn((at * 37) % 1000, ((at * 37) % 1000) + 1 + ((at * 53) % 300), "owl")));
  for (const [from, to] of [[0, 10], [500, 520], [990, 2000], [-5, -1]] as const) {
    const wanted = boxes.filter((box) => box.start < to && box.end > from);
    assert.deepEqual(visible(boxes, from, to, longest(boxes)), wanted);
  }
});

test("a removed box is gone, and the others stay in order", () => {
  const [a, b] = [drawn(20, 30, "owl"), drawn(0, 5, "fox")];
  const boxes = added(added([], a), b);
  assert.deepEqual(boxes.map((box) => box.tag), ["fox", "owl"]);
  assert.deepEqual(removed(boxes, a.id), [b]);
});

test("a box cut in two and merged again is the box it was", () => {
  const box = drawn(1000, 5000, "owl", 300, 900);
  const two = split([box], box.id, 3000);
  assert.deepEqual(two.map((one) => [one.start, one.end, one.tag, one.low, one.high]), [[1000, 3000, "owl", 300, 900], [3000, 5000, "owl", 300, 900]]);
  assert.notEqual(two[0]!.id, two[1]!.id);
  assert.deepEqual(merged(two, two[0]!.id), [box]);
  assert.deepEqual(split([box], box.id, 1000), [box]);
  assert.deepEqual(split([box], box.id, 900), [box]);
});

test("a prediction that is cut was moved, and merging takes only later boxes of the same tag that count", () => {
  const kept = judged(prediction, "yard", 3, "kept");
  assert.deepEqual(split([kept], kept.id, 2000).map((one) => [one.state, one.model, one.score]), [["moved", "yard", 1.5], ["moved", "yard", 1.5]]);
  const [one, fox] = [drawn(0, 10, "owl"), drawn(20, 30, "fox")];
  const rejected = judged({ ...prediction, start: 40, end: 50 }, "yard", 3, "rejected");
  assert.equal(merged([one, fox, rejected], one.id), null);
  const far = drawn(60, 70, "owl", 100, 200);
  assert.deepEqual(merged([one, fox, rejected, far], one.id)!.map((box) => [box.start, box.end, box.tag, box.low]), [[0, 70, "owl", null], [20, 30, "fox", null], [40, 50, "owl", null]]);
});

test("an edge joins the nearest one within reach, and no other", () => {
  assert.equal(snapped(100, [90, 95, 120], 10), 95);
  assert.equal(snapped(100, [80], 10), 100);
  assert.equal(snapped(100, [95], 0), 100);
});

test("a bound that is dragged past the other one takes its place, and no box is a line", () => {
  const box = drawn(0, 10, "owl", 1000, 3000);
  assert.deepEqual(banded(box, "high", -2500, 20_000), { low: 500, high: 1000 });
  assert.deepEqual(banded(box, "low", 500, 20_000), { low: 1500, high: 3000 });
  assert.deepEqual(banded(box, "high", -2000, 20_000), { low: 1000, high: 1400 });
  assert.deepEqual(banded(drawn(0, 10, "owl"), "low", 800, 20_000), { low: 800, high: 20_000 });
});
