// The index of a batch comes from outside: what is wrong with it is said, and nothing is written where it was not asked for.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systole } from "../fake-node.ts";

/** Runs a batch with that index; the code of its failure. */
async function failureOf(index: string | undefined, family?: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "systole-batch-"));
  try {
    if (index !== undefined) writeFileSync(join(folder, "index.json"), index);
    const before = readdirSync(folder);
    const words = ["simulate", "--json", "--batch", folder, "--out-dir", join(folder, "out")];
    const { out } = await systole([...words, ...(family === undefined ? [] : ["--family", family])]);
    assert.deepEqual(readdirSync(folder), before);
    return JSON.parse(out).error.code;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("an index that is missing or no index is refused", async () => {
  assert.equal(await failureOf(undefined), "file-unreadable");
  assert.equal(await failureOf('{"f":'), "bad-index");
  assert.equal(await failureOf("[]"), "bad-index");
});

test("names that lead out of the folder are refused before anything is written", async () => {
  assert.equal(await failureOf('{"f": {"good": {}, "../../up": {}}}'), "bad-index");
  assert.equal(await failureOf('{"../up": {"a": {}}}'), "bad-index");
  assert.equal(await failureOf('{"..": {"a": {}}}'), "bad-index");
  assert.equal(await failureOf('{"f": {"": {}}}'), "bad-index");
});

test("a family that is not there is refused", async () => {
  assert.equal(await failureOf('{"f": {}}', "g"), "unknown-family");
});
