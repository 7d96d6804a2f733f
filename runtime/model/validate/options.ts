// Options that are written as nvpairs: cluster properties and meta attributes. Their names are open, their values are not.
//
// A value that an option cannot have is an error, because it would silently become the default. A name that nobody knows is
// only worth a word when it looks like a misspelt one.
// Source: "Pacemaker Explained" on cluster options, resource meta-attributes, clone options and operation properties.

import { nearest } from "../nearest.ts";
import { CIB_LIMITS } from "./limits.ts";
import type { Problems } from "./problem.ts";
import { type Found, foundNamed, invalidValueText, type Survey } from "./structure.ts";
import { DURATION, INTEGER, LOOSE_BOOLEAN, OPTION_SCORE, oneOf, TEXT, type ValueKind } from "./values.ts";

/** The same, with letters of either case. */
function anyCase(kind: ValueKind): ValueKind {
  const words = new Set(kind.words?.map((word) => word.toLowerCase()));
  return { ...kind, accepts: (value) => words.has(value.toLowerCase()) };
}

const ANY_ROLE = anyCase(oneOf("Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"));

/** Any spelling of a length of time, and 0 or -1 where that means "never". */
const LIMITED_DURATION: ValueKind = {
  wanted: DURATION.wanted,
  accepts: (value) => DURATION.accepts(value) || INTEGER.accepts(value),
};

const INSTANCES: ValueKind = {
  wanted: `a whole number, at most ${CIB_LIMITS.cloneInstances}`,
  accepts: (value) => INTEGER.accepts(value) && Number(value) <= CIB_LIMITS.cloneInstances,
};

/** Cluster properties. */
export const CLUSTER_PROPERTIES: Readonly<Record<string, ValueKind>> = {
  "batch-limit": INTEGER,
  "cluster-delay": DURATION,
  "cluster-infrastructure": TEXT,
  "cluster-ipc-limit": INTEGER,
  "cluster-name": TEXT,
  "cluster-recheck-interval": DURATION,
  "concurrent-fencing": LOOSE_BOOLEAN,
  "cancel-removed-actions": LOOSE_BOOLEAN,
  "crmd-finalization-timeout": DURATION,
  "crmd-integration-timeout": DURATION,
  "crmd-transition-delay": DURATION,
  "dc-deadtime": DURATION,
  "dc-version": TEXT,
  "election-timeout": DURATION,
  "enable-acl": LOOSE_BOOLEAN,
  "enable-startup-probes": LOOSE_BOOLEAN,
  "fence-reaction": anyCase(oneOf("stop", "panic")),
  "fencing-action": anyCase(oneOf("reboot", "off", "poweroff")),
  "fencing-enabled": LOOSE_BOOLEAN,
  "fencing-max-attempts": OPTION_SCORE,
  "fencing-reaction": anyCase(oneOf("stop", "panic")),
  "fencing-timeout": DURATION,
  "fencing-watchdog-timeout": LIMITED_DURATION,
  "have-watchdog": LOOSE_BOOLEAN,
  "join-finalization-timeout": DURATION,
  "join-integration-timeout": DURATION,
  "last-lrm-refresh": TEXT,
  "load-threshold": TEXT,
  "maintenance-mode": LOOSE_BOOLEAN,
  "migration-limit": INTEGER,
  "no-quorum-policy": anyCase(oneOf("stop", "freeze", "ignore", "demote", "suicide", "fence")),
  "node-action-limit": INTEGER,
  "node-health-base": OPTION_SCORE,
  "node-health-green": OPTION_SCORE,
  "node-health-red": OPTION_SCORE,
  "node-health-strategy": anyCase(oneOf("none", "migrate-on-red", "only-green", "progressive", "custom")),
  "node-health-yellow": OPTION_SCORE,
  "node-pending-timeout": DURATION,
  "pe-error-series-max": INTEGER,
  "pe-input-series-max": INTEGER,
  "pe-warn-series-max": INTEGER,
  "placement-strategy": anyCase(oneOf("default", "utilization", "minimal", "balanced")),
  "priority-fencing-delay": DURATION,
  "remove-after-stop": LOOSE_BOOLEAN,
  "shutdown-escalation": DURATION,
  "shutdown-lock": LOOSE_BOOLEAN,
  "shutdown-lock-limit": DURATION,
  "start-failure-is-fatal": LOOSE_BOOLEAN,
  "startup-fencing": LOOSE_BOOLEAN,
  "stonith-action": anyCase(oneOf("reboot", "off", "poweroff")),
  "stonith-enabled": LOOSE_BOOLEAN,
  "stonith-max-attempts": OPTION_SCORE,
  "stonith-timeout": DURATION,
  "stonith-watchdog-timeout": LIMITED_DURATION,
  "stop-all-resources": LOOSE_BOOLEAN,
  "stop-orphan-actions": LOOSE_BOOLEAN,
  "stop-orphan-resources": LOOSE_BOOLEAN,
  "stop-removed-actions": LOOSE_BOOLEAN,
  "stop-removed-resources": LOOSE_BOOLEAN,
  "symmetric-cluster": LOOSE_BOOLEAN,
  "transition-delay": DURATION,
};

