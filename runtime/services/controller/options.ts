// The cluster options that the controller itself obeys.
// Source of names and defaults: Pacemaker Explained, "Cluster Options".

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import { parseIntervalMs } from "../../model/duration.ts";
import { isTrue } from "../../model/text.ts";

/** cluster-recheck-interval when it is not set. */
export const DEFAULT_RECHECK_INTERVAL_MS = 900_000;
/** dc-deadtime: how long a cluster that starts waits for nodes that were not seen yet. */
export const DEFAULT_DEADTIME_MS = 20_000;
/** shutdown-escalation: how long a node that shuts down waits for its resources to move. */
export const DEFAULT_SHUTDOWN_ESCALATION_MS = 1_200_000;

export interface ControllerOptions {
  /** 0: never. */
  readonly recheckIntervalMs: number;
  readonly deadtimeMs: number;
  readonly shutdownEscalationMs: number;
  readonly fencingEnabled: boolean;
}

/** Reads them; the first set that has an option wins. Rules do not apply to these. */
export function controllerOptions(cib: Element): ControllerOptions {
  const config = childNamed(childNamed(cib, "configuration"), "crm_config");
  const values = new Map<string, string>();
  for (const set of childrenNamed(config, "cluster_property_set")) {
    for (const pair of childrenNamed(set, "nvpair")) {
      const { name, value } = pair.attributes;
      if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value);
    }
  }
  const duration = (name: string, otherwise: number) => {
    const text = values.get(name);
    return text === undefined ? otherwise : parseIntervalMs(text);
  };
  return {
    recheckIntervalMs: duration("cluster-recheck-interval", DEFAULT_RECHECK_INTERVAL_MS),
    deadtimeMs: duration("dc-deadtime", DEFAULT_DEADTIME_MS),
    shutdownEscalationMs: duration("shutdown-escalation", DEFAULT_SHUTDOWN_ESCALATION_MS),
    fencingEnabled: isTrue(values.get("stonith-enabled") ?? values.get("stonith_enabled") ?? "true"),
  };
}
