// Difference and patch against a dumb truth: whatever two trees are, the patch of the difference leads from one to the other.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { diffElements } from "../../../../runtime/kernel/cib/diff.ts";
import { createDigest } from "../../../../runtime/kernel/cib/digest.ts";
import { type Element, element, withAttributes, withChildren } from "../../../../runtime/kernel/cib/element.ts";
import { applyPatchset, durablePart, makePatchset } from "../../../../runtime/kernel/cib/patchset.ts";
import { durableDocument, elementAt, foundingCib, withVersion } from "../../../../runtime/kernel/cib/version.ts";
import { sha256 } from "../cluster.ts";

const attributes = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2"), { maxKeys: 2 });

/** Children with ids, children without, and siblings that cannot be told apart. */
function treeOf(depth: number): fc.Arbitrary<Element> {
  const children = depth === 0 ? fc.constant([]) : fc.array(treeOf(depth - 1), { maxLength: 5 });
  const name = fc.constantFrom("x", "y");
  const id = fc.option(fc.constantFrom("1", "2", "3", "4", "5", "6"), { nil: undefined });
  return fc
    .record({ name, id, attributes, children })
    .map((parts) => element(parts.name, { ...parts.attributes, id: parts.id }, unique(parts.children)));
}

const tree = treeOf(2);

