// What a node says of itself against what the status has: newer results and what is under way count, what was cleaned up does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Element, element } from "../../../../runtime/kernel/cib/element.ts";
import { INCARNATION } from "../../../../runtime/services/controller/node-states.ts";
import { withOwnWord } from "../../../../runtime/services/executor/own-word.ts";

function entry(id: string, callId: number): Element {
  return element("lrm_rsc_op", { id, "call-id": `${callId}` });
}

function state(incarnation: number, resources: Readonly<Record<string, readonly Element[]>>): Element {
  const list = Object.entries(resources).map(([id, entries]) => element("lrm_resource", { id }, entries));
  const lrm = element("lrm", { id: "2" }, [element("lrm_resources", {}, list)]);
  return element("node_state", { id: "2", [INCARNATION]: `${incarnation}` }, [lrm]);
}

test("a start that is under way is known to the next coordinator", () => {
  const recorded = state(1, { web: [entry("web_last_0", 3)] });
  const own = state(1, { web: [entry("web_last_0", -1)] });
  assert.deepEqual(withOwnWord(recorded, own), own);
});

test("a result that nobody has written down counts, also of a resource that the status does not know", () => {
  const recorded = state(1, { web: [entry("web_last_0", 3)] });
  const own = state(1, { web: [entry("web_last_0", 3)], shop: [entry("shop_last_0", 4)] });
  assert.deepEqual(withOwnWord(recorded, own), own);
});

test("what was cleaned up does not come back", () => {
  const recorded = state(1, { web: [entry("web_last_0", 5)] });
  const own = state(1, {
    web: [entry("web_last_failure_0", 4), entry("web_last_0", 5)],
    shop: [entry("shop_last_0", 2)],
  });
  assert.equal(withOwnWord(recorded, own), recorded);
  const busy = state(1, { web: [entry("web_last_failure_0", 4), entry("web_last_0", -1)] });
  assert.deepEqual(withOwnWord(recorded, busy), state(1, { web: [entry("web_last_0", -1)] }));
});

test("what stands as under way, and is not as the node says, gives way to what the node has", () => {
  const pending = element("lrm_rsc_op", { id: "web_last_0", "call-id": "-1", "op-status": "-1" });
  const recorded = state(1, { web: [entry("web_monitor_10000", 2), pending], shop: [pending] });
  const own = state(1, { web: [entry("web_last_0", 1), entry("web_monitor_10000", 2)] });
  const merged = state(1, { web: [entry("web_monitor_10000", 2), entry("web_last_0", 1)] });
  assert.deepEqual(withOwnWord(recorded, own), merged);
  const busy = state(1, { web: [pending, entry("web_monitor_10000", 2)] });
  assert.deepEqual(withOwnWord(busy, busy), busy);
});

test("what the node was told to forget does not stand as it was before, whether or not the cleanup was ever committed", () => {
  const recorded = state(1, { web: [entry("web_last_0", 3)], shop: [entry("shop_last_0", 5)] });
  const own = state(1, { shop: [entry("shop_last_0", 5)] });
  assert.deepEqual(withOwnWord(recorded, own), own);
  assert.deepEqual(withOwnWord(recorded, state(1, {})), state(1, {}));
});

test("a monitor that the node has ended does not stand as if it went on, but the failure that one found does", () => {
  const recurring = (id: string, callId: number) =>
    element("lrm_rsc_op", { id, "call-id": `${callId}`, interval: "10000" });
  const last = entry("web_last_0", 3);
  const failure = recurring("web_last_failure_0", 4);
  const recorded = state(1, { web: [last, failure, recurring("web_monitor_10000", 5)] });
  assert.deepEqual(withOwnWord(recorded, state(1, { web: [last] })), state(1, { web: [last, failure] }));
  const going = state(1, { web: [last, recurring("web_monitor_10000", 5)] });
  assert.equal(withOwnWord(recorded, going), recorded);
});

test("of another life only the node's own word counts", () => {
  const own = state(2, {});
  assert.equal(withOwnWord(state(1, { web: [entry("web_last_0", 9)] }), own), own);
});
