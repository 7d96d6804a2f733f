// The check by what has changed against the check of everything: whatever is done to a configuration, both refuse the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import type { Element } from "../../../../runtime/kernel/cib/element.ts";
import { applyPatchset, makePatchset } from "../../../../runtime/kernel/cib/patchset.ts";
import { KnownGood } from "../../../../runtime/model/validate/known-good.ts";
import { Problems } from "../../../../runtime/model/validate/problem.ts";
import { surveyConfiguration } from "../../../../runtime/model/validate/structure.ts";
import { createConfigurationCheck, validateConfiguration } from "../../../../runtime/model/validate.ts";
import { seeded } from "../../kernel/cluster.ts";

const START = parseXml(`<configuration>
<crm_config><cluster_property_set id="options"><nvpair id="o1" name="batch-limit" value="3"/><nvpair id="o2" name="migration-limit" value="2"/><nvpair id="o3" name="cluster-name" value="x"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"><instance_attributes id="n2-a"><nvpair id="n2-x" name="x" value="1"/></instance_attributes></node></nodes>
<resources>
<template id="t" class="ocf" provider="systole" type="dummy"/>
<primitive id="fence" class="stonith" type="systole:dummy"/>
<primitive id="a" class="ocf" provider="systole" type="dummy"><meta_attributes id="a-m"><nvpair id="a-m1" name="priority" value="1"/></meta_attributes><operations><op id="a-op" name="monitor" interval="10s"/></operations></primitive>
<primitive id="b" template="t"/>
<group id="g"><primitive id="c" class="ocf" provider="systole" type="dummy"/><primitive id="d" class="ocf" provider="systole" type="dummy"><meta_attributes id-ref="a-m"/></primitive></group>
<clone id="k"><primitive id="e" class="ocf" provider="systole" type="dummy"/></clone>
</resources>
<constraints><rsc_location id="l1" rsc="a" node="n1" score="5"/><rsc_colocation id="l2" rsc="b" with-rsc="g" score="INFINITY"/><rsc_order id="l3" first="a" then="k"/></constraints>
<fencing-topology><fencing-level id="f1" target="n1" index="1" devices="fence"/></fencing-topology>
<tags><tag id="tag"><obj_ref id="a"/></tag></tags>
</configuration>`);

type Path = readonly number[];

function paths(element: Element, above: Path = []): Path[] {
  return [above, ...element.children.flatMap((child, at) => paths(child, [...above, at]))];
}

function at(element: Element, path: Path): Element {
  return path.reduce((found, index) => found.children[index] ?? found, element);
}

/** The tree with the element at a path replaced, or (undefined) removed. */
function replaced(element: Element, path: Path, by: Element | undefined): Element {
  const [index, ...rest] = path;
  if (index === undefined) return by ?? element;
  const children = [...element.children];
  const child = children[index];
  if (child === undefined) return element;
  if (rest.length === 0 && by === undefined) children.splice(index, 1);
  else children[index] = replaced(child, rest, by);
  return { ...element, children };
}

const VALUES = [
  "a",
  "b",
  "c",
  "d",
  "e",
  "g",
  "k",
  "t",
  "fence",
  "tag",
  "1",
  "soon",
  "true",
  "x1",
  "x2",
  "x3",
  "n1",
  "INFINITY",
  "a-m",
  "o1",
];

/** Does something to the configuration: sensible or not. */
function disturbed(configuration: Element, random: () => number): Element {
  const pick = <T>(from: readonly T[]): T => {
    const found = from[Math.floor(random() * from.length)];
    assert.ok(found !== undefined);
    return found;
  };
  const path = pick(paths(configuration));
  const target = at(configuration, path);
  const chance = random();
  if (chance < 0.2) return replaced(configuration, path, path.length > 1 ? undefined : target);
  if (chance < 0.55) {
    const name = pick([...Object.keys(target.attributes), "id", "value", "score", "template", "rsc"]);
    return replaced(configuration, path, { ...target, attributes: { ...target.attributes, [name]: pick(VALUES) } });
  }
  const copied = at(configuration, pick(paths(configuration)));
  const children = [...target.children];
  const child =
    chance < 0.8 && "id" in copied.attributes
      ? { ...copied, attributes: { ...copied.attributes, id: pick(VALUES) } }
      : copied;
  children.splice(Math.floor(random() * (children.length + 1)), 0, child);
  return replaced(configuration, path, { ...target, children });
}

/** As it comes back from the log: the same in content, other objects on the way to what has changed. */
function stored(before: Element, after: Element): Element {
  const patched = applyPatchset(before, makePatchset(before, after));
  return patched.ok ? patched.cib : after;
}

function errors(problems: ReturnType<typeof validateConfiguration>): string[] {
  return problems
    .filter(({ severity }) => severity === "error")
    .map(({ code, path, text }) => `${code} ${path} ${text}`);
}

test("both checks refuse the same, whatever was done before", () => {
  let [good, bad] = [0, 0];
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = seeded(seed);
    const check = createConfigurationCheck();
    let running = START;
    for (let step = 0; step < 60; step += 1) {
      const next = disturbed(running, random);
      const wanted = errors(validateConfiguration(next, running));
      assert.deepEqual(errors(check(next, running)), wanted, `seed ${seed}, step ${step}`);
      if (wanted.length > 0) bad += 1;
      else {
        good += 1;
        running = stored(running, next);
      }
    }
  }
  assert.ok(good > 300 && bad > 1000, `${good} good and ${bad} bad changes`);
});

/** A configuration of so many resources, known to be good. */
function known(count: number): { readonly known: KnownGood; readonly configuration: Element } {
  const resources = Array.from({ length: count }, (_, index) => at(START, [2, 2]).attributes && primitive(index));
  const configuration = replaced(START, [2], {
    name: "resources",
    attributes: {},
    children: [...at(START, [2]).children, ...resources],
  });
  const made = new KnownGood();
  const problems = new Problems();
  made.learn(configuration, surveyConfiguration(configuration, undefined, problems));
  assert.deepEqual(problems.list(), []);
  return { known: made, configuration };
}

function primitive(index: number): Element {
  return parseXml(
    `<primitive id="r${index}" class="ocf" provider="systole" type="dummy"><meta_attributes id="r${index}-m"><nvpair id="r${index}-p" name="priority" value="1"/></meta_attributes></primitive>`,
  );
}

test("ordinary changes need no look at the whole: options, attributes, moves, new resources and their going", () => {
  const { known: good, configuration } = known(50);
  const option = replaced(configuration, [0, 0, 0], parseXml(`<nvpair id="o1" name="batch-limit" value="4"/>`));
  const more = replaced(option, [2], { ...at(option, [2]), children: [...at(option, [2]).children, primitive(99)] });
  const constraints = at(more, [3]);
  const move = parseXml(`<rsc_location id="move" rsc="r99" node="n2" score="INFINITY"/>`);
  const moved = replaced(more, [3], { ...constraints, children: [...constraints.children, move] });
  const attribute = replaced(moved, [1, 1, 0, 0], parseXml(`<nvpair id="n2-x" name="x" value="2"/>`));
  for (const [index, next] of [option, more, moved, attribute, more, configuration].entries()) {
    assert.ok(good.follows(next), `step ${index}`);
  }
  assert.ok(good.follows(moved));
  const gone = replaced(moved, [2], { ...at(moved, [2]), children: at(moved, [2]).children.slice(0, -1) });
  assert.equal(good.follows(gone), false, "a constraint still names it");
  assert.ok(good.follows(moved), "a refusal has changed nothing");
});
