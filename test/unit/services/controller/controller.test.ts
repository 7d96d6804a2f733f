// The controller by script: what is walked when, what waits for what, what ends where.

import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import {
  CHANGES_AT_ONCE,
  CHANGES_PAUSE_MS,
  MAX_CHANGES_PAUSE_MS,
  MAX_FOLLOW_UP_PLANS,
  PLAN_TIME_PARTS,
} from "../../../../runtime/services/controller/controller.ts";
import { Bench, fence, resource, started } from "./bench.ts";

test("plans are made without reasons and scores, which cost time; who asks why has one made with them", () => {
  const bench = new Bench();
  bench.view([1, 2, 3]);
  assert.equal(bench.planned, 1);
  const { md5Hex: _, ...asked } = bench.planOptions ?? assert.fail("nothing was planned");
  assert.deepEqual(asked, { nowEpochSeconds: 1_700_000_000, timeZoneOffsetMinutes: 0 });
});

test("the result of one action starts the next in the same step, though nothing is committed yet", () => {
  const bench = new Bench();
  bench.holdCommits = true;
  bench.plans.push([resource(1, "start", "a", 2), resource(2, "start", "b", 2, { after: [1] })]);
  bench.view([1, 2, 3]);
  bench.result(-1);
  assert.deepEqual(bench.operations, ["n2 start a", "n2 start b"]);
  const changes = bench.effects.filter((effect) => effect.type === "change");
  assert.equal(changes.length, 1, "and the writes gather behind the first");
});

test("priority comes first and batch-limit holds", () => {
  const bench = new Bench();
  bench.batchLimit = 1;
  bench.plans.push([resource(1, "start", "a", 2), resource(2, "start", "c", 3, { priority: 10 })]);
  bench.view([1, 2, 3]);
  assert.deepEqual(bench.operations, ["n3 start c"]);
  bench.result(-1);
  assert.deepEqual(bench.operations, ["n3 start c", "n2 start a"]);
});

test("two actions of one resource on one node are never in flight together", () => {
  const bench = started([resource(1, "monitor", "a", 2), resource(2, "start", "a", 2)]);
  assert.equal(bench.operations.length, 1);
  bench.result(-1);
  assert.equal(bench.operations.length, 2);
});

test("a flood of changes costs a few plans: nothing new is begun until the next one, and that knows all of them", () => {
  const bench = started([resource(1, "start", "a", 2)]);
  const before = bench.planned;
  const seconds = 2;
  for (let millisecond = 0; millisecond < seconds * 1000; millisecond += 1) {
    bench.nowMs += 1;
    if ((bench.controller.deadlineMs() ?? Number.POSITIVE_INFINITY) <= bench.nowMs) bench.give({ type: "tick" });
    bench.configurationChanges();
  }
  const plans = bench.planned - before;
  assert.ok(plans <= CHANGES_AT_ONCE + (seconds * 1000) / CHANGES_PAUSE_MS, `${plans} plans`);
  assert.ok(plans >= (seconds * 1000) / CHANGES_PAUSE_MS, `${plans} plans`);
  bench.plans.push([resource(1, "stop", "a", 2)]);
  bench.configurationChanges();
  const last = bench.planned;
  bench.nowMs = bench.controller.deadlineMs() ?? assert.fail("a plan is waited for");
  bench.give({ type: "tick" });
  assert.equal(bench.planned, last + 1);
  const urgent = bench.planned;
  bench.configurationChanges();
  bench.view([1, 2]);
  assert.ok(bench.planned > urgent, "another view waits for nothing");
});

test("a change makes a new plan at once; what is related to an old operation waits for it, the rest goes ahead", () => {
  const bench = started([resource(1, "start", "a", 2)]);
  const plan = [resource(1, "stop", "b", 2), resource(2, "start", "c", 3), fence(3, 3)];
  bench.plans.push(plan, [resource(1, "stop", "b", 2)]);
  bench.configurationChanges();
  assert.deepEqual(bench.operations, ["n2 start a", "n3 start c"]);
  assert.deepEqual(bench.fences, ["n3"], "fencing never waits");
  const before = bench.planned;
  bench.result(0);
  assert.equal(bench.planned, before + 1);
  assert.equal(bench.operations.at(-1), "n2 stop b");
});

test("an operation that the new plan wants just like that is taken over", () => {
  const bench = started([resource(1, "start", "a", 2)]);
  bench.plans.push([resource(7, "start", "a", 2), resource(8, "start", "b", 2, { after: [7] })]);
  bench.configurationChanges();
  assert.deepEqual(bench.operations, ["n2 start a"]);
  bench.result(0);
  assert.deepEqual(bench.operations, ["n2 start a", "n2 start b"]);
});

test("a failed start counts as INFINITY, a failed monitor as one more; a probe does not count", () => {
  const interval = { attributes: { CRM_meta_interval: "10000" } };
  const bench = started([
    resource(1, "start", "a", 2),
    resource(2, "monitor", "c", 3, interval),
    resource(3, "monitor", "d", 3, { attributes: { CRM_meta_op_target_rc: "7" } }),
  ]);
  bench.result(0, 1, { reason: "no" });
  bench.result(1, 7);
  bench.result(2, 0);
  assert.match(bench.xml, /name="fail-count-a#start_0" value="INFINITY"/);
  assert.match(bench.xml, /name="fail-count-c#monitor_10000" value="1"/);
  assert.doesNotMatch(bench.xml, /fail-count-d/);
  assert.match(bench.xml, /name="last-failure-a#start_0" value="1700000000"/);
  assert.match(bench.xml, /id="a_last_failure_0"[^>]*exit-reason="no"/);
  assert(bench.events.some((text) => text === "start of a on n2 failed: an error (no)"));
});

