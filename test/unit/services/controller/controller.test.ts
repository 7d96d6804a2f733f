// The controller by script, with plans that the test writes: what is walked when, what waits for what, what ends where.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatXml, parseXml } from "../../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../../runtime/kernel/cib/element.ts";
import type { Departure } from "../../../../runtime/kernel/membership/view.ts";
import type { Standing } from "../../../../runtime/kernel/messages.ts";
import {
  CHANGES_AT_ONCE,
  CHANGES_PAUSE_MS,
  Controller,
  type ControllerEffect,
  type ControllerInput,
  MAX_CHANGES_PAUSE_MS,
  MAX_FOLLOW_UP_PLANS,
  PLAN_TIME_PARTS,
} from "../../../../runtime/services/controller/controller.ts";
import type { Scheduler, WantedVoters } from "../../../../runtime/services/controller/effects.ts";
import type { Operation, OperationResult } from "../../../../runtime/services/messages.ts";
import type { ScheduleOptions } from "../../../../runtime/services/scheduler/schedule.ts";
import type { GraphAction, Synapse } from "../../../../runtime/services/transition.ts";

const RUN_ID = "11111111-1111-1111-1111-111111111111";
const CONFIGURATION = `<configuration><crm_config><cluster_property_set id="o"><nvpair id="o1" name="cluster-recheck-interval" value="15min"/></cluster_property_set></crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/><node id="3" uname="n3"/></nodes><resources><group id="g"><primitive id="a"/><primitive id="b"/></group><primitive id="c"/></resources><constraints/></configuration>`;

type Step = {
  readonly id: number;
  readonly after?: readonly number[];
  readonly priority?: number;
} & Partial<GraphAction>;

function resource(id: number, operation: string, name: string, node: number, more: Partial<Step> = {}): Step {
  return {
    id,
    kind: "resource",
    operation,
    node: `n${node}`,
    nodeId: `${node}`,
    primitive: { id: name, class: "ocf", provider: "systole", type: "dummy" },
    ...more,
  };
}

function fence(id: number, node: number, more: Partial<Step> = {}): Step {
  const attributes = { CRM_meta_stonith_action: "off" };
  return { id, kind: "cluster", operation: "stonith", node: `n${node}`, nodeId: `${node}`, attributes, ...more };
}

function synapse({ id, after = [], priority = 0, ...action }: Step): Synapse {
  const { operation = "", attributes = {}, kind = "pseudo", primitive } = action;
  const all: Record<string, string> = { CRM_meta_timeout: "20000", ...attributes };
  const operationKey = `${primitive?.id ?? "x"}_${operation}_${all["CRM_meta_interval"] ?? 0}`;
  return { id, priority, inputs: after, action: { operationKey, ...action, id, kind, operation, attributes: all } };
}

class Bench {
  nowMs = 1000;
  cib: Element;
  /** Plans in the order in which they are asked for; afterwards there is nothing to do. */
  readonly plans: (readonly Step[])[] = [];
  planned = 0;
  planOptions: ScheduleOptions | undefined;
  changes = 0;
  planTookMs = 0;
  batchLimit = 0;
  recheckAtEpochSeconds: number | undefined;
  readonly effects: ControllerEffect[] = [];
  readonly controller: Controller;
  holdCommits = false;
  /** Members that do not answer the roll call, and what the others say in it. */
  readonly silent = new Set<number>();
  readonly busy = new Map<number, readonly Operation[]>();
  private viewNumber = 0;
  private callId = 0;

  constructor(voters?: WantedVoters) {
    this.cib = parseXml(`<cib>${CONFIGURATION}<status/></cib>`);
    const schedule: Scheduler = (_cib, options) => {
      this.planned += 1;
      this.planOptions = options;
      const steps = this.plans.shift() ?? [];
      const graph = {
        clusterDelayMs: 60_000,
        stonithTimeoutMs: 60_000,
        batchLimit: this.batchLimit,
        attributes: {},
        synapses: steps.map(synapse),
        ...(this.recheckAtEpochSeconds === undefined ? {} : { recheckAtEpochSeconds: this.recheckAtEpochSeconds }),
      };
      const { planTookMs: tookMs } = this;
      return { graph, placements: [], summary: [], assignment: [], problems: [], quorate: true, tookMs };
    };
    const nodes = [1, 2, 3].map((id) => ({ id, name: `n${id}` }));
    const shared = { md5Hex: () => "0", digest: () => "0", runId: RUN_ID, timeZoneOffsetMinutes: 0 };
    const wanted = voters === undefined ? {} : { voters };
    this.controller = new Controller({ self: 1, nodes, ...wanted, schedule, ...shared }, this.cib);
    this.give({ type: "wall-clock", epochMs: 1_700_000_000_000 });
  }

  give(input: ControllerInput): void {
    for (const effect of this.controller.step(input, this.nowMs)) {
      this.effects.push(effect);
      if (effect.type === "change" && !this.holdCommits) this.commit(effect);
    }
  }

