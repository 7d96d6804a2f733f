// Who tells of what, in whole clusters of node machines under virtual time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { MAX_RECIPIENTS } from "../../../../runtime/services/alerts/alerts.ts";
import { LAST_ALERTS_MS } from "../../../../runtime/services/node.ts";
import type { Alert } from "../../../../sdk/mod.ts";
import { Cluster, EPOCH_MS } from "../cluster.ts";

const OPTIONS = `<crm_config><cluster_property_set id="o"><nvpair id="o-f" name="stonith-enabled" value="true"/><nvpair id="o-a" name="stonith-action" value="off"/></cluster_property_set></crm_config><nodes/>`;
const POWER = `<primitive id="power" class="stonith" type="systole:dummy"/>`;
const WEB = `<primitive id="web" class="ocf" provider="systole" type="dummy"><operations><op id="web-m" name="monitor" interval="10s" timeout="5s"/></operations></primitive>`;
const PREFER = `<constraints><rsc_location id="l" rsc="web" node="n2" score="50"/></constraints>`;
const ALL = "<select><select_nodes/><select_fencing/><select_resources/><select_attributes/></select>";
const OPS = `<alert id="ops" path="systole:webhook">${ALL}</alert>`;

interface Told {
  readonly by: string;
  readonly sink: string;
  readonly alert: Alert;
}

class Bench {
  readonly cluster: Cluster;
  readonly told: Told[] = [];
  readonly checked: string[] = [];

  constructor(alerts = OPS, count = 3) {
    this.cluster = new Cluster(
      count,
      `${OPTIONS}<resources>${POWER}${WEB}</resources>${PREFER}<alerts>${alerts}</alerts>`,
    );
    this.cluster.onAlertCall = (by, { sink, alert }) => {
      if (alert === undefined) this.checked.push(`${by} ${sink.id}`);
      else this.told.push({ by, sink: sink.id, alert });
      return undefined;
    };
  }

  settle(): void {
    const ids = this.cluster.nodes.map(({ id }) => id);
    this.cluster.start(...ids);
    this.cluster.view(ids);
    this.cluster.run(3_000);
  }

  /** What was told since the last time, as `SENDER: KIND ...`, sorted. */
  words(kind?: Alert["kind"]): string[] {
    const taken = this.told.splice(0).filter(({ alert }) => kind === undefined || alert.kind === kind);
    return taken.map(({ by, alert }) => `${by}: ${inWords(alert)}`).sort();
  }
}

function inWords(alert: Alert): string {
  switch (alert.kind) {
    case "node":
      return `${alert.node} ${alert.state}${alert.cause === undefined ? "" : ` ${alert.cause}`}${alert.primary ? "" : " (minority)"}`;
    case "fencing":
      return `${alert.action} of ${alert.node} ${alert.ok ? "done" : "failed"}`;
    case "resource":
      return `${alert.operation} ${alert.resource} on ${alert.node} ${alert.rc}/${alert.targetRc} ${alert.status}`;
    case "attribute":
      return `${alert.name} of ${alert.node} ${alert.value}`;
    case "dropped":
      return `dropped ${alert.count}`;
  }
}

test("a cluster that forms: the coordinator tells of the members, who ran something tells of it, and nobody twice", () => {
  const bench = new Bench();
  bench.settle();
  assert.deepEqual(bench.checked, ["n1 ops", "n2 ops", "n3 ops"], "each node looks whether it could tell");
  const words = bench.words();
  assert.deepEqual(
    words.filter((line) => line.includes("member")),
    ["n1: n1 member", "n1: n2 member", "n1: n3 member"],
  );
  assert.deepEqual(
    words.filter((line) => line.includes("web")),
    ["n2: monitor web on n2 0/0 done", "n2: start web on n2 0/0 done"],
    "probes that found what was expected are no news",
  );
  assert.equal(new Set(words).size, words.length);
});

