// Mistakes in kernel and store are found (see find-planted.ts), and nothing but the simulator can plant one.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { testMistakesOf } from "./find-planted.ts";
import { PLANTED } from "./planted.ts";

const RUNTIME = fileURLToPath(new URL("../../runtime/", import.meta.url));

describe("a mistake in kernel or store is found", () => testMistakesOf("kernel"));

describe("nothing but the simulator can plant a mistake", () => {
  const sources = readdirSync(RUNTIME, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  const mentions = (path: string, word: string) => readFileSync(`${RUNTIME}${path}`, "utf8").includes(word);

  test("the composition root, the command line, the API and all that reads a file or a datagram know nothing of it", () => {
    const allowed = /^(kernel|services)\/|^host\/store(\.ts$|\/)/;
    const found = sources.filter(
      (path) => !allowed.test(path) && /planted/i.test(readFileSync(`${RUNTIME}${path}`, "utf8")),
    );
    assert.deepEqual(found, []);
  });

  test("each mistake has one place in the product that asks for it, or up to three that keep the same rule", () => {
    for (const name of Object.keys(PLANTED)) {
      const asks = sources.filter((path) => mentions(path, `, "${name}")`));
      assert.ok(asks.length >= 1 && asks.length <= 3, `${name} is asked for in ${asks.join(", ") || "no file"}`);
    }
  });
});
