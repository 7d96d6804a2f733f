// Why an action is in the plan, from what the scheduler knows when the plan is made: a clause that reads well behind "because".
// Short and cheap, because the controller says it of each action that it starts.

import { INFINITY } from "../../../model/score.ts";
import { sameText } from "../../../model/text.ts";
import { actionMeta, hasFlag, newestAction } from "../actions.ts";
import { restartDigestOf } from "../digests.ts";
import { scoreOf } from "../node-table.ts";
import { roleText } from "../roles.ts";
import {
  type Action,
  type Cluster,
  Flag,
  type HistoryResource,
  type Node,
  type Resource,
  Role,
  Variant,
} from "../state.ts";
import { currentNode, topResource } from "../tree.ts";
import { fencingReason } from "./fencing-cause.ts";
import { attraction, exclusionReason, noPlaceReason } from "./place-cause.ts";
import { failureReason, type Reason, targetRoleReason } from "./reason.ts";

/** Longer chains of "this because of that" within one resource are none. */
const MAX_CHAIN = 8;

/** There are as many probes as pairs of resource and node, so they share their cause. */
const PROBE: Reason = { code: "probe", text: "it is not known yet whether it runs there" };

/** Undefined for points of the plan at which nothing is done. */
export function actionCause(cluster: Cluster, action: Action): Reason | undefined {
  const { resource, node } = action;
  if (resource === undefined) return nodeActionCause(action);
  if (resource.variant !== Variant.Primitive) return undefined;
  switch (action.task) {
    case "start":
    case "stop":
    case "migrate_to":
    case "migrate_from":
      return changeReason(cluster, resource, action);
    case "promote":
      return promoteReason(cluster, resource, action);
    case "demote":
      return demoteReason(cluster, resource, action);
    case "monitor":
      return monitorReason(action.intervalMs);
    case "cancel":
      return { code: "operation-removed", text: "this operation is no longer configured as it was" };
    case "reload-agent":
    case "reload":
      return {
        code: "parameters-changed",
        text: "its parameters have changed, and it can take them over while it runs",
      };
    case "clear_failcount":
      return clearReason(resource, node);
    case "delete":
    case "lrm_delete":
      return resource.removed
        ? { code: "removed", text: "it is no longer configured" }
        : { code: "history-outdated", text: "what is recorded of it there is out of date" };
    case "notify":
      return { code: "notify", text: "another instance changes, and it wants to be told (notify=true)" };
    default:
      return undefined;
  }
}

function nodeActionCause(action: Action): Reason | undefined {
  const { node } = action;
  if (node === undefined) return undefined;
  if (action.task === "stonith") return fencingReason(node, action.reason, actionMeta(action, "stonith_action"));
  if (action.task === "do_shutdown") {
    return { code: "shutdown-requested", text: `${node.name} was asked to leave the cluster`, node: node.name };
  }
  return undefined;
}

function clearReason(resource: Resource, node: Node | undefined): Reason {
  if (resource.removed) return { code: "removed", text: "it is no longer configured" };
  const where = node === undefined ? "" : ` on ${node.name}`;
  return {
    code: "failures-outdated",
    text: `its failures${where} no longer count (failure-timeout, or changed since)`,
  };
}

function monitorReason(intervalMs: number): Reason {
  return intervalMs === 0 ? PROBE : { code: "monitor", text: `it is to be watched every ${intervalMs / 1000} s` };
}

/** Why a resource is started, stopped or moved. */
function changeReason(cluster: Cluster, resource: Resource, action: Action): Reason {
  const { assigned } = resource;
  const current = currentNode(resource);
  if (current === undefined && resource.activeNodes.length === 0) return startReason(resource, action);
  if (assigned === undefined || resource.nextRole === Role.Stopped) return stopReason(cluster, resource, action);
  if (resource.activeNodes.length > 1 && resource.partialMigrationTarget === undefined) {
    const names = resource.activeNodes.map((node) => node.name);
    return { code: "multiple-active", text: `it is active on several nodes at once (${names.join(", ")})` };
  }
  if (current !== undefined && current !== assigned) return moveReason(cluster, resource, current, assigned);
  return restartReason(cluster, resource, action);
}

function startReason(resource: Resource, action: Action): Reason {
  const other = foreignCause(action);
  if (other?.resource !== undefined && hasFlag(other, Flag.Runnable)) return dependency(other, other.resource);
  const where = resource.assigned?.name ?? "";
  if (topResource(resource).variant === Variant.Clone) {
    const { configId } = topResource(resource);
    return { code: "not-running", text: `${where} is to have an instance of ${configId} and has none`, node: where };
  }
  return { code: "not-running", text: "it should run and runs nowhere" };
}

