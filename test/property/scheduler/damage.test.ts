// Texts of CIBs, damaged at random: each is planned, or refused with a code and a sentence, in bounded time. Nothing else is thrown.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CliFailure } from "../../../runtime/cli/failure.ts";
import { inspectCib } from "../../../runtime/cli/simulate/inspect.ts";
import { simulate } from "../../../runtime/cli/simulate/report.ts";
import { formatXml, parseXml, XmlError } from "../../../runtime/compat/xml.ts";
import { md5Hex } from "../../../runtime/host/md5.ts";
import { cibOf } from "./history.ts";
import { orderFaults } from "./laws.ts";
import { randomCluster } from "./random-cluster.ts";

const RUNS = Number(process.env["SYSTOLE_PROPERTY_RUNS"] ?? 150);
const SEED = Number(process.env["SYSTOLE_PROPERTY_SEED"] ?? 20_261_123);
/** Far more than any of these small documents takes, even on a machine that is busy. */
const MAX_MS = 20_000;

const word = fc.constantFrom(
  "",
  "0",
  "-1",
  "abc",
  "1000000000",
  "99999999999999999999",
  "INFINITY",
  "true",
  "n1",
  "r0",
  "r1x",
  "Promoted",
  "P1Y",
  "10 parsecs",
  "constructor",
  "&amp;&lt;",
  ":",
  "r0:99999999",
);

const damage = fc.record({
  kind: fc.constantFrom(
    "truncate",
    "drop-attribute",
    "alter-attribute",
    "rename-attribute",
    "drop-element",
    "copy-element",
    "rename-element",
  ),
  place: fc.nat(),
  word,
});
type Damage = typeof damage extends fc.Arbitrary<infer Kind> ? Kind : never;

/** Changes the match with that number, counted round. */
function changeOne(text: string, pattern: RegExp, place: number, change: (match: string) => string): string {
  const matches = [...text.matchAll(pattern)];
  const match = matches[place % Math.max(1, matches.length)];
  if (match === undefined) return text;
  return text.slice(0, match.index) + change(match[0]) + text.slice(match.index + match[0].length);
}

const ATTRIBUTE = / [\w-]+="[^"]*"/g;
const EMPTY_ELEMENT = /<[\w-]+(?: [\w-]+="[^"]*")*\/>/g;

function damaged(text: string, { kind, place, word }: Damage): string {
  switch (kind) {
    case "truncate":
      return place % 8 === 0 ? text.slice(0, place % text.length) : text;
    case "drop-attribute":
      return changeOne(text, ATTRIBUTE, place, () => "");
    case "alter-attribute":
      return changeOne(text, ATTRIBUTE, place, (match) => match.replace(/"[^"]*"/, `"${word}"`));
    case "rename-attribute":
      return changeOne(text, ATTRIBUTE, place, (match) => match.replace(/[\w-]+=/, "id="));
    case "drop-element":
      return changeOne(text, EMPTY_ELEMENT, place, () => "");
    case "copy-element":
      return changeOne(text, EMPTY_ELEMENT, place, (match) => match + match);
    default:
      return changeOne(text, EMPTY_ELEMENT, place, (match) => match.replace(/<[\w-]+/, "<primitive"));
  }
}

function planOrRefusal(text: string, inspected: boolean): "planned" | "refused" {
  try {
    const cib = parseXml(text);
    if (inspected) inspectCib(cib, "The text");
    const options = { clockEpochSeconds: 1_000_000, md5Hex, text, plan: true, run: true, withScores: true };
    const { schedule } = simulate(cib, options);
    assert.ok(schedule !== undefined);
    assert.deepEqual(orderFaults(schedule), []);
    for (const problem of schedule.problems) assert.ok(problem.text.length > 20, problem.code);
    return "planned";
  } catch (error) {
    if (error instanceof XmlError) assert.match(error.message, /^line \d+, column \d+: .+\.$/);
    else if (error instanceof CliFailure) assert.ok(error.exitCode === 65 && error.details.length > 0);
    else throw error;
    return "refused";
  }
}

for (const inspected of [true, false]) {
  const what = inspected ? "planned or refused in words" : "planned, when nobody looks at the whole first";
  test(`damaged texts are ${what}`, () => {
    const count = { planned: 0, refused: 0 };
    const texts = fc.tuple(randomCluster, fc.array(damage, { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(texts, ([cluster, damages]) => {
        const text = damages.reduce(damaged, formatXml(cibOf(cluster).cib));
        const before = performance.now();
        count[planOrRefusal(text, inspected)] += 1;
        assert.ok(performance.now() - before < MAX_MS);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    assert.ok(count.planned > RUNS / 20, `${count.planned} planned, ${count.refused} refused`);
  });
}
