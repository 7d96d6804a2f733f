// The controller in one view after the other: what ends, what is asked anew, and what another coordinator has left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench, fence, RUN_ID, resource, type Step, started } from "./bench.ts";

test("a node is not let go while a probe of it has no result", () => {
  const leave: Step = { id: 1, kind: "cluster", operation: "do_shutdown", node: "n2", nodeId: "2" };
  const target = { attributes: { CRM_meta_op_target_rc: "7" } };
  const bench = started([leave, resource(2, "monitor", "a", 2, target), resource(3, "monitor", "a", 3, target)]);
  const isLetGo = () => bench.events.some((text) => text.includes("may leave"));
  assert.equal(isLetGo(), false);
  bench.result(0, 7);
  assert.equal(isLetGo(), true, "what is looked at elsewhere does not keep it");
});

test("nothing is activated in a view that is not primary", () => {
  const bench = new Bench();
  const plan = [resource(1, "stop", "c", 2), resource(2, "start", "a", 2)];
  bench.plans.push(plan, plan);
  bench.view([1, 2, 3], { primary: false });
  assert.deepEqual(bench.operations, ["n2 stop c"]);
  bench.result(-1);
  bench.view([1, 2, 3]);
  assert(bench.operations.includes("n2 start a"));
});

test("operations of a node that is gone have no result any more, and do not hold the plan up", () => {
  const bench = started([resource(1, "start", "a", 2)]);
  bench.plans.push([fence(1, 2), resource(2, "start", "a", 3, { after: [1] })]);
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  assert.deepEqual(bench.controller.inFlight, []);
  bench.fenced("n2");
  assert.deepEqual(bench.operations, ["n2 start a", "n3 start a"]);
});

test("another node becomes the coordinator: everything here ends", () => {
  const bench = started([resource(1, "start", "a", 2), resource(2, "start", "b", 2, { after: [1] })]);
  bench.view([1, 2, 3], { coordinator: 2 });
  bench.result(0);
  assert.deepEqual(bench.operations, ["n2 start a"]);
  assert.equal(bench.controller.transition, undefined);
  assert.equal(bench.controller.deadlineMs(), undefined);
});

test("in a new view nothing but a fence is asked of anybody before all have said what they do, or a time has gone by", () => {
  const bench = new Bench();
  bench.silent.add(3);
  bench.plans.push([resource(1, "start", "a", 2), fence(2, 3)]);
  bench.view([1, 2, 3]);
  assert.deepEqual(bench.operations, []);
  assert.deepEqual(bench.fences, ["n3"]);
  bench.underWay(3);
  assert.deepEqual(bench.operations, ["n2 start a"]);

  bench.busy.set(
    2,
    bench.sent.map(({ operation }) => operation),
  );
  bench.plans.push([resource(1, "start", "c", 2)]);
  bench.view([1, 2, 3]);
  assert.equal(bench.operations.length, 1);
  bench.nowMs = bench.controller.deadlineMs() ?? 0;
  bench.give({ type: "tick" });
  assert.equal(bench.operations.at(-1), "n2 start c");
});

test("what another coordinator has asked for counts as under way until its result comes", () => {
  const theirs = started([resource(1, "stop", "a", 2)]).sent[0]?.operation ?? assert.fail("nothing was sent");
  const bench = new Bench();
  const stop = { ...theirs, transitionKey: theirs.transitionKey.replace(RUN_ID, RUN_ID.replaceAll("1", "2")) };
  bench.busy.set(2, [stop]);
  bench.plans.push([resource(1, "start", "b", 3), resource(2, "start", "c", 3)]);
  bench.view([1, 2, 3]);
  assert.deepEqual(bench.operations, ["n3 start c"], "b has to do with a, c has not");
  bench.plans.push([resource(1, "start", "b", 3)]);
  const ended = { callId: 9, rc: 0, status: "done", reason: "", startedEpochMs: 0, execTimeMs: 1, queueTimeMs: 0 };
  bench.give({
    type: "operation-result",
    result: { ...ended, status: "done", operation: stop, node: 2, incarnation: 1 },
  });
  assert.equal(bench.operations.at(-1), "n3 start b");
});

test("what was lost on its way when the view changed is planned anew and counts for nothing", () => {
  const bench = started([resource(1, "start", "a", 2), resource(2, "start", "c", 3)]);
  const onItsWay = bench.sent.filter(({ to }) => to === 3).map(({ operation }) => operation);
  bench.busy.set(3, onItsWay);
  bench.plans.push([resource(1, "start", "c", 3)], [resource(1, "start", "a", 2)]);
  bench.view([1, 2, 3]);
  assert.deepEqual(bench.operations, ["n2 start a", "n3 start c", "n2 start a"]);
  assert.equal(bench.controller.inFlight.length, 2);
  assert.doesNotMatch(bench.xml, /fail-count/);
});

test("the coordinator commits the list of votes and follows the configuration, a committed step at a time", () => {
  const list = () => /name="systole-voters" value="([^"]*)"/.exec(bench.xml)?.[1];
  const votes = new Map([1, 2, 3].map((id) => [id, 1]));
  const bench = new Bench({ votes, expectedVotes: () => undefined });
  bench.view([1, 2, 3], { primary: false });
  assert.equal(list(), undefined, "not without a primary view");
  bench.view([1, 2, 3]);
  assert.equal(list(), "1:1 2:1 3:1");
  votes.set(4, 1).set(5, 1).delete(3);
  bench.holdCommits = true;
  bench.view([1, 2, 3, 4, 5]);
  const asked = () =>
    bench.effects.filter((effect) => effect.type === "change" && /systole-voters/.test(JSON.stringify(effect.request)));
  const before = asked().length;
  bench.give({ type: "tick" });
  bench.give({ type: "tick" });
  assert.equal(asked().length, before, "one step at a time");
  bench.holdCommits = false;
  bench.view([1, 2, 3, 4, 5]);
  assert.equal(list(), "1:1 2:1 4:1 5:1");
  assert.ok(bench.events.some((text) => text.includes("votes are changed")));
});
