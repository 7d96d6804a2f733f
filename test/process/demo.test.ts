// The main job as a new user sees it: the built program, real processes, one run for each way of breaking a node.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { findProcesses } from "../../runtime/host/plugins/processes.ts";

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "../../dist/systole.mjs");
/** Shorter than people's default, so that the test is short; the figures must not be below it. */
const DETECTION_MS = 500;

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly left: readonly string[];
  readonly alive: number;
}

async function once(...options: readonly string[]): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), "systole-test-"));
  const marker = `SYSTOLE_TEST_RUN=${directory}`;
  const child = spawn(
    process.execPath,
    [PROGRAM, "demo", "--once", "--detection-timeout", `${DETECTION_MS}`, ...options],
    {
      env: { ...process.env, TMPDIR: directory, SYSTOLE_TEST_RUN: directory },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const alive = (await findProcesses({ marker })).length;
  const left = readdirSync(directory);
  rmSync(directory, { recursive: true, force: true });
  return { status, stdout, left, alive };
}

describe("the demonstration, without interaction", () => {
  for (const kill of ["kill", "stop", "coordinator"]) {
    test(`fails over after --kill ${kill} and leaves nothing behind`, async () => {
      const run = await once("--kill", kill);
      assert.equal(run.status, 0, run.stdout);
      const result = JSON.parse(run.stdout.trimEnd().split("\n").at(-1) ?? "");
      assert.equal(result.ok, true);
      assert.ok(result.detectMs >= DETECTION_MS, `detected after ${result.detectMs} ms`);
      assert.ok(result.failoverMs > DETECTION_MS && result.fenceMs > 0 && result.startMs > 0, run.stdout);
      assert.deepEqual(run.left, []);
      assert.equal(run.alive, 0);
    });
  }

  test("--json prints the one line and nothing else", async () => {
    const run = await once("--json");
    assert.equal(run.stdout.trimEnd().split("\n").length, 1);
    assert.equal(JSON.parse(run.stdout).ok, true);
  });
});

test("who stops reading ends nothing but the reading: the nodes are stopped all the same", async () => {
  const directory = mkdtempSync(join(tmpdir(), "systole-test-"));
  const child = spawn(process.execPath, [PROGRAM, "demo", "--once", "--detection-timeout", `${DETECTION_MS}`], {
    env: { ...process.env, TMPDIR: directory, SYSTOLE_TEST_RUN: directory },
    stdio: ["ignore", "pipe", "ignore"],
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const status = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  assert.equal(status, 0);
  assert.deepEqual(readdirSync(directory), []);
  assert.deepEqual(await findProcesses({ marker: `SYSTOLE_TEST_RUN=${directory}` }), []);
  rmSync(directory, { recursive: true, force: true });
});