test("the same result twice counts once, and is noted when it is committed", () => {
  const bench = started([resource(1, "monitor", "c", 3, { attributes: { CRM_meta_interval: "10000" } })]);
  bench.result(0, 7, { callId: 5 });
  bench.result(0, 7, { callId: 5 });
  assert.match(bench.xml, /name="fail-count-c#monitor_10000" value="1"/);
  const noted = bench.effects.filter((effect) => effect.type === "send" && effect.message.type === "operation-noted");
  assert(noted.length >= 1);
});

test("a late word of a monitor that was cancelled is about nothing", () => {
  const bench = started(
    [resource(1, "monitor", "c", 3, { attributes: { CRM_meta_interval: "10000" } })],
    [],
    [
      resource(1, "cancel", "c", 3, {
        attributes: { CRM_meta_operation: "monitor", CRM_meta_interval: "10000" },
      }),
    ],
  );
  bench.result(0);
  assert.match(bench.xml, /c_monitor_10000/);
  bench.configurationChanges();
  assert.doesNotMatch(bench.xml, /c_monitor_10000/);
  bench.result(0, 7);
  assert.doesNotMatch(bench.xml, /fail-count/);
});

test("an operation without a result in its time and more counts as timed out", () => {
  const bench = started([resource(1, "start", "a", 2)]);
  const before = bench.planned;
  bench.nowMs += 20_000 + 60_000;
  bench.give({ type: "tick" });
  assert.match(bench.xml, /id="a_last_0"[^>]*op-status="2"/);
  assert.match(bench.xml, /fail-count-a#start_0/);
  assert(bench.planned > before);
});

test("rechecks: when the plan says so, and after the interval", () => {
  const bench = new Bench();
  bench.recheckAtEpochSeconds = 1_700_000_030;
  bench.view([1, 2, 3]);
  assert.equal(bench.controller.deadlineMs(), 1000 + 30_000);
  bench.recheckAtEpochSeconds = undefined;
  bench.nowMs = 31_000;
  const before = bench.planned;
  bench.give({ type: "tick" });
  assert.equal(bench.planned, before + 1);
  assert.equal(bench.controller.deadlineMs(), 31_000 + 900_000);
});

test("plans that lead to nothing but plans end in words", () => {
  const bench = new Bench();
  for (let i = 0; i < 3 * MAX_FOLLOW_UP_PLANS; i++) {
    bench.plans.push([{ id: 1, kind: "cluster", operation: "clear_failcount", node: "n1", nodeId: "1" }]);
  }
  bench.view([1, 2, 3]);
  for (let i = 0; i < 3 * MAX_FOLLOW_UP_PLANS && bench.controller.deadlineMs() !== undefined; i++) {
    bench.nowMs = Math.min(bench.controller.deadlineMs() ?? 0, bench.nowMs + 1000);
    bench.give({ type: "tick" });
  }
  assert(bench.events.some((text) => text.includes("plans in a row")));
  assert(bench.planned <= MAX_FOLLOW_UP_PLANS + 2);
});

test("nothing is promoted while something related is being looked for", () => {
  const target = { attributes: { CRM_meta_op_target_rc: "7" } };
  const bench = started([
    resource(1, "monitor", "a", 2, target),
    resource(2, "promote", "b", 3),
    resource(3, "start", "c", 3),
  ]);
  assert.deepEqual(bench.operations, ["n2 monitor a", "n3 start c"]);
  bench.result(0, 7);
  assert.equal(bench.operations.at(-1), "n3 promote b");
});

test("an operation that was not begun counts for nothing, and a new plan is made", () => {
  const bench = started([resource(1, "start", "a", 2)]);
  const before = bench.planned;
  bench.result(0, 1, { status: "cancelled" });
  assert.equal(bench.planned, before + 1);
  assert.doesNotMatch(bench.xml, /fail-count|a_last/);
});

test("who makes a change does not pay for the plan: that is made by the next tick, and plans leave time for changes", () => {
  const bench = started();
  const edit = { edit: "set", path: [{ name: "configuration" }, { name: "tags" }], attributes: { x: "y" } } as const;
  const edited = applyEdits(bench.cib, [edit]);
  assert(edited.ok);
  const before = bench.planned;
  bench.give({ type: "cib", cib: edited.cib });
  assert.equal(bench.planned, before);
  assert.equal(bench.controller.deadlineMs(), bench.nowMs, "at once");
  bench.planTookMs = 40;
  bench.give({ type: "tick" });
  assert.equal(bench.planned, before + 1);

  bench.cib = edited.cib;
  bench.configurationChanges();
  assert.equal(bench.controller.deadlineMs(), bench.nowMs + PLAN_TIME_PARTS * 40);
  bench.nowMs += PLAN_TIME_PARTS * 40;
  bench.planTookMs = 60_000;
  bench.give({ type: "tick" });
  assert.equal(bench.planned, before + 2);
  bench.configurationChanges();
  assert.equal(bench.controller.deadlineMs(), bench.nowMs + MAX_CHANGES_PAUSE_MS);
  bench.plans.push([resource(1, "start", "a", 3)]);
  bench.view([1, 2, 3]);
  assert.deepEqual(bench.operations, ["n3 start a"], "what a view asks for waits for nothing");
});
