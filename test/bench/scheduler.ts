// How fast plans are made, beside crm_simulate in the same run. A figure is the processor time of one pass: that of a whole process
// which makes six passes, less that of one which makes two, divided by four, so that starting and reading do not count but
// compiling and collecting garbage do. The programs take turns, because a busy machine slows down both.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./figures.ts";
import { PROGRAM } from "./program.ts";
import { scaleCib } from "./scale-cib.ts";

const FEW = 2;
const MANY = 6;
const DEFAULT_ROUNDS = 3;
const SHARED = join(dirname(fileURLToPath(import.meta.url)), "../../../shared");
const CASES = join(SHARED, "data/scheduler/cts");
/** Makes the large clusters that the limits speak of. Where it is not, a cluster of the same size stands in, of other groups and constraints. */
const MAKER = join(SHARED, "lab/make-scale-cib");

/** Limits of what a pass may take, as parts of the time of something else. */
const LIMITS = { cases: 0.5, failedNode: 0.02, moreResources: 4, moreNodes: 2.5 };

type Program = readonly string[];
const OURS: Program = [process.execPath, PROGRAM, "simulate"];
const THEIRS: Program = ["crm_simulate"];

/** Processor milliseconds of a whole process. */
function processorMs(program: Program, path: string, passes: number): number {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" >/dev/null 2>&1';
  const command = [...program, "--profile", path, "--repeat", String(passes)];
  const { status, stderr } = spawnSync("bash", ["-c", script, "bash", ...command], { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(
      `"${command.join(" ")}" ended with exit code ${status}, so it cannot be timed. Run it by itself to see why.`,
    );
  }
  const [user, system] = stderr.trim().split(/\s+/).map(Number);
  return ((user ?? Number.NaN) + (system ?? Number.NaN)) * 1000;
}

function passMs(program: Program, path: string): number {
  const few = processorMs(program, path, FEW);
  const ms = (processorMs(program, path, MANY) - few) / (MANY - FEW);
  if (ms > 0) return ms;
  throw new Error(
    `${program.join(" ")} took no longer for ${MANY} passes than for ${FEW} (${path}), so the machine is too busy to measure. Measure again later.`,
  );
}

/** Prints the median of the ratios of pairs that were measured one right after the other. */
function compare(title: string, rounds: number, limit: number, one: () => number, other: () => number): void {
  const pairs = Array.from({ length: rounds }, () => ({ left: one(), right: other() }));
  const ratios = pairs.map(({ left, right }) => left / right);
  const spread = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`;
  const times = `${median(pairs.map(({ left }) => left)).toFixed(0)} ms to ${median(pairs.map(({ right }) => right)).toFixed(0)} ms`;
  process.stdout.write(`${title}: ${median(ratios).toFixed(3)} (limit ${limit}; ${spread}; a pass ${times})\n`);
}

/** A cluster of that size in which everything runs and one node has just failed. */
function largeCib(nodes: number, resources: number): string {
  if (!existsSync(MAKER)) return scaleCib(nodes, resources);
  const size = [`${nodes}`, `${resources}`, "--running", "--failed-node"];
  const { status, stdout, stderr } = spawnSync(MAKER, size, { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
  if (status !== 0) throw new Error(`${MAKER} ${size.join(" ")} ended with exit code ${status}: ${stderr}`);
  return stdout;
}

/** Copies the cases that crm_simulate accepts too. */
function acceptedCases(folder: string): number {
  mkdirSync(folder);
  let count = 0;
  for (const name of readdirSync(CASES)) {
    if (!name.endsWith(".xml")) continue;
    const { status } = spawnSync("crm_simulate", ["--run", "--quiet", "--xml-file", join(CASES, name)]);
    if (status !== 0) continue;
    copyFileSync(join(CASES, name), join(folder, name));
    count += 1;
  }
  return count;
}

function compareWithTheirs(folder: string, failedNode: string, rounds: number): void {
  if (spawnSync("crm_simulate", ["--version"]).status !== 0) {
    process.stdout.write("crm_simulate is not installed, so there is nothing to compare with.\n");
    return;
  }
  const title = "16 nodes, 1000 resources, one failed: systole to crm_simulate";
  const ours = () => passMs(OURS, failedNode);
  compare(title, rounds, LIMITS.failedNode, ours, () => passMs(THEIRS, failedNode));
  if (!existsSync(CASES)) {
    process.stdout.write(`The reference cases are not there (${CASES}), so there are none to compare on.\n`);
    return;
  }
  const cases = join(folder, "cases");
  const count = acceptedCases(cases);
  const both = `${count} reference cases that both accept: systole to crm_simulate`;
  compare(
    both,
    rounds,
    LIMITS.cases,
    () => passMs(OURS, cases),
    () => passMs(THEIRS, cases),
  );
}

/** Prints each ratio with its limit. */
export function benchScheduler(options: readonly string[]): void {
  const at = options.indexOf("--runs");
  const rounds = at < 0 ? DEFAULT_ROUNDS : Number(options[at + 1]);
  const folder = mkdtempSync(join(tmpdir(), "systole-bench-"));
  try {
    const scale = (nodes: number, resources: number) => {
      // A folder of its own: crm_simulate profiles folders alone.
      const place = join(folder, `${nodes}-${resources}`);
      mkdirSync(place);
      writeFileSync(join(place, "cib.xml"), largeCib(nodes, resources));
      return place;
    };
    const maker = existsSync(MAKER) ? "the reference maker's" : "this bench's own";
    process.stdout.write(`Large clusters: ${maker}; ${rounds} rounds, each the median of its pairs.\n`);
    const usual = scale(16, 1000);
    const resources = scale(16, 3000);
    const nodes = scale(32, 1000);
    const base = () => passMs(OURS, usual);
    compare("three times the resources", rounds, LIMITS.moreResources, () => passMs(OURS, resources), base);
    compare("twice the nodes", rounds, LIMITS.moreNodes, () => passMs(OURS, nodes), base);
    compareWithTheirs(folder, usual, rounds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
