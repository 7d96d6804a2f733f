// May never happen: a node leaves cleanly while something still runs on it. The others will start it without a fence.

import { CLONED, PROMOTABLE, singleResources } from "../configuration.ts";
import type { Checker, Facts, Observation } from "../observations.ts";

export class LeftWhileActive implements Checker {
  readonly name = "left-while-active";

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen !== "ended" || !seen.clean) return undefined;
    const known = new Set([...singleResources(facts.dials), CLONED, PROMOTABLE]);
    const active = seen.node.active().filter((resource) => known.has(resource));
    return active.length === 0 ? undefined : `${seen.node.name} left while it ran ${active.join(", ")}`;
  }
}
