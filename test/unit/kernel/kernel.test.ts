// The kernels of a few nodes together: founding, changes, partitions, returns, disks. Scripted here; under a seed in random.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { elementAt, versionOf } from "../../../runtime/kernel/cib/version.ts";
import { Cluster, nodeState, property, sha256 } from "./cluster.ts";

const CONFIG = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "options" }];

function settingOf(cluster: Cluster, node: number, id: string): string | undefined {
  return elementAt(cluster.node(node).kernel.cib, [...CONFIG, { name: "nvpair", id }])?.attributes["value"];
}

function answersOf(cluster: Cluster, node: number, id: string): string[] {
  return (cluster.node(node).answers.get(id) ?? []).map((outcome) =>
    outcome.outcome === "refused" ? `refused ${outcome.code}` : outcome.outcome,
  );
}

function founded(nodes: number, more: Partial<ConstructorParameters<typeof Cluster>[0]> = {}): Cluster {
  const cluster = new Cluster({ nodes, ...more });
  cluster.view([...cluster.nodes.keys()]);
  cluster.run(20);
  return cluster;
}

test("all configured nodes with empty stores found a cluster, and a change is done on each of them", () => {
  const cluster = founded(3);
  for (const node of cluster.nodes.values()) {
    assert.equal(node.kernel.standing?.established, true, cluster.trace.join("\n"));
    assert.equal(node.kernel.standing?.primary, true);
    assert.equal(node.kernel.standing?.primaryNumber, 1);
    assert.equal(node.disk.log.position.intact, true);
    assert.deepEqual(node.kernel.chain, { primaryNumber: 1, seniority: 1 });
  }
  cluster.ask(2, { id: "a", edits: [property("stickiness", "100")] });
  cluster.run(10);
  assert.deepEqual(answersOf(cluster, 2, "a"), ["done"]);
  for (const id of [1, 2, 3]) {
    assert.equal(settingOf(cluster, id, "stickiness"), "100");
    assert.deepEqual(versionOf(cluster.node(id).kernel.cib), { adminEpoch: 0, epoch: 1, numUpdates: 0 });
    assert.equal(cluster.node(id).disk.log.position.index, 1);
  }
  const root = cluster.node(1).kernel.cib.attributes;
  assert.equal(root["have-quorum"], "1");
  assert.equal(root["dc-uuid"], "1");
  assert.equal(root["update-client"], "test");
  assert.match(root["cib-last-written"] ?? "", /^Tue Nov 14 22:13:2\d 2023$/);
});

test("not all nodes with empty stores: no cluster is founded, and the reason names the command", () => {
  const cluster = new Cluster({ nodes: 3 });
  cluster.view([1, 2]);
  cluster.run(20);
  const { standing } = cluster.node(1).kernel;
  assert.equal(standing?.established, true);
  assert.equal(standing?.primary, false);
  assert.match(standing?.reason ?? "", /systole cib recover --accept-loss/);
  cluster.ask(1, { id: "a", edits: [property("x")] });
  cluster.run(10);
  assert.deepEqual(answersOf(cluster, 1, "a"), ["refused no-quorum"]);
});

test("the operator's override starts a cluster from what is there, in the same view", () => {
  const cluster = new Cluster({ nodes: 3 });
  cluster.view([1, 2]);
  cluster.run(20);
  cluster.input(2, { type: "start-override" });
  cluster.run(20);
  assert.equal(cluster.node(1).kernel.standing?.primary, true);
  assert.equal(cluster.node(2).kernel.standing?.primaryNumber, 1);
  cluster.ask(1, { id: "a", edits: [property("x")] });
  cluster.run(10);
  assert.deepEqual(answersOf(cluster, 1, "a"), ["done"]);
});

test("no answer before every disk has it", () => {
  const cluster = founded(3, { persistMs: () => 50 });
  cluster.run(300);
  cluster.ask(1, { id: "a", edits: [property("x")] });
  cluster.run(45);
  assert.deepEqual(answersOf(cluster, 1, "a"), []);
  assert.equal(settingOf(cluster, 1, "x"), undefined);
  cluster.run(10);
  assert.deepEqual(answersOf(cluster, 1, "a"), ["done"]);
});

