// May never happen: a client is told that its change was refused, and the change is in the configuration all the same. Only requests
// count of which no earlier asking is without an answer, or was answered "unknown": of those a refusal says nothing.

import type { Checker, Observation } from "../observations.ts";
import { committedOf } from "./registers.ts";

interface Asked {
  readonly value: number;
  open: number;
  uncertain: boolean;
}

export class ChangeRefusedAndMade implements Checker {
  readonly name = "change-refused-and-made";
  readonly sees = ["change-asked", "change-sent", "change-answered", "committed"] as const;
  readonly #asked = new Map<string, Asked>();
  /** By value: the request that was refused. */
  readonly #refused = new Map<number, string>();
  readonly #made = new Set<number>();

  see(seen: Observation): string | undefined {
    switch (seen.seen) {
      case "change-asked":
        if (seen.register !== undefined)
          this.#asked.set(seen.request.id, { value: seen.register.value, open: 0, uncertain: false });
        return undefined;
      case "change-sent": {
        const asked = this.#asked.get(seen.requestId);
        if (asked === undefined) return undefined;
        asked.uncertain ||= asked.open > 0;
        asked.open += 1;
        return undefined;
      }
      case "change-answered":
        return this.#answered(seen);
      case "committed":
        for (const value of committedOf(seen.cib).registers) {
          if (value === 0 || this.#made.has(value)) continue;
          this.#made.add(value);
          const request = this.#refused.get(value);
          if (request !== undefined) return `${request} was refused, and ${seen.node.name} has it`;
        }
        return undefined;
      default:
        return undefined;
    }
  }

  #answered(seen: Extract<Observation, { seen: "change-answered" }>): string | undefined {
    const asked = this.#asked.get(seen.requestId);
    if (asked === undefined) return undefined;
    asked.open -= 1;
    if (seen.outcome.outcome === "unknown") asked.uncertain = true;
    if (seen.outcome.outcome !== "refused" || asked.uncertain || asked.open > 0) return undefined;
    if (this.#made.has(asked.value)) return `${seen.requestId} is made, and then refused: ${seen.outcome.reason}`;
    this.#refused.set(asked.value, seen.requestId);
    return undefined;
  }
}
