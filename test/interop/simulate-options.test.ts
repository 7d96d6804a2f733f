// What simulate prints for its options is what an installed crm_simulate prints, where Pacemaker 2.1 and 3.0 print the same.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { systole } from "../unit/cli/fake-node.ts";

const CIB = join(import.meta.dirname, "../golden/cli/files/shop.xml");
const skip =
  spawnSync("crm_simulate", ["--version"]).error === undefined
    ? false
    : "crm_simulate is not installed (Debian: pacemaker-cli-utils)";

// Pacemaker 2.1 counts injected failures in another way, and lists scores and utilization without bullets.
const OPTIONS = [
  "",
  "--show-attrs --show-failcounts",
  "--run --node-up n3 --node-fail n1 --ticket-grant hall --quorum 1",
  "--run --node-down n1 --ticket-grant hall --ticket-standby hall --ticket-activate hall --ticket-revoke hall",
  "--run --quorum 0",
  "--simulate --set-datetime 2026-12-01",
];

for (const options of OPTIONS) {
  test(`simulate ${options}`.trimEnd(), { skip }, async () => {
    const words = ["-x", CIB, ...options.split(" ").filter((word) => word !== "")];
    const reference = spawnSync("crm_simulate", words, { encoding: "utf8" });
    assert.equal(reference.status, 0, reference.stderr);
    const { code, out } = await systole(["simulate", ...words]);
    assert.equal(out, reference.stdout);
    assert.equal(code, 0);
  });
}
