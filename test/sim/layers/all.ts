// Everything as in production: kernel, services and scheduler in one machine.

import { createNode } from "../../../runtime/services/node.ts";
import { schedule } from "../../../runtime/services/scheduler/schedule.ts";
import { allCheckers } from "../checkers/all.ts";
import { membersMissing } from "../checkers/whole.ts";
import { workMissing } from "../checkers/work.ts";
import { md5Hex } from "../hashes.ts";
import type { Layer } from "../layer.ts";
import type { Facts } from "../observations.ts";
import { kernelConfig } from "./kernel.ts";

function whatIsMissing(facts: Facts): string | undefined {
  return membersMissing(facts) ?? workMissing(facts);
}

/** Kernel and services. */
export const allLayers: Layer = {
  name: "all",
  makeBrain(world, computer, incarnation, initial) {
    const random = computer.random.fork(`brain-${incarnation}`);
    const life = `${computer.id}${`${incarnation}`.padStart(6, "0")}`.padStart(12, "0");
    const config = {
      self: computer.id,
      incarnation,
      nodes: world.names,
      kernel: kernelConfig(world),
      planted: world.planted,
      schedule,
      md5Hex,
      random: () => random.fraction(),
      runId: `00000000-0000-4000-8000-${life}`,
      epochMs: computer.clock.epochMs(world.nowMs),
    };
    return createNode(config, initial);
  },
  makeCheckers: () => allCheckers(whatIsMissing),
  whatIsMissing,
};