test("many writers share a write: one persist while another is under way", () => {
  const cluster = founded(3, { persistMs: () => 10 });
  cluster.run(100);
  let writes = 0;
  cluster.onEffect = (node, effect) => {
    if (node.id === 1 && effect.type === "persist") writes += 1;
  };
  for (let i = 0; i < 32; i += 1) cluster.ask(1 + (i % 3), { id: `w${i}`, edits: [property(`p${i}`)] });
  cluster.run(40);
  assert.ok(writes <= 3, `${writes} writes`);
  for (let i = 0; i < 32; i += 1) assert.deepEqual(answersOf(cluster, 1 + (i % 3), `w${i}`), ["done"]);
  assert.equal(versionOf(cluster.node(2).kernel.cib).epoch, 32);
});

test("status changes need no disk, stay in order with the configuration, and count num_updates", () => {
  const cluster = founded(3);
  const before = cluster.node(3).disk.log.position.index;
  cluster.ask(2, { id: "s1", edits: [{ edit: "put", parent: [{ name: "status" }], element: nodeState(2, "up") }] });
  while (cluster.deliverOne());
  assert.deepEqual(answersOf(cluster, 2, "s1"), ["done"]);
  for (const id of [1, 2, 3]) {
    const found = elementAt(cluster.node(id).kernel.cib, [{ name: "status" }, { name: "node_state", id: "2" }]);
    assert.equal(found?.attributes["text"], "up");
  }
  cluster.run(5);
  assert.equal(cluster.node(3).disk.log.position.index, before);
});

test("the same id is done once; no change is no entry; a stale base and a bad edit are refused", () => {
  const cluster = founded(3);
  cluster.ask(1, { id: "a", edits: [property("x", "1")] });
  cluster.run(10);
  cluster.ask(2, { id: "b", edits: [property("x", "2")] });
  cluster.run(10);
  cluster.ask(3, { id: "a", edits: [property("x", "1")] });
  cluster.ask(3, { id: "c", edits: [property("x", "2")] });
  cluster.ask(3, { id: "d", edits: [property("x", "3")], base: { adminEpoch: 0, epoch: 1, numUpdates: 0 } });
  cluster.ask(3, { id: "e", edits: [{ edit: "delete", path: [{ name: "configuration" }] }] });
  cluster.run(10);
  assert.deepEqual(answersOf(cluster, 3, "a"), ["done"]);
  assert.deepEqual(answersOf(cluster, 3, "c"), ["done"]);
  assert.deepEqual(answersOf(cluster, 3, "d"), ["refused stale"]);
  assert.deepEqual(answersOf(cluster, 3, "e"), ["refused bad-edit"]);
  assert.equal(settingOf(cluster, 1, "x"), "2");
  assert.equal(versionOf(cluster.node(1).kernel.cib).epoch, 2);
});

test("a problem that the check of the configuration finds refuses the change with its code", () => {
  const problem = { code: "duplicate-id", text: "Two elements have the id x." };
  const cluster = founded(3, { config: { validateConfiguration: () => [problem] } });
  cluster.ask(2, { id: "a", edits: [property("x")] });
  cluster.run(10);
  assert.deepEqual(cluster.node(2).answers.get("a"), [
    { outcome: "refused", code: "duplicate-id", reason: problem.text },
  ]);
  assert.equal(versionOf(cluster.node(2).kernel.cib).epoch, 0);
});

test("a partition 2+3: the minority refuses configuration, keeps status, and gets everything when it returns", () => {
  const cluster = founded(5);
  cluster.ask(4, { id: "a", edits: [property("x", "1")] });
  cluster.run(10);
  cluster.view([1, 2]);
  cluster.view([3, 4, 5]);
  cluster.run(20);
  assert.equal(cluster.node(1).kernel.standing?.primary, false);
  assert.equal(cluster.node(3).kernel.standing?.primary, true, cluster.node(3).kernel.standing?.reason);
  cluster.ask(1, { id: "b", edits: [property("x", "2")] });
  cluster.ask(2, { id: "s", edits: [{ edit: "put", parent: [{ name: "status" }], element: nodeState(2, "alone") }] });
  cluster.ask(5, { id: "c", edits: [property("x", "3")] });
  cluster.run(20);
  assert.deepEqual(answersOf(cluster, 1, "b"), ["refused no-quorum"]);
  assert.deepEqual(answersOf(cluster, 2, "s"), ["done"]);
  assert.deepEqual(answersOf(cluster, 5, "c"), ["done"]);
  cluster.input(2, { type: "node-state", element: nodeState(2, "back") });
  cluster.view([1, 2, 3, 4, 5]);
  cluster.run(20);
  const digests = new Set([...cluster.nodes.values()].map((node) => sha256(JSON.stringify(node.kernel.cib))));
  assert.equal(digests.size, 1);
  assert.equal(settingOf(cluster, 1, "x"), "3");
  assert.equal(cluster.node(1).kernel.standing?.coordinator, 3);
  const status = elementAt(cluster.node(4).kernel.cib, [{ name: "status" }, { name: "node_state", id: "2" }]);
  assert.equal(status?.attributes["text"], "back");
});

