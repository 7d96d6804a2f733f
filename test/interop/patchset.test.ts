// Pacemaker's own crm_diff takes the patchsets that `systole cib diff` prints.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseXml } from "../../runtime/compat/xml.ts";
import { diffElements } from "../../runtime/kernel/cib/diff.ts";
import { CIB_TEXT, systole } from "../unit/cli/fake-node.ts";

const skip =
  spawnSync("crm_diff", ["--version"]).error === undefined
    ? false
    : "crm_diff is not installed (Debian: pacemaker-cli-utils)";

const LATER_TEXT = CIB_TEXT.replace('epoch="7"', 'epoch="8"')
  .replace('interval="10s"', 'interval="5s"')
  .replace(/<group id="desk">.*<\/group>/, "")
  .replace("<constraints/>", '<constraints><rsc_location id="l" rsc="web" node="n1" score="5"/></constraints>')
  .replace(/(<primitive id="power"[^>]*>)\n(<primitive id="web".*)/, "$2\n$1");

test("a patchset of ours, applied by crm_diff, leads to the same CIB", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "systole-patch-"));
  try {
    const [before, after, patch] = ["before.xml", "after.xml", "patch.xml"].map((name) => join(folder, name));
    assert.ok(before !== undefined && after !== undefined && patch !== undefined);
    writeFileSync(before, CIB_TEXT);
    writeFileSync(after, LATER_TEXT);
    const { code, out } = await systole(["cib", "diff", before, after]);
    assert.equal(code, 0);
    writeFileSync(patch, out);
    const ran = spawnSync("crm_diff", ["--original", before, "--patch", patch], { encoding: "utf8" });
    assert.equal(ran.status, 0, ran.stderr);
    assert.deepEqual(diffElements(parseXml(ran.stdout), parseXml(LATER_TEXT)), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
