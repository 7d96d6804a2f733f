import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { schedule } from "../../../../runtime/services/scheduler/schedule.ts";
import { cibFromLines } from "../../../golden/scheduler/cib-text.ts";

const md5Hex = (text: string): string => createHash("md5").update(text).digest("hex");
const options = { nowEpochSeconds: 2_000_000, md5Hex };

const WEB = '<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>';
const BASIC = `nodes n1 n2\nproperty stonith-enabled=false\n${WEB}\nran web monitor n1 7\nran web monitor n2 7`;

test("a plan is a function of the document and the time", () => {
  const cib = cibFromLines(BASIC);
  assert.deepEqual(schedule(cib, options), schedule(cibFromLines(BASIC), options));
});

test("the graph has the start, and the place says the same", () => {
  const plan = schedule(cibFromLines(BASIC), options);
  const [synapse] = plan.graph.synapses;
  assert.equal(plan.graph.synapses.length, 1);
  assert.equal(synapse?.action.operationKey, "web_start_0");
  assert.equal(synapse?.action.node, "n1");
  const place = plan.placements.find((placement) => placement.resource === "web");
  assert.equal(place?.node, "n1");
  assert.equal(place?.role, "Started");
});

test("when all is as it should be there is nothing to do", () => {
  const plan = schedule(cibFromLines(`nodes n1\nproperty stonith-enabled=false\n${WEB}\nran web start n1 0`), options);
  assert.deepEqual(plan.graph.synapses, []);
  assert.deepEqual(plan.summary, []);
});

test("scores are only there for who asks", () => {
  assert.deepEqual(schedule(cibFromLines(BASIC), options).assignment, []);
  const { assignment } = schedule(cibFromLines(BASIC), { ...options, withScores: true });
  assert.deepEqual(assignment, [
    { step: "primitive", resource: "web", node: "n1", score: 0 },
    { step: "primitive", resource: "web", node: "n2", score: 0 },
  ]);
});

test("an empty CIB has an empty plan", () => {
  for (const text of ["<cib/>", "<cib><configuration/><status/></cib>"]) {
    assert.deepEqual(schedule(parseXml(text), options).graph.synapses, []);
  }
});

test("references to what is not there do no harm", () => {
  const lines = [
    '<rsc_colocation id="c" rsc="web" with-rsc="nothing" score="INFINITY"/>',
    '<rsc_order id="o" first="nothing" then="web"/>',
    '<rsc_location id="l" rsc="nothing" node="n1" score="5"/>',
    "ran web start nowhere 0",
  ];
  const plan = schedule(cibFromLines(`${BASIC}\n${lines.join("\n")}`), options);
  assert.equal(plan.graph.synapses.length, 1);
});
