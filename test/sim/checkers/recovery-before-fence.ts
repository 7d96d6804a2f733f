// May never happen: a resource is started while a computer that ran it when it was lost has been neither switched off nor seen
// again by the cluster. Even when that computer happens to have stopped it meanwhile: nobody could know.

import { singleResources } from "../configuration.ts";
import type { Checker, Facts, NodeFacts, Observation } from "../observations.ts";

export class RecoveryBeforeFence implements Checker {
  readonly name = "recovery-before-fence";
  /** What ran on a computer when a primary view was established without it. */
  readonly #held = new Map<NodeFacts, ReadonlySet<string>>();
  #single: ReadonlySet<string> | undefined;

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "power") this.#held.delete(seen.node);
    // Whoever leaves cleanly has stopped everything before, which left-while-active looks after.
    if (seen.seen === "ended" && seen.clean) this.#held.delete(seen.node);
    if (seen.seen === "standing" && seen.standing.established && seen.standing.primary) {
      const members = new Set(seen.standing.view.members.map((member) => member.id));
      for (const node of facts.nodes) {
        if (members.has(node.id)) this.#held.delete(node);
        else if (node.power === "on" && !this.#held.has(node)) this.#held.set(node, new Set(node.active()));
      }
    }
    if (seen.seen !== "agent-call" || seen.call.verb !== "start") return undefined;
    this.#single ??= new Set(singleResources(facts.dials));
    if (!this.#single.has(seen.resource)) return undefined;
    for (const [node, held] of this.#held) {
      if (node.power === "on" && node !== seen.node && held.has(seen.resource)) {
        return `${seen.node.name} starts ${seen.resource}; ${node.name} ran it when it was lost and has not been off since`;
      }
    }
    return undefined;
  }
}
