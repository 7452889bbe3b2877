import assert from "node:assert/strict";
import { test } from "node:test";
import { added, begin, changed, done, drawn, judged, longest, redone, removed, sorted, unanswered, undone, visible, type Boxes } from "./boxes.ts";

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
