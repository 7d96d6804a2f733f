// Everything as in production: kernel, services and scheduler in one machine.

import type { Element } from "../../../runtime/kernel/cib/element.ts";
import type { KernelConfig } from "../../../runtime/kernel/kernel.ts";
import type { QuorumConfig } from "../../../runtime/kernel/quorum/votes.ts";
import type { WantedVoters } from "../../../runtime/services/controller/effects.ts";
import { committedArbiter } from "../../../runtime/services/controller/voters.ts";
import { createNode } from "../../../runtime/services/node.ts";
import { schedule } from "../../../runtime/services/scheduler/schedule.ts";
import { allCheckers } from "../checkers/all.ts";
import { membersMissing } from "../checkers/whole.ts";
import { workMissing } from "../checkers/work.ts";
import { md5Hex } from "../hashes.ts";
import type { Layer } from "../layer.ts";
import type { Facts } from "../observations.ts";
import type { World } from "../world.ts";
import { kernelConfig } from "./kernel.ts";

/** Where there is an arbiter, the cluster gives it a vote by itself. */
function votersOf({ names }: World): WantedVoters {
  return {
    votes: new Map(names.map(({ id }) => [id, 1])),
    expectedVotes: () => undefined,
    arbiter: { cluster: "sim" },
  };
}

/** It has a vote when the CIB says so. */
function withArbiter(kernel: Omit<KernelConfig, "self">, { dials }: World): Omit<KernelConfig, "self"> {
  if (dials.arbiter === undefined) return kernel;
  const quorum = (cib: Element): QuorumConfig => {
    const { arbiter: _, ...counted } = kernel.quorum(cib);
    const register = committedArbiter(cib);
    return register === undefined ? counted : { ...counted, arbiter: register };
  };
  return { ...kernel, quorum };
}

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
      kernel: withArbiter(kernelConfig(world), world),
      ...(world.dials.arbiter === undefined ? {} : { voters: votersOf(world) }),
      planted: world.planted,
      schedule,
      gatherMonitors: world.dials.gatherMonitors,
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
