// Bundles under their digests: what is read is what was asked for, or nothing.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { digestOf } from "../../../../../runtime/host/plugins/package/bundler.ts";
import { openBundleStore } from "../../../../../runtime/host/plugins/trust/store.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-store-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const store = openBundleStore(join(folder, "agreed"));
const bytes = Uint8Array.from(Buffer.from("export default 1;"));

test("what was written is read; what was changed on the disk, or is not there, is not", () => {
  assert.equal(store.read(digestOf(bytes)), undefined);
  const sha512 = store.write(bytes);
  assert.equal(sha512, digestOf(bytes));
  assert.deepEqual(store.read(sha512), bytes);
  writeFileSync(store.pathOf(sha512), "export default 2;");
  assert.equal(store.read(sha512), undefined);
  assert.equal(store.write(bytes), sha512);
  assert.deepEqual(store.read(sha512), bytes);
});

test("what nothing names goes away in the end, what is named stays", () => {
  const named = store.write(bytes);
  for (let at = 0; at < 20; at += 1) store.write(Buffer.from(`export default ${at + 10};`));
  store.prune(new Set([named]));
  assert.deepEqual(store.read(named), bytes);
  assert.equal(readdirSync(join(folder, "agreed")).length, 1 + 8);
});

test("a folder that cannot be written says so", () => {
  writeFileSync(join(folder, "file"), "");
  assert.throws(
    () => openBundleStore(join(folder, "file")).write(bytes),
    /^PluginError: A bundle cannot be written to .*file: /,
  );
});
