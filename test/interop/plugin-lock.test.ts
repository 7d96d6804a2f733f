// Do Pacemaker's own tools let the plugin lock stand in the CIB? They check it, plan with it, change something else, and the
// lock is read as before.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatXml, parseXml } from "../../runtime/compat/xml.ts";
import { applyEdits } from "../../runtime/kernel/cib/edits.ts";
import { addPluginEdits, updatePluginEdits } from "../../runtime/model/edits/plugin.ts";
import { readPluginLock } from "../../runtime/model/plugin-lock.ts";

const missing = ["crm_verify", "crm_simulate", "crm_attribute"].find(
  (tool) => spawnSync(tool, ["--version"]).status !== 0,
);
const skip = missing === undefined ? false : `${missing} is missing: install pacemaker-cli-utils`;

const CIB =
  parseXml(`<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1"><configuration>
<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="o1" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/></nodes><resources><primitive id="p" class="ocf" provider="systole" type="lamp"/></resources><constraints/></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/></status></cib>`);

test("crm_verify, crm_simulate and crm_attribute let the lock stand", { skip }, (t) => {
  const directory = mkdtempSync(join(tmpdir(), "systole-lock-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const version = { api: 1, source: `it's "quoted" & <angled>.tgz` };
  const permissions = { read: ["{file}", "/etc/*"], run: ["lampctl --all ..."] };
  let cib = CIB;
  for (const [make, letter] of [
    [addPluginEdits, "a"],
    [updatePluginEdits, "b"],
  ] as const) {
    const sha512 = `sha512-${letter.repeat(86)}==`;
    const result = make(cib, "resource-agent", "lamp", { ...version, sha512, permissions, grants: permissions });
    assert.ok(!("refused" in result));
    const edited = applyEdits(cib, result.edits);
    assert.ok(edited.ok);
    cib = edited.cib;
  }
  const file = join(directory, "cib.xml");
  writeFileSync(file, formatXml(cib));
  const run = (tool: string, ...words: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(tool, words, {
      encoding: "utf8",
      env: { ...process.env, CIB_file: file },
    });
    assert.equal(status, 0, `${tool}: ${stdout}${stderr}`);
    return stdout + stderr;
  };
  assert.doesNotMatch(run("crm_verify", "--xml-file", file, "--verbose"), /systole-plugin/);
  assert.match(run("crm_simulate", "--xml-file", file), /p\s+\(ocf:systole:lamp\)/);
  run("crm_attribute", "--name", "maintenance-mode", "--update", "true");
  const after = parseXml(readFileSync(file, "utf8"));
  assert.match(readFileSync(file, "utf8"), /maintenance-mode/);
  assert.deepEqual(readPluginLock(after), readPluginLock(cib));
  assert.equal(readPluginLock(after).plugins[0]?.previous?.source, version.source);
});
