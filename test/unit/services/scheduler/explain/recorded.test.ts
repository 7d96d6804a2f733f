// Each cause names something that is there: an element of the CIB, a node, a resource. What is said to be done is what the plan
// does, and what is said to be impossible is not in it. On random clusters, and on reference cases where they are.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readIndex } from "../../../../../runtime/cli/simulate/batch.ts";
import { parseXml } from "../../../../../runtime/compat/xml.ts";
import { md5Hex } from "../../../../../runtime/host/md5.ts";
import type { Element } from "../../../../../runtime/kernel/cib/element.ts";
import { executionDate } from "../../../../../runtime/services/scheduler/cluster.ts";
import type { ActionExplanation } from "../../../../../runtime/services/scheduler/explain/action-explanation.ts";
import type { InstanceExplanation } from "../../../../../runtime/services/scheduler/explain/explanation.ts";
import { referencedIds } from "../../../../../runtime/services/scheduler/explain/neighbours.ts";
import type { Reason } from "../../../../../runtime/services/scheduler/explain/reason.ts";
import { type Schedule, schedule } from "../../../../../runtime/services/scheduler/schedule.ts";
import { randomCluster } from "./random-cib.ts";

const NOW_EPOCH_SECONDS = 1_000_600;
const RUNS = 300;
const SEED = 20261123;
const REFERENCE = join(import.meta.dirname, "../../../../../../shared/data/scheduler");
/** Every so many of the reference cases is looked at. */
const REFERENCE_STEP = 12;
/** Operations that only look, or tell. */
const SILENT = ["monitor", "notify"];

function plan(cib: Element, nowEpochSeconds: number): Schedule {
  return schedule(cib, { nowEpochSeconds, md5Hex, secretsRemoved: true, explain: true });
}

/** What a CIB has, by id. */
class Known {
  readonly elements = new Map<string, Element>();
  readonly constraints = new Map<string, Element>();
  /** Ids of a resource and of all around and in it. */
  readonly families = new Map<string, ReadonlySet<string>>();
  private readonly cib: Element;

  constructor(cib: Element) {
    this.cib = cib;
    this.collect(cib, []);
  }

  private collect(element: Element, outer: readonly string[]): void {
    const { id } = element.attributes;
    if (id !== undefined && !this.elements.has(id)) this.elements.set(id, element);
    if (id !== undefined && element.name.startsWith("rsc_")) this.constraints.set(id, element);
    const isResource = ["primitive", "group", "clone", "master", "bundle"].includes(element.name);
    const inside = isResource && id !== undefined ? [...outer, id] : outer;
    for (const one of inside) {
      this.families.set(
        one,
        new Set([...(this.families.get(one) ?? []), ...inside, ...(id === undefined ? [] : [id])]),
      );
    }
    for (const child of element.children) this.collect(child, inside);
  }

  /** What is meant by an id, with what belongs to it: an instance's, or that of a part of a bundle. */
  family(id: string): ReadonlySet<string> {
    const plain = id.replace(/:\d+$/, "");
    const bundle = [...this.families.keys()].find((one) => plain.startsWith(`${one}-`));
    return (
      this.families.get(plain) ?? (bundle === undefined ? undefined : this.families.get(bundle)) ?? new Set([plain])
    );
  }

  concerns(constraint: Element, ids: ReadonlySet<string>): boolean {
    const named = referencedIds(this.cib, constraint);
    const templates = [...ids].flatMap((id) => this.elements.get(id)?.attributes["template"] ?? []);
    return [...ids, ...templates].some((id) => named.has(id));
  }
}

function all(reasons: readonly Reason[]): Reason[] {
  return reasons.flatMap((reason) => [reason, ...all(reason.because ?? [])]);
}

function checkReasons(known: Known, owner: string, reasons: readonly Reason[], about: string): void {
  const list = all(reasons);
  assert.ok(list.length > 0, `${about}: no reason`);
  const named = list.some(
    ({ constraint, element, option, resource, node, ticket }) =>
      (constraint ?? element ?? option ?? resource ?? node ?? ticket) !== undefined,
  );
  // Orders can run in a circle, but that is never the whole answer.
  assert.ok(
    reasons.every(({ code }) => code !== "circular"),
    `${about}: ${JSON.stringify(reasons)}`,
  );
  assert.ok(named, `${about}: ${list.map(({ text }) => text).join("; ")} names nothing`);
  const chain = new Set(
    [owner, ...list.flatMap(({ resource }) => resource ?? [])].flatMap((id) => [...known.family(id)]),
  );
  for (const { constraint, element, text, code } of list) {
    assert.notEqual(text, "");
    assert.ok(!["unknown", "internal"].includes(code), `${about}: ${code}: ${text}`);
    if (element !== undefined) assert.ok(known.elements.has(element), `${about}: there is no ${element} (${text})`);
    if (constraint === undefined) continue;
    const found = known.constraints.get(constraint);
    assert.ok(found !== undefined, `${about}: there is no constraint ${constraint} (${text})`);
    assert.ok(
      known.concerns(found, chain),
      `${about}: ${constraint} does not concern ${[...chain].join(", ")} (${text})`,
    );
    assert.ok(text.includes(constraint), `${about}: ${text} does not say ${constraint}`);
  }
}

