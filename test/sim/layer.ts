// How much of the product is simulated: the kernel alone, or everything.

import type { KernelInitial } from "../../runtime/kernel/kernel.ts";
import type { Incarnation } from "../../runtime/kernel/membership/view.ts";
import type { Computer } from "./computer.ts";
import type { Checker, Facts } from "./observations.ts";
import type { Brain } from "./process.ts";
import type { World } from "./world.ts";

/** One choice. */
export interface Layer {
  readonly name: "kernel" | "all";
  /** Makes what runs in a process's main thread. */
  makeBrain(world: World, computer: Computer, incarnation: Incarnation, initial: KernelInitial): Brain;
  /** Fresh for one run. */
  makeCheckers(): Checker[];
  /** What is not yet as it should be in the end; undefined when all is well. */
  whatIsMissing(facts: Facts): string | undefined;
}
