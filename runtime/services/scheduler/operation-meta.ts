// What the configuration says of an operation: its meta attributes, what it needs, what its failure leads to.
// Source of names and defaults: Pacemaker Explained, "Resource Operations".

import { millisecondsToSeconds, parseMilliseconds } from "../../model/duration.ts";
import { parseInstant } from "../../model/iso8601.ts";
import type { RuleInput } from "../../model/rule.ts";
import { parametersOf, readBlocks, ruleInput } from "./attributes.ts";
import {
  type ActionKind,
  type ActionList,
  type ActionMeta,
  type Cluster,
  Needs,
  type Node,
  OnFail,
  type OperationConfig,
  type Resource,
  Role,
} from "./state.ts";
import { findNode, isRemoteMachine } from "./tree.ts";

const DEFAULT_TIMEOUT_MS = 20_000;
const MAX_MS = 2_147_483_647;

function exactConfig(
  resource: Resource,
  name: string,
  intervalMs: number,
  withDisabled: boolean,
): OperationConfig | undefined {
  for (const operation of resource.operations) {
    if (operation.intervalMs !== intervalMs || operation.name !== name) continue;
    if (withDisabled || operation.enabled) return operation;
  }
  return undefined;
}

/** The <op> for an operation; both halves of a migration may be configured as "migrate". */
export function operationConfig(
  resource: Resource,
  name: string,
  intervalMs: number,
  withDisabled = true,
): OperationConfig | undefined {
  const exact = exactConfig(resource, name, intervalMs, withDisabled);
  if (exact !== undefined || (name !== "migrate_to" && name !== "migrate_from")) return exact;
  return exactConfig(resource, "migrate", 0, withDisabled);
}

export function isProbe(task: string, intervalMs: number): boolean {
  return intervalMs === 0 && task === "monitor";
}

function isPromotedRole(role: string | undefined): boolean {
  const lower = role?.toLowerCase();
  return lower === "promoted" || lower === "master";
}

/** The monitor that runs most often lends its timeout to probes. */
function mostFrequentMonitor(resource: Resource): OperationConfig | undefined {
  let best: OperationConfig | undefined;
  for (const operation of resource.operations) {
    if (operation.name !== "monitor" || operation.intervalMs === 0 || !operation.enabled) continue;
    if (best === undefined || operation.intervalMs < best.intervalMs) best = operation;
  }
  return best;
}

/** Meta attributes of an operation, complete with defaults. The same map for the same resource, name and interval. */
export function operationMeta(
  cluster: Cluster,
  resource: Resource,
  node: Node | undefined,
  name: string,
  intervalMs: number,
  config: OperationConfig | undefined,
): ActionMeta {
  const perNode = nodeThatMatters(resource, node);
  for (const known of resource.operationMetas) {
    if (known.name !== name || known.intervalMs !== intervalMs) continue;
    if (known.config === config && known.node === perNode) return known.meta;
  }
  const meta = readOperationMeta(cluster, resource, node, name, intervalMs, config);
  resource.operationMetas.push({ name, intervalMs, config, node: perNode, meta });
  return meta;
}

/** Only a fence device's parameters make the configuration of an operation differ from node to node. */
function nodeThatMatters(resource: Resource, node: Node | undefined): Node | undefined {
  return resource.fenceDevice ? node : undefined;
}

function configFor(resource: Resource, key: string, task: string, intervalMs: number): OperationConfig | undefined {
  const config = operationConfig(resource, task, intervalMs);
  if (config !== undefined || !key.includes("_notify_")) return config;
  return operationConfig(resource, "notify", 0);
}

const NO_KINDS: readonly ActionKind[] = [];

/** What all actions of a list (a new one where there is none yet) that do a task (on a node, where that matters) have in common. */
export function actionKind(
  cluster: Cluster,
  resource: Resource,
  list: ActionList | undefined,
  key: string,
  intervalMs: number,
  task: string,
  node: Node | undefined,
): ActionKind {
  const perNode = nodeThatMatters(resource, node);
  for (const known of list?.kinds ?? NO_KINDS) if (known.task === task && known.node === perNode) return known;
  const operation = configFor(resource, key, task, intervalMs);
  const kind: ActionKind = {
    task,
    node: perNode,
    uuid: `${resource.id}_${key}_${intervalMs}`,
    operation,
    meta: operationMeta(cluster, resource, node, task, intervalMs, operation),
    needs: operationNeeds(resource, task),
    exported: undefined,
  };
  list?.kinds.push(kind);
  return kind;
}

function readOperationMeta(
  cluster: Cluster,
  resource: Resource,
  node: Node | undefined,
  name: string,
  intervalMs: number,
  config: OperationConfig | undefined,
): Map<string, string> {
  const meta = new Map<string, string>();
  const { resourceClass, provider, type } = resource;
  const input = (): RuleInput => ruleInput(cluster, { resourceClass, provider, type, operation: name, intervalMs });
  if (config !== undefined) {
    if (config.element.children.length > 0) readBlocks(config.element, "meta_attributes", meta, input());
    for (const attribute in config.element.attributes) {
      const value = config.element.attributes[attribute];
      if (value !== undefined) meta.set(attribute, value);
    }
  }
  if (isProbe(name, intervalMs) && !meta.has("timeout")) {
    const timeout = mostFrequentMonitor(resource)?.element.attributes["timeout"];
    if (timeout !== undefined) meta.set("timeout", timeout);
  }
  if (cluster.operationDefaults !== undefined) readBlocks(cluster.operationDefaults, "meta_attributes", meta, input());
  meta.delete("id");
  if (intervalMs > 0) meta.set("interval", String(intervalMs));
  else meta.delete("interval");
  if (resourceClass?.toLowerCase() === "stonith" && (name === "start" || isProbe(name, intervalMs))) {
    const timeout = parametersOf(cluster, resource, node).get("pcmk_monitor_timeout");
    if (timeout !== undefined) meta.set("timeout", timeout);
  }
  meta.set("timeout", String(timeoutMs(meta.get("timeout"))));
  checkOnFail(cluster, resource, name, config, meta);
  readStartDelay(cluster, meta, intervalMs);
  return meta;
}

