// `npm run bench -- NAME [OPTIONS]`: figures, never verdicts. Each benchmark says what it measures and against what; a machine that is
// busy with other things shows in the spread between the least and the greatest value.

import { existsSync } from "node:fs";
import { PROGRAM } from "./program.ts";

interface Benchmark {
  readonly summary: string;
  readonly run: (options: readonly string[]) => Promise<void>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  cib: {
    summary:
      "changes of the configuration on three nodes, small and with 1,000 resources; Pacemaker beside it [--rounds N] [--seconds N] [--changes N] [--resources N] [--alone]",
    run: async (options) => (await import("./cib.ts")).benchCib(options),
  },
  failover: {
    summary: "ten runs of the demonstration for each way of breaking a node: SIGKILL, SIGSTOP, coordinator [--runs N]",
    run: async (options) => (await import("./failover.ts")).benchFailover(options),
  },
  memory: {
    summary: "memory of one idle node of three (PSS, as the kernel shares out what processes have in common)",
    run: async () => (await import("./memory.ts")).benchMemory(),
  },
  monitors: {
    summary:
      "processor time of a monitor in a whole node with 100 resources every 10 s, gathered and each by itself [--seconds N]",
    run: async (options) => (await import("./monitors.ts")).benchMonitors(options),
  },
  sandbox: {
    summary:
      "plugins in processes of their own: start, memory, round trip, processor time of a monitor, in Deno, in Node and inside [--seconds N]",
    run: async (options) => (await import("./sandbox.ts")).benchSandbox(options),
  },
  scheduler: {
    summary: "processor time of a plan beside crm_simulate's, and how it grows with resources and nodes [--runs N]",
    run: async (options) => (await import("./scheduler.ts")).benchScheduler(options),
  },
};

const [name = "", ...options] = process.argv.slice(2);
const chosen = BENCHMARKS[name];
if (chosen === undefined) {
  const list = Object.entries(BENCHMARKS).map(([each, { summary }]) => `  ${each.padEnd(10)} ${summary}`);
  process.stderr.write(`usage: npm run bench -- NAME\n${list.join("\n")}\n`);
  process.exitCode = 64;
} else if (!existsSync(PROGRAM)) {
  process.stderr.write("There is no dist/systole.mjs to measure. Build it first: npm run build\n");
  process.exitCode = 1;
} else {
  await chosen.run(options);
}
