// A whole cluster that is stopped, or loses its power, and is started again; nodes that come back without their store, with a
// damaged one, or after many changes. Whatever was acknowledged is there, on every node.

import assert from "node:assert/strict";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { change } from "../../runtime/cli/demo/operator.ts";
import { childrenNamed, type Element } from "../../runtime/kernel/cib/element.ts";
import { configuration, dummy, Field, type FieldNode } from "./field.ts";

/** The attribute that a test counts in: written one change after the other, so none may be missing below the last. */
const COUNTER = "counter-";

const OPTIONS = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "options" }];

/** Every element of that name, wherever it is. */
function everywhere(element: Element, name: string): Element[] {
  return [...childrenNamed(element, name), ...element.children.flatMap((child) => everywhere(child, name))];
}

function noteNumber(field: Field, node: FieldNode, number: number): Promise<void> {
  const element: Element = {
    name: "nvpair",
    attributes: { id: `${COUNTER}${number}`, name: `${COUNTER}${number}`, value: "1" },
    children: [],
  };
  return change(field.client(node), [{ edit: "put", parent: OPTIONS, element }], "count");
}

async function numbersOn(field: Field, node: FieldNode): Promise<number[]> {
  const { element } = await field.client(node).call("cib-query", { section: "configuration" });
  return everywhere(element, "nvpair")
    .flatMap(({ attributes: { name } }) => (name?.startsWith(COUNTER) ? [Number(name.slice(COUNTER.length))] : []))
    .sort((one, other) => one - other);
}

async function historyOn(field: Field, node: FieldNode) {
  return (await field.client(node).call("cib-history", { limit: 1000 })).changes;
}

async function begin(
  t: Parameters<typeof Field.create>[0],
): Promise<{ field: Field; nodes: [FieldNode, FieldNode, FieldNode] }> {
  const field = await Field.create(t);
  const [one, two, three] = field.nodes;
  assert.ok(one && two && three);
  for (const node of field.nodes) field.start(node);
  await field.together(one, two, three);
  await field.give(one, configuration(field, { resources: dummy("app") }));
  await field.runs(one, "app");
  return { field, nodes: [one, two, three] };
}

test("stopped as a whole and started again, and after a power cut in the middle of changes: nothing acknowledged is lost", async (t) => {
  const { field, nodes } = await begin(t);
  const [one, two, three] = nodes;
  await noteNumber(field, one, 0);
  for (const node of nodes) field.signal(node, "SIGTERM");
  for (const node of nodes) assert.equal(await field.ended(node), 0, field.log(node));
  for (const node of nodes) field.start(node);
  await field.together(one, two, three);
  await field.runs(two, "app");
  assert.deepEqual(await numbersOn(field, three), [0]);
  const history = await historyOn(field, three);
  assert.match(history.at(-1)?.why ?? "", /count/);
  assert.match(history.at(-1)?.who ?? "", /@/);

  const acknowledged = [0];
  const cut = { now: false };
  const writers = nodes.map(async (node, index) => {
    for (let number = index + 1; !cut.now; number += nodes.length) {
      try {
        await noteNumber(field, node, number);
      } catch {
        return;
      }
      acknowledged.push(number);
    }
  });
  await field.until("some changes", () => (acknowledged.length > 60 ? true : undefined));
  await Promise.all(nodes.map((node) => field.powerOff(node)));
  cut.now = true;
  for (const node of nodes) assert.equal(await field.ended(node), "SIGKILL");
  await Promise.all(writers);

  for (const node of nodes) field.start(node);
  await field.together(one, two, three);
  await field.runs(one, "app");
  const kept = await Promise.all(nodes.map((node) => numbersOn(field, node)));
  for (const numbers of kept) assert.deepEqual(numbers, kept[0]);
  const histories = await Promise.all(nodes.map((node) => historyOn(field, node)));
  for (const each of histories) assert.deepEqual(each, histories[0]);
  assert.deepEqual(histories[0]?.slice(0, history.length), history);
  const missing = acknowledged.filter((number) => kept[0]?.includes(number) !== true);
  assert.deepEqual(missing, [], `of ${acknowledged.length} acknowledged`);
});

test("a node that missed many changes, lost its store, or has a damaged one, catches up", async (t) => {
  const { field, nodes } = await begin(t);
  const [one, two, three] = nodes;
  field.signal(three, "SIGTERM");
  assert.equal(await field.ended(three), 0);
  await field.together(one, two);
  let number = 0;
  const change20 = async (): Promise<void> => {
    for (let count = 0; count < 20; count += 1, number += 1) await noteNumber(field, one, number);
  };
  const backWith = async (what: string): Promise<void> => {
    field.start(three);
    await field.together(one, two, three);
    assert.deepEqual(
      await numbersOn(field, three),
      Array.from({ length: number }, (_, index) => index),
      what,
    );
    assert.deepEqual(await historyOn(field, three), await historyOn(field, one), what);
  };
  await change20();
  await backWith("a stale store");

  const store = join(three.directory, "state", "cib");
  for (const damage of ["deleted", "overwritten"] as const) {
    await field.powerOff(three);
    assert.equal(await field.ended(three), "SIGKILL");
    await field.together(one, two);
    await change20();
    if (damage === "deleted") rmSync(store, { recursive: true });
    else for (const file of readdirSync(store)) writeFileSync(join(store, file), "no store at all, only some text");
    await backWith(`a store that is ${damage}`);
  }
  const status = await field.systole(three, "status");
  assert.equal(status.code, 0, status.err);
});
