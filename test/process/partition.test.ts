// Cables pulled between real nodes, each in a network namespace of its own with two links: one link lost is nothing; both
// lost, and the node is fenced before what it ran starts elsewhere; what is lost in one direction only counts as lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { configuration, dummy, Field, type FieldNode, processesOf } from "./field.ts";
import { networksMissing } from "./networks.ts";

const skip = networksMissing() ?? false;
const LINKS = [0, 1] as const;

/** Far longer than the detection time of these clusters. */
const SILENCE_MS = 2_500;

/** Three nodes in one view with `app` on a node that does not coordinate. */
async function begin(t: Parameters<typeof Field.create>[0]): Promise<{ field: Field; victim: FieldNode }> {
  const field = await Field.create(t, { networks: true });
  const [first] = field.nodes;
  assert.ok(first);
  for (const node of field.nodes) field.start(node);
  await field.together(...field.nodes);
  const coordinator = field.status(first)?.coordinator;
  const victim = field.nodes.find((node) => node.name !== coordinator);
  assert.ok(victim);
  const prefer = `<rsc_location id="prefer" rsc="app" node="${victim.name}" score="50"/>`;
  await field.give(first, configuration(field, { constraints: prefer, resources: dummy("app") }));
  await field.runs(first, "app", (on) => on === victim.name);
  return { field, victim };
}

/** The others fence `victim`, and only then `app` starts on one of them; `victim` comes back as a member. */
async function fencedFirst(field: Field, victim: FieldNode, since: number): Promise<void> {
  const others = field.nodes.filter((node) => node.id !== victim.id);
  const fenced = await field.event(`${victim.name} fenced`, since, (event) => event.code === "fenced");
  assert.equal(fenced.node, victim.name);
  const started = await field.event(
    "app elsewhere",
    since,
    (event) => event.code === "start-done" && event.resource === "app",
  );
  assert.notEqual(started.node, victim.name);
  assert.ok(fenced.epochMs <= started.epochMs, `fenced ${fenced.epochMs}, started ${started.epochMs}`);
  assert.equal(await field.ended(victim), "SIGKILL");
  assert.deepEqual(await processesOf(field, victim, "sleep"), []);
  await field.together(...others);
}

test("one link lost is nothing, and told; both lost, and the node is fenced first; plugged in again, it comes back", {
  skip,
}, async (t) => {
  const { field, victim } = await begin(t);
  const { networks } = field;
  const [other] = field.nodes.filter((node) => node.id !== victim.id);
  assert.ok(networks && other);

  const quiet = field.watch.events.length;
  networks.cable(victim.id, 0, false);
  await field.until("silence on one link, longer than a failure takes to detect", (reports) => {
    const report = reports.find(({ node }) => node.id === other.id)?.report;
    const peer = report?.transport.peers.find(({ id }) => id === victim.id);
    return (peer?.links[0]?.silenceMs ?? 0) > SILENCE_MS ? true : undefined;
  });
  assert.deepEqual(
    field.watch.events.slice(quiet).map((event) => event.text),
    [],
  );
  const told = await field.until("the lost link in the status", () =>
    field.status(other)?.problems.find((problem) => problem.includes(`10.99.1.${victim.id}`)),
  );
  assert.match(told, new RegExp(`${victim.name}.*10\\.99\\.1\\.${victim.id}.*other link`));

  const since = field.watch.events.length;
  networks.cable(victim.id, 1, false);
  await fencedFirst(field, victim, since);

  field.start(victim);
  const alone = await field.until("the node alone says so", () => {
    const status = field.status(victim);
    return status !== undefined && status.quorum.reason !== "" && !status.quorum.quorate ? status : undefined;
  });
  assert.match(alone.quorum.reason, /No quorum: 1 of 3/);
  for (const link of LINKS) networks.cable(victim.id, link, true);
  await field.together(...field.nodes);
  await field.runs(victim, "app");
});

test("a node that is mute, or deaf, is fenced as one that is gone, and the others go on", { skip }, async (t) => {
  const { field, victim } = await begin(t);
  for (const how of ["mute", "deaf"] as const) {
    await field.runs(victim, "app", (on) => on === victim.name);
    const since = field.watch.events.length;
    for (const link of LINKS) field.networks?.lose(victim.id, link, how);
    await fencedFirst(field, victim, since);
    for (const link of LINKS) field.networks?.lose(victim.id, link, "nothing");
    field.start(victim);
    await field.together(...field.nodes);
  }
});

test("two nodes that see only the third: one of them is given up and fenced, everything else stays", {
  skip,
}, async (t) => {
  const { field, victim } = await begin(t);
  const [one, two] = field.nodes.filter((node) => node.id !== victim.id);
  assert.ok(one && two && field.networks);
  const since = field.watch.events.length;
  field.networks.cable(one.id, 0, false);
  field.networks.cable(victim.id, 1, false);
  const fenced = await field.event("one of them fenced", since, (event) => event.code === "fenced");
  assert.ok(fenced.node === one.name || fenced.node === victim.name, fenced.text);
  const lost = field.node(fenced.node ?? "");
  assert.equal(await field.ended(lost), "SIGKILL");
  await field.together(...field.nodes.filter((node) => node.id !== lost.id));
  await field.runs(two, "app");
  assert.equal(field.watch.events.slice(since).filter((event) => event.code === "fenced").length, 1);
});
