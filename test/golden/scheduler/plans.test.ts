// Small plans, word for word: what a change of the scheduler does to them can be read.

import { join } from "node:path";
import { md5Hex } from "../../../runtime/cli/simulate/batch.ts";
import { simulate } from "../../../runtime/cli/simulate/report.ts";
import { goldenTests } from "../text.ts";
import { cibFromLines } from "./cib-text.ts";

goldenTests(join(import.meta.dirname, "plans.txt"), (input) => {
  const { summary } = simulate(cibFromLines(input), {
    clockEpochSeconds: 2_000_000,
    md5Hex,
    run: true,
    withScores: false,
  });
  return summary
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
});
