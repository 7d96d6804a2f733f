// A node's configuration: what is right is completed, and what is wrong is refused in one line with place and remedy.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig, parseConfig } from "../../../runtime/host/config.ts";
import { type ErrorCode, EXIT, SystoleError } from "../../../runtime/host/errors.ts";

const directory = mkdtempSync(join(tmpdir(), "systole-config-"));
after(() => rmSync(directory, { recursive: true }));

interface Written {
  [key: string]: unknown;
  nodes: { [key: string]: unknown; links: { [key: string]: unknown }[] }[];
}

const good = (): Written => ({
  cluster: "demo",
  node: "n2",
  nodes: [3, 1, 2].map((id) => ({ id, name: `n${id}`, links: [{ address: `127.0.0.${id}`, port: 7000 }] })),
  keyFile: "cluster.key",
  stateDirectory: "state",
});
const parse = (written: unknown) => parseConfig(JSON.stringify(written), "/etc/systole/node.json");

function refused(written: unknown, code: ErrorCode, words: RegExp): void {
  const text = typeof written === "string" ? written : JSON.stringify(written);
  assert.throws(
    () => parseConfig(text, "/etc/systole/node.json"),
    (error) => {
      assert.ok(error instanceof SystoleError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
      assert.ok(!error.message.includes("\n"));
      assert.ok(error.message.includes("/etc/systole/node.json") || code === "socket-path");
      return true;
    },
  );
}

test("what is not said is filled in, paths count from the file, nodes are sorted", () => {
  const config = parse(good());
  assert.equal(config.self.id, 2);
  assert.deepEqual(
    config.nodes.map((node) => [node.id, node.votes]),
    [
      [1, 1],
      [2, 1],
      [3, 1],
    ],
  );
  assert.equal(config.keyFile, "/etc/systole/cluster.key");
  assert.equal(config.socket, "/run/systole/control.sock");
  assert.deepEqual(config.transport, { name: "udp", parameters: {} });
  assert.equal(config.detectionTimeoutMs, 1_000);
  assert.equal(config.heartbeatIntervalMs, 200);
  assert.equal(config.quorum.waitForAll, false);
  assert.deepEqual(config.alertFolders, ["/usr/share/pacemaker/alerts", "/var/lib/pacemaker"]);
  assert.deepEqual(parse({ ...good(), alertFolders: ["alerts", "/opt/alerts"] }).alertFolders, [
    "/etc/systole/alerts",
    "/opt/alerts",
  ]);
});

test("two_node brings wait_for_all with it", () => {
  const two = { ...good(), nodes: good().nodes.slice(1), quorum: { twoNode: true } };
  assert.equal(parse(two).quorum.waitForAll, true);
});

test("a file that cannot be read says so", () => {
  for (const path of [join(directory, "none.json"), directory]) {
    assert.throws(
      () => loadConfig(path),
      (error) => error instanceof SystoleError && error.code === "config-unreadable" && error.exitCode === EXIT.config,
    );
  }
});

test("what is no JSON says where", () => {
  refused("{ cluster: demo }", "config-not-json", /no JSON/);
  refused("", "config-not-json", /no JSON/);
});

test("an unknown key is named with its path and what was perhaps meant", () => {
  refused(
    { ...good(), detectionTimeoutMS: 5 },
    "config-unknown-key",
    /"detectionTimeoutMS".*Did you mean "detectionTimeoutMs"/,
  );
  const inNode = good();
  Object.assign(inNode.nodes[1] ?? {}, { adress: 1 });
  refused(inNode, "config-unknown-key", /"nodes\[1\]\.adress".*Known keys there: id, name, votes, links/);
  const inLink = good();
  Object.assign(inLink.nodes[0]?.links[0] ?? {}, { prot: 1 });
  refused(inLink, "config-unknown-key", /"nodes\[0\]\.links\[0\]\.prot".*Did you mean "port"/);
  refused(
    { ...good(), quorum: { two_node: true } },
    "config-unknown-key",
    /"quorum\.two_node".*Did you mean "twoNode"/,
  );
});

test("a missing or wrong value is named with its path", () => {
  const { cluster: _, ...without } = good();
  refused(without, "config-invalid", /cluster/);
  refused({ ...good(), cluster: "a b" }, "config-invalid", /"cluster"/);
  const port = good();
  Object.assign(port.nodes[2]?.links[0] ?? {}, { port: 70_000 });
  refused(port, "config-invalid", /"nodes\[2\]\.links\[0\]\.port"/);
  refused([], "config-invalid", /the whole must be object/);
  refused(null, "config-invalid", /object/);
});

test("contradictions are refused", () => {
  const changed = (index: number, change: object): Written => {
    const written = good();
    Object.assign(written.nodes[index] ?? {}, change);
    return written;
  };
  refused(changed(0, { id: 1 }), "config-invalid", /the id 1 twice/);
  refused(changed(0, { name: "n1" }), "config-invalid", /the name n1 twice/);
  refused(changed(0, { links: [{ address: "127.0.0.1", port: 7000 }] }), "config-invalid", /127.0.0.1 port 7000 twice/);
  refused(
    changed(0, { links: [{ address: "somewhere", port: 7000 }] }),
    "config-invalid",
    /"somewhere".*no IP address/,
  );
  const two = [1, 2].map((n) => ({ address: `127.0.1.${n}`, port: 7000 }));
  refused(changed(0, { links: two }), "config-invalid", /same number/);
  refused({ ...good(), node: "n4" }, "config-invalid", /Did you mean "n[123]"/);
  refused({ ...good(), heartbeatIntervalMs: 500 }, "config-invalid", /one lost datagram would look like a death/);
  refused({ ...good(), quorum: { twoNode: true } }, "config-invalid", /two_node/);
});

test("two transports are refused with the reason", () => {
  const several = { ...good(), transport: [{ name: "udp" }, { name: "corosync" }] };
  refused(several, "config-two-transports", /two judges of who is alive/);
});

test("options that can lose acknowledged changes need acceptLoss", () => {
  const two = { ...good(), nodes: good().nodes.slice(1) };
  const lossy = { twoNode: true, waitForAll: false };
  refused({ ...two, quorum: lossy }, "config-lossy", /acceptLoss/);
  assert.equal(parse({ ...two, quorum: { ...lossy, acceptLoss: true } }).quorum.acceptLoss, true);
});

test("options of other cluster managers that lose changes are refused by their names, with what to do instead", () => {
  for (const [key, instead] of [
    ["last_man_standing", /last one goes on alone.*taken out of "nodes"/],
    ["lastManStanding", /quorum\.lastManStanding/],
    ["last_man_standing_window", /Leave both out/],
    ["allow_downscale", /expected votes shrink.*the cluster takes its vote away/],
    ["auto_tie_breaker_node", /autoTieBreaker alone/],
    ["device", /quorum\.arbiter/],
  ] as const) {
    refused({ ...good(), quorum: { [key]: true } }, "config-lossy", instead);
  }
});

test("a socket path that the system cannot take is refused before anything starts", () => {
  refused({ ...good(), socket: `/run/${"x".repeat(110)}` }, "socket-path", /103/);
});

test("what is asked of signatures: keys are read when the node starts, and a policy that lets nothing run is refused", () => {
  assert.deepEqual(parse(good()).pluginSignatures, { policy: "off", keys: [] });
  const { publicKey } = generateKeyPairSync("ed25519");
  const file = join(directory, "release.pub.pem");
  writeFileSync(file, publicKey.export({ type: "spki", format: "pem" }));
  const { policy, keys } = parse({ ...good(), pluginSignatures: { policy: "require", keys: [file] } }).pluginSignatures;
  assert.deepEqual([policy, keys.map((key) => key.file)], ["require", [file]]);
  refused(
    { ...good(), pluginSignatures: { policy: "require" } },
    "config-invalid",
    /names no key, so no plugin could ever run/,
  );
  refused({ ...good(), pluginSignatures: { policy: "always" } }, "config-invalid", /pluginSignatures/);
  const missing = { ...good(), pluginSignatures: { policy: "warn", keys: ["no-such.pem"] } };
  assert.throws(() => parse(missing), /The public key \/etc\/systole\/no-such\.pem cannot be read/);
});
