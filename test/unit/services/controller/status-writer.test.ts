import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../../runtime/kernel/cib/element.ts";
import type { CibEdit } from "../../../../runtime/kernel/messages.ts";
import { MAX_WRITE_ATTEMPTS, StatusWriter } from "../../../../runtime/services/controller/status-writer.ts";

const CIB = parseXml(`<cib num_updates="1"><configuration/><status><node_state id="1"/></status></cib>`);
const DONE = { outcome: "done", version: { adminEpoch: 0, epoch: 0, numUpdates: 2 } } as const;
const UNKNOWN = { outcome: "unknown", reason: "the view has changed" } as const;

function join(value: string): CibEdit {
  return { edit: "set", path: [{ name: "status" }, { name: "node_state", id: "1" }], attributes: { join: value } };
}

function applied(cib: Element, edits: readonly CibEdit[]): Element {
  const edited = applyEdits(cib, edits);
  assert(edited.ok);
  return edited.cib;
}

function valueIn(cib: Element): string | undefined {
  return cib.children[1]?.children[0]?.attributes["join"];
}

test("edits show at once, go out one batch at a time, and receipts follow the commit", () => {
  const writer = new StatusWriter("w", "test", CIB);
  const receipts: string[] = [];
  writer.write([join("a")], () => receipts.push("a"));
  assert.equal(valueIn(writer.working), "a");
  const first = writer.flush();
  assert.equal(first?.edits.length, 1);
  writer.write([join("b")], () => receipts.push("b"));
  writer.write([join("c")], () => receipts.push("c"));
  assert.equal(writer.flush(), undefined);
  const committed = applied(CIB, first?.edits ?? []);
  assert.equal(writer.committed(committed), undefined, "its own change is no news");
  assert.equal(valueIn(writer.working), "c");
  writer.answered(first?.id ?? "", DONE);
  assert.deepEqual(receipts, ["a"]);
  const second = writer.flush();
  assert.equal(second?.edits.length, 2);
  assert.equal(writer.committed(applied(committed, second?.edits ?? [])), undefined);
  writer.answered(second?.id ?? "", DONE);
  assert.deepEqual(receipts, ["a", "b", "c"]);
  assert(writer.isSettled);
});

test("what somebody else changed is told, with the place", () => {
  const writer = new StatusWriter("w", "test", CIB);
  const other = parseXml(
    `<cib num_updates="2"><configuration><resources><primitive id="web"/></resources></configuration><status><node_state id="1"/></status></cib>`,
  );
  assert.equal(writer.committed(other), "/cib/configuration/resources");
  const mine = new StatusWriter("w", "test", CIB);
  mine.write([join("a")]);
  mine.flush();
  const both = applied(CIB, [join("a"), { edit: "put", parent: [{ name: "status" }], element: other }]);
  assert.equal(mine.committed(both), "/cib/status/cib");
});

test("a counter or a stamp is no change", () => {
  const writer = new StatusWriter("w", "test", CIB);
  const next = parseXml(`<cib num_updates="9" dc-uuid="2"><configuration/><status><node_state id="1"/></status></cib>`);
  assert.equal(writer.committed(next), undefined);
  const quorum = parseXml(
    `<cib num_updates="9" have-quorum="1"><configuration/><status><node_state id="1"/></status></cib>`,
  );
  assert.equal(writer.committed(quorum), "/cib");
});

test("a write that fails is repeated, in its order, and given up in words", () => {
  const writer = new StatusWriter("w", "test", CIB);
  writer.write([join("a")]);
  for (let attempt = 1; attempt <= MAX_WRITE_ATTEMPTS; attempt++) {
    const request = writer.flush();
    assert(request !== undefined, `attempt ${attempt}`);
    assert.deepEqual(request.edits, [join("a")]);
    const written = writer.answered(request.id, UNKNOWN);
    if (attempt < MAX_WRITE_ATTEMPTS) assert.equal("warning" in written, false);
    else assert.match("warning" in written ? (written.warning ?? "") : "", /the view has changed/);
  }
  assert.equal(valueIn(writer.working), undefined, "what is not written is not so");
  assert.equal(writer.flush(), undefined);
});

test("what cannot be written any more takes nothing with it that went out in the same batch", () => {
  const writer = new StatusWriter("w", "test", CIB);
  const receipts: string[] = [];
  const parent = [{ name: "status" }, { name: "node_state", id: "2" }];
  const gone: CibEdit = { edit: "put", parent, element: parseXml("<lrm/>") };
  const both = parseXml(
    `<cib num_updates="1"><configuration/><status><node_state id="1"/><node_state id="2"/></status></cib>`,
  );
  writer.committed(both);
  writer.write([join("a")], () => receipts.push("a"));
  writer.write([gone], () => receipts.push("gone"));
  writer.write([join("b")], () => receipts.push("b"));
  let tree = CIB;
  writer.committed(tree);
  const warnings: string[] = [];
  for (let rounds = 0; rounds < 2 * MAX_WRITE_ATTEMPTS && !writer.isSettled; rounds += 1) {
    const request = writer.flush();
    assert(request !== undefined);
    const edited = applyEdits(tree, request.edits);
    if (edited.ok) tree = edited.cib;
    if (edited.ok) writer.committed(tree);
    const refused = { outcome: "refused", code: "no-such-element", reason: "node 2 has no state" } as const;
    const written = writer.answered(request.id, edited.ok ? DONE : refused);
    if ("warning" in written && written.warning !== undefined) warnings.push(written.warning);
  }
  assert(writer.isSettled);
  assert.deepEqual(receipts, ["a", "b"]);
  assert.equal(valueIn(tree), "b");
  assert.equal(warnings.length, 1);
});

test("a report that was not committed does not outlive its view, another edit does", () => {
  const writer = new StatusWriter("w", "test", CIB);
  const receipts: string[] = [];
  writer.report([join("what an earlier life did")], () => receipts.push("report"));
  const first = writer.flush();
  writer.write([join("decided here")], () => receipts.push("write"));
  writer.viewChanged(CIB);
  assert.equal(valueIn(writer.working), "decided here");
  assert.deepEqual(writer.answered(first?.id ?? "", UNKNOWN), { written: "not-mine" });
  const second = writer.flush();
  assert.deepEqual(second?.edits, [join("decided here")]);
  writer.answered(second?.id ?? "", DONE);
  assert.deepEqual(receipts, ["write"], "so the node reports its result again");
});
