// Three real processes: one view, one standing; a killed one is missed in time, a stopped one comes back by itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusReport } from "../../runtime/api/schema.ts";
import { DEADLINE_MS, makeNodes, members, statusWhen } from "./cluster.ts";

const DETECTION_MS = 1_000;

/** Beyond the detection time: the agreement, a write to disk, and a machine that runs other tests at the same time. */
const SLACK_MS = 4_000;

const settled = (names: readonly string[]) => (status: StatusReport) =>
  status.standing?.established === true && status.standing.primary && String(members(status)) === String(names);

test("three processes agree, miss a killed one in time, and one that was stopped joins again", {
  timeout: 3 * DEADLINE_MS,
}, async (t) => {
  const nodes = await makeNodes(t, 3);
  for (const node of nodes) void node.start({ detectionTimeoutMs: DETECTION_MS });
  const clients = await Promise.all(nodes.map((node) => node.connect()));
  t.after(() => {
    for (const client of clients) client.close();
  });
  const [one, two, three] = clients;
  assert.ok(one && two && three);

  const statuses = await Promise.all(
    clients.map((client) => statusWhen(client, settled(["n1", "n2", "n3"]), "three members")),
  );
  for (const status of statuses) assert.deepEqual(status.standing, statuses[0]?.standing);

  const killedMs = performance.now();
  nodes[2]?.child?.kill("SIGKILL");
  const [after] = await Promise.all(
    [one, two].map((client) => statusWhen(client, settled(["n1", "n2"]), "two members")),
  );
  const tookMs = performance.now() - killedMs;
  assert.ok(tookMs >= DETECTION_MS / 2, `nobody may know before: ${tookMs} ms`);
  assert.ok(tookMs <= DETECTION_MS + SLACK_MS, `${tookMs} ms`);
  assert.deepEqual(
    after?.standing?.view.departures.map(({ id, cause }) => [id, cause]),
    [[3, "silent"]],
  );
  assert.match(await three.closed, /ended the connection/);

  nodes[1]?.child?.kill("SIGSTOP");
  await statusWhen(one, (status) => String(members(status)) === "n1", "one member");
  nodes[1]?.child?.kill("SIGCONT");
  const [, back] = await Promise.all(
    [one, two].map((client) => statusWhen(client, settled(["n1", "n2"]), "two again")),
  );
  const said = (await two.call("subscribe", { recent: 500 })).events;
  assert.equal(back?.heldSinceMs, undefined);
  assert.ok(
    said.some((event) => event.code === "slept"),
    said.map((event) => event.text).join("\n"),
  );
});

test("a second node in the same directory, or on the same port, is refused by name", {
  timeout: 2 * DEADLINE_MS,
}, async (t) => {
  const [node] = await makeNodes(t, 3);
  assert.ok(node);
  void node.start();
  const client = await node.connect();
  const { pid } = client.hello;
  client.close();
  const running = node.child;
  const again = await node.start();
  assert.equal(again.code, 75);
  assert.match(again.stderr, new RegExp(`A node runs already in .*: process ${pid}, started 20`));
  const elsewhere = await node.start({
    stateDirectory: `${node.directory}/other`,
    socket: `${node.directory}/other.sock`,
  });
  assert.equal(elsewhere.code, 75);
  assert.match(elsewhere.stderr, new RegExp(`EADDRINUSE.*node \\(process ${pid}\\)`));
  assert.equal(elsewhere.stderr.trim().split("\n").length, 1);
  node.child = running;
});

test("another key and another cluster on the port are told apart and named", {
  timeout: 2 * DEADLINE_MS,
}, async (t) => {
  const nodes = await makeNodes(t, 3);
  const [one, two, three] = nodes;
  assert.ok(one && two && three);
  const { createKeyFile } = await import("../../runtime/host/key.ts");
  createKeyFile(`${two.directory}/other.key`);
  void one.start();
  void two.start({ keyFile: `${two.directory}/other.key` });
  void three.start({ cluster: "stranger" });
  const client = await one.connect();
  t.after(() => client.close());
  const drops = (status: StatusReport) => status.transport.peers.map((peer) => Object.keys(peer.dropped));
  const both = (status: StatusReport) => String(drops(status)) === "wrong-key,foreign-cluster";
  const status = await statusWhen(client, both, "both strangers seen");
  const [keyWords = "", clusterWords = ""] = status.transport.peers.map((peer) => peer.lastDrop ?? "");
  assert.match(keyWords, /n2.*speaks with another cluster key.*Copy the key file/);
  assert.match(clusterWords, /n3.*belongs to another cluster than "test"/);
  assert.deepEqual(members(status), ["n1"]);
});