  private commit(effect: ControllerEffect & { type: "change" }): void {
    const edited = applyEdits(this.cib, effect.request.edits);
    assert(edited.ok);
    this.cib = edited.cib;
    this.give({ type: "cib", cib: this.cib });
    const version = { adminEpoch: 0, epoch: 0, numUpdates: 1 };
    this.give({ type: "answer", requestId: effect.request.id, outcome: { outcome: "done", version } });
  }

  view(ids: readonly number[], more: Partial<Standing> & { departures?: readonly Departure[] } = {}): void {
    this.viewNumber += 1;
    const { departures = [], ...rest } = more;
    const members = ids.map((id) => ({ id, incarnation: 1, featureLevel: 1, primaryNumber: 1, seniority: 1 }));
    const standing: Standing = {
      view: { id: { number: this.viewNumber, proposer: 1 }, members, departures },
      coordinator: 1,
      quorate: true,
      primary: true,
      established: true,
      primaryNumber: 1,
      votes: ids.length,
      expectedVotes: 3,
      reason: "",
      missing: [],
      ...rest,
    };
    this.give({ type: "standing", standing });
    for (const id of ids) if (!this.silent.has(id)) this.underWay(id, ...(this.busy.get(id) ?? []));
  }

  /** A member's answer to the roll call. */
  underWay(node: number, ...operations: readonly Operation[]): void {
    const { viewNumber } = this;
    this.give({ type: "operations-under-way", node, viewNumber, operations });
  }

  configurationChanges(): void {
    this.changes += 1;
    const edited = applyEdits(this.cib, [
      { edit: "set", path: [{ name: "configuration" }, { name: "tags" }], attributes: { x: `${this.changes}` } },
    ]);
    assert(edited.ok);
    this.cib = edited.cib;
    this.give({ type: "cib", cib: this.cib });
    if ((this.controller.deadlineMs() ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.give({ type: "tick" });
  }

  /** Operations given to nodes, as "n2 start a". */
  get operations(): string[] {
    return this.sent.map(({ to, operation }) => `n${to} ${operation.action} ${operation.resource.id}`);
  }

  get sent(): { to: number; operation: Operation }[] {
    return this.effects.flatMap((effect) =>
      effect.type === "send" && effect.message.type === "operation"
        ? [{ to: effect.to, operation: effect.message.operation }]
        : [],
    );
  }

  get fences(): string[] {
    return this.effects.flatMap((effect) => (effect.type === "fence" ? [effect.target] : []));
  }

  get events(): string[] {
    return this.effects.flatMap((effect) => (effect.type === "event" ? [effect.event.text] : []));
  }

  result(at: number, rc = 0, more: Partial<OperationResult> = {}): void {
    const { to, operation } = this.sent.at(at) ?? assert.fail(`no operation ${at}`);
    this.callId += 1;
    const times = { startedEpochMs: 1_700_000_000_000, execTimeMs: 5, queueTimeMs: 0 };
    const ended = { callId: this.callId, rc, status: "done", reason: "" } as const;
    const result: OperationResult = { operation, node: to, incarnation: 1, ...ended, ...times, ...more };
    this.give({ type: "operation-result", result });
  }

  fenced(target: string, ok = true): void {
    const record = { target, action: "off", state: ok ? "done" : "failed", epochMs: 0, durationMs: 1 } as const;
    this.give({ type: "fence-outcome", record, ok });
  }

  get xml(): string {
    return formatXml(this.cib);
  }
}

function started(...plans: readonly (readonly Step[])[]): Bench {
  const bench = new Bench();
  bench.plans.push(...plans);
  bench.view([1, 2, 3]);
  return bench;
}

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

test("node states follow the view: online, unclean with a fence, then down", () => {
  const bench = started();
  assert.match(bench.xml, /id="2"[^>]*uname="n2"[^>]*in_ccm="true"|uname="n2"/);
  bench.plans.push([fence(1, 2), resource(2, "start", "a", 3, { after: [1] })]);
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  assert.match(bench.xml, /<node_state id="2"[^>]*in_ccm="false"[^>]*/);
  assert.match(bench.xml, /<node_state id="2"[^>]*expected="member"/);
  assert.deepEqual(bench.fences, ["n2"]);
  assert.deepEqual(bench.operations, []);
  bench.fenced("n2");
  assert.deepEqual(bench.operations, ["n3 start a"], "the start follows the fence in the same step");
  assert.match(bench.xml, /<node_state id="2"[^>]*expected="down"/);
  assert(bench.effects.some((effect) => effect.type === "fenced" && effect.node === 2 && effect.incarnation === 1));
});

test("who left cleanly is down without a fence", () => {
  const bench = started();
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "left" }] });
  assert.match(bench.xml, /<node_state id="2"[^>]*expected="down"/);
});