test("a coordinator that dies in the middle of a change: the client's node asks the next one, and it is done once", () => {
  const cluster = founded(3);
  cluster.ask(2, { id: "a", edits: [property("x", "1")] });
  // Delivered to the coordinator, appended, and then it is gone.
  cluster.deliverOne();
  cluster.crash(1);
  cluster.view([2, 3]);
  cluster.run(20);
  assert.deepEqual(answersOf(cluster, 2, "a"), ["done"]);
  cluster.start(1);
  cluster.view([1, 2, 3]);
  cluster.run(20);
  assert.equal(settingOf(cluster, 1, "x"), "1");
  assert.deepEqual(new Set([1, 2, 3].map((id) => versionOf(cluster.node(id).kernel.cib).epoch)), new Set([1]));
});

test("two nodes: the survivor waits for the fence, then acts in the same view", () => {
  const cluster = new Cluster({ nodes: 2, quorum: { twoNode: true, waitForAll: true } });
  cluster.view([1, 2]);
  cluster.run(20);
  assert.equal(cluster.node(2).kernel.standing?.primary, true);
  cluster.crash(1);
  cluster.view([2]);
  cluster.run(20);
  const waiting = cluster.node(2).kernel.standing;
  assert.equal(waiting?.quorate, true);
  assert.equal(waiting?.primary, false);
  assert.deepEqual(waiting?.missing, [{ id: 1, incarnation: 1, account: "unaccounted" }]);
  cluster.input(2, { type: "fenced", node: 1, incarnation: 1 });
  cluster.run(20);
  assert.equal(cluster.node(2).kernel.standing?.primary, true, cluster.trace.join("\n"));
  assert.equal(cluster.node(2).kernel.standing?.primaryNumber, 2);
});

test("a damaged store counts no vote until it has caught up", () => {
  const cluster = founded(3);
  cluster.ask(1, { id: "a", edits: [property("x", "1")] });
  cluster.run(10);
  cluster.crash(3);
  cluster.wipe(3, true);
  cluster.start(3);
  cluster.crash(2);
  cluster.view([1, 3]);
  cluster.run(20);
  assert.equal(cluster.node(1).kernel.standing?.primary, false);
  assert.equal(cluster.node(1).kernel.standing?.votes, 1);
  assert.equal(cluster.node(3).disk.log.position.intact, false);
  cluster.start(2);
  cluster.view([1, 2, 3]);
  cluster.run(20);
  assert.equal(cluster.node(3).disk.log.position.intact, true);
  assert.equal(settingOf(cluster, 3, "x"), "1");
  cluster.crash(2);
  cluster.view([1, 3]);
  cluster.run(20);
  assert.equal(cluster.node(1).kernel.standing?.primary, true);
});

test("a disk that hangs makes its node step out, and its clients hear unknown", () => {
  const slow = { ms: 1 };
  const cluster = founded(3, { persistMs: () => slow.ms });
  cluster.ask(2, { id: "a", edits: [property("x")] });
  cluster.run(10);
  slow.ms = 1e9;
  cluster.ask(2, { id: "b", edits: [property("y")] });
  cluster.run(2100);
  assert.deepEqual(answersOf(cluster, 2, "b"), ["unknown"]);
  assert.ok(cluster.node(2).notes.some((note) => note.startsWith("persist-timeout")));
});

test("a member that neither stores nor goes is left out: the change is done without it", () => {
  const cluster = founded(3);
  const shunned: number[] = [];
  cluster.onEffect = (node, effect) => {
    if (effect.type === "shun") shunned.push(node.id, effect.node);
  };
  cluster.node(3).up = false;
  cluster.ask(2, { id: "a", edits: [property("x")] });
  cluster.run(3_900);
  assert.deepEqual(shunned, []);
  cluster.run(200);
  assert.deepEqual(shunned, [1, 3]);
  assert.ok(cluster.node(1).notes.some((note) => /^commit-stalled.*node 3.*formed anew without/.test(note)));
  assert.deepEqual(answersOf(cluster, 2, "a"), []);
  cluster.view([1, 2]);
  cluster.run(20);
  assert.deepEqual(answersOf(cluster, 2, "a"), ["done"]);
});