test("facts are whole: id, order, time, sender, sentence", () => {
  const bench = new Bench();
  bench.settle();
  const own = bench.told.filter(({ by }) => by === "n1").map(({ alert }) => alert);
  assert.deepEqual(
    own.map(({ sequence }) => sequence),
    own.map((_, at) => at + 1),
  );
  assert.equal(new Set(bench.told.map(({ alert }) => alert.deliveryId)).size, bench.told.length);
  const [first] = own;
  assert.ok(first !== undefined && first.epochMs >= EPOCH_MS && first.epochMs < EPOCH_MS + 1_000);
  assert.equal(first.sender, "n1");
  assert.match(first.timestamp, /^\d\d:\d\d:\d\d\.\d{6}$/);
  assert.equal(first.text, "n1 is a member of the cluster");
});

test("a node dies: its loss, the fence and the failover are told once, and its successor tells of a dead coordinator", () => {
  const bench = new Bench();
  bench.settle();
  bench.words();
  bench.cluster.kill(2);
  bench.cluster.run(1_000);
  bench.cluster.view([1, 3]);
  bench.cluster.run(3_000);
  const words = bench.words();
  assert.deepEqual(
    words.filter((line) => /lost|off/.test(line)),
    ["n1: n2 lost silent", "n1: off of n2 done"],
  );
  assert.equal(words.filter((line) => /start web .* 0\/0/.test(line)).length, 1);
  bench.cluster.start(2);
  bench.cluster.view([1, 2, 3]);
  bench.cluster.run(3_000);
  assert.deepEqual(bench.words("node"), ["n1: n2 member"]);
  bench.cluster.kill(1);
  bench.cluster.view([2, 3]);
  bench.cluster.run(5_000);
  const then = bench.words("node");
  assert.deepEqual(then, ["n3: n1 lost silent"], "n3 has been there for longer than n2");
});

test("a node that restarts within the detection time is lost and a member again", () => {
  const bench = new Bench();
  bench.settle();
  bench.words();
  bench.cluster.silence(3);
  bench.cluster.start(3);
  bench.cluster.view([1, 2, 3]);
  bench.cluster.run(100);
  assert.deepEqual(bench.words("node"), ["n1: n3 lost restarted", "n1: n3 member"]);
});

test("a part that may not act says so; the other part's word counts; after the heal nobody is told again what stood", () => {
  const bench = new Bench();
  bench.settle();
  bench.words();
  bench.cluster.devices.set("power", "fails");
  bench.cluster.view([3]);
  bench.cluster.view([1, 2]);
  bench.cluster.run(2_000);
  assert.deepEqual(bench.words("node"), [
    "n1: n3 lost silent",
    "n3: n1 lost silent (minority)",
    "n3: n2 lost silent (minority)",
  ]);
  bench.cluster.view([1, 2, 3]);
  bench.cluster.run(2_000);
  assert.deepEqual(bench.words("node"), ["n1: n3 member"]);
});

test("a failed fence and one that a person answers for are told", () => {
  const bench = new Bench();
  bench.settle();
  bench.words();
  bench.cluster.devices.set("power", "fails");
  bench.cluster.kill(2);
  bench.cluster.view([1, 3]);
  bench.cluster.run(5_000);
  assert.ok(bench.words("fencing").includes("n1: off of n2 failed"));
  bench.cluster.input(3, { type: "request", request: { id: "c", request: "fence-confirm", node: "n2", who: "anna" } });
  bench.cluster.run(1_000);
  assert.deepEqual(
    bench.told
      .filter(({ alert }) => alert.kind === "fencing" && alert.ok)
      .map(({ by, alert }) => `${by}: ${alert.text}`),
    ["n1: n2 is off: the word of anna says so after 0 ms (off: confirmed by hand)"],
  );
});

