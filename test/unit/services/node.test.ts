import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AGENT_MS, Cluster, DEVICE_MS, MESSAGE_MS } from "./cluster.ts";

const SETTLE_MS = 3000;

function options(values: Record<string, string>): string {
  const pairs = Object.entries(values).map(
    ([name, value]) => `<nvpair id="o-${name}" name="${name}" value="${value}"/>`,
  );
  return `<crm_config><cluster_property_set id="o">${pairs.join("")}</cluster_property_set></crm_config><nodes/>`;
}

function primitive(id: string, meta: Record<string, string> = {}, operations = ""): string {
  const pairs = Object.entries(meta).map(
    ([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`,
  );
  return `<primitive id="${id}" class="ocf" provider="systole" type="dummy"><meta_attributes id="${id}-meta">${pairs.join("")}</meta_attributes><operations>${operations}</operations></primitive>`;
}

function monitor(id: string, interval = "10s"): string {
  return `<op id="${id}-monitor" name="monitor" interval="${interval}" timeout="5s"/>`;
}

const POWER = `<primitive id="power" class="stonith" type="systole:dummy"><operations>${monitor("power", "60s")}</operations></primitive>`;
const FENCING = options({ "stonith-enabled": "true", "stonith-action": "off" });
const WEB = primitive("web", { "resource-stickiness": "100" }, monitor("web"));
const PREFER_N2 = `<constraints><rsc_location id="web-on-n2" rsc="web" node="n2" score="50"/></constraints>`;

/** Three nodes that run `web` on n2 (and the fence device), settled. */
function running(more = "", constraints = PREFER_N2, config = FENCING): Cluster {
  const cluster = new Cluster(3, `${config}<resources>${POWER}${WEB}${more}</resources>${constraints}`);
  cluster.start(1, 2, 3);
  cluster.view([1, 2, 3]);
  cluster.run(SETTLE_MS);
  return cluster;
}

function assertIdle(cluster: Cluster, id: number): void {
  const { transition, inFlight } = cluster.node(id).machine;
  assert.equal(transition, undefined);
  assert.deepEqual(inFlight, []);
}

function assertIdleBut(cluster: Cluster, what: string): void {
  const { inFlight } = cluster.node(1).machine;
  assert.deepEqual(
    inFlight.map((flight) => flight.what),
    [what],
  );
}

/** Debian's crm_simulate sees nothing to do; says nothing where it is not installed. */
function assertNothingToDo(cluster: Cluster, id: number): void {
  const directory = mkdtempSync(join(tmpdir(), "systole-node-"));
  const file = join(directory, "cib.xml");
  const graph = join(directory, "graph.xml");
  writeFileSync(file, cluster.xml(id));
  const run = spawnSync("crm_simulate", ["--simulate", "-x", file, "-G", graph], { encoding: "utf8" });
  if (run.error === undefined) {
    const summary = /Transition Summary:([\s\S]*?)Executing/.exec(run.stdout)?.[1]?.trim();
    assert.equal(summary, "", run.stdout + run.stderr);
    const executing = /Executing Cluster Transition:([\s\S]*?)(Using|Revised)/.exec(run.stdout)?.[1]?.trim();
    assert.equal(executing, "", run.stdout);
  }
  rmSync(directory, { recursive: true });
}

test("a cluster starts: everything is probed, then runs, and there is nothing left to do", () => {
  const group = `<group id="shop">${primitive("catalogue")}${primitive("basket")}</group>`;
  const clone = `<clone id="caches">${primitive("cache", {}, monitor("cache"))}</clone>`;
  const cluster = running(group + clone);
  assert.deepEqual(cluster.where("web"), ["n2"]);
  assert.deepEqual(cluster.where("cache"), ["n1", "n2", "n3"]);
  assert.equal(cluster.where("catalogue").length, 1);
  assert.deepEqual(cluster.where("basket"), cluster.where("catalogue"));
  for (const id of [1, 2, 3]) assertIdle(cluster, id);
  assertNothingToDo(cluster, 1);
  assertNothingToDo(cluster, 3);
});

test("failover: the start elsewhere is called one message after the power was read as off", () => {
  const cluster = running();
  cluster.kill(2);
  cluster.run(1000);
  const viewMs = cluster.nowMs;
  cluster.view([1, 3]);
  cluster.run(SETTLE_MS);
  const fencedMs = cluster.whenSaid(/n2 is off/, viewMs) ?? Number.NaN;
  const startMs = cluster.whenSaid(/^start web on/, viewMs) ?? Number.NaN;
  const runsMs = cluster.whenSaid(/web runs on/, viewMs) ?? Number.NaN;
  const switchedMs = cluster.whenSaid(/switches n2 off/, viewMs) ?? Number.NaN;
  assert(switchedMs - viewMs <= 10, "the fence begins as soon as the view is established");
  assert.equal(fencedMs - switchedMs, 2 * DEVICE_MS, "one call to switch, one to read");
  assert(startMs - fencedMs <= MESSAGE_MS, "no tick and no round trip between the fence and the start");
  assert(runsMs - startMs <= 2 * AGENT_MS + MESSAGE_MS, "one call to start, one to read");
  assert.equal(cluster.where("web").length, 1);
  assertIdle(cluster, 1);
  assertNothingToDo(cluster, 1);
});

for (const behaviour of ["lies", "fails", "hangs"] as const) {
  test(`a device that ${behaviour}: nothing is started elsewhere until one has read off`, () => {
    const cluster = running();
    cluster.devices.set("power", behaviour);
    cluster.silence(2);
    cluster.run(1000);
    cluster.view([1, 3]);
    cluster.run(300_000);
    assert.deepEqual(cluster.where("web"), ["n2"], "it still runs there, and only there");
    assert.notEqual(cluster.whenSaid(/fencing of n2 failed/), undefined);
    cluster.devices.set("power", "works");
    cluster.run(120_000);
    assert.equal(cluster.where("web").length, 1);
    assert.notDeepEqual(cluster.where("web"), ["n2"]);
  });
}

test("an operation that hangs elsewhere delays neither the fence nor the recovery", () => {
  const cluster = running(primitive("slow", {}, `<op id="slow-start" name="start" interval="0" timeout="100s"/>`));
  cluster.onAgentCall = (_node, call) => (call.resource.id === "slow" && call.verb === "stop" ? "hang" : undefined);
  const home = cluster.where("slow")[0] ?? "";
  const target = [{ name: "configuration" }, { name: "resources" }, { name: "primitive", id: "slow" }];
  const pair = [...target, { name: "meta_attributes", id: "slow-meta" }, { name: "nvpair", id: "slow-role" }];
  cluster.input(1, {
    type: "change",
    request: {
      id: "c1",
      who: "test",
      why: "stop slow",
      edits: [{ edit: "set", path: pair, attributes: { name: "target-role", value: "Stopped" } }],
    },
  });
  cluster.run(100);
  assert.notEqual(cluster.whenSaid(new RegExp(`slow stops on ${home}`)), undefined);
  const victim = 2;
  if (home === "n2") return;
  cluster.kill(victim);
  const viewMs = cluster.nowMs;
  cluster.view([1, 3]);
  cluster.run(200);
  const startMs = cluster.whenSaid(/^start web on/, viewMs);
  assert(startMs !== undefined && startMs - viewMs < 50);
});

test("the coordinator dies in the middle of a transition: its successor fences it and finishes", () => {
  const cluster = new Cluster(3, `${FENCING}<resources>${POWER}${WEB}</resources>${PREFER_N2}`);
  cluster.start(1, 2, 3);
  cluster.view([1, 2, 3]);
  cluster.run(1000, () => cluster.whenSaid(/^start web on n2/) !== undefined);
  cluster.kill(1);
  cluster.run(1000);
  cluster.view([2, 3]);
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.where("web"), ["n2"]);
  assert.equal(cluster.lines.filter((line) => /^start web on/.test(line.text)).length, 1, "it was started once");
  assertIdle(cluster, 2);
  assertNothingToDo(cluster, 2);
});

test("a start that is under way when the coordinator dies is not made a second time elsewhere", () => {
  const cluster = new Cluster(3, `${FENCING}<resources>${POWER}${WEB}</resources>${PREFER_N2.replace('"n2"', '"n3"')}`);
  cluster.agentMs.set("start web", 3000);
  cluster.start(1, 2, 3);
  cluster.view([1, 2, 3]);
  cluster.run(1000, () => cluster.whenSaid(/^start web on n3/) !== undefined);
  const path = [{ name: "configuration" }, { name: "constraints" }, { name: "rsc_location", id: "web-on-n2" }];
  const edits = [{ edit: "set", path, attributes: { node: "n2", score: "500" } }] as const;
  cluster.input(2, { type: "change", request: { id: "c1", who: "test", why: "rather on n2", edits } });
  cluster.run(50);
  cluster.kill(1);
  cluster.run(1000);
  cluster.view([2, 3]);
  cluster.run(1000);
  assert.deepEqual(cluster.where("web"), ["n3"], "it is still starting there");
  cluster.run(5000);
  assert.deepEqual(cluster.doubles, []);
  assert.deepEqual(cluster.where("web"), ["n2"], "moved, once the start had ended");
  assertNothingToDo(cluster, 2);
});

test("what has to come after a start that was under way when the coordinator died waits for its end", () => {
  const constraints = `<constraints><rsc_location id="w" rsc="web" node="n3" score="50"/><rsc_order id="o1" first="web" then="after"/></constraints>`;
  const cluster = new Cluster(3, `${FENCING}<resources>${POWER}${WEB}${primitive("after")}</resources>${constraints}`);
  cluster.agentMs.set("start web", 3000);
  cluster.start(1, 2, 3);
  cluster.view([1, 2, 3]);
  cluster.run(1000, () => cluster.whenSaid(/^start web on n3/) !== undefined);
  cluster.kill(1);
  cluster.run(1000);
  cluster.view([2, 3]);
  cluster.run(1000);
  assert.deepEqual(cluster.where("after"), []);
  cluster.run(5000);
  assert.equal(cluster.where("after").length, 1);
  assert.equal(cluster.whenSaid(/n2: web starts/), undefined, "the start is not asked for a second time");
  assert.deepEqual(cluster.where("web"), ["n3"]);
  assertIdle(cluster, 2);
  assertNothingToDo(cluster, 2);
});

test("a start that is under way when a plan is made anew holds up what is related to it, and nothing else", () => {
  const constraints = `<constraints><rsc_order id="o1" first="web" then="after"/><rsc_location id="w" rsc="web" node="n2" score="50"/></constraints>`;
  const cluster = new Cluster(
    3,
    `${FENCING}<resources>${POWER}${WEB}${primitive("after")}${primitive("other")}</resources>${constraints}`,
  );
  cluster.agentMs.set("start web", 2000);
  cluster.start(1, 2, 3);
  cluster.view([1, 2, 3]);
  cluster.run(100);
  const path = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "o" }];
  const pair = [...path, { name: "nvpair", id: "o-x" }];
  const edits = [{ edit: "set", path: pair, attributes: { name: "cluster-name", value: "x" } }] as const;
  cluster.input(2, { type: "change", request: { id: "c1", who: "test", why: "a name", edits } });
  cluster.input(2, { type: "request", request: { id: "c2", request: "cleanup", resource: "other", who: "test" } });
  cluster.run(500);
  assert.notEqual(cluster.whenSaid(/other runs on/), undefined);
  assert.equal(cluster.whenSaid(/after starts/), undefined);
  assertIdleBut(cluster, "start of web on n2");
  cluster.run(SETTLE_MS);
  assert.notEqual(cluster.whenSaid(/after runs/), undefined);
  assert.equal(cluster.lines.filter((line) => line.text === "start web on n2").length, 1);
  assertNothingToDo(cluster, 1);
});

test("a graceful shutdown: resources move, the node leaves with status 0, and nobody is fenced", () => {
  const cluster = running();
  cluster.input(2, { type: "shutdown" });
  cluster.run(SETTLE_MS);
  assert.equal(cluster.node(2).exit?.code, 0);
  assert.notEqual(cluster.whenSaid(/n2 leaves/), undefined);
  cluster.view([1, 3], "left");
  cluster.run(SETTLE_MS);
  assert.equal(cluster.where("web").length, 1);
  assert.notDeepEqual(cluster.where("web"), ["n2"]);
  assert.equal(cluster.whenSaid(/fenced|switches/), undefined);
  assertNothingToDo(cluster, 1);
  cluster.start(2);
  cluster.view([1, 2, 3]);
  cluster.run(SETTLE_MS);
  assertIdle(cluster, 1);
  assertNothingToDo(cluster, 1);
});

test("the coordinator shuts down, and the last node too", () => {
  const cluster = running();
  cluster.input(1, { type: "shutdown" });
  cluster.run(SETTLE_MS);
  assert.equal(cluster.node(1).exit?.code, 0);
  cluster.view([2, 3], "left");
  cluster.run(SETTLE_MS);
  cluster.input(3, { type: "shutdown" });
  cluster.run(SETTLE_MS);
  assert.equal(cluster.node(3).exit?.code, 0);
  cluster.view([2], "left");
  cluster.run(SETTLE_MS);
  cluster.input(2, { type: "shutdown" });
  cluster.run(SETTLE_MS);
  assert.equal(cluster.node(2).exit?.code, 0);
  assert.deepEqual(cluster.where("web"), []);
  assert.equal(cluster.whenSaid(/switches/), undefined);
});

test("a failed monitor restarts the resource; at migration-threshold it goes elsewhere", () => {
  const web = primitive("db", { "migration-threshold": "2" }, monitor("db", "1s"));
  const constraints = `<constraints><rsc_location id="db-on-n3" rsc="db" node="n3" score="50"/></constraints>`;
  const cluster = running(web, constraints);
  assert.deepEqual(cluster.where("db"), ["n3"]);
  cluster.node(3).services.set("db", "failed");
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.where("db"), ["n3"]);
  assert.equal(cluster.lines.filter((line) => line.text === "start db on n3").length, 2);
  assert.match(cluster.xml(1), /name="fail-count-db#monitor_1000" value="1"/);
  assertNothingToDo(cluster, 1);
  cluster.node(3).services.delete("db");
  cluster.run(SETTLE_MS);
  assert.match(cluster.xml(1), /name="fail-count-db#monitor_1000" value="2"/);
  assert.notDeepEqual(cluster.where("db"), ["n3"]);
  assert.equal(cluster.where("db").length, 1);
  assertNothingToDo(cluster, 1);
  cluster.input(2, { type: "request", request: { id: "r1", request: "cleanup", resource: "db", who: "test" } });
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.answers.get("r1")?.outcome, "done");
  assert.doesNotMatch(cluster.xml(1), /fail-count-db/);
  assert.deepEqual(cluster.where("db"), ["n3"], "forgiven, it goes where it is wanted");
  assertNothingToDo(cluster, 1);
});

test("a stop that fails has the node fenced, though it is a member", () => {
  const cluster = running();
  cluster.onAgentCall = (node, call) =>
    node === "n2" && call.resource.id === "web" && call.verb === "stop"
      ? { outcome: "error", code: "generic", reason: "it will not stop" }
      : undefined;
  cluster.node(2).services.set("web", "failed");
  cluster.run(11_000);
  assert.notEqual(cluster.whenSaid(/n1 switches n2 off/), undefined);
  assert.equal(cluster.where("web").length, 1, "the start elsewhere does not wait until the silence is noticed");
  assert.notDeepEqual(cluster.where("web"), ["n2"]);
  cluster.view([1, 3]);
  cluster.run(SETTLE_MS);
  assert.equal(cluster.lines.filter((line) => /switches n2/.test(line.text)).length, 1, "once is enough");
  assertIdle(cluster, 1);
});

test("a node without quorum stops what it runs, and fences nobody", () => {
  const cluster = running();
  cluster.view([2], "unreachable");
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.where("web"), []);
  assert.equal(cluster.whenSaid(/switches/), undefined);
});

test("a node that comes back before its earlier life was accounted for is fenced all the same", () => {
  const cluster = running();
  cluster.silence(2);
  cluster.start(2);
  cluster.view([1, 2, 3], "restarted");
  cluster.run(SETTLE_MS);
  assert.notEqual(cluster.whenSaid(/n1 switches n2 off/), undefined);
  assert.equal(cluster.where("web").length, 1);
  assert.deepEqual(cluster.doubles, []);
  cluster.view([1, 3]);
  cluster.run(SETTLE_MS);
  cluster.start(2);
  cluster.view([1, 2, 3]);
  cluster.run(SETTLE_MS);
  assert.equal(cluster.lines.filter((line) => /switches n2/.test(line.text)).length, 1);
  assert.match(cluster.xml(1), /uname="n2"[^>]*crmd="online"|crmd="online"[^>]*uname="n2"/);
  assertIdle(cluster, 1);
  assertNothingToDo(cluster, 1);
});

test("without fencing, a node whose process was restarted is probed, and what still runs there is adopted", () => {
  const cluster = running("", PREFER_N2, options({ "stonith-enabled": "false" }));
  cluster.silence(2);
  cluster.start(2);
  cluster.view([1, 2, 3], "restarted");
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.where("web"), ["n2"]);
  assert.equal(cluster.lines.filter((line) => /^start web/.test(line.text)).length, 1);
  assertIdle(cluster, 1);
  assertNothingToDo(cluster, 1);
});

test("two of three start: the third gets its time to appear, then is fenced before anything starts", () => {
  const cluster = new Cluster(3, `${FENCING}<resources>${POWER}${WEB}</resources>${PREFER_N2}`);
  cluster.start(1, 2);
  cluster.view([1, 2]);
  cluster.run(10_000);
  assert.deepEqual(cluster.where("web"), []);
  cluster.run(20_000);
  assert.notEqual(cluster.whenSaid(/switches n3 off/), undefined);
  assert.deepEqual(cluster.where("web"), ["n2"]);
});

test("a person asks for a fence from any node, and hears the end of it", () => {
  const cluster = running();
  cluster.input(3, { type: "request", request: { id: "f1", request: "fence", node: "n2", action: "off", who: "op" } });
  cluster.input(3, { type: "request", request: { id: "f2", request: "fence", node: "n9", action: "off", who: "op" } });
  cluster.run(200);
  assert.equal(cluster.answers.get("f1")?.outcome, "done");
  assert.equal(cluster.answers.get("f2")?.outcome, "refused");
  assert.equal(cluster.where("web").length, 1);
});

test("an attribute that an agent sets stands in the status, and a person's too", () => {
  const cluster = running();
  cluster.input(3, { type: "attribute", name: "master-db", value: "10" });
  cluster.input(2, {
    type: "request",
    request: { id: "a1", request: "attribute", node: "n1", name: "ping", value: "5", dampeningMs: 500, who: "op" },
  });
  cluster.run(100);
  assert.match(cluster.xml(1), /id="status-3-master-db" name="master-db" value="10"/);
  assert.doesNotMatch(cluster.xml(1), /name="ping"/);
  cluster.run(1000);
  assert.match(cluster.xml(1), /name="ping" value="5"/);
  cluster.input(3, { type: "attribute", name: "master-db", value: null });
  cluster.run(100);
  assert.doesNotMatch(cluster.xml(1), /master-db/);
  assertIdle(cluster, 1);
});

test("a member that never says what it is doing is not waited for, though nothing is planned", () => {
  const cluster = running();
  cluster.silence(3);
  cluster.start(3);
  cluster.view([1, 2, 3]);
  // Its computer is switched off as soon as its earlier life is fenced, and the view has it still.
  cluster.run(10_000);
  assertIdle(cluster, 1);
});

test("a node whose life has looked at nothing yet does not leave as if nothing ran there", () => {
  const cluster = running();
  cluster.kill(1);
  cluster.kill(3);
  cluster.silence(2);
  cluster.start(1, 2);
  cluster.view([1, 2]);
  // Nothing is looked for before n3 has had its time to appear, and then another view forms.
  cluster.run(100);
  cluster.start(3);
  cluster.view([1, 2, 3]);
  cluster.input(2, { type: "shutdown" });
  cluster.run(SETTLE_MS, () => cluster.node(2).exit !== undefined);
  assert.equal(cluster.node(2).exit?.code, 0);
  cluster.view([1, 3], "left");
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.doubles, []);
  assert.equal(cluster.whenSaid(/switches/), undefined);
  assert.equal(cluster.where("web").length, 1);
});

test("without quorum too, who shares a view is looked at before it leaves; who is alone says no farewell", () => {
  const cluster = new Cluster(5, `${FENCING}<resources>${POWER}${WEB}</resources>${PREFER_N2}`);
  cluster.start(1, 2, 3, 4, 5);
  cluster.view([1, 2, 3, 4, 5]);
  cluster.run(SETTLE_MS);
  for (const id of [1, 3, 4, 5]) cluster.kill(id);
  cluster.silence(2);
  cluster.start(1, 2);
  cluster.view([1, 2]);
  cluster.run(100);
  cluster.input(2, { type: "shutdown" });
  cluster.run(60_000, () => cluster.node(2).exit !== undefined);
  assert.equal(cluster.node(2).exit?.code, 0);
  assert.deepEqual(cluster.where("web"), [], "it was found and stopped");
  assert.notEqual(cluster.whenSaid(/n2 leaves/), undefined);
  cluster.start(3);
  cluster.view([3]);
  cluster.input(3, { type: "shutdown" });
  assert.equal(cluster.node(3).exit?.code, 0);
  assert.equal(cluster.whenSaid(/n3 leaves/), undefined);
});

test("what was forgotten on the nodes, and not yet in the status, is looked at again by the next coordinator", () => {
  const place = (score: number, at: number) => `<rsc_location id="p${at}" rsc="web" node="n${at}" score="${score}"/>`;
  const web = primitive("web", { "migration-threshold": "1" }, monitor("web", "1s"));
  const places = `<constraints>${place(50, 2)}${place(40, 3)}${place(0, 4)}</constraints>`;
  const cluster = new Cluster(5, `${FENCING}<resources>${POWER}${web}</resources>${places}`);
  cluster.start(1, 2, 3, 4, 5);
  cluster.view([1, 2, 3, 4, 5]);
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.where("web"), ["n2"]);
  const score = (id: string, node: string, value: string) => {
    const path = [{ name: "configuration" }, { name: "constraints" }, { name: "rsc_location", id: "p4" }];
    const edits = [{ edit: "set", path, attributes: { node, score: value } }] as const;
    cluster.input(2, { type: "change", request: { id, who: "test", why: "a place", edits } });
  };
  // One member does not answer, so the change is not committed, nor anything that comes after it.
  cluster.silence(5);
  score("c1", "n4", "1");
  cluster.node(2).services.set("web", "failed");
  cluster.run(1500, () => cluster.whenSaid(/web runs on n3/) !== undefined);
  assert.deepEqual(cluster.where("web"), ["n3"]);
  cluster.input(1, { type: "request", request: { id: "r1", request: "cleanup", who: "test" } });
  cluster.run(2);
  cluster.kill(1);
  cluster.view([2, 3, 4]);
  cluster.run(SETTLE_MS);
  assert.equal(cluster.where("web").length, 1);
  score("c2", "n4", "500");
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.where("web"), ["n4"]);
  assert.deepEqual(cluster.doubles, []);
  assertNothingToDo(cluster, 2);
});
