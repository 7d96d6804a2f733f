// Five nodes under a few seeds, as part of `npm test`: nothing that may never happen happens, the same seed gives the same
// history, and the checkers see it when the world is made to lie. Campaigns of many seeds are `npm run sim`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Dials } from "./dials.ts";
import type { Layer } from "./layer.ts";
import { allLayers } from "./layers/all.ts";
import { kernelLayer } from "./layers/kernel.ts";
import { type RunResult, runSeed } from "./run.ts";

const NODES = 5;

function words(result: RunResult): string {
  const violations = result.violations.map(({ checker, atMs, text }) => `${checker} at ${atMs.toFixed(0)} ms: ${text}`);
  return `seed ${result.seed}: ${violations.join("; ")}`;
}

/** Runs seeds until a checker of that name speaks; how many it took. */
async function seedsUntil(checker: string, layer: Layer, most: number, turn: (dials: Dials) => Dials): Promise<number> {
  for (let seed = 1; seed <= most; seed += 1) {
    const result = await runSeed({ seed, nodes: NODES, minutes: 2, layer, turn });
    if (result.violations.some((violation) => violation.checker === checker)) return seed;
  }
  return Number.POSITIVE_INFINITY;
}

describe("five nodes with loss, delay, partitions and crashes", () => {
  test("membership and the replicated CIB hold under 8 seeds of 5 minutes", async () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const result = await runSeed({ seed, nodes: NODES, minutes: 5, layer: kernelLayer });
      assert.deepEqual(result.violations, [], words(result));
      assert.ok(result.changesDone > 0, "no change was ever acknowledged: nothing was tested");
    }
  });

  test("kernel and services hold under 3 seeds of 2 minutes", async () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const result = await runSeed({ seed, nodes: NODES, minutes: 2, layer: allLayers });
      assert.deepEqual(result.violations, [], words(result));
      assert.ok(result.changesDone > 0, "no change was ever acknowledged: nothing was tested");
    }
  });
});

describe("halves of a cluster, and an arbiter", () => {
  test("membership and the replicated CIB hold under 8 seeds of 5 minutes, and the arbiter gives its vote", async () => {
    let votesGiven = 0;
    for (let seed = 1; seed <= 8; seed += 1) {
      const result = await runSeed({ seed, arbiter: true, minutes: 5, layer: kernelLayer });
      assert.deepEqual(result.violations, [], words(result));
      votesGiven += result.votesGiven;
    }
    assert.ok(votesGiven > 8, `it gave its vote ${votesGiven} times`);
  });

  test("kernel and services hold under 2 seeds of 2 minutes, and set it up by themselves", async () => {
    for (let seed = 1; seed <= 2; seed += 1) {
      const result = await runSeed({ seed, nodes: 2 * seed, arbiter: true, minutes: 2, layer: allLayers });
      assert.deepEqual(result.violations, [], words(result));
      assert.ok(result.votesGiven > 0, "it was never set up");
    }
  });
});

describe("a seed is a history", () => {
  test("the same seed twice gives the same trace, another seed another one", async () => {
    const run = (seed: number) => runSeed({ seed, nodes: NODES, minutes: 1, layer: allLayers });
    const first = await run(7);
    assert.equal((await run(7)).hash, first.hash);
    assert.notEqual((await run(8)).hash, first.hash);
  });
});

describe("the checkers see what a lying world does", () => {
  test("a disk that acknowledges without a sync forgets what it was given", async () => {
    const turn = (dials: Dials): Dials => ({
      ...dials,
      disk: { ...dials.disk, realStore: false, forgetful: true },
      faultIntervalMs: 4_000,
      faultWeights: { ...dials.faultWeights, blackout: 1, "power-loss": 1 },
    });
    assert.ok((await seedsUntil("disk-forgets", kernelLayer, 8, turn)) <= 8);
  });

  test("an agent that says stopped while the resource runs leaves it active twice", async () => {
    const turn = (dials: Dials): Dials => ({ ...dials, agents: { ...dials.agents, deniesRunning: true } });
    assert.ok((await seedsUntil("active-twice", allLayers, 5, turn)) <= 5);
  });

  test("a device that reads off what is on lets a recovery run before its fence", async () => {
    const turn = (dials: Dials): Dials => ({
      ...dials,
      devices: { ...dials.devices, readsOff: true },
      faultIntervalMs: 5_000,
      faultWeights: { ...dials.faultWeights, isolation: 2, pause: 2 },
    });
    assert.ok((await seedsUntil("recovery-before-fence", allLayers, 5, turn)) <= 5);
  });
});
