// May never happen: a node calls an agent for a resource while an earlier call for the same resource has not ended there.

import type { Checker, Observation } from "../observations.ts";

export class TwoActionsOnOneResource implements Checker {
  readonly name = "two-actions-on-one-resource";
  readonly sees = ["agent-call"] as const;

  see(seen: Observation): string | undefined {
    if (seen.seen !== "agent-call" || seen.others.length === 0) return undefined;
    const others = seen.others.map((other) => other.verb).join(", ");
    return `${seen.node.name} does ${seen.call.verb} of ${seen.resource} while ${others} is under way`;
  }
}
