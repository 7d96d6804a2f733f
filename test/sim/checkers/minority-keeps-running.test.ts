// A minority that lets its resources run is told of; one that waits for a fence, because a stop has failed or because what has to stop
// before may run on a lost node, is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import type { AgentCall } from "../../../runtime/services/calls.ts";
import { drawDials } from "../dials.ts";
import type { Facts, NodeFacts } from "../observations.ts";
import { Random } from "../random.ts";
import { MinorityKeepsRunning } from "./minority-keeps-running.ts";

const VIEW = {
  id: { number: 2, proposer: 1 },
  members: [{ id: 1, incarnation: 1, featureLevel: 1, primaryNumber: 0, seniority: 0 }],
  departures: [],
};

/** What the status has of a node, and of the last thing done there to "service2". */
function stateOf(node: Readonly<Record<string, string>>, operation: string, rc: string, status: string): Element {
  const last = { id: "service2_last_0", operation, "rc-code": rc, "op-status": status };
  const resource = element("lrm_resource", { id: "service2" }, [element("lrm_rsc_op", last)]);
  return element("node_state", node, [element("lrm", {}, [element("lrm_resources", {}, [resource])])]);
}

/** What the status has of the last thing done to "service2" on node 1. */
function statusWith(operation: string, rc: string, status: string): Element {
  return element("cib", {}, [element("status", {}, [stateOf({ id: "1" }, operation, rc, status)])]);
}

const STEP_MS = 30_000;
const LOST = { id: "2", in_ccm: "false", expected: "member" };

/** "service2" was last seen on node 2, and an order speaks of it and of "service1". */
function ordered(order: Readonly<Record<string, string>>, state: Element): Element {
  const constraints = element("constraints", {}, [element("rsc_order", { id: "order", ...order })]);
  return element("cib", {}, [element("configuration", {}, [constraints]), element("status", {}, [state])]);
}

/** What the checker says of a node that is alone from 0 s on and runs "service1": at 60 s, and then every 30 s with the next CIB. */
function seenOf(...cibs: readonly [Element, ...Element[]]): string | undefined {
  const life = { incarnation: 1, runningSinceMs: 0, view: VIEW, standing: undefined, cib: cibs[0] };
  const node: NodeFacts = {
    id: 1,
    name: "n1",
    power: "on",
    life,
    state: () => "running",
    active: () => ["service1"],
  };
  const dials = { ...drawDials(new Random("minority"), 3), noQuorumPolicy: "stop" as const };
  const at = (nowMs: number): Facts => ({ nowMs, dials, nodes: [node] });
  const resource = { id: "service1", class: "ocf", provider: "systole", type: "sim" };
  const call: AgentCall = {
    id: 1,
    verb: "start",
    resource,
    parameters: {},
    intervalMs: 0,
    timeoutMs: 1_000,
    meta: {},
  };
  const checker = new MinorityKeepsRunning();
  checker.see({ seen: "agent-call", node, incarnation: 1, resource: "service1", call, others: [] }, at(0));
  checker.see({ seen: "view", node, incarnation: 1, view: VIEW }, at(0));
  let told: string | undefined;
  cibs.forEach((cib, index) => {
    life.cib = cib;
    told ??= checker.see({ seen: "second" }, at(60_000 + index * STEP_MS));
  });
  return told;
}

test("a minority that lets a resource run for long is told of", () => {
  assert.match(
    seenOf(statusWith("stop", "0", "0")) ?? "",
    /n1 has been without a majority for 60000 ms and lets service1/,
  );
  assert.match(seenOf(statusWith("start", "1", "4")) ?? "", /lets service1 run/);
  assert.match(seenOf(statusWith("stop", "193", "-1")) ?? "", /lets service1 run/);
});

test("one on which a stop has failed waits for the others to fence it", () => {
  assert.equal(seenOf(statusWith("stop", "1", "4")), undefined);
});

test("one whose stop waits for what a lost node may run is not told of, until that node is back for long", () => {
  // biome-ignore lint/suspicious/noThenProperty: the attribute's name in Pacemaker
  const mandatory = { first: "service1", then: "service2", kind: "Mandatory" };
  const waits = ordered(mandatory, stateOf(LOST, "start", "0", "0"));
  assert.equal(seenOf(waits), undefined);
  assert.equal(seenOf(ordered(mandatory, stateOf(LOST, "start", "193", "-1"))), undefined);
  const back = ordered(mandatory, stateOf({ ...LOST, in_ccm: "true" }, "start", "0", "0"));
  assert.equal(seenOf(waits, back), undefined);
  assert.match(seenOf(waits, back, back) ?? "", /for 120000 ms and lets service1 run/);
});

test("an order holds nothing else, nor for what is known not to run, nor where it is no must", () => {
  // biome-ignore lint/suspicious/noThenProperty: the attribute's name in Pacemaker
  const mandatory = { first: "service1", then: "service2", kind: "Mandatory" };
  for (const cib of [
    ordered({ ...mandatory, kind: "Optional" }, stateOf(LOST, "start", "0", "0")),
    ordered({ ...mandatory, first: "service3" }, stateOf(LOST, "start", "0", "0")),
    ordered(mandatory, stateOf(LOST, "stop", "0", "0")),
    ordered(mandatory, stateOf(LOST, "monitor", "7", "0")),
    ordered(mandatory, stateOf({ ...LOST, expected: "down" }, "start", "0", "0")),
  ]) {
    assert.match(seenOf(cib) ?? "", /lets service1 run/);
  }
});
