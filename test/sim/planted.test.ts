// The simulator finds mistakes: each of those in planted.ts is planted, and some checker speaks within the stated number of seeds, though
// none was written for it. With nothing planted none speaks: foundation.test.ts.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { allLayers } from "./layers/all.ts";
import { kernelLayer } from "./layers/kernel.ts";
import { isPlanted, PLANTED } from "./planted.ts";
import { runSeed } from "./run.ts";

const RUNTIME = fileURLToPath(new URL("../../runtime/", import.meta.url));

describe("a mistake in the product is found", () => {
  for (const [name, mistake] of Object.entries(PLANTED)) {
    test(`${name}: ${mistake.text}`, async (context) => {
      assert.ok(isPlanted(name));
      const { nodes, minutes, seeds, turn } = mistake;
      const layer = mistake.layer === "kernel" ? kernelLayer : allLayers;
      for (let seed = 1; seed <= seeds; seed += 1) {
        const options = { seed, nodes, minutes, layer, planted: name, ...(turn === undefined ? {} : { turn }) };
        const [first] = (await runSeed(options)).violations;
        if (first === undefined) continue;
        context.diagnostic(`seed ${seed}: ${first.checker}: ${first.text}`);
        return;
      }
      assert.fail(`no checker has found it in ${seeds} seeds`);
    });
  }
});

describe("nothing but the simulator can plant a mistake", () => {
  const sources = readdirSync(RUNTIME, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  const mentions = (path: string, word: string) => readFileSync(`${RUNTIME}${path}`, "utf8").includes(word);

  test("the composition root, the command line, the API and all that reads a file or a datagram know nothing of it", () => {
    const allowed = /^(kernel|services)\/|^host\/store(\.ts$|\/)/;
    const found = sources.filter((path) => !allowed.test(path) && mentions(path, "planted"));
    assert.deepEqual(found, []);
  });

  test("each mistake has one place in the product that asks for it, or two that belong together", () => {
    for (const name of Object.keys(PLANTED)) {
      const asks = sources.filter((path) => mentions(path, `, "${name}")`));
      assert.ok(asks.length >= 1 && asks.length <= 2, `${name} is asked for in ${asks.join(", ") || "no file"}`);
    }
  });
});