function timeoutMs(text: string | undefined): number {
  const value = text === undefined ? 0 : (parseMilliseconds(text) ?? 0);
  return value <= 0 ? DEFAULT_TIMEOUT_MS : Math.min(value, MAX_MS);
}

function readStartDelay(cluster: Cluster, meta: Map<string, string>, intervalMs: number): void {
  const delay = meta.get("start-delay");
  if (delay !== undefined) {
    const value = parseMilliseconds(delay) ?? 0;
    meta.set("start-delay", String(Math.min(Math.max(value, 0), MAX_MS)));
    return;
  }
  const origin = meta.get("interval-origin");
  if (origin === undefined || intervalMs === 0) return;
  const start = parseInstant(origin, cluster.zoneMinutes);
  if (start === undefined) return;
  const intervalSeconds = millisecondsToSeconds(intervalMs);
  const into = (cluster.now - start) % intervalSeconds;
  meta.set("start-delay", String((into <= 0 ? -into : intervalSeconds - into) * 1000));
}

/** Takes back an on-fail that makes no sense for the operation. */
function checkOnFail(
  cluster: Cluster,
  resource: Resource,
  name: string,
  config: OperationConfig | undefined,
  meta: Map<string, string>,
): void {
  const value = meta.get("on-fail")?.toLowerCase();
  const reset = () => {
    cluster.problems.push({
      severity: "error",
      code: "on-fail-invalid",
      element: config?.id ?? resource.id,
      text: `on-fail="${value}" is not allowed for the ${name} operation of "${resource.id}"; the default is used. Remove it or choose another.`,
    });
    meta.delete("on-fail");
  };
  if (name === "stop" && (value === "standby" || value === "demote" || value === "stop")) {
    reset();
    return;
  }
  if (name === "demote" && value === undefined) {
    copyPromotedOnFail(resource, meta);
    return;
  }
  if (name === "lrm_delete" && value !== "ignore") {
    meta.set("on-fail", "ignore");
    return;
  }
  if (value !== "demote") return;
  const promotedMonitor = config?.name === "monitor" && (config.intervalMs ?? 0) > 0 && isPromotedRole(config.role);
  if (config?.name !== "promote" && !promotedMonitor) reset();
}

/** A demote without an own on-fail is treated as the monitor of the promoted role is. */
function copyPromotedOnFail(resource: Resource, meta: Map<string, string>): void {
  for (const operation of resource.operations) {
    const onFail = operation.element.attributes["on-fail"];
    if (onFail === undefined || operation.name !== "monitor" || !isPromotedRole(operation.role)) continue;
    if (operation.intervalMs === 0 || !operation.enabled || onFail.toLowerCase() === "demote") continue;
    meta.set("on-fail", onFail);
  }
}

/** What must be so before an operation may run. */
export function operationNeeds(resource: Resource, name: string): Needs {
  if (name !== "start" && name !== "promote") return Needs.Nothing;
  if (resource.needsFencing) return Needs.Fencing;
  return resource.needsQuorum ? Needs.Quorum : Needs.Nothing;
}

function explicitOnFail(cluster: Cluster, resource: Resource, value: string | undefined): OnFail | undefined {
  switch (value?.toLowerCase()) {
    case "block":
      return OnFail.Block;
    case "fence":
      return cluster.properties.fencingEnabled ? OnFail.Fence : OnFail.Stop;
    case "standby":
      return OnFail.Standby;
    case "ignore":
    case "nothing":
      return OnFail.Ignore;
    case "migrate":
      return OnFail.Ban;
    case "stop":
      return OnFail.Stop;
    case "restart":
      return OnFail.Restart;
    case "restart-container":
      return resource.launcher === undefined ? undefined : OnFail.RestartContainer;
    case "demote":
      return OnFail.Demote;
    default:
      return undefined;
  }
}

/** What a failure of an operation leads to. */
export function onFailOf(
  cluster: Cluster,
  resource: Resource,
  name: string,
  intervalMs: number,
  value: string | undefined,
): OnFail {
  let chosen = explicitOnFail(cluster, resource, value);
  const isConnection = resource.remoteConnection && isRemoteMachine(findNode(cluster, resource.id));
  const resetsRemote = isConnection && !isProbe(name, intervalMs) && name !== "start";
  if (resetsRemote && !resource.managed) chosen = undefined;
  if (chosen !== undefined) return chosen;
  if (resource.launcher !== undefined) return OnFail.RestartContainer;
  if (resetsRemote) return resource.managed ? OnFail.ResetRemote : OnFail.Stop;
  if (name === "stop") return cluster.properties.fencingEnabled ? OnFail.Fence : OnFail.Block;
  return OnFail.Restart;
}

/** The role a resource is to have after a failure; Started means: as before. */
export function roleAfterFailure(resource: Resource, name: string, onFail: OnFail): Role {
  if (onFail === OnFail.Stop) return Role.Stopped;
  if (onFail === OnFail.ResetRemote && resource.remoteReconnectMs !== 0) return Role.Stopped;
  return name === "promote" ? Role.Unpromoted : Role.Started;
}
