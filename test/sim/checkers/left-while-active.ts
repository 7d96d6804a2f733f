// May never happen: a node leaves cleanly while something still runs on it that it has dealt with. The others will start it without a
// fence. (What an earlier life left running, and this one never looked at, it does not speak for.)

import { CLONED, PROMOTABLE, singleResources } from "../configuration.ts";
import type { Checker, Facts, Observation } from "../observations.ts";

export class LeftWhileActive implements Checker {
  readonly name = "left-while-active";
  readonly sees = ["agent-call", "ended"] as const;

  /** NODE LIFE RESOURCE: an agent was called for it. */
  readonly #handled = new Set<string>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "agent-call") this.#handled.add(`${seen.node.name} ${seen.incarnation} ${seen.resource}`);
    if (seen.seen !== "ended" || !seen.clean) return undefined;
    const known = new Set([...singleResources(facts.dials), CLONED, PROMOTABLE]);
    const active = seen.node
      .active()
      .filter(
        (resource) => known.has(resource) && this.#handled.has(`${seen.node.name} ${seen.incarnation} ${resource}`),
      );
    return active.length === 0 ? undefined : `${seen.node.name} left while it ran ${active.join(", ")}`;
  }
}
