// The reference's scheduler cases, where they lie beside the project: each plan must be the reference's plan, but for the
// names in known-misses.txt. A case that got worse fails, and so does one that got better and is still listed.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dateOf, readIndex, scoresText } from "../../../runtime/cli/simulate/batch.ts";
import { simulate, textOf } from "../../../runtime/cli/simulate/report.ts";
import { parseXml } from "../../../runtime/compat/xml.ts";
import { md5Hex } from "../../../runtime/host/md5.ts";
import { differences } from "./reference.ts";

const CASES = join(import.meta.dirname, "../../../../shared/data/scheduler");
const KNOWN_MISSES = join(import.meta.dirname, "known-misses.txt");

function known(): Set<string> {
  const lines = readFileSync(KNOWN_MISSES, "utf8").split("\n");
  return new Set(lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#")));
}

function missesOf(family: string, name: string, date: string | undefined): string[] {
  const path = (extension: string) => join(CASES, family, `${name}.${extension}`);
  const read = (extension: string) => readFileSync(path(extension), "utf8");
  const text = read("xml");
  const got = simulate(parseXml(text), {
    // Later than anything in the cases: those without a moment of their own are planned as of then.
    clockEpochSeconds: 1_795_000_000,
    md5Hex,
    text,
    plan: true,
    run: true,
    withScores: true,
    ...(date === undefined ? {} : { date }),
  });
  const texts = {
    summary: textOf(got.lines),
    graphXml: got.graphXml(),
    dot: got.dot(false),
    scores: scoresText(got.schedule?.assignment ?? []),
  };
  return differences(texts, {
    graphXml: read("exp"),
    summary: read("summary"),
    dot: read("dot"),
    scores: read("scores"),
  });
}

const skip = existsSync(CASES) ? false : "no reference cases: ../shared/data/scheduler is not there";

test("plans are the reference's plans", { skip }, () => {
  const wrong: string[] = [];
  const better: string[] = [];
  const misses = known();
  let count = 0;
  for (const [family, cases] of readIndex(CASES)) {
    for (const [name, { args }] of cases) {
      count += 1;
      const found = missesOf(family, name, dateOf(args ?? []));
      const listed = misses.has(`${family}/${name}`);
      if (found.length > 0 && !listed) wrong.push(`${family}/${name}: ${found.join(" ")}`);
      if (found.length === 0 && listed) better.push(`${family}/${name}`);
    }
  }
  assert.ok(count > 0, "the index has no cases");
  assert.deepEqual(wrong, [], "plans that differ from the reference's");
  assert.deepEqual(better, [], "take these out of known-misses.txt: they match now");
});
