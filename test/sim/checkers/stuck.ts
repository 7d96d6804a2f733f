// May never happen: everything is repaired, and the cluster does not become whole and idle again.

import type { Checker, Facts, Observation } from "../observations.ts";

export class Stuck implements Checker {
  readonly name = "stuck";
  readonly sees = ["end"] as const;
  readonly #whatIsMissing: (facts: Facts) => string | undefined;

  constructor(whatIsMissing: (facts: Facts) => string | undefined) {
    this.#whatIsMissing = whatIsMissing;
  }

  see(seen: Observation, facts: Facts): string | undefined {
    return seen.seen === "end" ? this.#whatIsMissing(facts) : undefined;
  }
}