function stopReason(cluster: Cluster, resource: Resource, action: Action): Reason {
  if (resource.removed) return { code: "removed", text: "it is no longer configured" };
  const asked = targetRoleReason(resource);
  if (asked !== undefined) return asked;
  if (cluster.properties.stopAll) return { code: "stop-all", text: "stop-all-resources is true" };
  const other = foreignCause(action);
  if (resource.assigned !== undefined && other?.resource !== undefined) return dependency(other, other.resource);
  if (resource.activeNodes.length > 1 && resource.multipleActive === "stop_only") {
    return { code: "multiple-active", text: "it is active on several nodes at once (multiple-active=stop_only)" };
  }
  return noPlaceReason(cluster, resource) ?? { code: "no-node", text: "no node is left that may run it" };
}

function moveReason(cluster: Cluster, resource: Resource, current: Node, assigned: Node): Reason {
  const failure = resource.failed ? failureReason(cluster, resource) : undefined;
  const excluded = exclusionReason(cluster, resource, current);
  if (excluded !== undefined && failure === undefined) return excluded;
  if (failure !== undefined) {
    const more = excluded === undefined || excluded.code === "failed-for-good" ? "" : `, and ${excluded.text}`;
    return { ...failure, text: `${failure.text}${more}` };
  }
  const attracted = attraction(cluster, resource, current, assigned);
  if (attracted !== undefined) return attracted;
  const [here, there] = [scoreOf(resource.allowed, current), resource.assignedScore];
  if (there >= INFINITY) return { code: "better-node", text: `it must be on ${assigned.name}`, node: assigned.name };
  if (there === here) {
    const hold = `nothing holds it on ${current.name} (resource-stickiness ${resource.stickiness})`;
    return { code: "equal-node", text: `${assigned.name} suits it as well, and ${hold}`, node: assigned.name };
  }
  const numbers = there > here && here >= -INFINITY ? ` (score ${there} there, ${here} on ${current.name})` : "";
  return { code: "better-node", text: `${assigned.name} suits it better now${numbers}`, node: assigned.name };
}

function restartReason(cluster: Cluster, resource: Resource, action: Action): Reason {
  if (resource.failed) {
    return failureReason(cluster, resource) ?? { code: "failed", text: "it failed" };
  }
  const root = rootCause(action);
  if (root.reason === "no quorum" || root.reason === "quorum freeze") {
    return { code: "no-quorum", text: "this partition has no quorum" };
  }
  const start = newestAction(resource, "start", resource.assigned);
  const changed = [root, start].some((one) => one?.reason === "resource definition change");
  if (changed) return changedParameters(resource);
  const other = foreignCause(action) ?? (start === undefined ? undefined : foreignCause(start));
  if (other?.resource !== undefined) return dependency(other, other.resource);
  if (other?.task === "stonith") {
    return { code: "fencing", text: `${other.node?.name ?? "a node"} is fenced or unfenced before` };
  }
  const named = reasonByName(chainReason(action));
  if (named !== undefined) return named;
  const inside = resource.launched.find((launched) => launched.failed);
  if (inside !== undefined) {
    return { code: "failed", text: `${inside.id}, which runs in it, failed`, resource: inside.id };
  }
  if (agentDiffers(resource)) return { code: "agent-changed", text: "its agent is another one now" };
  if (resource.startPending) return { code: "start-pending", text: "its start was begun and has not been seen to end" };
  return { code: "restart", text: "it has to be restarted" };
}

/** What is recorded of a resource where it runs. */
function historyHere(resource: Resource): readonly HistoryResource[] {
  const ids = [resource.id, resource.historyId, resource.configId];
  return (currentNode(resource)?.history ?? []).filter((entry) => ids.includes(entry.id));
}

function agentDiffers(resource: Resource): boolean {
  return historyHere(resource).some(({ element }) =>
    ["class", "provider", "type"].some((name) => element.attributes[name] !== resource.config.attributes[name]),
  );
}

/** Parameters are recorded as digests only, but the agent's list of those that need a restart bounds which one it can be. */
function changedParameters(resource: Resource): Reason {
  const names = new Set<string>();
  for (const entry of historyHere(resource)) {
    for (const operation of entry.operations) {
      if (operation.task !== "start" || restartDigestOf(operation) === undefined) continue;
      const list = operation.element.attributes["op-force-restart"]?.trim() ?? "";
      for (const name of list.split(/\s+/)) if (name !== "") names.add(name);
    }
  }
  const which =
    names.size === 0 ? "its parameters have" : `a parameter that it takes only at start (${[...names].join(", ")}) has`;
  return { code: "parameters-changed", text: `${which} changed since it was started` };
}

/** Follows causes within the same resource to the first that is elsewhere or has no further cause. */
function rootCause(action: Action): Action {
  let root = action;
  for (let step = 0; step < MAX_CHAIN; step += 1) {
    if (root.because === undefined || root.because === action || root.resource !== action.resource) return root;
    root = root.because;
  }
  return root;
}

