// A coordinator that dies, or a view that changes, at every point of a transition: before an operation is sent, while it is on its way,
// while it runs, while its result is on its way, and after that. Whatever the moment, in the end everything runs once, nothing is waited
// for, and the status of all nodes is the same and says what is so.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeId } from "../../../runtime/kernel/membership/view.ts";
import { activeResources } from "../../../runtime/services/controller/results.ts";
import { Cluster } from "./cluster.ts";

const SETTLE_MS = 3000;
/** Longer than anything is given: what is pending then is pending for ever. */
const FOR_EVER_MS = 100_000;
const MERGE_AFTER_MS = [0, 2, 8, 40];
const HALVES = [
  [[1], [2, 3]],
  [[1, 3], [2]],
] as const;

function primitive(id: string): string {
  return `<primitive id="${id}" class="ocf" provider="systole" type="dummy"><operations><op id="${id}-monitor" name="monitor" interval="10s" timeout="5s"/></operations></primitive>`;
}

const POWER = `<primitive id="power" class="stonith" type="systole:dummy"/>`;
const RESOURCES = `<resources>${POWER}<group id="shop">${primitive("web")}${primitive("basket")}</group></resources>`;
const PREFER_N2 = `<constraints><rsc_location id="on-n2" rsc="shop" node="n2" score="50"/></constraints>`;

function started(fencing: boolean): Cluster {
  const pairs = `<nvpair id="o-f" name="stonith-enabled" value="${fencing}"/><nvpair id="o-a" name="stonith-action" value="off"/>`;
  const options = `<crm_config><cluster_property_set id="o">${pairs}</cluster_property_set></crm_config><nodes/>`;
  const cluster = new Cluster(3, options + RESOURCES + PREFER_N2);
  cluster.agentMs.set("start web", 20);
  cluster.start(1, 2, 3);
  cluster.view([1, 2, 3]);
  return cluster;
}

/** All of it is over, and known to all of these nodes. */
function assertSettled(cluster: Cluster, ids: readonly NodeId[], when: string): void {
  for (const id of ids) {
    const { inFlight, transition } = cluster.node(id).machine;
    assert.deepEqual(inFlight, [], `${when}: n${id} waits for something`);
    assert.equal(transition, undefined, `${when}: n${id} has not finished its plan`);
    assert.doesNotMatch(cluster.xml(id), /op-status="-1"/, `${when}: pending in the status of n${id}`);
    assert.equal(cluster.xml(id), cluster.xml(ids[0] ?? id), `${when}: n${id} has another status`);
  }
  const failures = cluster.lines.filter((line) =>
    /not reported a result in time|failed:|not done in time/.test(line.text),
  );
  assert.deepEqual(failures, [], `${when}: nothing has failed`);
  for (const resource of ["web", "basket"]) {
    const [home = "nowhere", ...more] = cluster.where(resource);
    assert.deepEqual(more, [], `${when}: ${resource} runs once`);
    const { cib } = cluster.node(ids[0] ?? 1).machine;
    const recorded = cluster.nodes.filter(({ id }) => activeResources(cib, `${id}`).includes(resource));
    assert.deepEqual(
      recorded.map((node) => node.name),
      [home],
      `${when}: the status says where ${resource} runs`,
    );
  }
}

for (const way of ["kill", "silence"] as const) {
  test(`the coordinator's ${way === "kill" ? "computer" : "process"} ends before each of its effects in turn`, () => {
    let points = 0;
    for (let reached = true; reached; points += 1) {
      const cluster = started(true);
      let left = points;
      cluster.beforeEffect = (id) => {
        if (id !== 1 || left-- > 0) return false;
        cluster[way](1);
        return true;
      };
      cluster.run(SETTLE_MS);
      reached = left < 0;
      cluster.beforeEffect = undefined;
      const when = `${way} before effect ${points}`;
      cluster.view(reached ? [2, 3] : [1, 2, 3]);
      cluster.run(FOR_EVER_MS);
      assert.deepEqual(cluster.doubles, [], when);
      assertSettled(cluster, reached ? [2, 3] : [1, 2, 3], when);
    }
    assert.ok(points > 60, `${points} points`);
  });
}

/** Apart at a time, together again after another. Undefined when a node was fenced meanwhile. */
function divided(
  fencing: boolean,
  halves: (typeof HALVES)[number],
  atMs: number,
  againMs: number,
): Cluster | undefined {
  const cluster = started(fencing);
  cluster.run(atMs);
  // Not long enough for the halves to have formed, sometimes: what was on its way between them is lost all the same.
  for (const half of halves) cluster.view(half);
  cluster.run(againMs);
  if (!cluster.nodes.every((node) => node.up)) return undefined;
  cluster.view([1, 2, 3]);
  cluster.run(SETTLE_MS);
  return cluster;
}

test("members drop out at every moment of a transition and come back in the same life", () => {
  let together = 0;
  for (const fencing of [true, false]) {
    for (const halves of HALVES) {
      for (let atMs = 0; atMs <= 60; atMs += 3) {
        for (const againMs of MERGE_AFTER_MS) {
          const cluster = divided(fencing, halves, atMs, againMs);
          if (cluster === undefined || !cluster.nodes.every((node) => node.up)) continue;
          together += 1;
          const when = `fencing ${fencing}, ${JSON.stringify(halves)} at ${atMs} ms for ${againMs} ms`;
          assertSettled(cluster, [1, 2, 3], when);
        }
      }
    }
  }
  assert.ok(together > 200, `${together} times`);
});

test("who asked something of a coordinator that gives way is answered", () => {
  const cluster = started(false);
  cluster.run(SETTLE_MS);
  cluster.view([1]);
  cluster.view([2, 3]);
  cluster.run(SETTLE_MS);
  cluster.devices.set("power", "hangs");
  const fence = { request: "fence", node: "n3", action: "off", who: "test" } as const;
  cluster.input(1, { type: "request", request: { id: "by-n1", ...fence } });
  cluster.input(3, { type: "request", request: { id: "by-n3", request: "cleanup", who: "test" } });
  cluster.view([1, 2, 3]);
  cluster.run(SETTLE_MS);
  assert.equal(cluster.node(1).machine.standing?.coordinator, 2);
  const answer = cluster.answers.get("by-n1");
  assert.ok(answer?.outcome === "refused" && answer.code === "coordinator-changed");
  assert.notEqual(cluster.answers.get("by-n3"), undefined);
});
