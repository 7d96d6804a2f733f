// May never happen: a node leaves cleanly while something still runs on it that it has dealt with, or that ran when its life began. The
// others will start it without a fence. (What a call of an earlier life starts only then, it does not speak for.)

import { CLONED, PROMOTABLE, singleResources } from "../configuration.ts";
import type { Checker, Facts, NodeFacts, Observation } from "../observations.ts";

export class LeftWhileActive implements Checker {
  readonly name = "left-while-active";
  readonly sees = ["started", "resource", "agent-call", "ended"] as const;

  /** NODE LIFE RESOURCE: an agent was called for it. */
  readonly #handled = new Set<string>();

  /** What has run there since before the life that runs now. */
  readonly #found = new Map<NodeFacts, Set<string>>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "started") this.#found.set(seen.node, new Set(seen.node.active()));
    if (seen.seen === "resource" && seen.state === "stopped") this.#found.get(seen.node)?.delete(seen.resource);
    if (seen.seen === "agent-call") this.#handled.add(`${seen.node.name} ${seen.incarnation} ${seen.resource}`);
    if (seen.seen !== "ended" || !seen.clean) return undefined;
    const known = new Set([...singleResources(facts.dials), CLONED, PROMOTABLE]);
    const found = this.#found.get(seen.node);
    const active = seen.node.active().filter((resource) => {
      const isHandled = this.#handled.has(`${seen.node.name} ${seen.incarnation} ${resource}`);
      return known.has(resource) && (isHandled || found?.has(resource) === true);
    });
    return active.length === 0 ? undefined : `${seen.node.name} left while it ran ${active.join(", ")}`;
  }
}
