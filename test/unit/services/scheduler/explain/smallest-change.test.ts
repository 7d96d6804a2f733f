// The smallest change does what it says, and no proper part of it does: on random clusters, and on reference cases where they are.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readIndex } from "../../../../../runtime/cli/simulate/batch.ts";
import { parseXml } from "../../../../../runtime/compat/xml.ts";
import { md5Hex } from "../../../../../runtime/host/md5.ts";
import { applyEdits } from "../../../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../../../runtime/kernel/cib/element.ts";
import { applyPatchset, makePatchset } from "../../../../../runtime/kernel/cib/patchset.ts";
import type { CibEdit } from "../../../../../runtime/kernel/messages.ts";
import { executionDate } from "../../../../../runtime/services/scheduler/cluster.ts";
import {
  type Goal,
  isReached,
  runsThere,
  smallestChange,
} from "../../../../../runtime/services/scheduler/explain/smallest-change.ts";
import { type Schedule, schedule } from "../../../../../runtime/services/scheduler/schedule.ts";
import { cibFromLines } from "../../../../golden/scheduler/cib-text.ts";
import { PAIRS, PROMOTABLE_PAIRS, type RandomCluster, randomCluster, randomPromotable } from "./random-cib.ts";

const NOW_EPOCH_SECONDS = 1_000_600;
const RUNS = 60;
const SEED = 20261122;
const REFERENCE = join(import.meta.dirname, "../../../../../../shared/data/scheduler");
/** Every so many of the reference cases is looked at. */
const REFERENCE_STEP = 60;

type Plan = (cib: Element) => Schedule;

function planAt(nowEpochSeconds: number): Plan {
  return (cib) => schedule(cib, { nowEpochSeconds, md5Hex, secretsRemoved: true });
}

function edited(cib: Element, edits: readonly CibEdit[]): Element {
  const result = applyEdits(cib, edits);
  assert.ok(result.ok, result.ok ? "" : result.reason);
  return result.cib;
}

/** A wish: what is to be where. */
interface Wish {
  readonly resource: string;
  readonly node: string;
  readonly goal?: Goal;
}

/** Looks for a change and judges it; whether there was one. */
function judge(cib: Element, wish: Wish, plan: Plan, maxTrials?: number): boolean {
  const { resource, node, goal = "runs" } = wish;
  const limit = maxTrials === undefined ? {} : { maxTrials };
  const { change, none } = smallestChange({ cib, resource, node, goal, schedule: plan, ...limit });
  const reached = (document: Element) => isReached(document, resource, node, goal, plan(document));
  const wished = `${resource} on ${node}, ${goal}`;
  if (change === undefined) {
    if (none === undefined) assert.ok(reached(cib), `${wished}: nobody says why`);
    return false;
  }
  const { edits, parts } = change;
  const about = `${wished}: ${parts.map(({ text }) => text).join("; ")}`;
  assert.ok(edits.length > 0 && parts.length > 0, about);
  const helps = (some: readonly CibEdit[]) => reached(edited(cib, some));
  assert.ok(helps(edits), `the change helps: ${about}`);
  for (let mask = 0; mask < 2 ** edits.length - 1; mask += 1) {
    const part = edits.filter((_edit, i) => (mask >> i) & 1);
    assert.ok(!helps(part), `a part of it does not: ${about} (edits ${mask.toString(2)})`);
  }
  // As a patchset it leads to the same document.
  const patchset = makePatchset(cib, edited(cib, edits));
  const patched = applyPatchset(cib, patchset);
  assert.ok(patched.ok);
  assert.ok(reached(patched.cib), about);
  return true;
}

/** Judges the changes for one goal in random clusters. */
function judgeRandom(clusters: fc.Arbitrary<RandomCluster>, pairs: typeof PAIRS, goal: Goal, share: number): void {
  const plan = planAt(NOW_EPOCH_SECONDS);
  let asked = 0;
  let found = 0;
  fc.assert(
    fc.property(clusters, ({ cib }) => {
      const now = plan(cib);
      for (const { resource, node } of pairs) {
        if (isReached(cib, resource, node, goal, now)) {
          assert.deepEqual(smallestChange({ cib, resource, node, goal, schedule: plan }), {});
          continue;
        }
        asked += 1;
        if (judge(cib, { resource, node, goal }, plan)) found += 1;
      }
    }),
    { numRuns: RUNS, seed: SEED, examples: [] },
  );
  assert.ok(asked > RUNS / 2, `only ${asked} were asked for`);
  assert.ok(found > asked * share, `changes were found for ${found} of ${asked}`);
}

test("in random clusters, the change helps and no part of it does", () => {
  judgeRandom(randomCluster, PAIRS, "runs", 0.9);
});

test("in random clusters, what takes a resource off a node does that, and no part of it does", () => {
  judgeRandom(randomCluster, PAIRS, "absent", 0.9);
});

test("in random clusters with a promotable clone, what promotes it on a node does that, and no part of it does", () => {
  judgeRandom(randomPromotable, PROMOTABLE_PAIRS, "promoted", 0.95);
});

test("in random clusters with a promotable clone, what takes it off a node does that, and no part of it does", () => {
  judgeRandom(randomPromotable, PROMOTABLE_PAIRS, "absent", 0.9);
});

test("in reference cases, the change helps and no part of it does", (context) => {
  if (!existsSync(REFERENCE)) {
    context.skip("the reference cases are not here");
    return;
  }
  let asked = 0;
  let found = 0;
  let place = 0;
  for (const [family, cases] of readIndex(REFERENCE)) {
    for (const name of cases.keys()) {
      place += 1;
      if (place % REFERENCE_STEP !== 0) continue;
      const cib = parseXml(readFileSync(join(REFERENCE, family, `${name}.xml`), "utf8"));
      const plan = planAt(executionDate(cib) ?? NOW_EPOCH_SECONDS);
      const { placements } = plan(cib);
      const nodes = [...new Set(placements.flatMap(({ node }) => node ?? []))];
      for (const { resource, node } of [placements[0], placements[placements.length - 1]].filter(
        (one) => one !== undefined,
      )) {
        const other = nodes.find((one) => one !== node);
        const id = resource.replace(/:\d+$/, "");
        // An instance of a clone can have another one there.
        if (other === undefined || runsThere(cib, id, other, plan(cib))) continue;
        asked += 1;
        if (judge(cib, { resource: id, node: other }, plan, 150)) found += 1;
      }
    }
  }
  assert.ok(found > asked / 3, `changes were found for ${found} of ${asked}`);
});

test("a change that cannot be found is not made up", () => {
  const cib = cibFromLines('nodes n1 n2\n<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>');
  const plan = planAt(NOW_EPOCH_SECONDS);
  const none = (resource: string, node: string) => {
    const result = smallestChange({ cib, resource, node, schedule: plan });
    assert.equal(result.change, undefined);
    return result.none?.code;
  };
  assert.equal(none("nothing", "n1"), "nothing-known");
  assert.equal(none("web", "n9"), "nothing-known");
});

test("the search ends when its trials are used up", () => {
  const cib = cibFromLines('nodes n1 n2\n<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>');
  let plans = 0;
  const plan: Plan = (document) => {
    plans += 1;
    return planAt(NOW_EPOCH_SECONDS)(document);
  };
  smallestChange({ cib, resource: "web", node: "n2", schedule: plan, maxTrials: 3 });
  assert.ok(plans <= 3, `${plans} plans were made`);
});
