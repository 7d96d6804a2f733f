// May never happen: a change was answered "done" and a later configuration, anywhere, is without it; or what was done is
// later said to have been refused.

import { REGISTERS } from "../configuration.ts";
import type { Checker, Observation, RegisterWrite } from "../observations.ts";
import { committedOf, versionNumber } from "./registers.ts";

/** A node without quorum, or without a coordinator, refuses for itself: it says nothing of what others did (`ChangeOutcome`). */
const OF_THIS_ASKING: ReadonlySet<string> = new Set(["no-quorum", "unavailable"]);

export class AcknowledgedChangeLost implements Checker {
  readonly name = "acknowledged-change-lost";
  readonly sees = ["change-asked", "change-answered", "committed"] as const;
  readonly #writes = new Map<string, RegisterWrite>();
  readonly #done = new Set<string>();
  /** By value: the version in which it was acknowledged, or first seen. */
  readonly #firstVersion = new Map<number, number>();
  /** By register: acknowledged writes, in the order of their versions. */
  readonly #acknowledged: { readonly version: number; readonly value: number }[][] = Array.from(
    { length: REGISTERS },
    () => [],
  );

  see(seen: Observation): string | undefined {
    switch (seen.seen) {
      case "change-asked":
        if (seen.register !== undefined) this.#writes.set(seen.request.id, seen.register);
        return undefined;
      case "change-answered":
        return this.#answered(seen);
      case "committed":
        return this.#committed(seen);
      default:
        return undefined;
    }
  }

  #answered(seen: Extract<Observation, { seen: "change-answered" }>): string | undefined {
    const { requestId, outcome } = seen;
    if (outcome.outcome === "refused" && !OF_THIS_ASKING.has(outcome.code) && this.#done.has(requestId)) {
      return `${requestId} was done, and then refused: ${outcome.reason}`;
    }
    if (outcome.outcome !== "done") return undefined;
    const before = this.#done.has(requestId);
    this.#done.add(requestId);
    const write = this.#writes.get(requestId);
    if (write === undefined || before) return undefined;
    const version = versionNumber(outcome.version.adminEpoch, outcome.version.epoch);
    const list = this.#acknowledged[write.register] ?? [];
    list.push({ version, value: write.value });
    list.sort((a, b) => a.version - b.version);
    this.#note(write.value, version);
    return undefined;
  }

  #note(value: number, version: number): void {
    this.#firstVersion.set(value, Math.min(version, this.#firstVersion.get(value) ?? version));
  }

  #committed(seen: Extract<Observation, { seen: "committed" }>): string | undefined {
    const { version, registers } = committedOf(seen.cib);
    for (const [register, value] of registers.entries()) {
      if (value !== 0) this.#note(value, version);
      const list = this.#acknowledged[register] ?? [];
      let last = list.length - 1;
      while (last >= 0 && (list[last]?.version ?? 0) > version) last -= 1;
      const newest = list[last];
      if (newest === undefined || newest.value === value) continue;
      // Another write may have come after it; then that one is younger.
      if (value === 0 || (this.#firstVersion.get(value) ?? 0) <= newest.version) {
        return `${seen.node.name} has register ${register} = ${value} in epoch ${version}; ${newest.value} was acknowledged in ${newest.version}`;
      }
    }
    return undefined;
  }
}