test("a fence that fails is tried again after a pause, and nothing that needs it happens", () => {
  const bench = started();
  const plan = [fence(1, 2), resource(2, "start", "a", 3, { after: [1] })];
  bench.plans.push(plan, plan, plan);
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  bench.fenced("n2", false);
  assert.equal(bench.fences.length, 1);
  const deadlineMs = bench.controller.deadlineMs();
  assert.equal(deadlineMs, bench.nowMs + 1000);
  bench.nowMs += 1000;
  bench.give({ type: "tick" });
  assert.equal(bench.fences.length, 2);
  assert.deepEqual(bench.operations, []);
  bench.fenced("n2");
  assert.deepEqual(bench.operations, ["n3 start a"]);
});

test("results that arrive together ask for one fence, and its failure pauses for the first pause only", () => {
  const bench = started([resource(1, "stop", "a", 2), resource(2, "stop", "c", 2)]);
  const plan = [fence(1, 2)];
  bench.plans.push(plan, plan, plan, plan, plan);
  bench.result(0, 1);
  bench.result(1, 1);
  bench.configurationChanges();
  assert.deepEqual(bench.fences, ["n2"]);
  bench.fenced("n2", false);
  bench.fenced("n2", false);
  assert.equal(bench.fences.length, 1);
  assert.equal(bench.controller.deadlineMs(), bench.nowMs + 1000, "a failure during the pause does not lengthen it");
});

test("other fence devices or another view end the pause after a failed fence; other changes do not", () => {
  const bench = started();
  const plan = [fence(1, 2)];
  bench.plans.push(plan, plan, plan, plan, plan, plan);
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  bench.fenced("n2", false);
  bench.configurationChanges();
  assert.equal(bench.fences.length, 1);
  const device = parseXml('<primitive id="power" class="stonith" type="systole:dummy"/>');
  const parent = [{ name: "configuration" }, { name: "resources" }];
  const edited = applyEdits(bench.cib, [{ edit: "put", parent, element: device }]);
  assert(edited.ok);
  bench.cib = edited.cib;
  bench.give({ type: "cib", cib: bench.cib });
  bench.give({ type: "tick" });
  assert.equal(bench.fences.length, 2);
  bench.fenced("n2", false);
  bench.view([1], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  assert.equal(bench.fences.length, 3);
});

test("a node is not let go while a probe of it has no result", () => {
  const leave: Step = { id: 1, kind: "cluster", operation: "do_shutdown", node: "n2", nodeId: "2" };
  const target = { attributes: { CRM_meta_op_target_rc: "7" } };
  const bench = started([leave, resource(2, "monitor", "a", 2, target), resource(3, "monitor", "a", 3, target)]);
  const isLetGo = () => bench.events.some((text) => text.includes("may leave"));
  assert.equal(isLetGo(), false);
  bench.result(0, 7);
  assert.equal(isLetGo(), true, "what is looked at elsewhere does not keep it");
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

test("operations of a node that is gone have no result any more, and do not hold the plan up", () => {
  const bench = started([resource(1, "start", "a", 2)]);
  bench.plans.push([fence(1, 2), resource(2, "start", "a", 3, { after: [1] })]);
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  assert.deepEqual(bench.controller.inFlight, []);
  bench.fenced("n2");
  assert.deepEqual(bench.operations, ["n2 start a", "n3 start a"]);
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

test("another node becomes the coordinator: everything here ends", () => {
  const bench = started([resource(1, "start", "a", 2), resource(2, "start", "b", 2, { after: [1] })]);
  bench.view([1, 2, 3], { coordinator: 2 });
  bench.result(0);
  assert.deepEqual(bench.operations, ["n2 start a"]);
  assert.equal(bench.controller.transition, undefined);
  assert.equal(bench.controller.deadlineMs(), undefined);
});

test("a person's word that a node is off counts like a fence, but not against a member", () => {
  const bench = started();
  bench.give({ type: "request", from: 1, request: { id: "r1", request: "fence-confirm", node: "n2", who: "op" } });
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  bench.give({ type: "request", from: 1, request: { id: "r2", request: "fence-confirm", node: "n2", who: "op" } });
  const answers = bench.effects.flatMap((effect) => (effect.type === "request-answer" ? [effect.outcome.outcome] : []));
  assert.deepEqual(answers, ["refused", "done"]);
  assert.match(bench.xml, /<node_state id="2"[^>]*expected="down"/);
});

test("a person's word comes before the next try of a fence that has failed", () => {
  const bench = started();
  const plan = [fence(1, 2), resource(2, "start", "a", 3, { after: [1] })];
  bench.plans.push(plan, plan, [resource(1, "start", "a", 3)]);
  bench.view([1, 3], { departures: [{ id: 2, incarnation: 1, cause: "silent" }] });
  bench.fenced("n2", false);
  bench.give({ type: "request", from: 1, request: { id: "r", request: "fence-confirm", node: "n2", who: "op" } });
  assert.equal(bench.fences.length, 1);
  assert.deepEqual(bench.operations, ["n3 start a"]);
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
