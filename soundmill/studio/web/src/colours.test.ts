import assert from "node:assert/strict";
import { test } from "node:test";
import { MAPS, table, tagColour } from "./colours.ts";

test("levels below and above the range have the map's ends, and all maps are whole", () => {
  for (const name of MAPS) {
    const colours = table(name, -90, -20);
    const ends = [colours.slice(3, 6), colours.slice(765, 768)].map((one) => one.join());
    assert.notEqual(ends[0], ends[1]);
    assert.equal(colours.length, 768);
  }
  assert.equal(table("grey", -100, -99)[3 * 255], 255);
});

test("a tag's colour follows its place, which never moves", () => {
  const tags = ["owl", "fox", "bell"];
  assert.equal(tagColour("fox", tags), tagColour("fox", [...tags, "dog"]));
  assert.notEqual(tagColour("fox", tags), tagColour("owl", tags));
});
