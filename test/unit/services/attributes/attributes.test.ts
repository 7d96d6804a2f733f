import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../../runtime/kernel/cib/element.ts";
import type { ChangeRequest } from "../../../../runtime/kernel/messages.ts";
import {
  Attributes,
  type AttributesEffect,
  type AttributesInput,
  NODE_STATE_RETRY_MS,
} from "../../../../runtime/services/attributes/attributes.ts";
import { attributeEdit, transientAttribute } from "../../../../runtime/services/attributes/edits.ts";

const CIB = parseXml(
  `<cib><configuration/><status><node_state id="1" uname="n1"/><node_state id="2" uname="n2"/></status></cib>`,
);

class Bench {
  nowMs = 1000;
  cib: Element = CIB;
  readonly changes: ChangeRequest[] = [];
  readonly sent: (AttributesEffect & { type: "send" })[] = [];
  readonly attributes: Attributes;

  constructor(self: number) {
    const nodes = [1, 2, 3].map((id) => ({ id, name: `n${id}` }));
    this.attributes = new Attributes({ self, nodes, runId: "run" });
    this.give({ type: "cib", cib: this.cib });
  }

  give(input: AttributesInput): void {
    for (const effect of this.attributes.step(input, this.nowMs)) {
      if (effect.type === "change") this.changes.push(effect.request);
      else this.sent.push(effect);
    }
  }

  set(node: string, name: string, value: string | null, dampeningMs = 0): void {
    this.give({ type: "set", node, name, value, dampeningMs });
  }

  /** The kernel commits the last change. */
  commit(): void {
    const request = this.changes.at(-1);
    assert(request !== undefined);
    const edited = applyEdits(this.cib, request.edits);
    assert(edited.ok);
    this.cib = edited.cib;
    this.give({ type: "cib", cib: this.cib });
    const version = { adminEpoch: 0, epoch: 0, numUpdates: 1 };
    this.give({ type: "answer", requestId: request.id, outcome: { outcome: "done", version } });
  }

  tickTo(nowMs: number): void {
    this.nowMs = nowMs;
    this.give({ type: "tick" });
  }
}

test("the coordinator writes at once what has no dampening", () => {
  const bench = new Bench(1);
  bench.give({ type: "coordinator", coordinator: 1 });
  bench.set("n2", "ping", "5");
  bench.commit();
  assert.equal(transientAttribute(bench.cib, "2", "ping"), "5");
  bench.set("n2", "ping", "5");
  assert.equal(bench.changes.length, 1, "what stands already is not written again");
  bench.set("n2", "ping", null);
  bench.commit();
  assert.equal(transientAttribute(bench.cib, "2", "ping"), undefined);
});

test("dampening: the first change sets the time, then all nodes' values are one change", () => {
  const bench = new Bench(1);
  bench.give({ type: "coordinator", coordinator: 1 });
  bench.set("n1", "ping", "0", 5000);
  bench.tickTo(4000);
  bench.set("n2", "ping", "0", 5000);
  bench.set("n1", "ping", "1", 5000);
  assert.equal(bench.attributes.deadlineMs(), 6000);
  bench.tickTo(6000);
  assert.equal(bench.changes.length, 1);
  bench.commit();
  assert.equal(transientAttribute(bench.cib, "1", "ping"), "1");
  assert.equal(transientAttribute(bench.cib, "2", "ping"), "0");
});

test("a value that came back within its dampening is not written", () => {
  const bench = new Bench(1);
  bench.give({ type: "coordinator", coordinator: 1 });
  bench.set("n1", "ping", "0", 5000);
  bench.set("n1", "ping", null, 5000);
  bench.tickTo(6000);
  assert.equal(bench.changes.length, 0);
  assert.equal(bench.attributes.deadlineMs(), undefined);
});

test("one write at a time, so that the last word is the one that stands", () => {
  const bench = new Bench(1);
  bench.give({ type: "coordinator", coordinator: 1 });
  bench.set("n1", "a", "1");
  bench.set("n1", "a", null);
  assert.equal(bench.changes.length, 1);
  bench.commit();
  assert.equal(bench.changes.length, 2);
  bench.commit();
  assert.equal(transientAttribute(bench.cib, "1", "a"), undefined);
});

test("what a node wants of itself is told to each new coordinator until it stands", () => {
  const bench = new Bench(2);
  bench.give({ type: "own", name: "master-db", value: "10", dampeningMs: 0 });
  assert.equal(bench.sent.length, 0);
  bench.give({ type: "coordinator", coordinator: 1 });
  bench.give({ type: "coordinator", coordinator: undefined });
  bench.give({ type: "coordinator", coordinator: 3 });
  assert.deepEqual(
    bench.sent.map(({ to }) => to),
    [1, 3],
  );
  const edit = attributeEdit(bench.cib, "2", "master-db", "10");
  assert(edit !== undefined);
  const edited = applyEdits(bench.cib, [edit]);
  assert(edited.ok);
  bench.give({ type: "cib", cib: edited.cib });
  bench.give({ type: "coordinator", coordinator: 1 });
  assert.equal(bench.sent.length, 2);
});

test("an attribute of a node whose node_state is not there yet waits for it", () => {
  const bench = new Bench(1);
  bench.give({ type: "coordinator", coordinator: 1 });
  bench.set("n3", "master-db", "10");
  assert.equal(bench.changes.length, 0);
  assert.equal(bench.attributes.deadlineMs(), bench.nowMs + NODE_STATE_RETRY_MS);
  bench.cib = parseXml(`<cib><configuration/><status><node_state id="3" uname="n3"/></status></cib>`);
  bench.give({ type: "cib", cib: bench.cib });
  bench.tickTo(bench.nowMs + NODE_STATE_RETRY_MS);
  bench.commit();
  assert.equal(transientAttribute(bench.cib, "3", "master-db"), "10");
});

test("an unknown outcome is asked again under the same id", () => {
  const bench = new Bench(1);
  bench.give({ type: "coordinator", coordinator: 1 });
  bench.set("n1", "a", "1");
  const id = bench.changes[0]?.id ?? "";
  bench.give({ type: "answer", requestId: id, outcome: { outcome: "unknown", reason: "late" } });
  assert.deepEqual(
    bench.changes.map((change) => change.id),
    [id, id],
  );
});

test("refusals name what can be named", () => {
  const bench = new Bench(1);
  assert.match(bench.attributes.refusal("n9") ?? "", /There is no node n9 in this cluster. Use one of n1, n2, n3./);
  assert.match(bench.attributes.refusal("n3") ?? "", /has not been in the cluster yet/);
  assert.equal(bench.attributes.refusal("n1"), undefined);
});