/** Siblings with an id have different ones, as XML demands. */
function unique(children: readonly Element[]): Element[] {
  const seen = new Set<string>();
  return children.filter((child) => {
    const id = child.attributes["id"];
    if (id === undefined) return true;
    const key = `${child.name} ${id}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function document(epoch: number, parts: readonly Element[]): Element {
  const root = element("cib", {}, [element("configuration", {}, unique(parts)), element("status")]);
  return withVersion(root, { adminEpoch: 0, epoch, numUpdates: 0 });
}

test("the patch of the difference leads from any tree to any other, in this order of children", () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 6 }), fc.array(tree, { maxLength: 6 }), (before, after) => {
      const from = document(1, before);
      const to = document(2, after);
      const patched = applyPatchset(from, makePatchset(from, to));
      assert.ok(patched.ok, JSON.stringify(patched));
      assert.deepEqual(patched.cib, to);
    }),
    { numRuns: 2000, seed: 4 },
  );
});

test("a shuffle of siblings with ids is moves only, and as few as needed", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: 8 }), (order) => {
      const child = (id: number) => element("x", { id: String(id) });
      const from = document(1, [1, 2, 3, 4, 5, 6, 7, 8].map(child));
      const to = document(2, order.map(child));
      const { changes } = makePatchset(from, to);
      assert.ok(changes.every((change) => change.operation === "move" || change.path.length === 0));
      const patched = applyPatchset(from, makePatchset(from, to));
      assert.ok(patched.ok);
      assert.deepEqual(patched.cib, to);
    }),
    { seed: 4 },
  );
  const last = document(
    1,
    ["1", "2", "3"].map((id) => element("x", { id })),
  );
  const first = document(
    1,
    ["3", "1", "2"].map((id) => element("x", { id })),
  );
  assert.equal(diffElements(last, first).length, 1);
});

test("the result shares everything that did not change", () => {
  const from = document(1, [element("x", { id: "1" }, [element("y", { id: "1" })]), element("x", { id: "2" })]);
  const second = elementAt(from, [{ name: "configuration" }, { name: "x", id: "2" }]);
  assert.ok(second);
  const configuration = elementAt(from, [{ name: "configuration" }]);
  assert.ok(configuration);
  const changed = withChildren(configuration, [
    configuration.children[0] ?? second,
    withAttributes(second, { a: "1" }),
  ]);
  const to = withVersion(withChildren(from, [changed, element("status")]), { adminEpoch: 0, epoch: 2, numUpdates: 0 });
  const patched = applyPatchset(from, makePatchset(from, to));
  assert.ok(patched.ok);
  const path = [{ name: "configuration" }, { name: "x", id: "1" }];
  assert.equal(elementAt(patched.cib, path), elementAt(from, path));
});

test("another version, a missing path and an attribute that is not there are refused, and nothing is changed", () => {
  const from = document(1, [element("x", { id: "1" })]);
  const copy = structuredClone(from);
  const source = { adminEpoch: 0, epoch: 1, numUpdates: 0 };
  const target = { adminEpoch: 0, epoch: 2, numUpdates: 0 };
  const bump = { operation: "modify", path: [], set: { epoch: "2" }, unset: [] } as const;
  const path = [{ name: "configuration" }, { name: "x", id: "9" }];
  const present = [{ name: "configuration" }, { name: "x", id: "1" }];
  const bad = [
    applyPatchset(from, { source: target, target, changes: [] }),
    applyPatchset(from, { source, target, changes: [] }),
    applyPatchset(from, { source, target, changes: [bump, { operation: "delete", path, position: 0 }] }),
    applyPatchset(from, { source, target, changes: [bump, { operation: "modify", path, set: { a: "1" }, unset: [] }] }),
    applyPatchset(from, { source, target, changes: [bump, { operation: "move", path, position: 0 }] }),
    applyPatchset(from, {
      source,
      target,
      changes: [bump, { operation: "modify", path: present, set: {}, unset: ["a"] }],
    }),
    applyPatchset(from, {
      source,
      target,
      changes: [
        bump,
        { operation: "create", path: [{ name: "configuration" }], position: 7, element: element("x", { id: "2" }) },
      ],
    }),
    applyPatchset(from, {
      source,
      target,
      changes: [
        bump,
        { operation: "create", path: [{ name: "configuration" }], position: 1, element: element("x", { id: "1" }) },
      ],
    }),
  ];
  assert.deepEqual(
    bad.map((result) => (result.ok ? "ok" : result.code)),
    ["version", "version", ...Array(6).fill("path")],
  );
  assert.deepEqual(from, copy);
});

test("the durable part leads the durable document on, whatever the status does", () => {
  const from = withVersion(document(1, [element("x", { id: "1" })]), { adminEpoch: 0, epoch: 1, numUpdates: 7 });
  const configuration = element("configuration", {}, [element("x", { id: "1", a: "1" })]);
  const status = element("status", {}, [element("node_state", { id: "1" })]);
  const to = withVersion(withChildren(from, [configuration, status]), { adminEpoch: 0, epoch: 2, numUpdates: 0 });
  const patched = applyPatchset(durableDocument(from), durablePart(makePatchset(from, to)));
  assert.ok(patched.ok, JSON.stringify(patched));
  assert.deepEqual(patched.cib, durableDocument(to));
});

test("a change in a document of 1,000 resources costs by what it touches", () => {
  const nvpairs = (i: number) =>
    Array.from({ length: 8 }, (_, k) => element("nvpair", { id: `r${i}-${k}`, name: `n${k}`, value: "v" }));
  const resources = Array.from({ length: 1000 }, (_, i) =>
    element("primitive", { id: `r${i}` }, [element("instance_attributes", { id: `r${i}-ia` }, nvpairs(i))]),
  );
  const base = foundingCib();
  const configuration = element("configuration", {}, [element("crm_config"), element("resources", {}, resources)]);
  const from = withVersion(withChildren(base, [configuration, element("status")]), {
    adminEpoch: 0,
    epoch: 1,
    numUpdates: 0,
  });
  let hashed = 0;
  const digestOf = createDigest((text) => {
    hashed += 1;
    return sha256(text);
  });
  digestOf(from);
  const path = [{ name: "configuration" }, { name: "resources" }, { name: "primitive", id: "r500" }];
  const patchset = {
    source: { adminEpoch: 0, epoch: 1, numUpdates: 0 },
    target: { adminEpoch: 0, epoch: 2, numUpdates: 0 },
    changes: [
      { operation: "modify", path: [], set: { epoch: "2" }, unset: [] },
      { operation: "modify", path, set: { description: "changed" }, unset: [] },
    ],
  } as const;
  hashed = 0;
  const patched = applyPatchset(from, patchset);
  assert.ok(patched.ok);
  digestOf(patched.cib);
  assert.equal(hashed, 4);
  assert.equal(diffElements(from, patched.cib).length, 2);
});

test("equal trees have equal digests, and different ones different digests", () => {
  const digestOf = createDigest(sha256);
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
      assert.equal(digestOf(a) === digestOf(b), same);
      assert.equal(digestOf(structuredClone(a)), digestOf(a));
    }),
    { seed: 4 },
  );
});

function sorted(target: Element): unknown {
  const keys = Object.keys(target.attributes).sort();
  return [target.name, keys.map((key) => [key, target.attributes[key]]), target.children.map(sorted)];
}
