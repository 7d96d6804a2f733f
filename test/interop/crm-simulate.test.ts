// Does Pacemaker read our CIB as we mean it? The CIB of a running cluster is given to Debian's crm_simulate: idle, it must
// find nothing to do; with a node lost, it must plan what Systole then really does.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ApiClient } from "../../runtime/api/client.ts";
import { DemoCluster } from "../../runtime/cli/demo/cluster.ts";
import { demoConfiguration } from "../../runtime/cli/demo/cluster-xml.ts";
import { change, configurationOf, settledCoordinator, settledWeb } from "../../runtime/cli/demo/operator.ts";
import { ClusterWatch } from "../../runtime/cli/demo/watch.ts";
import { formatXml, parseXml } from "../../runtime/compat/xml.ts";
import { findProcesses, signalProcess } from "../../runtime/host/plugins/processes.ts";
import { childrenNamed, type Element } from "../../runtime/kernel/cib/element.ts";
import { schedule } from "../../runtime/services/scheduler/schedule.ts";

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "../../dist/systole.mjs");
const WAIT_MS = 30_000;
const CHANGES = ["start", "stop", "promote", "demote"];

const installed = spawnSync("crm_simulate", ["--version"]).status === 0;
const skip = installed ? false : "crm_simulate is missing: install pacemaker-cli-utils";

/** Every element of that name, wherever it is. */
function everywhere(element: Element, name: string): Element[] {
  return [...childrenNamed(element, name), ...element.children.flatMap((child) => everywhere(child, name))];
}

/** What crm_simulate would do: "start web n1", "stonith n2", sorted. */
function pacemakerPlans(cib: Element, directory: string): { actions: string[]; text: string } {
  const input = join(directory, "cib.xml");
  const graph = join(directory, "graph.xml");
  writeFileSync(input, formatXml(cib));
  const run = spawnSync("crm_simulate", ["--xml-file", input, "--run", "--save-graph", graph], {
    encoding: "utf8",
  });
  assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  const plan = parseXml(readFileSync(graph, "utf8"));
  const ofActions = (name: string): Element[] =>
    everywhere(plan, "action_set").flatMap((set) => childrenNamed(set, name));
  const operations = ofActions("rsc_op").map((action) => {
    const resource = childrenNamed(action, "primitive")[0]?.attributes["id"] ?? "";
    return { operation: action.attributes["operation"] ?? "", about: `${resource} ${action.attributes["on_node"]}` };
  });
  const fences = ofActions("crm_event").map((action) => {
    return { operation: action.attributes["operation"] ?? "", about: action.attributes["on_node"] ?? "" };
  });
  const actions = [...operations, ...fences].map(({ operation, about }) => `${operation} ${about}`);
  return { actions: [...new Set(actions)].sort(), text: `${run.stdout}${formatXml(plan)}` };
}

/** The CIB at a moment at which Systole itself wants nothing done. */
async function atRest(client: ApiClient): Promise<{ readonly element: Element }> {
  for (const deadline = performance.now() + WAIT_MS; ; ) {
    const queried = await client.call("cib-query", {});
    const plan = schedule(queried.element, { nowEpochSeconds: Math.floor(Date.now() / 1000), md5Hex });
    if (plan.graph.synapses.length === 0) return queried;
    assert.ok(performance.now() < deadline, "the cluster did not come to rest");
  }
}

function md5Hex(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

test("crm_simulate finds nothing to do in an idle cluster, and after a failure plans what Systole does", {
  skip,
}, async () => {
  const cluster = await DemoCluster.create({ program: PROGRAM, detectionTimeoutMs: 500 });
  const watch = new ClusterWatch(cluster.nodes);
  const power = join(cluster.directory, "power");
  mkdirSync(power);
  const device = (mode: string): Element => {
    const text = demoConfiguration(configurationOf(cluster));
    const parameters = `<nvpair id="power-directory" name="directory" value="${power}"/><nvpair id="power-mode" name="mode" value="${mode}"/>`;
    return parseXml(
      text
        .replace('type="systole:process-power"', 'type="systole:dummy"')
        .replace(/<nvpair id="power-parameters-(marker|value)"[^>]*>/g, "")
        .replace(
          '<instance_attributes id="power-parameters">',
          `<instance_attributes id="power-parameters">${parameters}`,
        ),
    );
  };
  try {
    for (const node of cluster.nodes) cluster.start(node);
    const first = await watch.waitFor((reports) => settledCoordinator(reports, 3), WAIT_MS);
    const client = first && watch.client(first.node.name);
    assert.ok(first && client, "no view of all three");
    await change(client, [{ edit: "replace-configuration", element: device("fail") }], "begin");
    const settled = await watch.waitFor((reports) => settledWeb(reports, 3), WAIT_MS);
    assert.ok(settled, "not every resource ran");

    const idle = await atRest(client);
    assert.deepEqual(pacemakerPlans(idle.element, cluster.directory).actions, [], "idle");

    const victim = cluster.nodes.find((node) => node.name === settled.web);
    assert.ok(victim && victim.name !== first.node.name, "web runs on another node than the coordinator");
    for (const identity of await findProcesses({ marker: `SYSTOLE_POWER_DOMAIN=${victim.directory}` })) {
      signalProcess(identity, "SIGKILL");
    }
    const refused = await watch.waitForEvent(
      (event) => event.code === "fence-failed" && event.node === victim.name,
      WAIT_MS,
    );
    assert.ok(refused, `the device did not refuse: ${watch.events.map((event) => event.text).join("\n")}`);
    const failed = await client.call("cib-query", {});
    const plan = pacemakerPlans(failed.element, cluster.directory);
    assert.ok(plan.actions.includes(`stonith ${victim.name}`), plan.text);

    const before = watch.events.length;
    await change(client, [{ edit: "replace-configuration", element: device("ok") }], "repair the device");
    assert.ok(await watch.waitFor((reports) => settledWeb(reports, 2), WAIT_MS), "did not recover");
    const seen = watch.events.slice(before);
    const did = seen.flatMap((event) => {
      if (event.kind === "operation" && CHANGES.includes(event.code))
        return [`${event.code} ${event.resource} ${event.node}`];
      return event.code === "fenced" ? [`stonith ${event.node}`] : [];
    });
    const expected = plan.actions.filter((action) => [...CHANGES, "stonith"].includes(action.split(" ")[0] ?? ""));
    // The repaired device has other parameters, so it is restarted too: that is none of the failure's consequences.
    const ofDevice = (action: string): boolean => action.split(" ")[1] === "power";
    assert.deepEqual(
      [...new Set(did)].filter((action) => !ofDevice(action)).sort(),
      expected.filter((action) => !ofDevice(action)),
    );
  } finally {
    watch.close();
    await cluster.dispose();
  }
});