/** Meta attributes of resources and of rsc_defaults. */
const RESOURCE_META: Readonly<Record<string, ValueKind>> = {
  "allow-migrate": LOOSE_BOOLEAN,
  "allow-unhealthy-nodes": LOOSE_BOOLEAN,
  "clone-max": INSTANCES,
  "clone-min": INSTANCES,
  "clone-node-max": INSTANCES,
  "container-attribute-target": TEXT,
  critical: LOOSE_BOOLEAN,
  "failure-timeout": DURATION,
  "globally-unique": LOOSE_BOOLEAN,
  interleave: LOOSE_BOOLEAN,
  "is-managed": LOOSE_BOOLEAN,
  maintenance: LOOSE_BOOLEAN,
  "master-max": INSTANCES,
  "master-node-max": INSTANCES,
  "migration-threshold": OPTION_SCORE,
  "multiple-active": anyCase(oneOf("block", "stop_only", "stop_start", "stop_unexpected")),
  notify: LOOSE_BOOLEAN,
  ordered: LOOSE_BOOLEAN,
  priority: OPTION_SCORE,
  promotable: LOOSE_BOOLEAN,
  "promoted-max": INSTANCES,
  "promoted-node-max": INSTANCES,
  "remote-allow-migrate": LOOSE_BOOLEAN,
  "remote-addr": TEXT,
  "remote-connect-timeout": DURATION,
  "remote-node": TEXT,
  "remote-port": INTEGER,
  requires: anyCase(oneOf("nothing", "quorum", "fencing", "unfencing")),
  "resource-stickiness": OPTION_SCORE,
  "target-role": ANY_ROLE,
};

/** Meta attributes of operations and of op_defaults. */
const OPERATION_META: Readonly<Record<string, ValueKind>> = {
  enabled: LOOSE_BOOLEAN,
  interval: DURATION,
  "on-fail": anyCase(oneOf("ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container")),
  "record-pending": LOOSE_BOOLEAN,
  role: ANY_ROLE,
  "start-delay": DURATION,
  timeout: DURATION,
};

/** What tools write to say "as if it were not set". */
const DEFAULT = "#default";

function optionsOf(set: Found): Readonly<Record<string, ValueKind>> | undefined {
  if (set.place.name === "cluster_property_set") return CLUSTER_PROPERTIES;
  if (set.place.name !== "meta_attributes") return undefined;
  const owner = set.parent?.place.name;
  if (owner === "op" || owner === "op_defaults") return OPERATION_META;
  return owner === "alert" || owner === "recipient" ? undefined : RESOURCE_META;
}

/** Checks the values of the options that are known, and the names of those that are not. */
export function checkOptions(survey: Survey, problems: Problems): void {
  for (const set of foundNamed(
    survey,
    "cluster_property_set",
    "meta_attributes",
    "instance_attributes",
    "utilization",
  )) {
    const known = optionsOf(set);
    const names = known === undefined ? [] : Object.keys(known);
    const seen = new Set<string>();
    for (const pair of set.element.children) {
      const { id, name, value } = pair.attributes;
      if (pair.name !== "nvpair" || name === undefined) continue;
      const place = { parent: set.place, name: "nvpair", id };
      if (seen.has(name)) {
        problems.add(
          "warning",
          "duplicate-option",
          place,
          `"${name}" is set twice in this set, so only one of the two counts. Delete one.`,
        );
      }
      seen.add(name);
      if (known === undefined || value === undefined) continue;
      const kind = Object.hasOwn(known, name) ? known[name] : undefined;
      if (kind !== undefined) {
        if (value !== DEFAULT && !kind.accepts(value))
          problems.add("error", "invalid-option", place, invalidValueText(name, value, kind));
      } else if (problems.wantsWarnings && !name.startsWith("systole-")) {
        const near = nearest(name, names);
        if (near !== undefined) {
          problems.add(
            "warning",
            "unknown-option",
            place,
            `Nothing knows the option "${name}", so it has no effect. Did you mean "${near}"?`,
          );
        }
      }
    }
  }
}
