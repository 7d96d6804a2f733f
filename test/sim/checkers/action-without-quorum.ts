// May never happen: a node that knows that its view is not primary starts or promotes a resource. (With no-quorum-policy
// "freeze" a partition may restart what it runs, so there only what it did not run counts.)

import type { Checker, Facts, Observation } from "../observations.ts";

export class ActionWithoutQuorum implements Checker {
  readonly name = "action-without-quorum";
  readonly sees = ["resource", "agent-call"] as const;
  /** NODE RESOURCE: it ran there when the node was last in a primary view. */
  readonly #ran = new Set<string>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "resource" && seen.state !== "stopped") this.#ran.add(`${seen.node.name} ${seen.resource}`);
    if (seen.seen !== "agent-call") return undefined;
    const { verb } = seen.call;
    if (verb !== "start" && verb !== "promote") return undefined;
    const standing = seen.node.life?.standing;
    if (standing === undefined) return `${seen.node.name} does ${verb} of ${seen.resource} before its first view`;
    if (!standing.established || standing.primary) return undefined;
    if (facts.dials.noQuorumPolicy === "freeze" && this.#ran.has(`${seen.node.name} ${seen.resource}`))
      return undefined;
    return `${seen.node.name} does ${verb} of ${seen.resource} in a view that is not primary: ${standing.reason}`;
  }
}
