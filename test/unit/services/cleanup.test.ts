// A cleanup has every node forget what it knows of a resource, and the status too; but that is two things, and between them the coordinator
// may die. What was forgotten is looked at again then; it is not taken for what it was before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./cluster.ts";

const SETTLE_MS = 3000;
const START_MS = 1000;
const OPTIONS = `<crm_config><cluster_property_set id="o"><nvpair id="o-a" name="stonith-action" value="off"/></cluster_property_set></crm_config><nodes/>`;
const WEB = `<primitive id="web" class="ocf" provider="systole" type="dummy"><operations><op id="web-m" name="monitor" interval="10s" timeout="5s"/></operations></primitive>`;
const RESOURCES = `<resources><primitive id="power" class="stonith" type="systole:dummy"/>${WEB}</resources>`;
const ON_N3 = `<constraints><rsc_location id="where" rsc="web" node="n3" score="50"/></constraints>`;

test("a start that ends while a cleanup is under way is not made a second time when the coordinator dies", () => {
  const cluster = new Cluster(3, OPTIONS + RESOURCES + ON_N3);
  cluster.agentMs.set("start web", START_MS);
  cluster.start(1, 2, 3);
  cluster.view([1, 2, 3]);
  cluster.run(SETTLE_MS, () => cluster.whenSaid(/^start web on n3/) !== undefined);
  const path = [{ name: "configuration" }, { name: "constraints" }, { name: "rsc_location", id: "where" }];
  const edits = [{ edit: "set", path, attributes: { node: "n2", score: "500" } }] as const;
  cluster.input(2, { type: "change", request: { id: "c1", who: "test", why: "rather on n2", edits } });
  // Until the start has been done and looked at; its result is on its way.
  cluster.run(START_MS * 2, () => cluster.node(3).machine.inFlight.length === 0);
  const endedMs = cluster.nowMs;
  assert.deepEqual(cluster.where("web"), ["n3"]);
  assert.match(cluster.xml(2), /node="n2" score="500"/);
  assert.equal(cluster.whenSaid(/web runs on n3/), undefined, "the coordinator does not know it yet");
  let told = 0;
  cluster.beforeEffect = (id, effect) => {
    if (id !== 1 || effect.type !== "send") return false;
    if (effect.message.type === "history-clear") told += 1;
    else cluster.kill(1);
    return effect.message.type !== "history-clear";
  };
  cluster.input(1, { type: "request", request: { id: "r1", request: "cleanup", resource: "web", who: "test" } });
  assert.equal(told, 2, "both others were told to forget");
  assert.equal(cluster.node(1).up, false, "and then nothing was written");
  cluster.run(START_MS);
  cluster.view([2, 3]);
  cluster.run(SETTLE_MS);
  assert.deepEqual(cluster.doubles, []);
  const found = cluster.events.some(({ epochMs, text }) => epochMs > endedMs && /web stops on n3/.test(text));
  assert.ok(found, "it was found where it runs, and moved from there");
  assert.deepEqual(cluster.where("web"), ["n2"]);
});
