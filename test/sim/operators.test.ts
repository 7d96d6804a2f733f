// Operators who come to configure their cluster late, because it could not be founded before, have nothing more to wish once it is being repaired.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawDials } from "./dials.ts";
import { Faults } from "./faults.ts";
import { kernelLayer } from "./layers/kernel.ts";
import { Random } from "./random.ts";
import { Trace } from "./trace.ts";
import { World } from "./world.ts";

const MINUTE_MS = 60_000;

test("a cluster that is configured only after the faults is left alone then", async () => {
  const world = new World(
    new Random("late"),
    drawDials(new Random("late"), 3),
    kernelLayer,
    new Trace(() => undefined),
    {},
  );
  const pass = async (ms: number): Promise<void> => {
    const untilMs = world.nowMs + ms;
    while (!world.queue.runUntil(untilMs, () => false)) await new Promise((resolve) => setImmediate(resolve));
  };
  const { operators } = world;
  world.nodes[0]?.switchPower("on", "alone");
  operators.begin();
  // One of three: the first configuration is asked for in vain, again and again.
  await pass(MINUTE_MS);
  assert.equal(operators.done, 0);
  new Faults(world, new Random("faults")).heal();
  operators.repair();
  await pass(MINUTE_MS);
  assert.ok(operators.repaired && operators.done >= 2, "configured, and what was done for a while undone");
  const { asked } = operators;
  await pass(MINUTE_MS);
  assert.equal(operators.asked, asked);
});
