// Small plans, word for word: what a change of the scheduler does to them can be read.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { simulate, textOf } from "../../../runtime/cli/simulate/report.ts";
import { md5Hex } from "../../../runtime/host/md5.ts";
import { goldenTests } from "../text.ts";
import { cibFromLines } from "./cib-text.ts";

/** Texts of this folder that hold no plans. */
const OTHERS = ["known-misses.txt"];

function planText(input: string): string {
  const { lines } = simulate(cibFromLines(input), {
    clockEpochSeconds: 2_000_000,
    md5Hex,
    plan: true,
    run: true,
  });
  return textOf(lines)
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".txt") && !OTHERS.includes(name));
for (const file of files.sort()) goldenTests(join(import.meta.dirname, file), planText);