test("a result is told by its node, once, also when it is reported again to a new coordinator", () => {
  const bench = new Bench();
  bench.settle();
  bench.words();
  bench.cluster.beforeEffect = (id, effect) => {
    if (id === 2 && effect.type === "send" && effect.message.type === "operation-result") bench.cluster.kill(1);
    return false;
  };
  bench.cluster.node(2).services.delete("web");
  bench.cluster.run(10_000);
  assert.equal(bench.cluster.node(1).up, false, "the coordinator was gone before it heard of it");
  bench.cluster.beforeEffect = undefined;
  bench.cluster.view([2, 3]);
  bench.cluster.run(5_000);
  assert.notEqual(bench.cluster.whenSaid(/^stop web on n2/), undefined, "its successor has heard of it");
  assert.deepEqual(
    bench.words("resource").filter((line) => line.includes("monitor web on n2 7/0")),
    ["n2: monitor web on n2 7/0 done"],
  );
});

test("a node that starts alone is no news before it is part of a cluster that may act", () => {
  const bench = new Bench();
  for (const id of [1, 2]) {
    bench.cluster.start(id);
    bench.cluster.view([id]);
  }
  bench.cluster.run(500);
  assert.deepEqual(bench.words("node"), []);
  bench.cluster.view([1, 2]);
  bench.cluster.run(500);
  assert.deepEqual(bench.words("node"), ["n1: n1 member", "n1: n2 member"]);
});

test("attributes: the coordinator tells of a new value, of no value, and not of what stays", () => {
  const bench = new Bench();
  bench.settle();
  bench.words();
  const set = (value: string | null) => {
    bench.cluster.input(3, { type: "attribute", name: "ping", value });
    bench.cluster.run(500);
  };
  set("100");
  set("100");
  set("0");
  set(null);
  assert.deepEqual(
    bench.told.filter(({ alert }) => alert.kind === "attribute").map(({ by, alert }) => `${by}: ${inWords(alert)}`),
    ["n1: ping of n3 100", "n1: ping of n3 0", "n1: ping of n3 null"],
  );
});

test("an attribute of the configuration is told like one of the status", () => {
  const bench = new Bench();
  bench.settle();
  bench.words();
  const path = [
    ...[{ name: "configuration" }, { name: "nodes" }, { name: "node", id: "3" }],
    ...[
      { name: "instance_attributes", id: "n3-a" },
      { name: "nvpair", id: "n3-standby" },
    ],
  ];
  const edits = [{ edit: "set" as const, path, attributes: { name: "standby", value: "on" } }];
  bench.cluster.input(2, { type: "change", request: { id: "s", who: "t", why: "t", edits } });
  bench.cluster.run(500);
  assert.deepEqual(bench.words("attribute"), ["n1: standby of n3 on"]);
});

test("attributes that nobody asked for are not told, nor those of other names", () => {
  const some = `<alert id="a" path="systole:a"/><alert id="b" path="systole:b"><select><select_attributes><attribute id="x" name="ping"/></select_attributes></select></alert>`;
  const bench = new Bench(some);
  bench.settle();
  bench.told.splice(0);
  for (const name of ["ping", "cpu"]) bench.cluster.input(2, { type: "attribute", name, value: "1" });
  bench.cluster.run(500);
  assert.deepEqual(
    bench.told.map(({ sink, alert }) => `${sink} ${inWords(alert)}`),
    ["b ping of n2 1"],
  );
});

test("with a node that is gone its attributes go untold", () => {
  const bench = new Bench();
  bench.settle();
  bench.cluster.input(3, { type: "attribute", name: "ping", value: "100" });
  bench.cluster.run(500);
  bench.words();
  bench.cluster.kill(3);
  bench.cluster.view([1, 2]);
  bench.cluster.run(3_000);
  assert.deepEqual(bench.words("attribute"), []);
});

test("a recipient that hangs changes nothing: not for the cluster, not for another recipient", () => {
  const run = (alerts: string, hang: boolean) => {
    const bench = new Bench(alerts);
    const { onAlertCall } = bench.cluster;
    bench.cluster.onAlertCall = (node, call) => {
      const answer = onAlertCall?.(node, call);
      return hang && call.sink.id === "stuck" ? "hang" : answer;
    };
    bench.settle();
    bench.cluster.kill(2);
    bench.cluster.view([1, 3]);
    bench.cluster.run(10_000);
    const own = bench.told.filter(({ sink }) => sink === "ops").map(({ by, alert }) => `${by}: ${inWords(alert)}`);
    return { lines: bench.cluster.lines, where: bench.cluster.where("web"), own };
  };
  const quiet = run(OPS, false);
  const stuck = run(`<alert id="stuck" path="systole:stuck">${ALL}</alert>${OPS}`, true);
  assert.deepEqual(stuck.where, quiet.where);
  assert.deepEqual(stuck.own, quiet.own);
  assert.deepEqual(stuck.lines, quiet.lines, "every step of the cluster at the same millisecond");
});

