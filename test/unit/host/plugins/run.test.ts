// One command for a plugin, with real programs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../../../../runtime/host/plugins/run.ts";

const childEnvironment = { MARK: "n1" };
const around = { signal: new AbortController().signal, childEnvironment };
const sh = (script: string, options = {}, signal = around.signal) =>
  runCommand("sh", ["-c", script], options, { signal, childEnvironment });

test("output, input, environment, directory", async () => {
  assert.deepEqual(await sh("cat; echo oops >&2", { input: "hello" }), { code: 0, stdout: "hello", stderr: "oops\n" });
  assert.equal(
    (await sh('echo "$MARK $PASSWORD $LC_ALL $PWD"', { env: { PASSWORD: "p", MARK: "taken" }, directory: "/usr" }))
      .stdout,
    "n1 p C /usr\n",
  );
  assert.equal((await runCommand("printf", ["%s|", "a b", "$HOME", "*"], {}, around)).stdout, "a b|$HOME|*|");
});

test("an exit code is an error that quotes stderr, unless it is wanted", async () => {
  await assert.rejects(sh("echo reason >&2; exit 4"), {
    code: "generic",
    message: "sh failed with exit code 4: reason",
  });
  await assert.rejects(sh("exit 1"), { message: "sh failed with exit code 1 and said nothing" });
  await assert.rejects(sh("kill -9 $$"), { message: "sh failed with signal SIGKILL and said nothing" });
  assert.equal((await sh("exit 4", { allowFailure: true })).code, 4);
});

test("what cannot be run says why", async () => {
  await assert.rejects(runCommand("no-such-program", [], {}, around), { code: "not-installed", message: /install it/ });
  await assert.rejects(runCommand("/etc/passwd", [], {}, around), { code: "privileges", message: /EACCES/ });
  await assert.rejects(sh("true", { directory: "/no/such" }), { code: "arguments", message: /working directory/ });
});

test("too much output ends the command", async () => {
  await assert.rejects(sh("yes"), { code: "generic", message: /printed more than 1048576 bytes/ });
});

test("an aborted command and its children are ended, and the caller does not wait", async () => {
  const controller = new AbortController();
  const running = sh("sleep 1000 & echo started >&2; wait", {}, controller.signal);
  setTimeout(() => controller.abort(new Error("enough")), 50);
  await assert.rejects(running, { message: "enough" });
});

test("something left behind with the pipe in hand does not hold the call", async () => {
  const began = performance.now();
  assert.equal((await sh("sleep 5 & echo done")).stdout, "done\n");
  assert.ok(performance.now() - began < 4_000);
});
