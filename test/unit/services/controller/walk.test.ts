import assert from "node:assert/strict";
import { test } from "node:test";
import { Walk } from "../../../../runtime/services/controller/walk.ts";
import type { GraphAction, TransitionGraph } from "../../../../runtime/services/transition.ts";

interface Row {
  readonly id: number;
  readonly after?: readonly number[];
  readonly priority?: number;
  readonly kind?: GraphAction["kind"];
  readonly canFail?: boolean;
}

function graph(...rows: readonly Row[]): TransitionGraph {
  const synapses = rows.map(({ id, after = [], priority = 0, kind = "resource", canFail = false }) => ({
    id,
    priority,
    inputs: after,
    action: {
      id,
      kind,
      operation: "start",
      operationKey: `r${id}_start_0`,
      attributes: canFail ? { CRM_meta_can_fail: "true" } : {},
    },
  }));
  return { clusterDelayMs: 60_000, stonithTimeoutMs: 60_000, batchLimit: 0, attributes: {}, synapses };
}

function ids(walk: Walk): number[] {
  return walk.candidates().map((action) => action.id);
}

test("actions start when everything before them is confirmed; pseudo actions need nothing done", () => {
  const walk = new Walk(graph({ id: 1 }, { id: 2, after: [1], kind: "pseudo" }, { id: 3, after: [2] }), 1, "test");
  assert.deepEqual(ids(walk), [1]);
  walk.start(1);
  assert.deepEqual(ids(walk), []);
  assert.equal(walk.isOver, false);
  walk.confirm(1);
  assert.deepEqual(ids(walk), [3]);
  walk.start(3);
  walk.confirm(3);
  assert(walk.isComplete);
  assert(walk.isOver);
});

test("higher priority first, then the lower number", () => {
  const walk = new Walk(graph({ id: 3 }, { id: 1 }, { id: 2, priority: 100 }), 1, "test");
  assert.deepEqual(ids(walk), [2, 1, 3]);
});

test("what depends on a failure does not happen, unless it may fail", () => {
  const walk = new Walk(graph({ id: 1 }, { id: 2, after: [1] }, { id: 3 }), 1, "test");
  walk.start(1);
  walk.fail(1);
  assert.deepEqual(ids(walk), [3]);
  walk.start(3);
  walk.confirm(3);
  assert(walk.isOver);
  assert.equal(walk.isComplete, false);
  const lenient = new Walk(graph({ id: 1, canFail: true }, { id: 2, after: [1] }), 1, "test");
  lenient.start(1);
  lenient.fail(1);
  assert.deepEqual(ids(lenient), [2]);
});

test("confirmed twice counts once; inputs that are not in the graph are done", () => {
  const walk = new Walk(graph({ id: 1 }, { id: 2, after: [1, 99] }, { id: 3, after: [1, 2] }), 1, "test");
  walk.start(1);
  walk.confirm(1);
  walk.confirm(1);
  assert.deepEqual(ids(walk), [2]);
  assert.equal(walk.confirmed, 1);
});
