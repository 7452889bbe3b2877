import assert from "node:assert/strict";
import { test } from "node:test";
import { combination, shown } from "./keys.ts";

const pressed = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {}): string =>
  combination({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

test("a key is written one way, whatever keyboard it is on", () => {
  assert.equal(pressed(" "), "Space");
  assert.equal(pressed("Z", { ctrlKey: true, shiftKey: true }), "Ctrl+Shift+z");
  assert.equal(pressed("z", { metaKey: true }), "Ctrl+z");
  assert.equal(pressed("?", { shiftKey: true }), "?"); // Shift is how this character is typed
  assert.equal(pressed("ArrowLeft", { shiftKey: true }), "Shift+ArrowLeft");
});

test("keys are shown as they are printed on a keyboard", () => {
  assert.deepEqual(["Ctrl+Shift+z", "Shift+ArrowLeft", "+", "Space"].map(shown), ["Ctrl + Shift + Z", "Shift + ←", "+", "Space"]);
});
