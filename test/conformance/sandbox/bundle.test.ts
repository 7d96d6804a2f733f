// Attempts to take something into a plugin's bundle that is not its own, or to leave a door in it. Outside, esbuild as it is
// takes it in, or leaves the door; here the plugin is refused before a byte of it runs.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFile, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { bundlePlugin } from "../../../runtime/host/plugins/bundle.ts";
import { PluginError } from "../../../runtime/host/plugins/plugin-error.ts";

const PROOF = "the-proof-7f3a91";

/** A plugin's source. Got in is what the bundle then shows: the proof, or the door. */
interface Row {
  readonly source: string;
  /** What stands in a bundle with the door; the proof if not given. */
  readonly door?: string;
}

const TEXT = `with { type: "text" }`;
const ROWS: Readonly<Record<string, Row>> = {
  "a text beside the folder": { source: `import x from "../secret.txt" ${TEXT}; export default x;` },
  "JSON beside the folder": { source: `import x from "../secret.json"; export default x;` },
  "a script beside the folder": { source: `import x from "../secret.mjs"; export default x;` },
  "a script by its absolute path": { source: `import x from "FOLDER/secret.mjs"; export default x;` },
  "a script through a link in the folder": { source: `import x from "./link.mjs"; export default x;` },
  "a script through a link to a folder": { source: `import x from "./folder-link/secret.mjs"; export default x;` },
  "JSON through the names of package.json": { source: `import x from "#secret"; export default x;` },
  "a script by require": { source: `export default require("../secret.cjs");` },
  "a script by import() of a literal": { source: `export default await import("../secret.mjs");` },
  "bytes beside the folder": { source: `import x from "../secret.bin"; export default x;`, door: "dGhlLXByb29m" },
  "a file: address": { source: `import x from "file:///FOLDER/secret.mjs"; export default x;`, door: "file://" },
  "an http: address": { source: `import x from "http://127.0.0.1/x.mjs"; export default x;`, door: "http:" },
  "an https: address": { source: `import x from "https://127.0.0.1/x.mjs"; export default x;`, door: "https:" },
  "an npm: address": { source: `import x from "npm:left-pad"; export default x;`, door: "npm:" },
  "a jsr: address": { source: `import x from "jsr:@std/fs"; export default x;`, door: "jsr:" },
  "a blob: address": { source: `export default (u) => import("blob:" + u);`, door: "blob:" },
  "a data: address": { source: `export default import("data:text/javascript," + "export default 1");`, door: "data:" },
  "a computed address": { source: `export default (name) => import("node:" + name);`, door: "import(" },
  "an address in a template": { source: 'export default (name) => import("no" + `de:fs`);', door: "import(" },
  "a computed require": { source: `export default (name) => require(name);`, door: "equire" },
  "node:fs": { source: `import fs from "node:fs"; export default fs;`, door: "node:fs" },
  "fs without node:": { source: `import fs from "fs"; export default fs;`, door: `"fs"` },
  "node:child_process, handed on": {
    source: `export * from "node:child_process"; export default 1;`,
    door: "node:child_process",
  },
  "node:worker_threads by its names": {
    source: `import { Worker } from "node:worker_threads"; export default Worker;`,
    door: "node:worker_threads",
  },
  "node:module": {
    source: `import { createRequire } from "node:module"; export default createRequire;`,
    door: "node:module",
  },
  "node:process": { source: `import process from "node:process"; export default process;`, door: "node:process" },
  "node:vm": { source: `import vm from "node:vm"; export default vm;`, door: "node:vm" },
  "node:inspector": {
    source: `import inspector from "node:inspector"; export default inspector;`,
    door: "node:inspector",
  },
  "node:sqlite": {
    source: `import { DatabaseSync } from "node:sqlite"; export default DatabaseSync;`,
    door: "node:sqlite",
  },
  "import.meta": { source: `export default import.meta.url;`, door: "import.meta" },
};

const folder = mkdtempSync(join(tmpdir(), "systole-bundle-"));
const plugin = join(folder, "plugin");

