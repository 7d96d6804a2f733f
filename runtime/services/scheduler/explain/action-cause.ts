// Why an action is in the plan, from what was noted while it was made: a clause that reads well behind "because".

import { formatScore, INFINITY } from "../../../model/score.ts";
import { actionMeta, hasFlag } from "../action.ts";
import { newestAction } from "../find-actions.ts";
import { scoreOf } from "../node-table.ts";
import { type Action, type Cluster, Flag, type Node, type Resource, Role, Variant } from "../state.ts";
import { currentNode, isGuestNode, launcherOf, outermost, topResource } from "../tree.ts";
import { layers } from "./action-notes.ts";
import { dependencyReason, impossibleWhy, lacksQuorum, noQuorum } from "./dependency.ts";
import { fencingReason } from "./fencing-cause.ts";
import { stopAllReason, whyNotOn, whyNowhere } from "./nowhere.ts";
import { idText, metaElement } from "./option-elements.ts";
import { agentDiffers, changedParameters } from "./parameter-cause.ts";
import { attraction, missingEverywhere } from "./place-cause.ts";
import { roleLimit } from "./promotion-cause.ts";
import { failureReason, inWords, type Reason, targetRoleReason, ticketReason } from "./reason.ts";
import type { Recorder } from "./recorder.ts";

/** There are as many probes as pairs of resource and node, so they share their cause. */
const PROBE: Reason = { code: "probe", text: "it is not known yet whether it runs there" };
/** What stands for a cause that is looked for already, on the way round. */
const CIRCULAR: Reason = { code: "circular", text: "each follows from the other" };

/** Why an action is in the plan, found once; undefined for points at which nothing is done. */
export function actionCause(cluster: Cluster, recorder: Recorder, action: Action): Reason | undefined {
  if (action.task === "monitor" && action.resource !== undefined) return monitorReason(action.intervalMs);
  const known = recorder.causes.get(action);
  if (known !== undefined) return known;
  recorder.causes.set(action, CIRCULAR);
  const found = findCause(cluster, recorder, action);
  if (found === undefined) recorder.causes.delete(action);
  else recorder.causes.set(action, found);
  return found;
}

