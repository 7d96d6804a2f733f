// Nothing is kept from one plan to the next: a change of a single attribute is seen, and taking it back gives the plan of before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { md5Hex } from "../../../../runtime/host/md5.ts";
import { type Element, withAttributes, withChildren } from "../../../../runtime/kernel/cib/element.ts";
import { schedule } from "../../../../runtime/services/scheduler/schedule.ts";
import { scaleCib } from "../../../bench/scale-cib.ts";

const plan = (cib: Element) => schedule(cib, { nowEpochSeconds: 1_700_000_000, md5Hex });

/** The same tree with one attribute of one element changed; all else are the same objects. */
function change(parent: Element, id: string, name: string, value: string): Element {
  if (parent.attributes["id"] === id) return withAttributes(parent, { [name]: value });
  return withChildren(
    parent,
    parent.children.map((child) => change(child, id, name, value)),
  );
}

test("a plan after a change of one attribute is about the changed document", () => {
  const cib = parseXml(scaleCib(3, 12));
  const moved = change(cib, "prefer-single-0", "node", "node-1");
  const place = (document: Element) => plan(document).placements.find(({ resource }) => resource === "single-0")?.node;
  assert.equal(place(cib), "node-0");
  assert.equal(place(moved), "node-1");
  assert.equal(place(cib), "node-0");
});

test("the same document gives the same plan again, and stays as it was", () => {
  const text = scaleCib(3, 12);
  const cib = parseXml(text);
  const first = plan(cib);
  assert.deepEqual(plan(cib), first);
  assert.deepEqual(cib, parseXml(text));
  assert.notEqual(first.graph.synapses.length, 0);
});