before(() => {
  mkdirSync(plugin);
  for (const name of ["secret.mjs", "secret.cjs"])
    writeFileSync(join(folder, name), `${name.endsWith("cjs") ? "module.exports =" : "export default"} "${PROOF}";`);
  writeFileSync(join(folder, "secret.txt"), PROOF);
  writeFileSync(join(folder, "secret.bin"), PROOF);
  writeFileSync(join(folder, "secret.json"), JSON.stringify({ secret: PROOF }));
  symlinkSync("../secret.mjs", join(plugin, "link.mjs"));
  symlinkSync("..", join(plugin, "folder-link"));
  const imports = { "#secret": "./folder-link/secret.json" };
  writeFileSync(
    join(plugin, "package.json"),
    JSON.stringify({ name: "p", type: "module", main: "./plugin.js", imports }),
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** What esbuild makes of it when nobody looks. */
async function outside(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(plugin, "plugin.js")],
    ...{ bundle: true, write: false, platform: "node", format: "esm", logLevel: "silent" },
    external: ["file:*", "http:*", "https:*", "npm:*", "jsr:*"],
    loader: { ".txt": "text", ".bin": "base64" },
  });
  return outputFiles[0]?.text ?? "";
}

for (const [name, { source, door = PROOF }] of Object.entries(ROWS)) {
  test(`on the way into a bundle: ${name}`, async (t) => {
    writeFileSync(join(plugin, "plugin.js"), source.replace("FOLDER", folder));
    const made = await outside();
    t.diagnostic(`outside: ${made.includes(door) ? "got in" : "held"}`);
    assert.ok(made.includes(door), made);
    const refusal = await bundlePlugin("./plugin", folder, join(folder, "bundles")).then(
      () => undefined,
      (error: unknown) => error,
    );
    t.diagnostic(`bundler: ${refusal === undefined ? "got in" : "held"} (${String(refusal).slice(0, 160)})`);
    assert.ok(refusal instanceof PluginError, "it is refused in words");
  });
}

test("on the way into a bundle: a pipe, for whose other end one would wait", async (t) => {
  const pipe = join(plugin, "pipe.json");
  spawnSync("mkfifo", [pipe]);
  writeFileSync(join(plugin, "plugin.js"), `import x from "./pipe.json"; export default x;`);
  // Writes after a while, so that whoever waits does not wait for ever.
  const write = (): void =>
    void spawn("sh", ["-c", `sleep 1; timeout 5 sh -c 'echo {} > "$1"' sh "$1"`, "sh", pipe], { stdio: "ignore" });
  write();
  const startedMs = performance.now();
  await promisify(readFile)(pipe);
  assert.ok(performance.now() - startedMs > 500, "outside, whoever reads it waits");
  write();
  const refusal = await bundlePlugin("./plugin", folder, join(folder, "bundles")).catch((error: unknown) => error);
  t.diagnostic(`bundler: ${String(refusal).slice(0, 160)}`);
  assert.ok(refusal instanceof PluginError, "it is refused in words");
  assert.match(refusal.message, /no regular file/);
  rmSync(pipe);
});

for (const [what, settings] of Object.entries({
  "conditions within conditions, without end": () =>
    `{"name":"p","exports":${'{"import":'.repeat(50_000)}"x"${"}".repeat(50_000)}}`,
  "settings that are a pipe": undefined,
})) {
  test(`on the way into a bundle: ${what}`, async (t) => {
    const other = join(folder, `other-${settings === undefined}`);
    mkdirSync(other);
    const file = join(other, "package.json");
    if (settings === undefined) spawnSync("mkfifo", [file]);
    else {
      writeFileSync(file, settings());
      const naive = (exports: unknown): unknown =>
        typeof exports === "object" && exports !== null && "import" in exports ? naive(exports.import) : exports;
      assert.throws(() => naive(JSON.parse(settings()).exports), RangeError, "outside, nobody comes to its end");
    }
    const refusal = await bundlePlugin(`./${basename(other)}`, folder, join(folder, "bundles")).catch(
      (error: unknown) => error,
    );
    t.diagnostic(`bundler: ${String(refusal).slice(0, 160)}`);
    assert.ok(refusal instanceof PluginError, `it is refused in words, not ${String(refusal)}`);
  });
}
