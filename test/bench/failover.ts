// How long the demonstration's web address is silent after its node breaks, and where that time goes.

import { spawnSync } from "node:child_process";
import { median } from "./figures.ts";
import { PROGRAM } from "./program.ts";

const KILLS = ["kill", "stop", "coordinator"] as const;
const FIGURES = ["failoverMs", "detectMs", "fenceMs", "startMs"] as const;
const DEFAULT_RUNS = 10;

/** Prints each run's line, then the medians. */
export function benchFailover(options: readonly string[]): void {
  const at = options.indexOf("--runs");
  const runs = at < 0 ? DEFAULT_RUNS : Number(options[at + 1]);
  for (const kill of KILLS) {
    const results: Record<string, number>[] = [];
    for (let run = 0; run < runs; run += 1) {
      const { stdout } = spawnSync(process.execPath, [PROGRAM, "demo", "--once", "--json", "--kill", kill], {
        encoding: "utf8",
      });
      process.stdout.write(stdout);
      const result = JSON.parse(stdout);
      if (result.ok === true) results.push(result);
    }
    const medians = FIGURES.map(
      (figure) => `${figure} ${median(results.map((result) => result[figure] ?? Number.NaN))}`,
    );
    process.stdout.write(`medians of ${results.length} of ${runs} runs, --kill ${kill}: ${medians.join(", ")}\n`);
  }
}