test("a node that leaves tells first of what it has stopped, but does not wait for ever", () => {
  for (const hangs of [false, true]) {
    const bench = new Bench();
    const { onAlertCall } = bench.cluster;
    bench.cluster.onAlertCall = (node, call) => (hangs && node === "n2" ? "hang" : onAlertCall?.(node, call));
    bench.settle();
    bench.words();
    const sinceMs = bench.cluster.nowMs;
    bench.cluster.input(2, { type: "shutdown" });
    bench.cluster.run(10_000);
    const leftMs = (bench.cluster.whenSaid(/^n2 leaves/, sinceMs) ?? Number.NaN) - sinceMs;
    assert.equal(bench.cluster.node(2).exit?.code, 0);
    const stopped = bench.words().filter((line) => line === "n2: stop web on n2 0/0 done");
    assert.equal(stopped.length, hangs ? 0 : 1);
    assert.ok(hangs ? leftMs >= LAST_ALERTS_MS && leftMs < LAST_ALERTS_MS + 1_000 : leftMs < 500, `${leftMs} ms`);
  }
});

function reconfigure(bench: Bench, alerts: string): void {
  const element = parseXml(`<alerts>${alerts}</alerts>`);
  const edits = [{ edit: "put" as const, parent: [{ name: "configuration" }], element }];
  bench.cluster.input(1, { type: "change", request: { id: `r${bench.cluster.nowMs}`, who: "t", why: "t", edits } });
  bench.cluster.run(500);
}

test("recipients come and go with the configuration; what one has still to hear goes with it", () => {
  const bench = new Bench();
  bench.cluster.onAlertCall = (_node, call) => (call.alert === undefined ? undefined : "hang");
  bench.settle();
  reconfigure(bench, `<alert id="other" path="systole:other">${ALL}</alert>`);
  const heard: string[] = [];
  bench.cluster.onAlertCall = (_node, { sink, alert }) => {
    heard.push(`${sink.id}${alert === undefined ? " check" : ""}`);
    return undefined;
  };
  bench.cluster.input(1, { type: "attribute", name: "x", value: "1" });
  bench.cluster.run(500);
  assert.deepEqual(new Set(heard), new Set(["other"]));
  for (const { machine } of bench.cluster.nodes) assert.deepEqual(machine.alertProblems, []);
});

test("more recipients than can be told are named as a problem", () => {
  const many = Array.from({ length: MAX_RECIPIENTS + 1 }, (_, at) => `<alert id="a${at}" path="systole:x"/>`).join("");
  const bench = new Bench(many, 1);
  bench.settle();
  assert.equal(bench.checked.length, MAX_RECIPIENTS);
  assert.ok(bench.cluster.events.some(({ code }) => code === "alert-recipients"));
});

test("what cannot work from here is said as soon as it is configured", () => {
  const bench = new Bench();
  bench.cluster.onAlertCall = () => ({ outcome: "refused", reason: "There is no alert systole:webhook on this node." });
  bench.settle();
  const failed = bench.cluster.events.filter(({ code }) => code === "alert-failed");
  assert.equal(failed.length, 3, "by each node, for each may have to tell");
  assert.match(
    failed[0]?.text ?? "",
    /^Alerts to ops \(systole:webhook\) cannot be delivered from n1: There is no alert/,
  );
  assert.equal(bench.cluster.node(1).machine.alertProblems.length, 1);
});

test("a cluster without alerts makes no call", () => {
  const bench = new Bench("");
  bench.settle();
  assert.deepEqual([bench.told, bench.checked], [[], []]);
});
