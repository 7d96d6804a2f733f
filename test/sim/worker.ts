// A process of the pool: runs the seeds that it is given, one after the other.

import type { PlantedFault } from "../../runtime/kernel/planted-fault.ts";
import { allLayers } from "./layers/all.ts";
import { kernelLayer } from "./layers/kernel.ts";
import { runSeed } from "./run.ts";
import { Wire } from "./wire.ts";

/** One seed, and how. */
export interface Task {
  readonly seed: number;
  readonly nodes: number | undefined;
  readonly minutes: number;
  readonly layer: "kernel" | "all";
  readonly codec: boolean;
  readonly arbiter: boolean;
  readonly planted: PlantedFault | undefined;
}

/** Runs one task in this process. */
export async function runTask(task: Task, print?: (line: string) => void) {
  const { seed, nodes, minutes, layer, codec, arbiter, planted } = task;
  const begin = performance.now();
  const result = await runSeed({
    seed,
    minutes,
    layer: layer === "kernel" ? kernelLayer : allLayers,
    planted,
    arbiter,
    ...(nodes === undefined ? {} : { nodes }),
    ...(codec ? { wire: new Wire() } : {}),
    ...(print === undefined ? {} : { print }),
  });
  return { result, tookMs: performance.now() - begin };
}

if (process.send !== undefined) {
  process.on("message", (task: Task) => {
    runTask(task).then(({ result, tookMs }) => process.send?.({ result: { ...result, tail: [] }, tookMs }));
  });
}
