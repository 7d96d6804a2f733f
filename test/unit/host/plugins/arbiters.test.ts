// Arbiters as the node's driver sees them: in their sandbox, against the server of `systole arbiter`, and when they misbehave.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openArbiterServer } from "../../../../runtime/host/arbiter-server.ts";
import { createPluginHost } from "../../../../runtime/host/plugins/host.ts";
import type { ArbiterSetting, PluginHost } from "../../../../runtime/host/plugins/types.ts";
import { RegisterStore } from "../../../../runtime/host/register-store.ts";
import type { ArbiterCall, ArbiterOutcome } from "../../../../runtime/kernel/messages.ts";

const WICKED = `import { AgentError, defineArbiter, Secret, Type } from "systole/sdk";
export default defineArbiter({
  name: "wicked", summary: "Does as it is told",
  parameters: Type.Object({ does: Type.String(), password: Secret("A secret", { default: "hush" }) }),
  async read({ params }) {
    if (params.does === "hang") await new Promise(() => {});
    if (params.does === "throw") throw new AgentError("generic", "no way with " + params.password);
    return JSON.parse(params.does);
  },
  async replace(wanted, { params }) {
    return JSON.parse(params.does);
  },
});`;

const TOKEN = "a".repeat(64);
const TIMEOUT_MS = 20_000;
const folder = mkdtempSync(join(tmpdir(), "systole-arbiters-"));
const hosts: PluginHost[] = [];

before(() => {
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, "wicked.ts"), WICKED);
});
after(async () => {
  for (const host of hosts) await host.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(arbiter: ArbiterSetting | undefined): PluginHost {
  const host = createPluginHost({
    nodeName: "n1",
    stateDirectory: join(folder, `state-${hosts.length}`),
    plugins: ["./wicked.ts"],
    pluginsBase: folder,
    ...(arbiter === undefined ? {} : { arbiter }),
    childEnvironment: {},
    sandbox: { requireSandbox: true },
    log: () => undefined,
    onEvent: () => undefined,
    onAttribute: () => undefined,
  });
  hosts.push(host);
  return host;
}

const READ: ArbiterCall = { verb: "read" };
const ask = (does: string, call: ArbiterCall = READ, timeoutMs = TIMEOUT_MS): Promise<ArbiterOutcome> =>
  open({ plugin: "wicked", parameters: { does } }).callArbiter(call, timeoutMs);

test("a register on the server of systole arbiter is created, read, replaced, and refused to who comes late", async (t) => {
  const registers = mkdtempSync(join(tmpdir(), "systole-registers-"));
  const server = await openArbiterServer({
    ...{ address: "127.0.0.1", port: 0, token: TOKEN, store: new RegisterStore(registers) },
    log: () => undefined,
    onBroken: () => assert.fail("the disk is well"),
  });
  t.after(async () => {
    await server.close();
    rmSync(registers, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${server.port}/registers/shop`;
  const host = open({ plugin: "http-register", parameters: { url, token: TOKEN } });
  const call = (asked: ArbiterCall) => host.callArbiter(asked, TIMEOUT_MS);
  assert.deepEqual(await call(READ), { outcome: "absent" });
  assert.deepEqual(await call({ verb: "replace", text: "one\n" }), { outcome: "replaced" });
  const found = await call(READ);
  assert.ok(found.outcome === "read" && found.text === "one\n");
  const replace: ArbiterCall = { verb: "replace", expectedTag: found.tag, text: "two\n" };
  assert.deepEqual(await call(replace), { outcome: "replaced" });
  assert.deepEqual(await call(replace), { outcome: "conflict" });
  const wrong = await open({ plugin: "http-register", parameters: { url, token: "hushhush" } }).callArbiter(
    READ,
    TIMEOUT_MS,
  );
  assert.ok(wrong.outcome === "error");
  assert.match(wrong.reason, /answered 401 .*Check the token on both sides/);
  assert.doesNotMatch(wrong.reason, /hushhush/);
});

test("what is no clear answer is an error, in a sentence, without secrets", async () => {
  const replace: ArbiterCall = { verb: "replace", text: "x" };
  for (const does of ['"replaced"', "7", "{}", '{"text":"x"}', '{"text":"x","tag":7}', "[]"]) {
    const outcome = await ask(does);
    assert.ok(outcome.outcome === "error" && /a bug of the plugin/.test(outcome.reason), does);
  }
  for (const does of ["null", "true", '"done"', '{"outcome":"replaced"}']) {
    const outcome = await ask(does, replace);
    assert.ok(outcome.outcome === "error" && /a bug of the plugin/.test(outcome.reason), does);
  }
  assert.deepEqual(await ask("null"), { outcome: "absent" });
  assert.deepEqual(await ask("throw"), { outcome: "error", reason: "no way with ******" });
  assert.equal((await ask("hang", READ, 500)).outcome, "timeout");
});

test("no arbiter, one that there is not, and parameters that are wrong are told as such", async () => {
  const cases: readonly (readonly [ArbiterSetting | undefined, RegExp])[] = [
    [undefined, /names no arbiter, although the cluster has one/],
    [{ plugin: "nowhere", parameters: {} }, /nowhere/],
    [{ plugin: "http-register", parameters: {} }, /parameter url is missing/],
  ];
  for (const [setting, text] of cases) {
    const outcome = await open(setting).callArbiter(READ, TIMEOUT_MS);
    assert.ok(outcome.outcome === "error");
    assert.match(outcome.reason, text);
  }
});
