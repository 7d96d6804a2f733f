// Nodes that were never seen get some time to appear when a node starts. What is to be recovered or stopped later on does not wait for them
// again with every coordinator.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Cluster } from "./cluster.ts";

const SETTLE_MS = 3000;
/** dc-deadtime, when it is not set. */
const DEADTIME_MS = 20_000;
const WEB = `<primitive id="web" class="ocf" provider="systole" type="dummy"><operations><op id="web-m" name="monitor" interval="10s" timeout="5s"/></operations></primitive>`;
const POWER = `<primitive id="power" class="stonith" type="systole:dummy"/>`;
const ON_N1 = `<constraints><rsc_location id="where" rsc="web" node="n1" score="50"/></constraints>`;

/** Of five nodes these have started, and are in a view. */
function started(ids: readonly number[], fencing: boolean): Cluster {
  const options = `<crm_config><cluster_property_set id="o"><nvpair id="o-f" name="stonith-enabled" value="${fencing}"/></cluster_property_set></crm_config><nodes/>`;
  const cluster = new Cluster(5, `${options}<resources>${fencing ? POWER : ""}${WEB}</resources>${ON_N1}`);
  cluster.start(...ids);
  return cluster;
}

test("a node that never came delays no recovery when the coordinator dies later on", () => {
  const cluster = started([1, 2, 3, 4], false);
  cluster.view([1, 2, 3, 4]);
  cluster.run(DEADTIME_MS / 2);
  assert.deepEqual(cluster.where("web"), [], "n5 gets its time to appear");
  cluster.run(DEADTIME_MS);
  assert.deepEqual(cluster.where("web"), ["n1"]);
  cluster.kill(1);
  cluster.run(1000);
  cluster.view([2, 3, 4]);
  cluster.run(SETTLE_MS);
  assert.equal(cluster.where("web").length, 1);
});

test("a minority stops what it runs though one coordinator follows the other", () => {
  const cluster = started([1, 2], true);
  // What an earlier life has left.
  cluster.node(2).services.set("web", "running");
  cluster.view([1, 2]);
  cluster.run(DEADTIME_MS - 1000);
  assert.deepEqual(cluster.where("web"), ["n2"], "the others get their time to appear");
  cluster.view([2]);
  cluster.run(1000 + SETTLE_MS);
  assert.deepEqual(cluster.where("web"), []);
});

test("who takes over right after its own start gives the others their time", () => {
  const cluster = started([1, 2, 3, 4], true);
  cluster.view([1, 2, 3, 4]);
  cluster.run(1000);
  cluster.kill(1);
  cluster.run(1000);
  cluster.view([2, 3, 4]);
  cluster.run(DEADTIME_MS / 2);
  assert.equal(cluster.whenSaid(/switches n5/), undefined);
  cluster.run(DEADTIME_MS);
  assert.notEqual(cluster.whenSaid(/switches n5 off/), undefined);
  assert.equal(cluster.where("web").length, 1);
});
