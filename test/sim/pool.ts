// Many seeds on several processes. Each gets one seed after the other, so that a long one holds nobody up. They run a bundle: the loader of
// TypeScript keeps the names of functions, which costs a call for each inner function that is made, and a simulation makes many.

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { RunResult } from "./run.ts";
import type { Task } from "./worker.ts";

/** What is made dies young here: with more room for it, from the beginning, less of it is moved. */
const YOUNG_MIB = 128;
/** One process a core: a collection with helpers would only take the other's time. */
const ENGINE_OPTIONS = [
  `--min-semi-space-size=${YOUNG_MIB}`,
  `--max-semi-space-size=${YOUNG_MIB}`,
  "--single-threaded-gc",
];

/** What a worker says. */
export interface Answer {
  readonly result: RunResult;
  readonly tookMs: number;
}

/** Runs the tasks; `done` is told of each result as it comes. */
export async function runTasks(tasks: Iterator<Task>, workers: number, done: (answer: Answer) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "systole-sim-"));
  const bundle = join(folder, "worker.mjs");
  try {
    await build({
      entryPoints: [fileURLToPath(new URL("worker.ts", import.meta.url))],
      outfile: bundle,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "inline",
      logLevel: "error",
    });
    await Promise.all(Array.from({ length: workers }, () => runWorker(bundle, tasks, done)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One process, until there are no more tasks. */
function runWorker(bundle: string, tasks: Iterator<Task>, done: (answer: Answer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(bundle, [], { execArgv: ["--enable-source-maps", ...ENGINE_OPTIONS] });
    let seed = 0;
    const next = () => {
      const task = tasks.next();
      if (task.done) child.disconnect();
      else {
        seed = task.value.seed;
        child.send(task.value);
      }
    };
    child.on("message", (answer: Answer) => {
      done(answer);
      next();
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the process that ran seed ${seed} ended with status ${code}`));
    });
    next();
  });
}
