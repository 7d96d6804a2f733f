// The plugin host as the node's driver sees it: one outcome for each call, never late, whatever the plugin does.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createPluginHost } from "../../../../runtime/host/plugins/host.ts";
import { openStateStore } from "../../../../runtime/host/plugins/state.ts";
import type { PluginEvent, PluginHost, PluginLogLine } from "../../../../runtime/host/plugins/types.ts";
import type { AgentOutcome, AgentVerb, DeviceOutcome } from "../../../../runtime/services/calls.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-host-"));
const events: PluginEvent[] = [];
const lines: PluginLogLine[] = [];
const attributes: string[] = [];
let host: PluginHost;
let nextId = 0;

/** An agent that can be told to do everything wrong. */
const WICKED = `import { AgentError, defineResourceAgent, Secret, Type } from "systole/sdk";
export default defineResourceAgent({
  name: "wicked", summary: "Does as it is told", permissions: { run: ["true"], promotionScore: true },
  parameters: Type.Object({ does: Type.String(), password: Secret("A secret", { default: "hush" }) }),
  async monitor({ log, params, run, state }) {
    if (params.does === "hang") { await new Promise((r) => setTimeout(r, 50)); await new Promise(() => {}); }
    if (params.does === "act late") { await new Promise((r) => setTimeout(r, 120)); await state.set("late", "yes").catch((e) => log.warn("too late: " + e.message)); }
    if (params.does === "log") log.info("the password is " + params.password);
    if (params.does === "throw") throw new Error("cannot log in\\nwith " + params.password);
    if (params.does === "refuse") throw new AgentError("arguments", "no such thing here");
    if (params.does === "deny") await run("false");
    if (params.does === "fail") return { failed: "half of it" };
    return params.does as "running";
  },
  async start({ promotionScore }) { await promotionScore(7); },
  async stop() {},
});`;

before(() => {
  writeFileSync(join(folder, "wicked.ts"), WICKED);
  host = createPluginHost({
    nodeName: "n1",
    stateDirectory: join(folder, "state"),
    plugins: ["./wicked.ts"],
    pluginsBase: folder,
    childEnvironment: { SYSTOLE_POWER_DOMAIN: "test/n1" },
    sandbox: { requireSandbox: true },
    log: (line) => lines.push(line),
    onEvent: (event) => events.push(event),
    onAttribute: (name, value) => attributes.push(`${name}=${value}`),
  });
});
after(async () => {
  await host.close({ stopDaemons: true });
  rmSync(folder, { recursive: true, force: true });
});

function call(
  verb: AgentVerb,
  parameters: Readonly<Record<string, string>>,
  options: { type?: string; id?: string; timeoutMs?: number } = {},
): Promise<AgentOutcome> {
  nextId += 1;
  const { type = "wicked", id = "r", timeoutMs = 5_000 } = options;
  return host.callAgent({
    id: nextId,
    resource: { id, class: "ocf", provider: "systole", type },
    verb,
    parameters,
    meta: {},
    timeoutMs,
    intervalMs: 0,
  });
}

function device(verb: "power" | "setPower" | "check", mode: string, timeoutMs = 5_000): Promise<DeviceOutcome> {
  nextId += 1;
  const parameters = { directory: folder, mode };
  return host.callDevice({
    id: nextId,
    device: { id: "f", type: "systole:dummy", parameters },
    verb,
    want: "off",
    target: "victim",
    timeoutMs,
  });
}

test("a monitor's answers, and what is no answer", async () => {
  assert.deepEqual(await call("monitor", { does: "running" }), { outcome: "state", state: "running" });
  assert.deepEqual(await call("monitor", { does: "fail" }), {
    outcome: "state",
    state: "failed",
    reason: "half of it",
  });
  const nonsense = await call("monitor", { does: "perhaps" });
  assert.equal(nonsense.outcome, "unknown");
  const promoted = await call("monitor", { does: "promoted" });
  assert.equal(promoted.outcome, "unknown", "this agent has no promoted role");
});

test("errors keep their code, lose their line breaks and their secrets", async () => {
  assert.deepEqual(await call("monitor", { does: "refuse" }), {
    outcome: "error",
    code: "arguments",
    reason: "no such thing here",
  });
  assert.deepEqual(await call("monitor", { does: "throw", password: "s3cret" }), {
    outcome: "error",
    code: "generic",
    reason: "cannot log in with ******",
  });
  await call("monitor", { does: "log", password: "s3cret" });
  assert.deepEqual(lines.at(-1), {
    level: "info",
    text: "the password is ******",
    plugin: "agents/wicked",
    resource: "r",
  });
});

