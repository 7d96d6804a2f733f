// May never happen: a resource is started while a computer that ran it when it was lost has been neither switched off nor seen
// again by the cluster. Even when that computer happens to have stopped it meanwhile: nobody could know.

import type { Incarnation, NodeId } from "../../../runtime/kernel/membership/view.ts";
import { singleResources } from "../configuration.ts";
import type { Checker, Facts, NodeFacts, Observation } from "../observations.ts";

export class RecoveryBeforeFence implements Checker {
  readonly name = "recovery-before-fence";
  readonly sees = ["power", "ended", "standing", "agent-call"] as const;
  /** What ran on a computer when a primary view was established without it, and which life of it was in such a view last. */
  readonly #held = new Map<NodeFacts, { readonly resources: ReadonlySet<string>; readonly incarnation: Incarnation }>();
  readonly #member = new Map<NodeId, Incarnation>();
  #single: ReadonlySet<string> | undefined;

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "power") this.#held.delete(seen.node);
    // Whoever leaves cleanly has stopped everything before, which left-while-active looks after. It speaks for itself alone.
    if (seen.seen === "ended" && seen.clean && this.#held.get(seen.node)?.incarnation === seen.incarnation) {
      this.#held.delete(seen.node);
    }
    if (seen.seen === "standing" && seen.standing.established && seen.standing.primary) {
      const members = new Map(seen.standing.view.members.map((member) => [member.id, member.incarnation]));
      for (const [id, incarnation] of members) this.#member.set(id, incarnation);
      for (const node of facts.nodes) {
        if (members.has(node.id)) this.#held.delete(node);
        else if (node.power === "on" && !this.#held.has(node)) {
          this.#held.set(node, { resources: new Set(node.active()), incarnation: this.#member.get(node.id) ?? 0 });
        }
      }
    }
    if (seen.seen !== "agent-call" || seen.call.verb !== "start") return undefined;
    this.#single ??= new Set(singleResources(facts.dials));
    if (!this.#single.has(seen.resource)) return undefined;
    for (const [node, held] of this.#held) {
      if (node.power === "on" && node !== seen.node && held.resources.has(seen.resource)) {
        return `${seen.node.name} starts ${seen.resource}; ${node.name} ran it when it was lost and has not been off since`;
      }
    }
    return undefined;
  }
}
