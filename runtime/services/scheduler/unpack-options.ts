// Stage: cluster properties, as the rest of the run needs them.
// Source of names and defaults: Pacemaker Explained, "Cluster Options"; names of before 3.0 are understood.

import type { Element } from "../../kernel/cib/element.ts";
import { childNamed } from "../../kernel/cib/element.ts";
import { parseIntervalMs, parseMilliseconds } from "../../model/duration.ts";
import type { RuleInput } from "../../model/rule.ts";
import { type HealthColors, INFINITY, leadingInteger, parseScore } from "../../model/score.ts";
import { isTrue, parseBoolean } from "../../model/text.ts";
import { readBlocks } from "./attributes.ts";
import type { NoQuorumPolicy, Properties } from "./state.ts";

/** Block of properties that is stronger than all others. */
const BOOTSTRAP_BLOCK = "cib-bootstrap-options";

const OLD_NAMES: Readonly<Record<string, string>> = {
  "fencing-enabled": "stonith-enabled",
  "fencing-action": "stonith-action",
  "fencing-timeout": "stonith-timeout",
  "stop-removed-resources": "stop-orphan-resources",
  "stop-removed-actions": "stop-orphan-actions",
  "cancel-removed-actions": "stop-orphan-actions",
};

class Reader {
  readonly values = new Map<string, string>();

  text(name: string): string | undefined {
    const old = OLD_NAMES[name];
    return this.values.get(name) ?? (old === undefined ? undefined : this.values.get(old));
  }

  flag(name: string, fallback: boolean): boolean {
    return parseBoolean(this.text(name)) ?? fallback;
  }

  duration(name: string, fallback: string): string {
    const value = this.text(name);
    if (value === undefined) return fallback;
    return value.startsWith("P") || (parseMilliseconds(value) ?? -1) >= 0 ? value : fallback;
  }

  integer(name: string, fallback: string): string {
    const value = this.text(name);
    if (value === undefined) return fallback;
    return /^[+-]?INFINITY$/.test(value) || leadingInteger(value) !== undefined ? value : fallback;
  }

  choice(name: string, allowed: readonly string[], fallback: string): string {
    const value = this.text(name);
    return value !== undefined && allowed.includes(value) ? value : fallback;
  }
}

/** Reads the properties of a CIB; what is absent or not valid has its default. */
export function readProperties(cib: Element, input: RuleInput): Properties {
  const reader = new Reader();
  const section = childNamed(childNamed(cib, "configuration"), "crm_config");
  readBlocks(section, "cluster_property_set", reader.values, input, BOOTSTRAP_BLOCK);
  const fencingEnabled = reader.flag("fencing-enabled", true);
  const shutdownLock = reader.flag("shutdown-lock", false);
  const healthStrategy = healthStrategyOf(reader);
  return {
    values: reader.values,
    startupProbes: reader.flag("enable-startup-probes", true),
    fencingEnabled,
    fencingAction: reader.choice("fencing-action", ["reboot", "off"], "reboot"),
    fencingTimeout: reader.duration("fencing-timeout", "60s"),
    concurrentFencing: reader.flag("concurrent-fencing", true),
    priorityFencingMs: parseIntervalMs(reader.duration("priority-fencing-delay", "0")),
    stopAll: reader.flag("stop-all-resources", false),
    symmetric: reader.flag("symmetric-cluster", true),
    noQuorumPolicy: noQuorumPolicyOf(reader, cib, fencingEnabled),
    stopRemoved: reader.flag("stop-removed-resources", true),
    cancelRemoved: reader.flag("cancel-removed-actions", true),
    maintenance: reader.flag("maintenance-mode", false),
    startFailureFatal: reader.flag("start-failure-is-fatal", true),
    startupFencing: fencingEnabled && reader.flag("startup-fencing", true),
    placement: reader.choice("placement-strategy", ["default", "utilization", "minimal", "balanced"], "default"),
    shutdownLock,
    shutdownLockMs: shutdownLock ? parseIntervalMs(reader.duration("shutdown-lock-limit", "0")) : 0,
    nodePendingMs: parseIntervalMs(reader.duration("node-pending-timeout", "0")),
    fenceRemoteWithoutQuorum: reader.flag("fence-remote-without-quorum", false),
    healthStrategy,
    healthBase: parseScore(reader.integer("node-health-base", "0")) ?? 0,
    colors: healthColors(reader, healthStrategy),
    clusterDelay: reader.duration("cluster-delay", "60s"),
    batchLimit: reader.integer("batch-limit", "0"),
    migrationLimit: reader.integer("migration-limit", "-1"),
    clusterName: reader.text("cluster-name"),
  };
}

/** The cluster has a watchdog that fences, says a property that the cluster itself sets. */
export function haveWatchdog(properties: Properties): boolean {
  return isTrue(properties.values.get("have-watchdog"));
}

function noQuorumPolicyOf(reader: Reader, cib: Element, fencingEnabled: boolean): NoQuorumPolicy {
  switch ((reader.text("no-quorum-policy") ?? "stop").toLowerCase()) {
    case "ignore":
      return "ignore";
    case "freeze":
      return "freeze";
    case "demote":
      return "demote";
    case "fence":
    case "suicide": {
      // A cluster that never had quorum must not shoot: it may be the small half of one that is already running.
      const had = (leadingInteger(cib.attributes["no-quorum-panic"] ?? "0") ?? 0) !== 0;
      return fencingEnabled && (had || isTrue(cib.attributes["have-quorum"])) ? "fence" : "stop";
    }
    default:
      return "stop";
  }
}

function healthStrategyOf(reader: Reader): string {
  const strategies = ["none", "migrate-on-red", "only-green", "progressive", "custom"];
  const value = (reader.text("node-health-strategy") ?? "none").toLowerCase();
  return strategies.includes(value) ? value : "none";
}

function healthColors(reader: Reader, strategy: string): HealthColors {
  switch (strategy) {
    case "none":
      return { red: 0, yellow: 0, green: 0 };
    case "migrate-on-red":
      return { red: -INFINITY, yellow: 0, green: 0 };
    case "only-green":
      return { red: -INFINITY, yellow: -INFINITY, green: 0 };
    default: {
      const score = (name: string, fallback: string) => parseScore(reader.integer(name, fallback)) ?? 0;
      return {
        red: score("node-health-red", "-INFINITY"),
        yellow: score("node-health-yellow", "0"),
        green: score("node-health-green", "0"),
      };
    }
  }
}
