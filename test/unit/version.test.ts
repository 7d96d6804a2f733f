// The release says the same of itself everywhere.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { SYSTOLE_VERSION } from "../../runtime/version.ts";

test("the version is that of package.json", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.equal(SYSTOLE_VERSION, version);
});