/** The first reason in words on the way to the root. */
function chainReason(action: Action): string {
  let link: Action | undefined = action;
  for (let step = 0; step < MAX_CHAIN && link !== undefined; step += 1) {
    if (link.reason !== undefined) return link.reason;
    link = link.resource === action.resource ? link.because : undefined;
  }
  return "";
}

/** The action of another resource (or of a node) that stands at the beginning. */
function foreignCause(action: Action): Action | undefined {
  const root = rootCause(action);
  return root.resource === action.resource ? undefined : root;
}

function dependency(other: Action, resource: Resource): Reason {
  const about = { resource: resource.id };
  if (!hasFlag(other, Flag.Runnable)) {
    const what = other.task === "promote" ? "be promoted" : other.task === "stop" ? "stop" : "start";
    return { code: "dependency-blocked", text: `${resource.id}, which it depends on, cannot ${what}`, ...about };
  }
  return { code: "dependency", text: `${resource.id}, which it depends on, ${happening(resource, other)}`, ...about };
}

const TASK_WORDS: Readonly<Record<string, string>> = {
  promote: "is promoted",
  promoted: "is promoted",
  demote: "is demoted",
  demoted: "is demoted",
  stop: "stops",
  stopped: "stops",
};

/** Where clones and bundles passed a need on, only its name is left. */
function reasonByName(text: string): Reason | undefined {
  const partner = /^colocation with (\S+)$/.exec(text)?.[1];
  if (partner !== undefined) {
    const words = `it must be with ${partner}, which cannot start`;
    return { code: "colocation-blocked", text: words, resource: partner };
  }
  const order = /^unrunnable (?:clone-)?one-or-more:(\S+)$/.exec(text)?.[1];
  if (order !== undefined) {
    const words = `too few instances can run of what it depends on (order ${order})`;
    return { code: "dependency-blocked", text: words, constraint: order };
  }
  const [, kind, id, task] = /^(required|unrunnable) (\S+) (\w+)$/.exec(text) ?? [];
  return id === undefined || task === undefined ? undefined : dependencyByName(id, task, kind === "unrunnable");
}

function dependencyByName(id: string, task: string, blocked: boolean): Reason {
  const word = TASK_WORDS[task] ?? "starts";
  const what = blocked ? `cannot ${word.replace(/^is /, "be ").replace(/s$/, "")}` : word;
  return {
    code: blocked ? "dependency-blocked" : "dependency",
    text: `${id}, which it depends on, ${what}`,
    resource: id,
  };
}

/** What happens to a resource, in a word or three. */
function happening(resource: Resource, action: Action): string {
  const [current, assigned] = [currentNode(resource), resource.assigned];
  if (resource.variant !== Variant.Primitive || action.task === "promote" || action.task === "demote") {
    return TASK_WORDS[action.task] ?? "starts";
  }
  if (assigned === undefined || resource.nextRole === Role.Stopped) return "stops";
  if (current === undefined) return `starts on ${assigned.name}`;
  return current === assigned ? "restarts" : `moves to ${assigned.name}`;
}

function promoteReason(cluster: Cluster, resource: Resource, action: Action): Reason {
  if (resource.role === Role.Promoted) return changeReason(cluster, resource, action);
  const top = topResource(resource);
  const previous = top.children.find((child) => child.role === Role.Promoted && child.nextRole !== Role.Promoted);
  const { promotionPriority: score } = resource.parent === top ? resource : (resource.parent ?? resource);
  const wish = score > 0 ? ` and its promotion score is the best (${score >= INFINITY ? "INFINITY" : score})` : "";
  const need = previous === undefined ? `${top.id} needs a promoted instance` : `${previous.id} is to be it no longer`;
  return { code: "promotion", text: `${need}${wish}`, resource: top.id, score };
}

function demoteReason(cluster: Cluster, resource: Resource, action: Action): Reason {
  if (resource.nextRole !== Role.Unpromoted) return changeReason(cluster, resource, action);
  if (resource.failed) return failureReason(cluster, resource) ?? { code: "failed", text: "it failed" };
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    const role = part.meta.get("target-role");
    if (!sameText(role, "Unpromoted") && !sameText(role, "Slave")) continue;
    return { code: "target-role", text: `target-role of ${part.configId} is ${roleText(Role.Unpromoted)}` };
  }
  const top = topResource(resource);
  const ticket = top.tickets.find(({ ticket }) => !ticket.granted || ticket.standby)?.ticket;
  if (ticket !== undefined) {
    return { code: "ticket", text: `ticket ${ticket.id} is not in force on this site`, ticket: ticket.id };
  }
  const next = top.children.find((child) => child !== resource && child.nextRole === Role.Promoted);
  if (next !== undefined) {
    return { code: "promotion", text: `${next.id} is to be promoted instead`, resource: next.id };
  }
  const place = resource.assigned;
  const excluded = place === undefined ? undefined : exclusionReason(cluster, resource, place);
  return excluded ?? { code: "promotion", text: `its promotion score is too low (${resource.promotionPriority})` };
}
