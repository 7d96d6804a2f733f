// Alerts from real nodes to a real web server: who hears of what, once, in order, and signed; and what recipients that hang, throw or
// are away for a while do to the cluster, which is nothing.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Alert } from "systole/sdk";
import { change } from "../../runtime/cli/demo/operator.ts";
import { parseXml } from "../../runtime/compat/xml.ts";
import { configuration, dummy, Field, type FieldNode, pairs, processesOf, WAIT_MS } from "./field.ts";

const KEY = "a key for signatures";

/** A plugin that does not take what it is told. */
const sink = (name: string, body: string): string => `import { defineAlertSink, Type } from "systole/sdk";
export default defineAlertSink({
  name: "${name}", summary: "Takes nothing", parameters: Type.Object({}),
  async deliver() { ${body} },
});
`;

/** What a web server was told, one list a path. */
class Receiver {
  readonly told = new Map<string, Alert[]>();
  /** What was wrong with requests. */
  readonly wrong: string[] = [];
  port = 0;
  #server: Server | undefined;

  constructor(t: TestContext) {
    t.after(() => this.stop());
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        const { url = "", headers } = request;
        const signature = `sha256=${createHmac("sha256", KEY).update(body).digest("hex")}`;
        if (url !== "/own" && headers["x-systole-signature"] !== signature) this.wrong.push(`signature of ${body}`);
        const alert: Alert = JSON.parse(body);
        if (url !== "/own" && headers["x-systole-delivery"] !== alert.deliveryId) this.wrong.push(`id of ${body}`);
        this.told.set(url, [...(this.told.get(url) ?? []), alert]);
        response.writeHead(204).end();
      });
    });
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    this.#server = server;
  }

  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
  }

  at(path: string): readonly Alert[] {
    return this.told.get(path) ?? [];
  }

  /** Resolves with the first alert that is as wanted. */
  async alert(path: string, what: string, wanted: (alert: Alert) => boolean): Promise<Alert> {
    const endMs = performance.now() + WAIT_MS;
    for (;;) {
      const found = this.at(path).find(wanted);
      if (found !== undefined) return found;
      const texts = this.at(path).map((alert) => `${alert.sender}: ${alert.text}`);
      assert.ok(performance.now() < endMs, `nobody told ${path} of ${what}:\n${texts.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const ALL = "<select><select_nodes/><select_fencing/><select_resources/><select_attributes/></select>";

function webhook(id: string, values: Readonly<Record<string, string>>, inner = ""): string {
  return `<alert id="${id}" path="systole:webhook"><instance_attributes id="${id}-i">${pairs(`${id}-i`, values)}</instance_attributes>${ALL}${inner}</alert>`;
}

function bare(id: string, path: string, meta: Readonly<Record<string, string>> = {}): string {
  return `<alert id="${id}" path="${path}"><meta_attributes id="${id}-m">${pairs(`${id}-m`, meta)}</meta_attributes>${ALL}</alert>`;
}

async function command(field: Field, node: FieldNode, ...words: readonly string[]): Promise<string> {
  const said = await field.systole(node, ...words);
  assert.equal(said.code, 0, `systole ${words.join(" ")}: ${said.err}`);
  return said.out;
}

/** Nodes in one view, plugins that take nothing, and a program that writes down what it is told. */
async function begin(t: TestContext, nodes: number) {
  const field = await Field.create(t, {
    nodes,
    config: { plugins: ["../stuck.ts", "../throws.ts"], alertFolders: ["../programs"] },
  });
  writeFileSync(join(field.directory, "stuck.ts"), sink("stuck", "await new Promise(() => {});"));
  writeFileSync(join(field.directory, "throws.ts"), sink("throws", 'throw new Error("not today");'));
  chmodSync(field.directory, 0o755);
  mkdirSync(join(field.directory, "programs"));
  mkdirSync(join(field.directory, "heard"));
  chmodSync(join(field.directory, "heard"), 0o777);
  const program = join(field.directory, "programs", "alert.sh");
  writeFileSync(
    program,
    `#!/bin/sh\necho "$CRM_alert_kind $CRM_alert_node $CRM_alert_desc" >> "$CRM_alert_recipient"\n`,
  );
  chmodSync(program, 0o755);
  for (const node of field.nodes) field.start(node);
  await field.together(...field.nodes);
  return { field, program, heard: join(field.directory, "heard", "log") };
}

function withAlerts(field: Field, alerts: string): string {
  return configuration(field, { resources: dummy("app", "300ms") }).replace(
    "</configuration>",
    `<alerts>${alerts}</alerts></configuration>`,
  );
}

test("three nodes tell of a start, a failure, an attribute, a fence and members, whoever else does not listen", async (t) => {
  const receiver = new Receiver(t);
  await receiver.start();
  const { field, program, heard } = await begin(t, 3);
  const [one] = field.nodes;
  assert.ok(one);
  const url = `http://127.0.0.1:${receiver.port}`;
  const recipients = `<recipient id="first" value="${url}/first"/><recipient id="second" value="${url}/second"/>`;
  const away = new Receiver(t);
  await away.start();
  away.stop();
  const alerts = [
    webhook("ops", { key: KEY }, recipients),
    webhook("away", { url: `http://127.0.0.1:${away.port}/away`, key: KEY }),
    webhook("wrong", { url: "gopher://192.0.2.1" }),
    bare("stuck", "systole:stuck", { timeout: "1s" }),
    bare("throws", "systole:throws"),
    bare("unknown", "systole:nobody"),
    `<alert id="program" path="${program}">${ALL}<recipient id="file" value="${heard}"/></alert>`,
  ];
  await field.give(one, withAlerts(field, alerts.join("")));

  const home = field.node(await field.runs(one, "app"));
  const start = await receiver.alert(
    "/first",
    "the start",
    (alert) => alert.kind === "resource" && alert.operation === "start" && alert.resource === "app",
  );
  assert.equal(start.sender, home.name, "who ran it tells of it");
  const [pid] = await processesOf(field, home, "sleep infinity");
  process.kill(pid ?? 0, "SIGKILL");
  await receiver.alert(
    "/first",
    "the failure",
    (alert) => alert.kind === "resource" && alert.operation === "monitor" && !alert.ok && alert.rc === 7,
  );

  await command(field, one, "attribute", "set", "n2", "note", "x");
  const { coordinator = "" } = field.status(one) ?? {};
  const attribute = await receiver.alert(
    "/first",
    "the attribute",
    (alert) => alert.kind === "attribute" && alert.name === "note" && alert.value === "x",
  );
  assert.equal(attribute.sender, coordinator);

  const victim = field.nodes.find(({ name }) => name !== coordinator && name !== home.name) ?? home;
  field.signal(victim, "SIGKILL");
  const lost = await receiver.alert("/first", "the loss", (alert) => alert.kind === "node" && alert.state === "lost");
  assert.ok(lost.kind === "node" && lost.node === victim.name && lost.primary && lost.cause === "silent");
  const fence = await receiver.alert("/first", "the fence", (alert) => alert.kind === "fencing");
  assert.ok(fence.kind === "fencing" && fence.node === victim.name && fence.ok && fence.device === "power");
  await field.runs(one.name === victim.name ? field.node(coordinator) : one, "app");
  field.start(victim);
  await receiver.alert(
    "/first",
    "the return",
    (alert) => alert.kind === "node" && alert.state === "member" && alert.node === victim.name,
  );

  const keys = receiver.at("/first").map((alert) => `${alert.kind} ${alert.text}`);
  const once = ["node", "fencing", "attribute"].map((kind) => keys.filter((key) => key.startsWith(kind)));
  for (const list of once) assert.equal(new Set(list).size, list.length, `each is told once: ${list.join("; ")}`);
  for (const { name } of field.nodes) {
    const sequences = receiver
      .at("/first")
      .filter(({ sender }) => sender === name)
      .map(({ sequence }) => sequence);
    if (name !== victim.name)
      assert.deepEqual(
        sequences,
        [...sequences].sort((a, b) => a - b),
        `${name} tells in order`,
      );
  }
  await receiver.alert(
    "/second",
    "the return",
    (alert) => alert.kind === "node" && alert.state === "member" && alert.node === victim.name,
  );
  const recipientsTold = new Set(receiver.at("/second").map(({ recipient }) => recipient));
  assert.deepEqual(recipientsTold, new Set([`${url}/second`]));
  assert.deepEqual(receiver.wrong, []);

  const lines = readFileSync(heard, "utf8");
  assert.match(lines, new RegExp(`^node ${victim.name} lost$`, "m"));
  assert.match(
    lines,
    new RegExp(
      `^fencing ${victim.name} Operation reboot of ${victim.name} by \\S+ for systole@${coordinator}: OK$`,
      "m",
    ),
  );
  assert.match(lines, new RegExp(`^resource ${home.name} not running$`, "m"));

  const status = (await command(field, field.node(coordinator), "status")).replace(/\s+/g, " ");
  for (const [id, reason] of [
    ["stuck \\(systole:stuck\\)", "stuck deliver \\(systole:stuck\\) did not end within 1000 ms"],
    ["throws \\(systole:throws\\)", "not today"],
    ["unknown \\(systole:nobody\\)", "There is no alert systole:nobody on this node"],
    ["wrong \\(systole:webhook\\)", "wrong \\(systole:webhook\\): parameter url must match"],
    ["away \\(systole:webhook\\)", "cannot be reached \\(ECONNREFUSED\\)"],
  ]) {
    assert.match(status, new RegExp(`Alerts to ${id} do not get through from ${coordinator}: .*${reason}`));
  }
  await away.start();
  const late = await away.alert("/away", "the loss", (alert) => alert.kind === "node" && alert.state === "lost");
  assert.equal(late.sender, coordinator);
  await field.event("away again", 0, ({ code, resource }) => code === "alert-works" && resource === "away");
});

test("a node that stops tells of what it has stopped before it goes, and the others that it has left", async (t) => {
  const receiver = new Receiver(t);
  await receiver.start();
  const { field } = await begin(t, 2);
  const [one] = field.nodes;
  assert.ok(one);
  const url = `http://127.0.0.1:${receiver.port}/ops`;
  await field.give(one, withAlerts(field, webhook("ops", { url, key: KEY })));
  const home = field.node(await field.runs(one, "app"));
  const other = field.nodes.find((node) => node !== home) ?? home;
  await command(field, home, "stop");
  assert.equal(await field.ended(home), 0);
  const stop = await receiver.alert(
    "/ops",
    "the stop",
    (alert) => alert.kind === "resource" && alert.operation === "stop" && alert.resource === "app",
  );
  assert.equal(stop.sender, home.name);
  const left = await receiver.alert("/ops", "the leave", (alert) => alert.kind === "node" && alert.state === "lost");
  assert.ok(left.kind === "node" && left.node === home.name && left.cause === "left" && left.sender === other.name);
  assert.deepEqual(
    receiver.at("/ops").filter(({ kind }) => kind === "fencing"),
    [],
  );
});

/** A user's own sink, which says what version it is. */
const own = (version: string): string => `import { defineAlertSink, Type } from "systole/sdk";
export default defineAlertSink({
  name: "own", summary: "${version}", parameters: Type.Object({}), permissions: { net: ["{recipient}"] },
  async deliver(alert, { fetch }) {
    await fetch(alert.recipient, { method: "POST", body: JSON.stringify({ ...alert, text: "${version}: " + alert.text }) });
  },
});
`;

test("a sink that the cluster has agreed on is fetched by the other node, updated without a gap, and kept while it is used", async (t) => {
  const receiver = new Receiver(t);
  await receiver.start();
  const { field } = await begin(t, 2);
  const [one, two] = field.nodes;
  assert.ok(one && two);
  writeFileSync(join(field.directory, "own.ts"), own("first"));
  writeFileSync(join(field.directory, "next.ts"), own("second"));
  await field.give(one, configuration(field, { resources: dummy("app", "300ms") }));
  const home = field.node(await field.runs(one, "app"));
  await command(field, one, "plugin", "add", "./own.ts", "--yes");
  const recipient = `<recipient id="me" value="http://127.0.0.1:${receiver.port}/own"/>`;
  const alerts = parseXml(`<alerts><alert id="mine" path="systole:own">${ALL}${recipient}</alert></alerts>`);
  await change(field.client(one), [{ edit: "put", parent: [{ name: "configuration" }], element: alerts }], "test");
  const other = home === one ? two : one;
  await command(field, one, "resource", "move", "app", other.name);
  const start = await receiver.alert("/own", "the move", ({ text }) => text.startsWith("first: app runs on"));
  assert.equal(start.sender, other.name);
  assert.match(await command(field, one, "plugin", "list"), /own +alert +first/);
  const kept = await field.systole(one, "plugin", "remove", "own");
  assert.equal(kept.code, 1);
  assert.match(kept.err, /The alert own is used by mine/);

  await command(field, one, "plugin", "update", "./next.ts", "--yes");
  for (const node of field.nodes) {
    const endMs = performance.now() + WAIT_MS;
    while (!(await command(field, node, "plugin", "describe", "own", "--json")).includes('"summary":"second"'))
      assert.ok(performance.now() < endMs, `${node.name} never ran the second version`);
  }
  await command(field, two, "resource", "move", "app", home.name);
  const back = await receiver.alert("/own", "the way back", ({ text }) => text.startsWith("second: app runs on"));
  assert.equal(back.sender, home.name);
});
