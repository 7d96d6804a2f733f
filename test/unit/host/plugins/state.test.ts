// What an instance remembers: kept over a restart, bounded, one file each whatever the instance is called.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openStateStore } from "../../../../runtime/host/plugins/state.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-state-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("kept over a restart, apart for each instance, gone when empty", () => {
  openStateStore(folder).of("db:0").set("role", "promoted");
  openStateStore(folder).of("../db").set("role", "other");
  const later = openStateStore(folder);
  assert.equal(later.of("db:0").get("role"), "promoted");
  assert.deepEqual(later.instances(), ["../db", "db:0"]);
  assert.deepEqual(readdirSync(folder).sort(), ["..%2Fdb.json", "db%3A0.json"]);
  later.of("db:0").remove("role");
  later.of("db:0").remove("role");
  assert.deepEqual(openStateStore(folder).instances(), ["../db"]);
});

test("too much is refused, and nothing is changed", () => {
  const state = openStateStore(folder).of("big");
  state.set("a", "1");
  assert.throws(() => state.set("b", "x".repeat(70_000)), {
    code: "generic",
    message: /would exceed 65536 bytes; nothing was changed/,
  });
  assert.deepEqual([state.get("a"), state.get("b")], ["1", undefined]);
});

test("a damaged file is no state", () => {
  writeFileSync(join(folder, "torn.json"), '{"a": "1');
  assert.equal(openStateStore(folder).of("torn").get("a"), undefined);
});
