// The controller and those who are lost: node states, fences, their failures, and a person's word.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import { fence, resource, started } from "./bench.ts";

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
