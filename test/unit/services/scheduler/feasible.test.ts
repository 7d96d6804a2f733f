// Plans can be carried out to their end: what would wait for ever is left out, and it is said why.

import assert from "node:assert/strict";
import { test } from "node:test";
import { md5Hex } from "../../../../runtime/host/md5.ts";
import { schedule } from "../../../../runtime/services/scheduler/schedule.ts";
import { cibFromLines } from "../../../golden/scheduler/cib-text.ts";

function plan(lines: string) {
  return schedule(cibFromLines(lines), { nowEpochSeconds: 2_000_000, md5Hex });
}

const CIRCLE = `nodes n1
property stonith-enabled=false
primitive a
primitive b
primitive c
order a then b
order b then a
order b then c`;

test("actions that wait for each other are left out with what waits for them, naming the orders", () => {
  const { graph, problems } = plan(CIRCLE);
  const operations = graph.synapses.map(({ action }) => action.operation);
  assert.deepEqual([...new Set(operations)], ["monitor"]);
  assert.deepEqual(graph.never?.synapses.map(({ action }) => action.operationKey).sort(), [
    "a_start_0",
    "b_start_0",
    "c_start_0",
  ]);
  const [problem] = problems.filter(({ code }) => code === "order-circle");
  assert.equal(problem?.element, "order-1");
  assert.match(
    problem?.text ?? "",
    /wait for each other, so 3 actions are left out of the plan\. Change or remove one/,
  );
});

test("what waits for an action that cannot be done is left out, and it is said for what", () => {
  const { graph, problems } = plan(`node n1 unclean
cib have-quorum=false
property placement-strategy=utilization
primitive power stonith:fence_dummy
primitive db utilization cpu=1
ran power start n1 0
ran db start n1 0`);
  assert.deepEqual(graph.synapses, []);
  const [problem] = problems.filter(({ code }) => code === "waits-for-nothing");
  assert.equal(
    problem?.text,
    "load_stopped_n1 waits for db_stop_0, which is not in the plan, so 1 action is left out of the plan. What keeps that from being done has to go first.",
  );
});
