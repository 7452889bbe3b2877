// Bundles the pages' scripts into soundmill/studio/static/built, aside first, so that no page meets half of it. `--watch` goes on.

import { build, context } from "esbuild";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const built = join(here, "../static/built");
const aside = `${built}.new`;
const pages = ["annotator", "dashboard", "model", "model-builder", "model-try", "models", "my-recordings", "record", "round", "source", "takes"];
const worklets = ["capture-worklet"]; // which the browser's sound thread loads by themselves

const options = (outdir) => ({
  absWorkingDir: here,
  entryPoints: [...pages.map((name) => `src/${name}.tsx`), ...worklets.map((name) => `src/${name}.ts`)],
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  metafile: true,
  logLevel: "warning",
});

const manifest = (result) => JSON.stringify({ outputs: result.metafile.outputs });

if (process.argv.includes("--watch")) {
  const note = { name: "note", setup: (one) => one.onEnd((result) => result.metafile && writeFileSync(join(built, "meta.json"), manifest(result))) };
  await (await context({ ...options(built), plugins: [note] })).watch();
} else {
  rmSync(aside, { recursive: true, force: true });
  const result = await build(options(aside));
  writeFileSync(join(aside, "meta.json"), manifest(result));
  rmSync(built, { recursive: true, force: true });
  renameSync(aside, built);
  console.log(`built ${pages.join(", ")}: ${readdirSync(built).filter((name) => name.endsWith(".js")).length} scripts`);
}
