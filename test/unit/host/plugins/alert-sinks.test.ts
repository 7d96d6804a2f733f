// Alert sinks as the node's driver sees them: plugins really in their sandbox, and programs as Pacemaker's alert agents are.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createPluginHost } from "../../../../runtime/host/plugins/host.ts";
import type { PluginEvent, PluginHost } from "../../../../runtime/host/plugins/types.ts";
import type { AlertCall, AlertOutcome } from "../../../../runtime/services/calls.ts";
import { exampleAlerts } from "../../../../sdk/testing/mod.ts";

const WICKED = `import { AgentError, defineAlertSink, Secret, Type } from "systole/sdk";
export default defineAlertSink({
  name: "wicked", summary: "Does as it is told",
  parameters: Type.Object({ does: Type.String(), password: Secret("A secret", { default: "hush" }) }),
  permissions: { net: ["{recipient}"] },
  async deliver(alert, { fetch, params }) {
    if (params.does === "hang") await new Promise(() => {});
    if (params.does === "loop") for (;;) ;
    if (params.does === "throw") throw new Error("no way with " + params.password);
    if (params.does === "refuse") throw new AgentError("not-configured", "never");
    if (params.does === "stray") await fetch("http://127.0.0.1:1/elsewhere");
    if (params.does === "post") await fetch(alert.recipient, { method: "POST", body: alert.kind + " " + alert.text });
  },
});`;

const folder = mkdtempSync(join(tmpdir(), "systole-alerts-"));
const programs = join(folder, "programs");
const events: PluginEvent[] = [];
const posted: string[] = [];
let host: PluginHost;
let server: Server;
let url = "";
let nextId = 0;

