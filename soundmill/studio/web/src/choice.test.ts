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

test("background of a training day does not hide that it trains", () => {
  const back = choiceOf({ train_days: ["2025-01-01"], background_days: ["2025-01-01", "2025-01-05"], test_days: [] });
  assert.deepEqual([daysOf(back, "R"), daysOf(back, "Br")], [["2025-01-01"], ["2025-01-05"]]);
});

test("a split takes the place of the days that were marked", () => {
  const split = withSplit({ ...NOTHING, uses: marked(["2025-01-09", "Br"]) }, { train_days: ["2025-01-01"], test_days: ["2025-01-02"], background_days: ["2025-01-01"] });
  assert.deepEqual([...split.uses], [["2025-01-01", "R"], ["2025-01-02", "E"]]);
});

test("a month is laid out in weeks from Monday on", () => {
  const january = weeks("2025-01"); // begins on a Wednesday
  assert.deepEqual(january[0], [null, null, "2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04", "2025-01-05"]);
  assert.equal(january.length, 5);
  assert.equal(january.flat().filter(Boolean).length, 31);
  assert.equal(weeks("2024-02").flat().filter(Boolean).length, 29);
});
