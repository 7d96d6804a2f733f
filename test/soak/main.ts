// `npm run soak -- NAME [OPTIONS]`: campaigns that are too long for `npm test`. Each ends with one line of figures and exit
// status 1 if anything was not as it should be.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PROGRAM = join(ROOT, "dist/systole.mjs");
const KILLS = ["kill", "stop", "coordinator"] as const;
const DEFAULT_RUNS = 100;
const DEFAULT_SEEDS = 1_000;
const DEFAULT_CUTS = 1_000;

function option(options: readonly string[], name: string, otherwise: number): number {
  const at = options.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(options[at + 1]);
}

/** The demonstration again and again, each way of breaking a node in turn; the log of a run that failed is printed. */
function failover(options: readonly string[]): boolean {
  const runs = option(options, "runs", DEFAULT_RUNS);
  const worst: Record<string, number> = {};
  let failed = 0;
  for (let run = 1; run <= runs; run += 1) {
    const kill = KILLS[run % KILLS.length] ?? "kill";
    const { stdout, status } = spawnSync(process.execPath, [PROGRAM, "demo", "--once", "--kill", kill], {
      encoding: "utf8",
    });
    const last = stdout.trimEnd().split("\n").at(-1) ?? "";
    process.stdout.write(`${run}/${runs} ${last}\n`);
    if (status === 0) worst[kill] = Math.max(worst[kill] ?? 0, Number(JSON.parse(last).failoverMs));
    else {
      failed += 1;
      process.stdout.write(stdout);
    }
  }
  process.stdout.write(`${runs} runs, ${failed} failed, slowest failover in ms: ${JSON.stringify(worst)}\n`);
  return failed === 0;
}

/** Many seeds of the simulator. */
function simulation(options: readonly string[]): boolean {
  const seeds = option(options, "seeds", DEFAULT_SEEDS);
  const first = option(options, "seed", 1);
  const simulator = join(ROOT, "test/sim/main.ts");
  const args = ["--import", "tsx", simulator, "--seed", `${first}`, "--seeds", `${seeds}`];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" }).status === 0;
}

/** Real nodes on what power cuts left of their stores. */
async function cuts(options: readonly string[]): Promise<boolean> {
  const { powerCuts } = await import("./power-cuts.ts");
  const count = option(options, "cuts", DEFAULT_CUTS);
  const figures = await powerCuts({
    cuts: count,
    firstSeed: option(options, "seed", 1),
    together: option(options, "together", availableParallelism()),
    program: PROGRAM,
    onProblem: (problem) => process.stdout.write(`${problem}\n`),
    onProgress: (done) => {
      if (done % 50 === 0) process.stdout.write(`${done}/${count}\n`);
    },
  });
  const { byKind, acknowledged, problems } = figures;
  const found = `${figures.cuts} power cuts (${JSON.stringify(byKind)}), ${acknowledged} acknowledged changes looked for`;
  process.stdout.write(`${found}, ${problems.length} problems\n`);
  return problems.length === 0;
}

const CAMPAIGNS: Readonly<Record<string, (options: readonly string[]) => boolean | Promise<boolean>>> = {
  failover,
  simulation,
  "power-cuts": cuts,
};

const [name = "", ...options] = process.argv.slice(2);
const campaign = CAMPAIGNS[name];
if (campaign === undefined) {
  process.stderr.write(
    "usage: npm run soak -- failover [--runs N] | simulation [--seed FIRST] [--seeds N] | power-cuts [--cuts N] [--seed FIRST] [--together N]\n",
  );
  process.exitCode = 64;
} else if (!existsSync(PROGRAM)) {
  process.stderr.write("There is no dist/systole.mjs to run. Build it first: npm run build\n");
  process.exitCode = 1;
} else {
  process.exitCode = (await campaign(options)) ? 0 : 1;
}