before(async () => {
  chmodSync(folder, 0o755);
  mkdirSync(programs, { mode: 0o755 });
  writeFileSync(join(folder, "wicked.ts"), WICKED);
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      posted.push(body);
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  url = `http://127.0.0.1:${address.port}/alerts`;
  host = createPluginHost({
    nodeName: "n1",
    stateDirectory: join(folder, "state"),
    plugins: ["./wicked.ts"],
    pluginsBase: folder,
    childEnvironment: { SYSTOLE_POWER_DOMAIN: "test/n1" },
    sandbox: { requireSandbox: true },
    alertFolders: [programs, join(folder, "missing")],
    version: "1.2.3",
    log: () => undefined,
    onEvent: (event) => events.push(event),
    onAttribute: () => undefined,
  });
});
after(async () => {
  await host.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

type Given = Partial<AlertCall["sink"]> & { readonly timeoutMs?: number; readonly check?: true };

function call({ timeoutMs = 5_000, check, ...sink }: Given): Promise<AlertOutcome> {
  nextId += 1;
  const whole = { id: "ops", path: "systole:wicked", parameters: {}, ...sink };
  const { resource } = exampleAlerts(sink.recipient);
  return host.callAlert({ id: nextId, sink: whole, ...(check === true ? {} : { alert: resource }), timeoutMs });
}

const wicked = (does: string, more: Given = {}) => call({ ...more, parameters: { does } });

test("a sandboxed sink delivers to the recipient that it was granted, and to nobody else", async () => {
  assert.deepEqual(await wicked("post", { recipient: url }), { outcome: "done" });
  assert.deepEqual(posted.splice(0), ["resource monitor of web on node1 failed: it is not running"]);
  const denied = await wicked("stray", { recipient: url });
  assert.equal(denied.outcome, "refused");
  assert.ok(events.some(({ code, resource }) => code === "permission-denied" && resource === "ops"));
});

test("what may pass is an error, what will not is refused, and secrets stay secret", async () => {
  assert.deepEqual(await wicked("throw"), { outcome: "error", reason: "no way with ******" });
  assert.deepEqual(await wicked("refuse"), { outcome: "refused", reason: "never" });
});

test("a sink that hangs is late, is shown by name, and the next call works; one that loops loses its process only", async () => {
  const late = await wicked("hang", { timeoutMs: 300 });
  assert.equal(late.outcome, "timeout");
  assert.ok(host.inFlight().some(({ kind, subject, overdue }) => kind === "alert" && subject === "ops" && overdue));
  const looped = await wicked("loop", { timeoutMs: 500, id: "loops" });
  assert.equal(looped.outcome, "timeout");
  // What comes before its process was ended shares its fate, and is tried again by who asked.
  const shared = await wicked("nothing", { timeoutMs: 20_000, id: "after" });
  assert.equal(shared.outcome, "error");
  assert.deepEqual(await wicked("nothing", { timeoutMs: 20_000, id: "after" }), { outcome: "done" });
});

test("a call is aborted at once", async () => {
  const outcome = wicked("hang", { id: "aborted" });
  host.abortAlert(nextId, "nobody wants it");
  assert.equal((await outcome).outcome, "error");
});

const REFUSED: readonly (readonly [string, Given, RegExp])[] = [
  [
    "a plugin that nobody has",
    { path: "systole:nobody" },
    /There is no alert systole:nobody on this node\. .*plugin list/,
  ],
  ["a plugin of another kind", { path: "systole:dummy" }, /There is no alert systole:dummy on this node/],
  [
    "a parameter that is missing",
    {},
    /^ops \(systole:wicked\): parameter does is missing\. Correct the instance attributes/,
  ],
  [
    "a parameter that is unknown",
    { parameters: { does: "x", more: "y" } },
    /has no parameter more\. It has does, password\./,
  ],
  [
    "a relative path",
    { path: "programs/alert.sh" },
    /is no absolute path\. Programs for alerts come from .*plugins are written systole:NAME\./,
  ],
  ["a program that is missing", { path: "/nowhere/alert.sh" }, /there is no program \/nowhere\/alert\.sh on this node/],
  [
    "a program elsewhere",
    { path: "/bin/sh" },
    /the program \/bin\/sh is in none of the folders that are allowed\. .*alertFolders/,
  ],
];

for (const [what, given, reason] of REFUSED) {
  for (const check of [true, undefined] as const) {
    test(`${what} is refused ${check ? "when it is looked at" : "at the alert"}`, async () => {
      const outcome = await call(check === undefined ? given : { ...given, check });
      assert.equal(outcome.outcome, "refused");
      assert.match("reason" in outcome ? outcome.reason : "", reason);
    });
  }
}

test("a look delivers nothing", async () => {
  assert.deepEqual(await wicked("post", { recipient: url, check: true }), { outcome: "done" });
  assert.deepEqual(posted, []);
});

test("syslog reaches a real server over TCP and over UDP, and notices a TCP server that is not there", async () => {
  const streams = createTcpServer();
  const whole = new Promise<string>((resolve) => {
    streams.once("connection", async (socket) => {
      let text = "";
      for await (const chunk of socket) text += String(chunk);
      resolve(text);
    });
  });
  streams.listen(0, "127.0.0.1");
  await once(streams, "listening");
  const bound = streams.address();
  assert.ok(typeof bound === "object" && bound !== null);
  const datagrams = createSocket("udp4");
  datagrams.bind(0, "127.0.0.1");
  await once(datagrams, "listening");
  const datagram = once(datagrams, "message").then(([bytes]) => String(bytes));
  const log = (port: number, transport: string) =>
    call({ path: "systole:syslog", parameters: { address: "127.0.0.1", port: `${port}`, transport } });
  const message =
    /<28>1 2026-01-04T15:07:09\.003Z node1 systole - resource \[meta sequenceId="3"\] example: monitor of web/;
  assert.deepEqual(await log(bound.port, "tcp"), { outcome: "done" });
  assert.match(await whole, new RegExp(`^\\d+ ${message.source}`));
  assert.deepEqual(await log(datagrams.address().port, "udp"), { outcome: "done" });
  assert.match(await datagram, message);
  datagrams.close();
  streams.close();
  await once(streams, "close");
  const nobody = await log(bound.port, "tcp");
  assert.equal(nobody.outcome, "error");
  assert.match("reason" in nobody ? nobody.reason : "", /ECONNREFUSED/);
});

function program(name: string, text: string, mode = 0o755): string {
  const path = join(programs, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, mode);
  return path;
}

test("a program finds the facts in the variables of Pacemaker, and runs without rights", async () => {
  const seen = join(folder, "seen");
  mkdirSync(seen);
  chmodSync(seen, 0o777);
  const path = program(
    "alert_file.sh",
    `env | grep -E '^(CRM_|debug|SYSTOLE)' | sort > "$CRM_alert_recipient"; id -u > "$CRM_alert_recipient.user"; echo "$#" >> "$CRM_alert_recipient.user"`,
  );
  const file = join(seen, "alert");
  assert.deepEqual(await call({ path, recipient: file, parameters: { debug: "yes" } }), { outcome: "done" });
  assert.deepEqual(readFileSync(file, "utf8").trim().split("\n"), [
    "CRM_alert_desc=not running",
    "CRM_alert_exec_time=12",
    "CRM_alert_interval=10000",
    "CRM_alert_kind=resource",
    "CRM_alert_node=node1",
    "CRM_alert_node_sequence=3",
    "CRM_alert_rc=7",
    `CRM_alert_recipient=${file}`,
    "CRM_alert_rsc=web",
    "CRM_alert_status=0",
    "CRM_alert_target_rc=0",
    "CRM_alert_task=monitor",
    "CRM_alert_timestamp=15:07:09.003000",
    `CRM_alert_timestamp_epoch=${Date.UTC(2026, 0, 4, 15, 7, 9) / 1000}`,
    "CRM_alert_timestamp_usec=003000",
    "CRM_alert_version=1.2.3",
    "SYSTOLE_NODE=n1",
    "SYSTOLE_POWER_DOMAIN=test/n1",
    "debug=yes",
  ]);
  const [user, argumentCount] = readFileSync(`${file}.user`, "utf8").trim().split("\n");
  assert.equal(user === "0", false, "not as root");
  assert.equal(argumentCount, "0");
});

test("a program that fails or is late says so; one that is in the way of its own rights is refused", async () => {
  const fails = await call({ path: program("fails.sh", "echo broken >&2; exit 3") });
  assert.equal(fails.outcome, "error");
  assert.match("reason" in fails ? fails.reason : "", /failed with exit code 3: broken/);
  const late = await call({ path: program("late.sh", "sleep 60"), timeoutMs: 200 });
  assert.equal(late.outcome, "timeout");
  for (const [name, mode, reason] of [
    ["plain.sh", 0o644, /no file that can be executed/],
    ["open.sh", 0o777, /can be changed by everybody/],
  ] as const) {
    const outcome = await call({ path: program(name, "true", mode), check: true });
    assert.equal(outcome.outcome, "refused");
    assert.match("reason" in outcome ? outcome.reason : "", reason);
  }
});

test("a link that leads out of the folder, and a variable that decides what runs, are refused", async () => {
  const link = join(programs, "link.sh");
  symlinkSync("/bin/true", link);
  assert.equal((await call({ path: link })).outcome, "refused");
  const mark = join(folder, "stolen");
  const path = program("honest.sh", "true");
  for (const name of ["LD_PRELOAD", "BASH_ENV", "PATH", "a b"]) {
    const outcome = await call({ path, parameters: { [name]: mark } });
    assert.equal(outcome.outcome, "refused", name);
    assert.match("reason" in outcome ? outcome.reason : "", /would decide which code/);
  }
  assert.equal(existsSync(mark), false);
});

test("systole plugin describe knows it by each of its names", async () => {
  for (const name of ["webhook", "systole:webhook"]) {
    const [found] = await host.describe(name);
    assert.equal(found?.kind, "alert");
    assert.equal(found?.reference, "systole:webhook");
    assert.deepEqual(found?.verbs, ["deliver"]);
    assert.equal(found?.trust, "sandboxed");
  }
  assert.deepEqual(await host.describe("stonith:systole:webhook"), []);
});
