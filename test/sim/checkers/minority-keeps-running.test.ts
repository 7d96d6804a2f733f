// A minority that lets its resources run is told of; one that waits for a fence because a stop has failed is not.

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

/** What the status has of the last thing done to "service2" on node 1. */
function statusWith(operation: string, rc: string, status: string): Element {
  const last = { id: "service2_last_0", operation, "rc-code": rc, "op-status": status };
  const resource = element("lrm_resource", { id: "service2" }, [element("lrm_rsc_op", last)]);
  const lrm = element("lrm", { id: "1" }, [element("lrm_resources", {}, [resource])]);
  return element("cib", {}, [element("status", {}, [element("node_state", { id: "1" }, [lrm])])]);
}

/** What the checker says of a node that is alone from 0 s on and runs "service1", at 60 s. */
function seenOf(cib: Element): string | undefined {
  const life = { incarnation: 1, runningSinceMs: 0, view: VIEW, standing: undefined, cib };
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
  return checker.see({ seen: "second" }, at(60_000));
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
