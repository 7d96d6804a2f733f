// May never happen: two nodes ever show different configurations under one version; or, when everything has healed, documents
// that differ at all.

import { childNamed } from "../../../runtime/kernel/cib/element.ts";
import type { Checker, Facts, Observation } from "../observations.ts";
import { digestOf } from "./hash.ts";
import { versionNumber } from "./registers.ts";

export class ConfigurationsDifferAfterHealing implements Checker {
  readonly name = "configurations-differ-after-healing";
  readonly sees = ["committed", "end"] as const;
  readonly #byVersion = new Map<number, number>();
  /** The version of the configuration that each life has shown last. */
  readonly #latest = new Map<string, number>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "end") return this.#healed(facts);
    if (seen.seen !== "committed") return undefined;
    const { cib, node, incarnation } = seen;
    const configuration = childNamed(cib, "configuration");
    if (configuration === undefined) return `${node.name} has no configuration`;
    const version = versionNumber(Number(cib.attributes["admin_epoch"]), Number(cib.attributes["epoch"]));
    const digest = digestOf(configuration);
    const known = this.#byVersion.get(version);
    if (known === undefined) this.#byVersion.set(version, digest);
    else if (known !== digest)
      return `${node.name} has another configuration under version ${version} than another node had`;
    const life = `${node.id}.${incarnation}`;
    const before = this.#latest.get(life) ?? 0;
    this.#latest.set(life, version);
    return version < before ? `${node.name} goes back from configuration ${before} to ${version}` : undefined;
  }

  #healed(facts: Facts): string | undefined {
    const digests = new Map<number, string>();
    for (const { name, life } of facts.nodes) {
      if (life?.cib !== undefined) digests.set(digestOf(life.cib), name);
    }
    return digests.size > 1 ? `the CIBs of ${[...digests.values()].join(", ")} differ` : undefined;
  }
}