test("a call is answered at its deadline, though the plugin goes on; what it does then fails", async () => {
  const began = performance.now();
  assert.deepEqual(await call("monitor", { does: "act late" }, { timeoutMs: 20 }), {
    outcome: "timeout",
    reason: "r monitor (ocf:systole:wicked) did not end within 20 ms.",
  });
  assert.ok(performance.now() - began < 110, "the answer did not wait for the plugin");
  const [hung] = host.inFlight();
  assert.equal(hung?.overdue, true);
  while (host.inFlight().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(openStateStore(join(folder, "state/plugins/state")).of("r").get("late"), undefined, "it was not done");
  assert.match(lines.at(-1)?.text ?? "", /^too late: r monitor .* did not end within 20 ms/);
});

test("an aborted call is answered at once as unknown, and hung calls have names and a bound", async () => {
  for (let hung = 0; hung < 8; hung += 1) {
    const outcome = call("monitor", { does: "hang" }, { id: "h" });
    host.abortAgent(nextId, "it is no longer wanted");
    assert.deepEqual(await outcome, {
      outcome: "unknown",
      reason: "h monitor (ocf:systole:wicked) was aborted: it is no longer wanted.",
    });
  }
  assert.equal(host.inFlight().filter(({ subject, overdue }) => subject === "h" && overdue).length, 8);
  const next = await call("monitor", { does: "running" }, { id: "h" });
  assert.equal(next.outcome, "unknown");
  host.abortAgent(987_654, "an unknown id is nothing");
});

test("a denial is an error, and an event that names the manifest line", async () => {
  const outcome = await call("monitor", { does: "deny" });
  assert.ok(outcome.outcome === "error" && outcome.code === "privileges");
  assert.match(outcome.reason, /permissions: \{ run: \["false"\] \}/);
  assert.deepEqual(
    events.map(({ kind, code }) => `${kind} ${code}`),
    ["denied permission-denied"],
  );
});

test("wrong parameters are not-configured; yet what was started can be stopped, and what was not has nothing to stop", async () => {
  const wrong = await call("start", {}, { id: "w" });
  assert.ok(wrong.outcome === "error" && wrong.code === "not-configured");
  const never = await call("stop", {}, { id: "w" });
  assert.ok(never.outcome === "state" && never.state === "stopped");
  assert.equal((await call("start", { does: "running" }, { id: "w" })).outcome, "done");
  assert.deepEqual(await call("stop", {}, { id: "w" }), { outcome: "done" });
  // What reads back whether it has stopped asks as the stop did; what looks regularly tells that the parameters are wrong.
  assert.equal((await call("monitor", {}, { id: "w" })).outcome, "state");
  assert.equal((await call("stop", {}, { id: "w", type: "no-such" })).outcome, "state");
});

test("promotion scores become node attributes, and a stop takes them back", async () => {
  attributes.length = 0;
  await call("start", { does: "running" }, { id: "db:3" });
  await call("stop", { does: "running" }, { id: "db:3" });
  assert.deepEqual(attributes, ["master-db=7", "master-db=null"]);
});

test("what an agent does not have is unimplemented; other classes are not here", async () => {
  for (const verb of ["promote", "demote", "reload", "migrateTo", "migrateFrom"] as const) {
    const outcome = await call(verb, { does: "running" });
    assert.ok(outcome.outcome === "error" && outcome.code === "unimplemented", verb);
  }
  assert.equal((await call("notify", { does: "running" })).outcome, "done");
  const foreign = await host.callAgent({
    id: 0,
    resource: { id: "x", class: "lsb", type: "cron" },
    verb: "start",
    parameters: {},
    meta: {},
    timeoutMs: 100,
    intervalMs: 0,
  });
  assert.ok(foreign.outcome === "error" && foreign.code === "not-installed");
});

test("fence devices: well, refusing, lying, unknown, hanging", async () => {
  assert.deepEqual(await device("power", "ok"), { outcome: "power", power: "on" });
  assert.deepEqual(await device("setPower", "lie"), { outcome: "done" });
  assert.deepEqual(await device("power", "lie"), { outcome: "power", power: "on" });
  assert.equal((await device("setPower", "fail")).outcome, "error");
  assert.deepEqual(await device("power", "unknown"), { outcome: "power", power: "unknown" });
  assert.equal((await device("power", "hang", 10)).outcome, "timeout");
  assert.deepEqual(await device("check", "ok"), { outcome: "done" });
  assert.deepEqual(await device("setPower", "ok"), { outcome: "done" });
  assert.deepEqual(await device("power", "ok"), { outcome: "power", power: "off" });
  assert.equal(readFileSync(join(folder, "victim.power"), "utf8"), "off\n");
  const bad = await device("power", "sometimes");
  assert.ok(bad.outcome === "error" && /mode must be one of ok, fail, lie, hang, unknown/.test(bad.reason));
});

test("plugins are described, those that are wrong too", async () => {
  const references = (await host.list()).map(({ reference }) => reference);
  for (const expected of ["ocf:systole:process", "ocf:systole:wicked", "stonith:systole:process-power", "udp"])
    assert.ok(references.includes(expected), expected);
  const [agent] = await host.describe("ocf:systole:stateful");
  assert.deepEqual(agent?.verbs, ["monitor", "start", "stop", "promote", "demote"]);
  assert.equal(agent.trust, "sandboxed");
  assert.deepEqual(
    (await host.describe("dummy")).map(({ kind }) => kind),
    ["fence-device", "resource-agent"],
  );
  assert.deepEqual(
    (await host.describe("systole:dummy")).map(({ kind }) => kind),
    ["fence-device"],
  );
  assert.deepEqual(await host.describe("nothing"), []);
});
