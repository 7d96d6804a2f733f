// May never happen: a primitive is active on two computers at once, or promoted on two.

import { PROMOTABLE, singleResources } from "../configuration.ts";
import type { Checker, Facts, Observation } from "../observations.ts";

export class ActiveTwice implements Checker {
  readonly name = "active-twice";
  readonly sees = ["resource"] as const;
  #single: ReadonlySet<string> | undefined;
  readonly #reported = new Set<string>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen !== "resource") return undefined;
    this.#single ??= new Set(singleResources(facts.dials));
    const { resource } = seen;
    const single = this.#single.has(resource);
    if (!single && resource !== PROMOTABLE) return undefined;
    const where = facts.nodes.filter((node) => {
      const state = node.state(resource);
      return node.power === "on" && (single ? state !== "stopped" : state === "promoted");
    });
    if (where.length < 2) {
      this.#reported.delete(resource);
      return undefined;
    }
    if (this.#reported.has(resource)) return undefined;
    this.#reported.add(resource);
    return `${resource} is ${single ? "active" : "promoted"} on ${where.map((node) => node.name).join(" and ")}`;
  }
}
