// Explaining changes nothing, leaves nothing without a reason, and its sums come out.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { md5Hex } from "../../../../../runtime/host/md5.ts";
import type { Element } from "../../../../../runtime/kernel/cib/element.ts";
import { explainReport } from "../../../../../runtime/services/scheduler/explain/report.ts";
import { schedule } from "../../../../../runtime/services/scheduler/schedule.ts";
import { cibFromLines } from "../../../../golden/scheduler/cib-text.ts";
import { randomCluster } from "./random-cib.ts";

const RUNS = 200;
const SEED = 20261122;

function plan(cib: Element, explain: boolean) {
  return schedule(cib, { nowEpochSeconds: 1_000_600, md5Hex, explain });
}

test("a plan is the same with reasons as without", () => {
  fc.assert(
    fc.property(randomCluster, ({ cib }) => {
      const plain = plan(cib, false);
      const explained = plan(cib, true);
      const synapses = explained.graph.synapses.map((synapse) => {
        const { cause, ...action } = synapse.action;
        return { ...synapse, action };
      });
      assert.deepEqual({ ...explained.graph, synapses }, plain.graph);
      assert.deepEqual(explained.summary, plain.summary);
      const bare = explained.placements.map((place) => ({ ...place, causes: [] }));
      assert.deepEqual(bare, plain.placements);
      assert.equal(plain.explanation, undefined);
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

test("every place, every node that was not taken and every action has a reason, and scores add up", () => {
  fc.assert(
    fc.property(randomCluster, ({ cib }) => {
      const { explanation, placements, graph } = plan(cib, true);
      assert.equal(explanation?.instances.length, placements.length);
      for (const { because, nodes, node, resource } of explanation?.instances ?? []) {
        assert.ok(because.length > 0 && because.every(({ text }) => text !== ""), resource);
        for (const other of nodes) {
          assert.equal(other.excluded === undefined, other.node === node, `${resource} on ${other.node}`);
          const last = other.steps[other.steps.length - 1];
          // Nothing came into a score without saying why.
          assert.ok(
            other.steps.every(({ reason }) => reason.code !== "internal"),
            `${resource} on ${other.node}`,
          );
          if (last !== undefined) assert.equal(last.score, other.score, `${resource} on ${other.node}`);
        }
      }
      for (const { action } of graph.synapses) {
        if (action.kind !== "pseudo") assert.ok(action.cause?.text, action.operationKey);
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

test("a reason is data too", () => {
  const cib = cibFromLines(`nodes n1 n2
property stonith-enabled=false
<primitive id="db" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="m"><nvpair id="t" name="migration-threshold" value="3"/><nvpair id="f" name="failure-timeout" value="1400s"/></meta_attributes></primitive>
ran db start n2 0
ran db monitor n1 7
score fail-count-db#monitor_10000 n1 3
score last-failure-db#monitor_10000 n1 1000000`);
  const n1 = plan(cib, true).explanation?.instances[0]?.nodes.find(({ node }) => node === "n1");
  assert.deepEqual(n1?.excluded, {
    code: "failures",
    text: "fail-count of db is 3 on n1, migration-threshold 3, expires in 14 min",
    resource: "db",
    node: "n1",
    count: 3,
    threshold: 3,
    expiresInSeconds: 801,
  });
  assert.equal(n1?.score, -1_000_000);
});

test("a report is about what was asked for", () => {
  const cib = cibFromLines(`nodes n1 n2
property stonith-enabled=false
<group id="stack"><primitive id="ip" class="ocf" provider="pacemaker" type="Dummy"/><primitive id="app" class="ocf" provider="pacemaker" type="Dummy"/></group>
<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>`);
  const report = (filter: { resource?: string; node?: string }) => explainReport({ cib, schedule: plan, ...filter });
  const ids = (filter: { resource?: string; node?: string }) =>
    report(filter)?.instances.map(({ resource }) => resource);
  assert.deepEqual(ids({}), ["ip", "app", "web"]);
  assert.deepEqual(ids({ resource: "stack" }), ["ip", "app"]);
  assert.deepEqual(ids({ resource: "app" }), ["app"]);
  assert.equal(report({ resource: "nothing" }), undefined);
  const nodes = report({ resource: "web", node: "N2" })?.instances[0]?.nodes.map(({ node }) => node);
  assert.deepEqual(nodes, ["n2"]);
});
