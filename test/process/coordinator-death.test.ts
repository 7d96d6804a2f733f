// Real nodes: the process of the coordinator is killed while operations that it asked for run on the others. Its successor fences it, takes
// up what is going on, and at the end nothing is waited for and the status says what is so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Element, element } from "../../runtime/kernel/cib/element.ts";
import { activeResources } from "../../runtime/services/controller/results.ts";
import { configuration, dummy, Field, type FieldNode, pairs, processesOf } from "./field.ts";

const DELAY = `<instance_attributes id="app-parameters">${pairs("app", { delay: "2s" })}</instance_attributes>`;

async function statusSection(field: Field, node: FieldNode): Promise<Element> {
  return (await field.client(node).call("cib-query", { section: "status" })).element;
}

for (const operation of ["start", "stop"] as const) {
  test(`the coordinator dies while a ${operation} that it asked for is under way`, async (t) => {
    const field = await Field.create(t);
    const [one, two, three] = field.nodes;
    assert.ok(one && two && three);
    for (const node of field.nodes) field.start(node);
    await field.together(one, two, three);
    const coordinator = field.node(
      await field.until("a coordinator", ([first]) => {
        const id = first?.report.standing?.coordinator;
        return field.nodes.find((node) => node.id === id)?.name;
      }),
    );
    const [survivor, other] = field.nodes.filter((node) => node !== coordinator);
    assert.ok(survivor && other);
    const prefer = `<rsc_location id="prefer" rsc="app" node="${survivor.name}" score="50"/>`;
    const since = field.watch.events.length;
    await field.give(survivor, configuration(field, { resources: dummy("app", "1s", DELAY), constraints: prefer }));
    await field.event("app starts", since, (event) => event.code === "start" && event.resource === "app");
    if (operation === "stop") {
      await field.runs(survivor, "app", (where) => where === survivor.name);
      const moved = prefer.replace(survivor.name, other.name);
      await field.give(survivor, configuration(field, { resources: dummy("app", "1s", DELAY), constraints: moved }));
      await field.event("app stops", since, (event) => event.code === "stop" && event.resource === "app");
    }
    field.signal(coordinator, "SIGKILL");
    await field.together(survivor, other);
    const home = operation === "start" ? survivor : other;
    await field.runs(survivor, "app", (where) => where === home.name);
    await field.until("nothing is under way", (reports) => {
      const left = reports.filter(({ node }) => node !== coordinator);
      return left.every(({ report }) => report.operations.length === 0 && report.transition === undefined) || undefined;
    });
    assert.equal((await processesOf(field, home, "sleep infinity")).length, 1);
    const runs = await Promise.all(field.nodes.map((node) => processesOf(field, node, "sleep infinity")));
    assert.equal(runs.flat().length, 1, "it runs once");
    for (const node of [survivor, other]) {
      const status = await statusSection(field, node);
      assert.doesNotMatch(JSON.stringify(status), /"op-status":"-1"/);
      const cib = element("cib", {}, [status]);
      const active = field.nodes.filter(({ id }) => activeResources(cib, `${id}`).includes("app"));
      assert.deepEqual(active, [home], `the status as ${node.name} has it`);
    }
    const failures = field.watch.events.slice(since).filter((event) => /-failed$/.test(event.code));
    assert.deepEqual(failures, []);
  });
}
