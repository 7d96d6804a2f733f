// May never happen: a change is applied again after something else has taken its place, because its request was sent twice.

import { REGISTERS } from "../configuration.ts";
import type { Checker, Observation } from "../observations.ts";
import { committedOf } from "./registers.ts";

export class ChangeAppliedTwice implements Checker {
  readonly name = "change-applied-twice";
  readonly sees = ["committed", "end"] as const;
  /** By register: the value in each version that was seen. */
  readonly #values: Map<number, number>[] = Array.from({ length: REGISTERS }, () => new Map<number, number>());

  see(seen: Observation): string | undefined {
    if (seen.seen === "committed") {
      const { version, registers } = committedOf(seen.cib);
      for (const [register, value] of registers.entries()) this.#values[register]?.set(version, value);
      return undefined;
    }
    return seen.seen === "end" ? this.#whole() : undefined;
  }

  #whole(): string | undefined {
    for (const [register, values] of this.#values.entries()) {
      const past = new Set<number>();
      let current: number | undefined;
      for (const [version, value] of [...values].sort(([a], [b]) => a - b)) {
        if (value === current) continue;
        if (past.has(value)) return `register ${register} is ${value} again in epoch ${version}`;
        past.add(value);
        current = value;
      }
    }
    return undefined;
  }
}
