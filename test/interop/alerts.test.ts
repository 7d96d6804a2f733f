// Pacemaker's own sample of an alert agent, run as an alert of Systole: it writes into its recipient's file what it writes there for
// Pacemaker. And Pacemaker's tools take a CIB whose alerts name plugins.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exampleAlerts } from "systole/sdk/testing";
import { createPluginHost } from "../../runtime/host/plugins/host.ts";

const SAMPLE = "/usr/share/pacemaker/alerts/alert_file.sh.sample";
const withoutSample = existsSync(SAMPLE) ? false : `${SAMPLE} is missing: install pacemaker`;
const verifies = spawnSync("crm_verify", ["--version"]).status === 0;
const withoutTools = verifies ? false : "crm_verify is missing: install pacemaker-cli-utils";

test("Pacemaker's sample agent writes what it writes for Pacemaker", { skip: withoutSample }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "systole-sample-"));
  chmodSync(folder, 0o755);
  const path = join(folder, "alert_file.sh");
  copyFileSync(SAMPLE, path);
  chmodSync(path, 0o755);
  const heard = join(folder, "heard");
  mkdirSync(heard);
  chmodSync(heard, 0o777);
  const host = createPluginHost({
    nodeName: "node1",
    stateDirectory: join(folder, "state"),
    plugins: [],
    pluginsBase: folder,
    childEnvironment: {},
    sandbox: { requireSandbox: false },
    alertFolders: [folder],
    version: "0.1.0",
    log: () => undefined,
    onEvent: () => undefined,
    onAttribute: () => undefined,
  });
  t.after(async () => {
    await host.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const recipient = join(heard, "log");
  const { node, fencing, resource, attribute } = exampleAlerts(recipient);
  for (const [at, alert] of [node, fencing, resource, attribute].entries()) {
    const sink = { id: "file", path, parameters: {}, recipient };
    assert.deepEqual(await host.callAlert({ id: at + 1, sink, alert, timeoutMs: 10_000 }), { outcome: "done" });
  }
  assert.deepEqual(readFileSync(recipient, "utf8").trim().split("\n"), [
    "15:07:09.001000: Node 'node2' is now 'member'",
    "15:07:09.002000: Fencing Operation reboot of node2 by node1 for systole@node1: OK",
    "15:07:09.003000: Resource operation 'monitor (10000)' for 'web' on 'node1': not running",
    "15:07:09.004000: Attribute 'ping' on node 'node1' was updated to '100'",
  ]);
});

test("crm_verify takes alerts that name plugins", { skip: withoutTools }, () => {
  const folder = mkdtempSync(join(tmpdir(), "systole-verify-"));
  const file = join(folder, "cib.xml");
  const alert = `<alert id="ops" path="systole:webhook"><meta_attributes id="ops-m"><nvpair id="ops-t" name="timeout" value="5s"/></meta_attributes><instance_attributes id="ops-i"><nvpair id="ops-k" name="key" value="k"/></instance_attributes><select><select_nodes/><select_attributes><attribute id="ops-a" name="ping"/></select_attributes></select><recipient id="ops-1" value="https://hooks.example.net/"/></alert>`;
  const off = `<crm_config><cluster_property_set id="o"><nvpair id="o-f" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>`;
  const configuration = `<configuration>${off}<nodes/><resources/><constraints/><alerts>${alert}</alerts></configuration>`;
  const counters = `validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"`;
  writeFileSync(file, `<cib ${counters}>${configuration}<status/></cib>`);
  const { status, stderr } = spawnSync("crm_verify", ["--xml-file", file, "-V"], { encoding: "utf8" });
  rmSync(folder, { recursive: true, force: true });
  assert.equal(status, 0, stderr);
});
