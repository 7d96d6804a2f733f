// npm run sim -- [--seed S] [--seeds N] [--nodes N] [--minutes M] [--layer kernel|all] [--codec] [--trace]
// Runs whole clusters under seeds, one after another, and ends with status 1 when something happened that may never happen.

import { parseArgs } from "node:util";
import { FAULT_KINDS } from "./dials.ts";
import type { Layer } from "./layer.ts";
import { type RunOptions, type RunResult, runSeed } from "./run.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1" },
    nodes: { type: "string" },
    minutes: { type: "string", default: "5" },
    layer: { type: "string", default: "all" },
    trace: { type: "boolean", default: false },
    codec: { type: "boolean", default: false },
  },
});

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  process.stderr.write(`--${name} is ${text}; give a whole number from ${least} to ${most}.\n`);
  process.exit(2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The kernel alone does not load the services. */
async function loadLayer(name: "all" | "kernel"): Promise<Layer> {
  return name === "kernel"
    ? (await import("./layers/kernel.ts")).kernelLayer
    : (await import("./layers/all.ts")).allLayers;
}

/** Sums of all runs, for the last line. */
class Coverage {
  readonly #faults = new Map<string, number>();
  #seeds = 0;
  #nodes = 0;
  #simulatedMs = 0;
  #views = 0;
  #fences = 0;
  #changesAsked = 0;
  #changesDone = 0;
  #datagrams = 0;
  violations = 0;

  add(result: RunResult): void {
    this.#seeds += 1;
    this.#nodes += result.nodes;
    this.#simulatedMs += result.simulatedMs;
    this.#views += result.counts.views;
    this.#fences += result.counts.fences;
    this.#changesAsked += result.changesAsked;
    this.#changesDone += result.changesDone;
    this.#datagrams += result.datagrams;
    this.violations += result.violations.length;
    for (const kind of FAULT_KINDS) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + result.faults[kind]);
  }

  line(wallMs: number): string {
    const faults = [...this.#faults].map(([kind, count]) => `${kind} ${count}`).join(", ");
    const total = [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
    return (
      `coverage: ${this.#seeds} seeds, ${(this.#nodes / Math.max(1, this.#seeds)).toFixed(1)} nodes in the mean, ` +
      `${(this.#simulatedMs / 60_000).toFixed(0)} simulated minutes in ${(wallMs / 1000).toFixed(1)} s; ` +
      `${total} faults (${faults}); ${this.#views} views, ${this.#fences} fences, ` +
      `${this.#changesDone} of ${this.#changesAsked} changes acknowledged, ${this.#datagrams} datagrams; ${this.violations} violations`
    );
  }
}

function describe(result: RunResult, wallMs: number): string {
  const { seed, nodes, hash, counts, violations, convergedAfterMs } = result;
  const faults = FAULT_KINDS.reduce((sum, kind) => sum + result.faults[kind], 0);
  const end =
    convergedAfterMs === undefined ? "did not converge" : `whole after ${(convergedAfterMs / 1000).toFixed(1)} s`;
  return (
    `seed ${seed}: ${nodes} nodes, ${faults} faults, ${counts.views} views, ${counts.fences} fences, ` +
    `${result.changesDone}/${result.changesAsked} changes, ${end}, hash ${hash}, ${wallMs.toFixed(0)} ms` +
    (violations.length === 0 ? "" : `, ${violations.length} VIOLATIONS`)
  );
}

async function main(): Promise<void> {
  // Without a seed: one from the wall clock, printed first, so that it can be given again.
  const first = values.seed === undefined ? Date.now() % 1_000_000_000 : wholeNumber("seed", values.seed, 0, 2 ** 48);
  const seeds = wholeNumber("seeds", values.seeds, 1, 1_000_000);
  const minutes = wholeNumber("minutes", values.minutes, 1, 24 * 60);
  if (values.layer !== "all" && values.layer !== "kernel") {
    process.stderr.write(`--layer is ${values.layer}; give kernel or all.\n`);
    process.exit(2);
  }
  const layer = await loadLayer(values.layer);
  print(`first seed ${first}`);
  const wire = values.codec ? new (await import("./wire.ts")).Wire() : undefined;
  const coverage = new Coverage();
  const begin = performance.now();
  for (let seed = first; seed < first + seeds; seed += 1) {
    const options: RunOptions = {
      seed,
      minutes,
      layer,
      ...(values.nodes === undefined ? {} : { nodes: wholeNumber("nodes", values.nodes, 2, 16) }),
      ...(values.trace ? { print } : {}),
      ...(wire === undefined ? {} : { wire }),
    };
    const start = performance.now();
    const result = runSeed(options);
    coverage.add(result);
    print(describe(result, performance.now() - start));
    for (const { checker, atMs, text } of result.violations)
      print(`  ${checker} at ${(atMs / 1000).toFixed(3)} s: ${text}`);
    if (result.violations.length > 0) print(`  again: ${command(options)}`);
  }
  print(coverage.line(performance.now() - begin));
  process.exitCode = coverage.violations > 0 ? 1 : 0;
}

function command({ seed, nodes, minutes, layer }: RunOptions): string {
  const size = nodes === undefined ? "" : ` --nodes ${nodes}`;
  return `npm run sim -- --seed ${seed}${size} --minutes ${minutes} --layer ${layer.name} --trace`;
}

await main();
