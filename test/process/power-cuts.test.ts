// A sample of `npm run soak -- power-cuts`: real nodes started on what power cuts left of their stores.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cutsOf, powerCuts } from "../soak/power-cuts.ts";
import { PROGRAM } from "./field.ts";

const SAMPLE = 12;

test("a node starts on what a power cut left, and has everything that was acknowledged", async () => {
  const { cuts, problems, acknowledged } = await powerCuts({
    cuts: SAMPLE,
    firstSeed: 7,
    together: 2,
    program: PROGRAM,
  });
  assert.deepEqual(problems, []);
  assert.equal(cuts, SAMPLE);
  assert.ok(acknowledged > SAMPLE, `${acknowledged} acknowledged changes`);
});

test("the images differ from one another and come in every kind", async () => {
  const cuts = await cutsOf(3);
  assert.equal(new Set(cuts.map((cut) => cut.kind)).size, 5);
  assert.ok(cuts.length > 30, `${cuts.length}`);
});