function checkAction(known: Known, owner: string, action: ActionExplanation, planned: ReadonlySet<string>): void {
  const about = `${owner}: ${action.operation} on ${action.node} (${action.state})`;
  checkReasons(known, owner, action.because, about);
  const inPlan = planned.has(`${action.operationKey} ${action.node}`);
  if (action.state === "planned") assert.ok(inPlan, `${about} is not in the plan`);
  if (action.state === "blocked") assert.ok(!inPlan, `${about} is in the plan`);
  for (const wait of action.waitsFor) {
    if (wait.constraint === undefined) continue;
    assert.ok(known.constraints.has(wait.constraint), `${about}: there is no constraint ${wait.constraint}`);
  }
}

function checkInstance(known: Known, one: InstanceExplanation, planned: ReadonlySet<string>): void {
  checkReasons(known, one.resource, one.because, `${one.resource} on ${one.node}`);
  for (const { excluded, node } of one.nodes) {
    if (excluded !== undefined) checkReasons(known, one.resource, [excluded], `${one.resource} not on ${node}`);
  }
  for (const action of one.actions) checkAction(known, one.resource, action, planned);
}

function check(cib: Element, nowEpochSeconds: number): void {
  const { explanation, graph, summary } = plan(cib, nowEpochSeconds);
  assert.ok(explanation !== undefined);
  const known = new Known(cib);
  const done = graph.synapses.map(({ action }) => action).filter((action) => action.kind !== "pseudo");
  const keyOf = (key: string, node: string | undefined) => `${key} ${node}`;
  const planned = new Set(done.map((one) => keyOf(one.internalOperationKey ?? one.operationKey, one.node)));
  for (const one of explanation.instances) checkInstance(known, one, planned);
  for (const action of explanation.nodeActions) checkAction(known, action.node ?? "", action, planned);
  // Nothing that is done goes unmentioned.
  const told = [...explanation.instances.flatMap(({ actions }) => actions), ...explanation.nodeActions];
  const mentioned = new Set(
    told.filter(({ state }) => state === "planned").map((one) => keyOf(one.operationKey, one.node)),
  );
  for (const action of done) {
    if (SILENT.includes(action.operation)) continue;
    const key = keyOf(action.internalOperationKey ?? action.operationKey, action.node);
    assert.ok(mentioned.has(key), `${key} is not explained`);
  }
  // What people read of the plan is explained: each resource in it has something to do, or something that it cannot do.
  for (const { subject, verb } of summary) {
    if (/^(Fence|Leave|Shutdown)/.test(verb)) continue;
    const own = explanation.instances.filter(({ resource }) => resource === subject);
    if (own.length > 0)
      assert.ok(
        own.some(({ actions }) => actions.length > 0),
        `${verb} of ${subject} is not explained`,
      );
  }
}

test("in random clusters, each cause names what is there", () => {
  fc.assert(
    fc.property(randomCluster, ({ cib }) => check(cib, NOW_EPOCH_SECONDS)),
    { numRuns: RUNS, seed: SEED },
  );
});

test("in reference cases, each cause names what is there", (context) => {
  if (!existsSync(REFERENCE)) {
    context.skip("the reference cases are not here");
    return;
  }
  const step = Number(process.env["SYSTOLE_REFERENCE_STEP"] ?? REFERENCE_STEP);
  let place = 0;
  const wrong: string[] = [];
  for (const [family, cases] of readIndex(REFERENCE)) {
    for (const name of cases.keys()) {
      place += 1;
      if (place % step !== 0) continue;
      const cib = parseXml(readFileSync(join(REFERENCE, family, `${name}.xml`), "utf8"));
      try {
        check(cib, executionDate(cib) ?? NOW_EPOCH_SECONDS);
      } catch (error) {
        wrong.push(`${family}/${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});
