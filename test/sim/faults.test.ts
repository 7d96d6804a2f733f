// What is broken is repaired in the end, and so is what the cluster itself still switches off after that.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawDials } from "./dials.ts";
import { Faults } from "./faults.ts";
import { kernelLayer } from "./layers/kernel.ts";
import { Random } from "./random.ts";
import { Trace } from "./trace.ts";
import { World } from "./world.ts";

const NODES = 9;
/** Between the healing and the end of a run are four times as many. */
const SOON_MS = 60_000;

test("after the faults whatever is fenced is switched on again soon, and be it all but one", async () => {
  // Operators who come one day, as they may while there are faults.
  const dials = { ...drawDials(new Random("repair"), NODES), powerOnMs: 1e9 };
  const world = new World(new Random("repair"), dials, kernelLayer, new Trace(() => undefined), {});
  const pass = async (ms: number): Promise<void> => {
    const untilMs = world.nowMs + ms;
    while (!world.queue.runUntil(untilMs, () => false)) await new Promise((resolve) => setImmediate(resolve));
  };
  const off = (): string[] => world.nodes.filter(({ power }) => power === "off").map(({ name }) => name);
  const faults = new Faults(world, new Random("faults"));
  faults.begin();
  await pass(1_000);
  assert.equal(off().length, NODES, "nobody has come yet");
  faults.heal();
  assert.deepEqual(off(), []);
  for (let time = 0; time < 2; time += 1) {
    await pass(1_000);
    for (const node of world.nodes.slice(1)) node.switchPower("off", "by a fence");
    await pass(SOON_MS);
    assert.deepEqual(off(), []);
  }
});
