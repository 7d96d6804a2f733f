// npm run sim -- [--seed S] [--seeds N] [--nodes N] [--minutes M] [--layer kernel|all] [--workers W] [--planted NAME] [--codec] [--arbiter] [--trace]
// Runs whole clusters under seeds, on as many processes as there are cores, and ends with status 1 when something happened that may
// never happen. With --planted the product makes that mistake, and the status is 0 when it was found: no further seeds are run then.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { PlantedFault } from "../../runtime/kernel/planted-fault.ts";
import { Coverage, describe } from "./coverage.ts";
import { isPlanted, PLANTED } from "./planted.ts";
import { type Answer, runTasks } from "./pool.ts";
import { runTask, type Task } from "./worker.ts";

/** With more seeds than this only those with a violation get a line of their own. */
const SEEDS_WITH_LINES = 200;
/** A line that says how far it is comes so often. */
const PROGRESS_MS = 15_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1" },
    nodes: { type: "string" },
    minutes: { type: "string", default: "5" },
    layer: { type: "string", default: "all" },
    workers: { type: "string" },
    planted: { type: "string" },
    trace: { type: "boolean", default: false },
    codec: { type: "boolean", default: false },
    arbiter: { type: "boolean", default: false },
  },
});

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(`--${name} is ${text}; give a whole number from ${least} to ${most}.`);
}

function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function commonTask(): Omit<Task, "seed"> {
  const { layer, codec, arbiter } = values;
  if (layer !== "all" && layer !== "kernel") return refuse(`--layer is ${layer}; give kernel or all.`);
  return {
    nodes: values.nodes === undefined ? undefined : wholeNumber("nodes", values.nodes, 2, 16),
    minutes: wholeNumber("minutes", values.minutes, 1, 24 * 60),
    layer,
    codec,
    arbiter,
    planted: plantedFault(values.planted),
  };
}

function plantedFault(name: string | undefined): PlantedFault | undefined {
  if (name === undefined || isPlanted(name)) return name;
  return refuse(`--planted is ${name}; give one of ${Object.keys(PLANTED).join(", ")}.`);
}

function again({ seed, nodes, minutes, layer, planted, codec, arbiter }: Task): string {
  const size = nodes === undefined ? "" : ` --nodes ${nodes}`;
  const mistake = planted === undefined ? "" : ` --planted ${planted}`;
  return `npm run sim -- --seed ${seed}${size} --minutes ${minutes} --layer ${layer}${mistake}${codec ? " --codec" : ""}${arbiter ? " --arbiter" : ""} --trace`;
}

async function main(): Promise<void> {
  const common = commonTask();
  // Without a seed: one from the wall clock, printed first, so that it can be given again.
  const first = values.seed === undefined ? Date.now() % 1_000_000_000 : wholeNumber("seed", values.seed, 0, 2 ** 48);
  const seeds = wholeNumber("seeds", values.seeds, 1, 1_000_000);
  const workers = Math.min(seeds, wholeNumber("workers", values.workers ?? `${availableParallelism()}`, 1, 64));
  print(`first seed ${first}`);
  const coverage = new Coverage();
  const begin = performance.now();
  let stop = false;
  const done = ({ result, tookMs }: Answer): void => {
    coverage.add(result);
    const bad = result.violations.length > 0;
    if (bad || seeds <= SEEDS_WITH_LINES) print(describe(result, tookMs));
    for (const { checker, atMs, text } of result.violations)
      print(`  ${checker} at ${(atMs / 1000).toFixed(3)} s: ${text}`);
    if (bad) print(`  again: ${again({ ...common, seed: result.seed })}`);
    stop ||= bad && common.planted !== undefined;
  };
  function* tasks(): Generator<Task, undefined> {
    for (let seed = first; seed < first + seeds && !stop; seed += 1) yield { ...common, seed };
  }
  const progress = setInterval(() => tellProgress(coverage, seeds, performance.now() - begin), PROGRESS_MS);
  if (seeds === 1 || values.trace)
    for (const task of tasks()) done(await runTask(task, values.trace ? print : undefined));
  else await runTasks(tasks(), workers, done);
  clearInterval(progress);
  print(coverage.line(performance.now() - begin));
  process.exitCode = coverage.violations > 0 === (common.planted !== undefined) ? 0 : 1;
}

function tellProgress(coverage: Coverage, seeds: number, tookMs: number): void {
  const perSecond = coverage.seeds / (tookMs / 1000);
  const leftMinutes = perSecond > 0 ? `${((seeds - coverage.seeds) / perSecond / 60).toFixed(0)} min` : "unknown";
  process.stderr.write(
    `${coverage.seeds} of ${seeds} seeds, ${perSecond.toFixed(2)}/s, ${coverage.violations} violations, left: ${leftMinutes}\n`,
  );
}

await main();
