// A node that leaves cleanly speaks for what it has dealt with and for what ran when its life began, and for nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawDials } from "../dials.ts";
import type { Facts, NodeFacts } from "../observations.ts";
import { Random } from "../random.ts";
import { LeftWhileActive } from "./left-while-active.ts";

/** A node on which "service1" runs from before its second life on, and "service2" since; `stops` before it leaves. */
function seenOf(stops: readonly string[]): string | undefined {
  const active = new Set(["service1"]);
  const node: NodeFacts = {
    id: 1,
    name: "n1",
    power: "on",
    life: undefined,
    state: (resource) => (active.has(resource) ? "running" : "stopped"),
    active: () => [...active].sort(),
  };
  const facts: Facts = { nowMs: 0, dials: drawDials(new Random("left"), 3), nodes: [node] };
  const checker = new LeftWhileActive();
  checker.see({ seen: "started", node, incarnation: 2 }, facts);
  active.add("service2");
  checker.see({ seen: "resource", node, resource: "service2", state: "running" }, facts);
  for (const resource of stops) {
    active.delete(resource);
    checker.see({ seen: "resource", node, resource, state: "stopped" }, facts);
  }
  return checker.see({ seen: "ended", node, incarnation: 2, clean: true, why: "left the cluster" }, facts);
}

test("a node that leaves while what it began with still runs, though it never looked, is told of", () => {
  assert.equal(seenOf([]), "n1 left while it ran service1");
});

test("what a call of an earlier life has started only then it does not speak for", () => {
  assert.equal(seenOf(["service1"]), undefined);
});
