// Processes as /proc shows them: found by a mark, descendants included, zombies and strangers not, killed only by identity.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import {
  bootId,
  findProcesses,
  lives,
  processFacts,
  signalProcess,
} from "../../../../runtime/host/plugins/processes.ts";

const mark = randomUUID();
const children: ChildProcess[] = [];

/** A shell with the mark that says when it has come to its point. */
async function shell(script: string, value = mark): Promise<{ readonly pid: number; readonly said: string }> {
  const child = spawn("sh", ["-c", script], {
    env: { PATH: process.env["PATH"] ?? "", SYSTOLE_TEST: value },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  children.push(child);
  const [said] = await once(child.stdout, "data");
  return { pid: child.pid ?? 0, said: String(said).trim() };
}

describe("processes", { skip: process.platform === "linux" ? false : "missing: Linux (/proc)" }, () => {
  after(() => {
    for (const { pid } of children) {
      try {
        if (pid !== undefined) process.kill(-pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
  });

  const found = async () => (await findProcesses({ marker: `SYSTOLE_TEST=${mark}` })).map(({ pid }) => pid);

  test("by mark: who carries it, and descendants that do not, but not those with another value", async () => {
    assert.deepEqual(await found(), []);
    const plain = await shell("sleep 1000 & echo $!; wait");
    const bare = await shell("env -i sleep 1000 & echo $!; wait");
    const other = await shell("SYSTOLE_TEST=other sleep 1000 & echo $!; wait");
    await shell("echo up; sleep 1000", `${mark}x`);
    const expected = [plain.pid, Number(plain.said), bare.pid, Number(bare.said), other.pid].sort((a, b) => a - b);
    for (let look = 0; look < 100 && (await found()).length !== expected.length; look += 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await found(), expected);
  });

  test("killed by identity, they are gone, and a wrong start time kills nobody", async () => {
    const victims = await findProcesses({ marker: `SYSTOLE_TEST=${mark}` });
    const [first] = victims;
    assert.ok(first);
    assert.equal(signalProcess({ ...first, startTicks: first.startTicks + 1 }, "SIGKILL"), false);
    assert.equal(signalProcess({ ...first, bootId: "another" }, "SIGKILL"), false);
    assert.ok(lives(first));
    for (const victim of victims) signalProcess(victim, "SIGKILL");
    for (let look = 0; look < 200 && (await findProcesses({ identities: victims })).length > 0; look += 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await findProcesses({ identities: victims }), []);
    assert.deepEqual(await found(), []);
  });

  test("a zombie does not live", async () => {
    // The shell becomes a sleep that never collects its child.
    const { said } = await shell("true & echo $!; exec sleep 1000", randomUUID());
    const pid = Number(said);
    for (let look = 0; look < 200 && processFacts(pid)?.ended === false; look += 1)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const facts = processFacts(pid);
    assert.equal(facts?.ended, true);
    assert.equal(lives({ pid, startTicks: facts.startTicks, bootId: bootId() ?? "" }), false);
  });
});
