// What ships: each plugin of the release is built into one closed file that is what its name says and imports nothing but
// what Node itself brings.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { checkManifest, KINDS, PLUGIN_KINDS } from "../../runtime/host/plugins/manifest.ts";
import { summarize } from "../../runtime/host/plugins/sandbox/guest/summary.ts";
import { API_VERSIONS } from "../../runtime/host/plugins/trust/api-version.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** TypeBox whole would be 170 kB; a plugin that grows beyond this has pulled something in. */
const LARGEST_PLUGIN_BYTES = 64 * 1024;

test("every plugin is built, closed, small, and what its name says", {
  skip: existsSync(`${ROOT}dist/.built`) ? false : "missing: dist (npm run build)",
}, async () => {
  for (const kind of readdirSync(`${ROOT}plugins`)) {
    for (const entry of readdirSync(`${ROOT}plugins/${kind}`)) {
      const name = entry.replace(/\.ts$/, "");
      const file = `${ROOT}dist/plugins/${kind}/${name}.mjs`;
      const imports = [...readFileSync(file, "utf8").matchAll(/^import .* from "([^"]+)";$/gm)].map(
        ([, from]) => from ?? "",
      );
      assert.deepEqual(
        imports.filter((from) => !from.startsWith("node:")),
        [],
        file,
      );
      assert.ok(statSync(file).size <= LARGEST_PLUGIN_BYTES, `${file} has ${statSync(file).size} bytes`);
      const module: unknown = await import(pathToFileURL(file).href);
      assert.ok(typeof module === "object" && module !== null && "default" in module);
      const plugin = checkManifest(summarize(module.default, PLUGIN_KINDS, API_VERSIONS), file);
      assert.equal(plugin.name, name);
      assert.equal(KINDS[plugin.kind].folder, kind);
    }
  }
});