function findCause(cluster: Cluster, recorder: Recorder, action: Action): Reason | undefined {
  const { resource, node } = action;
  if (resource === undefined) return nodeActionCause(action);
  if (resource.variant !== Variant.Primitive) return undefined;
  switch (action.task) {
    case "start":
    case "stop":
    case "migrate_to":
    case "migrate_from":
      return changeReason(cluster, recorder, resource, action);
    case "promote":
      return promoteReason(cluster, recorder, resource, action);
    case "demote":
      return demoteReason(cluster, recorder, resource, action);
    case "cancel":
      return cancelReason(resource, action);
    case "reload-agent":
    case "reload":
      return reloadReason(cluster, recorder, resource);
    case "clear_failcount":
      return clearReason(resource, node);
    case "delete":
    case "lrm_delete":
      return deleteReason(resource, node);
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

function cancelReason(resource: Resource, action: Action): Reason {
  const what = `${action.cancelTask ?? "monitor"} every ${inWords(action.intervalMs / 1000)}`;
  const text = resource.removed
    ? "it is no longer configured"
    : `its ${what} is not configured, or not for what it is there`;
  return { code: "operation-removed", text, resource: resource.id };
}

function reloadReason(cluster: Cluster, recorder: Recorder, resource: Resource): Reason {
  const changed = changedParameters(cluster, recorder, resource);
  return { ...changed, text: `${changed.text}, and it can take that over while it runs` };
}

function deleteReason(resource: Resource, node: Node | undefined): Reason {
  const about = { resource: resource.id, ...(node === undefined ? {} : { node: node.name }) };
  if (resource.removed) return { code: "removed", text: "it is no longer configured", ...about };
  if (agentDiffers(resource)) {
    return {
      code: "agent-changed",
      text: "its agent is another one now, and the old one leaves nothing behind",
      ...about,
    };
  }
  return { code: "history-outdated", text: `what is recorded of it on ${node?.name} is out of date`, ...about };
}

function clearReason(resource: Resource, node: Node | undefined): Reason {
  if (resource.removed) return { code: "removed", text: "it is no longer configured", resource: resource.id };
  const where = node === undefined ? "" : ` on ${node.name}`;
  return {
    code: "failures-outdated",
    text: `its failures${where} no longer count (failure-timeout, or changed since)`,
    resource: resource.id,
  };
}

function monitorReason(intervalMs: number): Reason {
  return intervalMs === 0 ? PROBE : { code: "monitor", text: `it is to be watched every ${intervalMs / 1000} s` };
}

/** Why a resource is started, stopped or moved. */
function changeReason(cluster: Cluster, recorder: Recorder, resource: Resource, action: Action): Reason {
  const { assigned } = resource;
  const current = currentNode(resource);
  if (current === undefined && resource.activeNodes.length === 0)
    return startReason(cluster, recorder, resource, action);
  if (assigned === undefined || resource.nextRole === Role.Stopped)
    return stopReason(cluster, recorder, resource, action);
  if (resource.activeNodes.length > 1 && resource.partialMigrationTarget === undefined) {
    const names = resource.activeNodes.map((node) => node.name);
    return {
      code: "multiple-active",
      text: `it is active on several nodes at once (${names.join(", ")})`,
      resource: resource.id,
    };
  }
  const start = newestAction(resource, "start", assigned);
  if (action.task === "stop" && start !== undefined && !hasFlag(start, Flag.Runnable)) {
    const [blocked] = impossibleWhy(cluster, recorder, start);
    if (blocked !== undefined && !["stop-impossible", "circular"].includes(blocked.code)) return blocked;
  }
  if (current !== undefined && current !== assigned) return moveReason(cluster, recorder, resource, current, assigned);
  return restartReason(cluster, recorder, resource, action);
}

function dependency(cluster: Cluster, recorder: Recorder, action: Action, blocked: boolean): Reason | undefined {
  const effects = blocked ? (["needed", "impossible"] as const) : (["needed"] as const);
  for (const effect of effects) {
    const found = dependencyReason(cluster, recorder, action, effect, (from) => actionCause(cluster, recorder, from));
    if (found !== undefined) return found;
  }
  return undefined;
}

function startReason(cluster: Cluster, recorder: Recorder, resource: Resource, action: Action): Reason {
  const other = dependency(cluster, recorder, action, false);
  const fenced = lostWith(resource, cluster);
  if (fenced !== undefined) return fenced;
  if (other !== undefined && other.code !== "dependency-blocked") return other;
  const where = resource.assigned?.name ?? "";
  const top = topResource(resource);
  if (top.variant === Variant.Clone) {
    const { configId } = outermost(top);
    const text = `${where} is to have an instance of ${configId} and has none`;
    return { code: "not-running", text, resource: configId, node: where };
  }
  return { code: "not-running", text: "it should run and runs nowhere", resource: resource.configId };
}

/** What is thought to have failed although nothing of it did: because of where it runs. */
function lostReason(resource: Resource): Reason {
  const guest = resource.activeNodes.find((node) => isGuestNode(node));
  const inside = guest === undefined ? undefined : launcherOf(guest);
  if (guest === undefined || inside === undefined) return { code: "failed", text: "it failed", resource: resource.id };
  const text = `${inside.id}, in which its node ${guest.name} runs, failed or was lost`;
  return { code: "guest-failed", text, resource: inside.id, node: guest.name };
}

/** What failed before is started again, which says more than that it does not run. */
function lostWith(resource: Resource, cluster: Cluster): Reason | undefined {
  return resource.failed ? failureReason(cluster, resource) : undefined;
}

function stopReason(cluster: Cluster, recorder: Recorder, resource: Resource, action: Action): Reason {
  if (resource.removed) return { code: "removed", text: "it is no longer configured", resource: resource.id };
  const asked = targetRoleReason(cluster, resource);
  if (asked !== undefined) return asked;
  if (cluster.properties.stopAll) return stopAllReason(cluster);
  if (resource.activeNodes.length > 1 && resource.multipleActive === "stop_only") {
    const id = metaElement(cluster, resource, "multiple-active");
    const text = `it is active on several nodes at once (multiple-active=stop_only)${idText(id)}`;
    return { code: "multiple-active", text, ...(id === undefined ? {} : { element: id }) };
  }
  const other = resource.assigned === undefined ? undefined : dependency(cluster, recorder, action, true);
  if (other !== undefined) return other;
  if (
    lacksQuorum(cluster) &&
    /quorum/.test(newestAction(resource, "start", undefined)?.reason ?? action.reason ?? "")
  ) {
    return noQuorum(cluster);
  }
  const everywhere = missingEverywhere(cluster, resource);
  if (everywhere !== undefined) return everywhere;
  const nowhere = whyNowhere(cluster, recorder, resource);
  const current = action.node ?? resource.activeNodes[0];
  const here = current === undefined ? undefined : whyNotOn(cluster, recorder, resource, current);
  const [first] = nowhere;
  if (here === undefined || first === undefined || nowhere.length === 1) {
    return first ?? { code: "no-node", text: "no node is left that may run it", resource: resource.id };
  }
  const because = nowhere.filter((reason) => reason.text !== here.text);
  return { ...here, text: `${here.text}, and no other node may run it`, because };
}

function moveReason(cluster: Cluster, recorder: Recorder, resource: Resource, current: Node, assigned: Node): Reason {
  const failure = resource.failed ? failureReason(cluster, resource) : undefined;
  const excluded = whyNotOn(cluster, recorder, resource, current);
  if (excluded !== undefined && failure === undefined) return excluded;
  if (failure !== undefined) {
    const more = excluded === undefined || excluded.code === "failed-for-good" ? "" : `, and ${excluded.text}`;
    return { ...failure, text: `${failure.text}${more}` };
  }
  const attracted = attraction(recorder, resource, current, assigned);
  if (attracted !== undefined) return attracted;
  const [here, there] = [scoreOf(resource.allowed, current), resource.assignedScore];
  if (there >= INFINITY) return { code: "better-node", text: `it must be on ${assigned.name}`, node: assigned.name };
  if (there === here) {
    const hold = `nothing holds it on ${current.name} (resource-stickiness ${resource.stickiness})`;
    return { code: "equal-node", text: `${assigned.name} suits it as well, and ${hold}`, node: assigned.name };
  }
  const numbers =
    there > here && here >= -INFINITY
      ? ` (score ${formatScore(there)} there, ${formatScore(here)} on ${current.name})`
      : "";
  return { code: "better-node", text: `${assigned.name} suits it better now${numbers}`, node: assigned.name };
}

function restartReason(cluster: Cluster, recorder: Recorder, resource: Resource, action: Action): Reason {
  if (resource.failed) {
    return failureReason(cluster, resource) ?? lostReason(resource);
  }
  const start = newestAction(resource, "start", resource.assigned);
  const both = [action, start].filter((one) => one !== undefined);
  if (lacksQuorum(cluster) && both.some((one) => /quorum/.test(one.reason ?? ""))) return noQuorum(cluster);
  if (recorder.changed.has(resource)) return changedParameters(cluster, recorder, resource);
  for (const one of both) {
    const other = dependency(cluster, recorder, one, true);
    if (other !== undefined) return other;
  }
  const inside = resource.launched.find((launched) => launched.failed);
  if (inside !== undefined) {
    return { code: "failed", text: `${inside.id}, which runs in it, failed`, resource: inside.id };
  }
  const interrupted = migrationReason(resource, action);
  if (interrupted !== undefined) return interrupted;
  if (agentDiffers(resource)) {
    return { code: "agent-changed", text: "its agent is another one now", resource: resource.configId };
  }
  if (resource.startPending) {
    const text = "its start was begun and has not been seen to end";
    return { code: "start-pending", text, resource: resource.id };
  }
  return { code: "restart", text: "it has to be restarted", resource: resource.id };
}

/** What a live migration that was not finished leaves behind. */
function migrationReason(resource: Resource, action: Action): Reason | undefined {
  const [source] = resource.danglingMigrationSources;
  if (source !== undefined) {
    const text = `a live migration of it from ${source.name} was not finished, so it has to be stopped there`;
    return { code: "migration-unfinished", text, resource: resource.id, node: source.name };
  }
  const ids = [resource.id, resource.historyId, resource.configId];
  const began = action.cluster.sortedNodes.find((node) =>
    node.history.some(
      (entry) => ids.includes(entry.id) && entry.operations.some(({ task }) => /^migrate_(to|from)$/.test(task)),
    ),
  );
  if (began === undefined) return undefined;
  const text = "a live migration of it did not come to its end";
  return { code: "migration-unfinished", text, resource: resource.id, node: began.name };
}

function promoteReason(cluster: Cluster, recorder: Recorder, resource: Resource, action: Action): Reason {
  if (resource.role === Role.Promoted) return changeReason(cluster, recorder, resource, action);
  const top = topResource(resource);
  const previous = top.children.find((child) => child.role === Role.Promoted && child.nextRole !== Role.Promoted);
  const { promotionPriority: score } = resource.parent === top ? resource : (resource.parent ?? resource);
  const wish = score > 0 ? ` and its promotion score is the best (${score >= INFINITY ? "INFINITY" : score})` : "";
  const need = previous === undefined ? `${top.id} needs a promoted instance` : `${previous.id} is to be it no longer`;
  return { code: "promotion", text: `${need}${wish}`, resource: top.id, score };
}

function demoteReason(cluster: Cluster, recorder: Recorder, resource: Resource, action: Action): Reason {
  if (resource.nextRole !== Role.Unpromoted) return changeReason(cluster, recorder, resource, action);
  if (resource.failed) return failureReason(cluster, resource) ?? lostReason(resource);
  const asked = roleLimit(cluster, resource);
  if (asked !== undefined) return asked;
  const top = topResource(resource);
  const tickets = layers(resource).flatMap((part) => part.tickets);
  const lost = tickets.find(({ ticket }) => !ticket.granted || ticket.standby);
  if (lost !== undefined) return ticketReason(lost);
  const other = dependency(cluster, recorder, action, true);
  if (other !== undefined) return other;
  if (lacksQuorum(cluster)) return noQuorum(cluster);
  const decided = layers(resource)
    .map((part) => recorder.promotions.get(part))
    .find((reason) => reason !== undefined);
  if (decided !== undefined && /forbidden|target-role/.test(decided.code)) return decided;
  const next = top.children.find((child) => child !== resource && child.nextRole === Role.Promoted);
  if (next !== undefined) {
    return { code: "promotion", text: `${next.id} is to be promoted instead`, resource: next.id };
  }
  const place = resource.assigned;
  const excluded = place === undefined ? undefined : whyNotOn(cluster, recorder, resource, place);
  return decided ?? excluded ?? { code: "promotion", text: "it is not to be promoted", resource: top.configId };
}
