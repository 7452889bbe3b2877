import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTHING, choiceOf, daysOf, specOf, weeks, withSplit, type Use } from "./choice.ts";

const marked = (...days: [string, Use][]): ReadonlyMap<string, Use> => new Map(days);

test("a choice becomes a specification, and comes back from it", () => {
  const choice = { ...NOTHING, tags: ["owl"], uses: marked(["2025-01-01", "R"], ["2025-01-02", "E"], ["2025-01-03", "Br"], ["2025-01-04", "Be"]), settings: { extractor: "yamnet" } };
  const spec = specOf(choice);
  assert.deepEqual([spec["train_days"], spec["test_days"], spec["background_days"], spec["test_background_days"]], [["2025-01-01"], ["2025-01-02"], ["2025-01-03"], ["2025-01-04"]]);
  const back = choiceOf(spec);
  assert.deepEqual([...back.uses].sort(), [...choice.uses].sort());
  assert.deepEqual([back.tags, back.settings], [["owl"], { extractor: "yamnet" }]);
});

test("without days of background it comes from the training days, unless there is to be none", () => {
  assert.equal(specOf({ ...NOTHING, uses: marked(["2025-01-01", "R"]) })["background_days"], null);
  const none = specOf({ ...NOTHING, uses: marked(["2025-01-01", "R"]), isWithoutBackground: true });
  assert.deepEqual(none["background_days"], []);
  assert.equal(choiceOf(none).isWithoutBackground, true);
});

test("days whose labels and whose background are used come back as they were", () => {
  const spec = { train_days: ["2025-01-01", "2025-01-02"], background_days: ["2025-01-01", "2025-01-07"], test_days: ["2025-01-05"], test_background_days: ["2025-01-05", "2025-01-06"] };
  const back = choiceOf(spec);
  assert.deepEqual([daysOf(back, "R"), daysOf(back, "Br"), daysOf(back, "E"), daysOf(back, "Be")], [["2025-01-01", "2025-01-02"], ["2025-01-07"], ["2025-01-05"], ["2025-01-06"]]);
  const again = specOf(back);
  assert.deepEqual([again["background_days"], again["test_background_days"]], [spec.background_days, spec.test_background_days]);
  assert.deepEqual(specOf(choiceOf({ test_days: ["2025-01-05"], test_background_days: [] }))["test_background_days"], []); // none at all
  assert.equal(specOf(choiceOf({ train_days: ["2025-01-01"], background_days: null }))["background_days"], null);
});

test("a split takes the place of the days that were marked, but for days of background", () => {
  const split = withSplit({ ...NOTHING, uses: marked(["2025-01-08", "R"], ["2025-01-09", "Br"], ["2025-01-02", "Be"]), isWithoutBackground: true }, { train_days: ["2025-01-01"], test_days: ["2025-01-02"], note: "" });
  assert.deepEqual([...split.uses].sort(), [["2025-01-01", "R"], ["2025-01-02", "E"], ["2025-01-09", "Br"]]);
  assert.equal(split.isWithoutBackground, true);
});

test("a month is laid out in weeks from Monday on", () => {
  const january = weeks("2025-01"); // begins on a Wednesday
  assert.deepEqual(january[0], [null, null, "2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04", "2025-01-05"]);
  assert.equal(january.length, 5);
  assert.equal(january.flat().filter(Boolean).length, 31);
  assert.equal(weeks("2024-02").flat().filter(Boolean).length, 29);
});
