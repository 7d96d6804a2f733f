// A plugin's file that becomes another one after it was looked at. A host that starts what lies there runs the other; ours
// runs the bytes that it has looked at, whenever it starts them.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findDeno } from "../../../runtime/host/plugins/sandbox/program.ts";
import { openBundleStore } from "../../../runtime/host/plugins/trust/store.ts";
import { Bench, saidIn } from "./bench.ts";

const deno = findDeno();
const skip = deno === undefined ? "there is no Deno for this platform (npm package deno)" : false;
const folder = mkdtempSync(join(tmpdir(), "systole-swapped-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A plugin that says who it is, and ends its process when it is told to. */
const pluginThatSays = (who: string): string => `export default { kind: "resource-agent", api: 1, spec: {
  name: "swapped", summary: "x", parameters: { type: "object", properties: { does: { type: "string" } } },
  async monitor(ctx) { if (ctx.params.does === "end") for (;;); return { failed: ${JSON.stringify(who)} }; },
  async start() {}, async stop() {},
} };`;

test("outside, what lies there when it is started runs, whatever was looked at before", { skip }, () => {
  const file = join(folder, "naive.mjs");
  const digest = (): string => createHash("sha512").update(readFileSync(file)).digest("hex");
  writeFileSync(file, `console.log("the bytes that were looked at");`);
  const looked = digest();
  writeFileSync(file, `console.log("other bytes");`);
  assert.notEqual(digest(), looked);
  assert.equal(
    execFileSync(deno ?? "", ["run", "--quiet", "--no-config", file], { encoding: "utf8" }),
    "other bytes\n",
  );
});

test("a plugin's file that is swapped before its process is started again", { skip, timeout: 60_000 }, async () => {
  const bench = new Bench(folder, { name: "swapped", source: pluginThatSays("the bytes that were looked at") });
  try {
    assert.equal(saidIn(await bench.attack({ does: "" })), "the bytes that were looked at");
    writeFileSync(join(folder, "swapped/swapped.js"), pluginThatSays("other bytes"));
    await bench.attack({ does: "end" }, { timeoutMs: 200 });
    await bench.until(({ code }) => code === "plugin-ended");
    assert.equal(saidIn(await bench.attack({ does: "" })), "the bytes that were looked at");
  } finally {
    await bench.close();
  }
});

test("a bundle that becomes another one in the store is not read", () => {
  const store = openBundleStore(join(folder, "store"));
  const sha512 = store.write(Buffer.from("export default 1;"));
  assert.equal(Buffer.from(store.read(sha512) ?? []).toString(), "export default 1;");
  writeFileSync(store.pathOf(sha512), "export default 2;");
  assert.equal(store.read(sha512), undefined);
});
