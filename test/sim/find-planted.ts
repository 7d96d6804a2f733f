// Tests that mistakes in the product are found: each is planted, and some checker speaks within the stated number of seeds, though none was
// written for it. With nothing planted none speaks: foundation.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { allLayers } from "./layers/all.ts";
import { kernelLayer } from "./layers/kernel.ts";
import { isPlanted, PLANTED } from "./planted.ts";
import { runSeed } from "./run.ts";

/** One test for each mistake that shows in that layer. */
export function testMistakesOf(layerName: "kernel" | "all"): void {
  const layer = layerName === "kernel" ? kernelLayer : allLayers;
  for (const [name, mistake] of Object.entries(PLANTED)) {
    if (mistake.layer !== layerName) continue;
    test(`${name}: ${mistake.text}`, async (context) => {
      assert.ok(isPlanted(name));
      const { nodes, minutes, seeds, turn, arbiter = false, from = 1 } = mistake;
      for (let seed = from; seed < from + seeds; seed += 1) {
        const options = {
          seed,
          nodes,
          arbiter,
          minutes,
          layer,
          planted: name,
          ...(turn === undefined ? {} : { turn }),
        };
        const [first] = (await runSeed(options)).violations;
        if (first === undefined) continue;
        context.diagnostic(`seed ${seed}: ${first.checker}: ${first.text}`);
        return;
      }
      assert.fail(`no checker has found it in ${seeds} seeds from ${from} on`);
    });
  }
}