test("a disk that fails makes its node step out with the disk's code", () => {
  const cluster = founded(1);
  cluster.ask(1, { id: "a", edits: [property("x")] });
  cluster.input(1, { type: "persist-failed", id: 3, code: "disk-full", text: "No space left." });
  assert.deepEqual(answersOf(cluster, 1, "a"), ["unknown"]);
  assert.ok(cluster.node(1).notes.includes("disk-full: No space left."));
});

test("a request that was never sent is refused after its time, one that was is unknown", () => {
  const cluster = founded(3);
  cluster.view([1, 2, 3], { install: [2] });
  cluster.ask(2, { id: "a", edits: [property("x")] });
  cluster.run(10_100);
  assert.deepEqual(answersOf(cluster, 2, "a"), ["refused unavailable"]);
});

test("messages of a view that is not here yet wait for it", () => {
  const cluster = founded(3);
  const view = cluster.view([1, 2, 3], { install: [1, 2] });
  cluster.run(5);
  assert.equal(cluster.node(1).kernel.standing?.established, false);
  cluster.install(3, view);
  cluster.run(20);
  for (const id of [1, 2, 3]) assert.equal(cluster.node(id).kernel.standing?.established, true);
});

test("log entries carry whole milliseconds, although the monotonic clock has fractions", () => {
  const cluster = founded(3);
  cluster.nowMs += 0.25;
  cluster.ask(1, { id: "a", edits: [property("x", "1")] });
  cluster.run(10);
  assert.deepEqual(answersOf(cluster, 1, "a"), ["done"]);
  const [entry] = cluster.node(2).disk.log.entries;
  assert.ok(Number.isInteger(entry?.epochMs), `${entry?.epochMs} is refused by the schema of what comes from outside`);
});

/** Node 1 leads, and has three changes on its own disk that nobody else has heard of. */
function withTailOnNode1(persistMs: (node: number) => number): Cluster {
  const cluster = founded(5, { persistMs });
  cluster.run(50);
  for (const id of ["t1", "t2", "t3"]) {
    cluster.ask(1, { id, edits: [property(id)] });
    cluster.nowMs += 5;
    cluster.confirmWrites();
  }
  assert.equal(cluster.node(1).disk.log.position.index, 3);
  return cluster;
}

test("a long tail that was never acknowledged does not win over a short log that was", () => {
  const cluster = withTailOnNode1(() => 5);
  cluster.crash(1);
  cluster.view([2, 3, 4, 5]);
  cluster.run(50);
  cluster.ask(2, { id: "y", edits: [property("y")] });
  cluster.run(50);
  assert.deepEqual(answersOf(cluster, 2, "y"), ["done"]);
  for (const id of [2, 3, 4, 5]) cluster.crash(id);
  for (const id of [1, 2, 3]) cluster.start(id);
  cluster.view([1, 2, 3]);
  cluster.run(50);
  assert.equal(cluster.node(1).kernel.standing?.primary, true);
  assert.equal(settingOf(cluster, 1, "y"), "y");
  assert.equal(settingOf(cluster, 1, "t1"), undefined);
});

test("nobody adopts a log under a number that not all members have promised on their disks", () => {
  const slow = new Set<number>();
  const cluster = withTailOnNode1((node) => (slow.has(node) ? 500 : 5));
  // Node 1 is fast; the others lose their promise in a power cut.
  slow.add(2).add(3);
  cluster.view([1, 2, 3]);
  cluster.run(50);
  for (const id of [1, 2, 3]) cluster.crash(id);
  slow.clear();
  cluster.start(2);
  cluster.start(3);
  cluster.view([2, 3, 4]);
  cluster.run(50);
  cluster.ask(2, { id: "y", edits: [property("y")] });
  cluster.run(50);
  assert.deepEqual(answersOf(cluster, 2, "y"), ["done"]);
  for (const id of [2, 3, 4]) cluster.crash(id);
  cluster.start(1);
  cluster.start(4);
  cluster.view([1, 4, 5]);
  cluster.run(50);
  assert.equal(cluster.node(4).kernel.standing?.primary, true);
  assert.equal(settingOf(cluster, 1, "y"), "y");
});
