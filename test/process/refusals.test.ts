// What keeps a node from starting: each a single line with cause and remedy, and an exit code of its own.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createKeyFile } from "../../runtime/host/key.ts";
import { DEADLINE_MS, PROGRAM } from "./cluster.ts";

const directory = mkdtempSync(join(tmpdir(), "systole-refusals-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const keyFile = join(directory, "cluster.key");
createKeyFile(keyFile);
const state = join(directory, "state");
mkdirSync(state);

const good = {
  cluster: "test",
  node: "n1",
  nodes: [{ id: 1, name: "n1", links: [{ address: "127.0.0.1", port: 1 }] }],
  keyFile,
  stateDirectory: state,
};

/** Starts a node that is not to start; `mount` prepares the state directory in a mount namespace of its own. */
async function refusal(changes: object, mount?: string): Promise<{ readonly code: unknown; readonly line: string }> {
  const file = join(directory, "node.json");
  writeFileSync(file, JSON.stringify({ ...good, ...changes }));
  const command = [process.execPath, "--import", "tsx", PROGRAM, "node", file];
  const script = `mount -t tmpfs -o ${mount} none "$0" && exec "$@"`;
  const [program = "", ...args] =
    mount === undefined ? command : ["unshare", "-Urm", "sh", "-c", script, state, ...command];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (bytes) => {
    stderr += String(bytes);
  });
  const [code] = await once(child, "close");
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  return { code, line: stderr };
}

const NO_NAMESPACES =
  spawnSync("unshare", ["-Urm", "true"]).status === 0 ? false : "unshare cannot make a mount namespace here";

test("a configuration with an unknown key", { timeout: DEADLINE_MS }, async () => {
  const { code, line } = await refusal({ sockte: "x" });
  assert.equal(code, 78);
  assert.match(line, /"sockte".*Did you mean "socket"/);
});

test("a key that others may read", { timeout: DEADLINE_MS }, async () => {
  const wide = join(directory, "wide.key");
  createKeyFile(wide);
  chmodSync(wide, 0o644);
  const { code, line } = await refusal({ keyFile: wide });
  assert.equal(code, 77);
  assert.match(line, /chmod 600 .*wide\.key/);
});

test("an address that this machine does not have", { timeout: DEADLINE_MS }, async () => {
  const { code, line } = await refusal({
    nodes: [{ id: 1, name: "n1", links: [{ address: "192.0.2.1", port: 7000 }] }],
  });
  assert.equal(code, 78);
  assert.match(line, /192\.0\.2\.1:7000.*EADDRNOTAVAIL/);
});

test("a transport that does not exist", { timeout: DEADLINE_MS }, async () => {
  const { code, line } = await refusal({ transport: { name: "telepathy" } });
  assert.equal(code, 78);
  assert.match(line, /no transport telepathy/);
});

test("a state directory on a file system that is read-only", {
  timeout: DEADLINE_MS,
  skip: NO_NAMESPACES,
}, async () => {
  const { code, line } = await refusal({}, "ro");
  assert.equal(code, 74);
  assert.match(line, /EROFS.*mount it for writing/);
});

test("a state directory on a full disk", { timeout: DEADLINE_MS, skip: NO_NAMESPACES }, async () => {
  const { code, line } = await refusal({}, "size=4k,nr_inodes=3");
  assert.equal(code, 74);
  assert.match(line, /ENOSPC.*Make room/);
});
