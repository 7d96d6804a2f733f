// Daemons with real processes: found again after a restart of Systole, never mistaken, ended with everything they left behind.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { openDaemons } from "../../../../runtime/host/plugins/daemons.ts";
import { lives, processFacts } from "../../../../runtime/host/plugins/processes.ts";
import { openStateStore } from "../../../../runtime/host/plugins/state.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-daemons-"));
const never = new AbortController().signal;
const outputFolder = join(folder, "output");

/** As a node that has just started would open them. */
function open() {
  const states = openStateStore(join(folder, "state"));
  return { states, ...openDaemons({ states, outputFolder, childEnvironment: { MARK: "n1" } }) };
}

/** Looks until it is so; the processes act by themselves. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 500; look += 1) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail("it did not come to pass");
}

describe("daemons", { skip: process.platform === "linux" ? false : "missing: Linux (/proc)" }, () => {
  after(async () => {
    await open().stopAll(AbortSignal.timeout(5_000));
    rmSync(folder, { recursive: true, force: true });
  });

  test("one is started once, marked, in a session of its own, and stopped", async () => {
    const daemon = open().of("a", never);
    const identity = await daemon.start("sleep", ["1000"]);
    assert.deepEqual(await daemon.start("sleep", ["1000"]), identity);
    assert.deepEqual(await daemon.adopt(), { identity, leftBehind: [] });
    assert.equal(processFacts(identity.pid)?.session, identity.pid);
    const environment = readFileSync(`/proc/${identity.pid}/environ`, "utf8").split("\0");
    assert.ok(environment.includes("MARK=n1"));
    assert.ok(environment.some((variable) => variable.startsWith("SYSTOLE_DAEMON=")));
    await daemon.stop();
    assert.ok(!lives(identity));
    assert.deepEqual(await daemon.adopt(), { leftBehind: [] });
    await daemon.stop();
  });

  test("a restarted Systole finds it again", async () => {
    const identity = await open().of("b", never).start("sleep", ["1000"]);
    const later = open();
    assert.deepEqual(await later.of("b", never).adopt(), { identity, leftBehind: [] });
    assert.deepEqual(await later.of("b", never).start("sleep", ["1000"]), identity);
    await later.of("b", never).stop();
    assert.ok(!lives(identity));
  });

  test("a reused pid is neither adopted nor killed", async () => {
    const node = open();
    const stranger = await node.of("stranger", never).start("sleep", ["1000"]);
    const record = JSON.parse(node.states.of("stranger").get("host:daemon") ?? "{}");
    const forged = { ...record, identity: { ...stranger, startTicks: stranger.startTicks - 1 }, token: "another" };
    node.states.of("c").set("host:daemon", JSON.stringify(forged));
    const state = await node.of("c", never).adopt();
    assert.equal(state.identity, undefined);
    assert.deepEqual(state.leftBehind, []);
    await node.of("c", never).stop({ graceMs: 0 });
    assert.ok(lives(stranger));
    await node.of("stranger", never).stop();
  });

  test("another boot ends everything", async () => {
    const node = open();
    const identity = { pid: process.pid, startTicks: processFacts(process.pid)?.startTicks ?? 0, bootId: "another" };
    node.states.of("d").set("host:daemon", JSON.stringify({ identity, token: "t", program: "sleep", logFile: "" }));
    assert.deepEqual(await node.of("d", never).adopt(), {
      leftBehind: [],
      ended: "sleep ended with the restart of the machine",
    });
    assert.equal(node.states.of("d").get("host:daemon"), undefined);
  });

  test("what it leaves behind is seen, forbids a start, and is killed by a stop", async () => {
    const daemon = open().of("e", never);
    const leader = await daemon.start("sh", ["-c", "sleep 1000 & setsid sleep 1000 & echo last words; exit 3"]);
    await until(() => !lives(leader));
    await until(async () => (await daemon.adopt()).leftBehind.length === 2);
    const { leftBehind, ended } = await daemon.adopt();
    assert.match(ended ?? "", /^sh \(pid \d+\) ended with exit code 3; its last output: last words$/);
    await assert.rejects(daemon.start("sleep", ["1"]), { code: "generic", message: /left pids .* behind/ });
    await daemon.stop({ graceMs: 0 });
    for (const pid of leftBehind) assert.ok(processFacts(pid)?.ended !== false);
  });

  test("what ignores the signal is killed after the grace", async () => {
    const daemon = open().of("f", never);
    const identity = await daemon.start("sh", ["-c", "trap '' TERM; echo deaf; while :; do sleep 1000; done"]);
    await until(() => readFileSync(join(outputFolder, "f.log"), "utf8") === "deaf\n");
    const began = performance.now();
    await daemon.stop({ graceMs: 50 });
    assert.ok(performance.now() - began >= 45);
    assert.ok(!lives(identity));
  });

  test("a stop obeys the deadline of its call", async () => {
    const node = open();
    const identity = await node
      .of("g", never)
      .start("sh", ["-c", "trap '' TERM; echo deaf; while :; do sleep 1000; done"]);
    await until(() => readFileSync(join(outputFolder, "g.log"), "utf8") === "deaf\n");
    await assert.rejects(node.of("g", AbortSignal.timeout(20)).stop({ graceMs: 10_000 }));
    assert.ok(lives(identity));
    await node.of("g", never).stop({ graceMs: 0 });
  });

  test("what cannot be written down is not left running", async () => {
    const node = open();
    node.states.of("i").set("filler", "x".repeat(65_400));
    await assert.rejects(node.of("i", never).start("sleep", ["4321"]), { code: "generic", message: /would exceed/ });
    const { stdout } = spawnSync("pgrep", ["-f", "^sleep 4321$"], { encoding: "utf8" });
    for (const pid of stdout.split("\n").filter((line) => line !== ""))
      await until(() => processFacts(Number(pid))?.ended !== false);
  });

  test("what cannot be started says why", async () => {
    const daemon = open().of("h", never);
    await assert.rejects(daemon.start("/no/such/program"), {
      code: "not-installed",
      message: /is not installed on this node/,
    });
    await assert.rejects(daemon.start("sleep", [], { directory: "/no/such" }), {
      code: "arguments",
      message: /working directory \/no\/such does not exist/,
    });
    await assert.rejects(daemon.start("sleep", [], { logFile: "/no/such/log" }), {
      code: "arguments",
      message: /log file/,
    });
    await assert.rejects(
      daemon.start("sh", [], {}).then(() => daemon.stop({ signal: "SIGNAL" })),
      { code: "not-configured", message: /SIGNAL is no signal/ },
    );
    await daemon.stop();
    assert.deepEqual(await daemon.adopt(), { leftBehind: [] });
  });
});
