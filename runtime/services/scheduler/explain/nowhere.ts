// Why a resource is nowhere, or stays as it is: what holds for all nodes, or what each of them has against it.

import { INFINITY } from "../../../model/score.ts";
import { isTrue, sameText } from "../../../model/text.ts";
import { ABSENT } from "../node-table.ts";
import type { Cluster, Node, Resource } from "../state.ts";
import { layers } from "./action-notes.ts";
import { idText, metaElement, nodeAttributeElement, propertyElement } from "./option-elements.ts";
import { dependentAgainst, exclusionReason, missingEverywhere } from "./place-cause.ts";
import { failureReason, nodeReason, type Reason, targetRoleReason, ticketReason } from "./reason.ts";
import type { Contribution, Recorder } from "./recorder.ts";

function noDevice(cluster: Cluster): Reason {
  const id = propertyElement(cluster, "fencing-enabled");
  const text = `fencing is enabled${idText(id)} and there is no fence device, so nothing is changed`;
  return about("no-fence-device", "fencing-enabled", text, id);
}

/** What was noted of a resource's score on a node. */
export function contributionsOn(recorder: Recorder, resource: Resource, node: Node): Contribution[] {
  return (recorder.contributions.get(resource) ?? []).filter((entry) => entry.node === node);
}

/** The score that decided; undefined where the node was not in question. */
export function scoreFor(recorder: Recorder, resource: Resource, node: Node): number | undefined {
  const score = recorder.choices.get(resource)?.scores[node.index] ?? resource.allowed.scores[node.index] ?? ABSENT;
  return score === ABSENT ? undefined : score;
}

/** What took a node out of question, as it was noted; of several, the first that forbade it. */
export function recordedBan(cluster: Cluster, recorder: Recorder, resource: Resource, node: Node): Reason | undefined {
  const entries = contributionsOn(recorder, resource, node);
  const forbidding = entries.find((entry) => entry.after <= -INFINITY) ?? entries.find((entry) => entry.after < 0);
  if (forbidding?.reason.code !== "dependent") return forbidding?.reason;
  // What the dependent has against the node says more than that it has something.
  return dependentAgainst(cluster, resource, node) ?? forbidding.reason;
}

/** Why nothing may be done about a resource; empty when it is managed. */
export function unmanagedWhy(cluster: Cluster, resource: Resource): Reason[] {
  const { fencingEnabled, maintenance } = cluster.properties;
  if (fencingEnabled && !cluster.haveFencing) return [noDevice(cluster)];
  if (maintenance) {
    const id = propertyElement(cluster, "maintenance-mode");
    return [about("maintenance-mode", "maintenance-mode", `maintenance-mode is true${idText(id)}`, id)];
  }
  const node = resource.activeNodes.find((one) => one.maintenance);
  if (node !== undefined) {
    const id = nodeAttributeElement(cluster, node, "maintenance");
    return [
      {
        ...about("node-maintenance", "maintenance", `${node.name} is in maintenance${idText(id)}`, id),
        node: node.name,
      },
    ];
  }
  if (resource.removed) return [removedWhy(cluster, resource)];
  return [...blockedWhy(cluster, resource), ...optionWhy(cluster, resource)];
}

function removedWhy(cluster: Cluster, resource: Resource): Reason {
  const option = "stop-orphan-resources";
  const id = propertyElement(cluster, option);
  const text = `it is no longer configured, and ${option} is false${idText(id)}`;
  return { ...about("removed", option, text, id), resource: resource.id };
}

/** The same for a failure, a lost ticket or a second place that forbids all further action. */
function blockedWhy(cluster: Cluster, resource: Resource): Reason[] {
  if (!resource.blocked) return [];
  for (const part of layers(resource)) {
    const frozen = part.tickets.find(({ ticket, lossPolicy }) => lossPolicy === "freeze" && !ticket.granted);
    if (frozen === undefined) continue;
    const reason = ticketReason(frozen);
    return [{ ...reason, text: `${reason.text}, and nothing may be done about it then (loss-policy=freeze)` }];
  }
  if (resource.activeNodes.length > 1 && resource.multipleActive === "block") {
    const names = resource.activeNodes.map(({ name }) => name).join(", ");
    const id = metaElement(cluster, resource, "multiple-active");
    const text = `it is active on several nodes at once (${names}; multiple-active=block)${idText(id)}`;
    return [about("multiple-active", "multiple-active", text, id)];
  }
  const failure = failureReason(cluster, resource);
  if (failure === undefined) return blockedWithSibling(cluster, resource);
  return [{ ...failure, text: `${failure.text}, and nothing may be done about it (on-fail=block)` }];
}

/** In a group or bundle, what blocks one member blocks all. */
function blockedWithSibling(cluster: Cluster, resource: Resource): Reason[] {
  const sibling = resource.parent?.children.find((one) => one !== resource && one.activeNodes.length > 1);
  if (sibling === undefined) return [];
  const [why] = blockedWhy(cluster, sibling);
  if (why === undefined) return [];
  const text = `${sibling.id} beside it: ${why.text}`;
  return [{ ...why, text, resource: sibling.id }];
}

function optionWhy(cluster: Cluster, resource: Resource): Reason[] {
  for (const name of ["maintenance", "is-managed"]) {
    const unwanted = name === "maintenance";
    const value = resource.meta.get(name);
    const set = unwanted ? isTrue(value) : value !== undefined && !isTrue(value);
    if (!set) continue;
    const owner = layers(resource).findLast((part) => sameText(part.meta.get(name), value)) ?? resource;
    const id = metaElement(cluster, resource, name);
    const text = `${name} of ${owner.configId} is ${value}${idText(id)}`;
    return [{ ...about(name, name, text, id), resource: owner.configId }];
  }
  return [];
}

function about(code: string, option: string, text: string, id: string | undefined): Reason {
  return { code, text, option, ...(id === undefined ? {} : { element: id }) };
}

/** What keeps a resource off a node: as it was noted, or else as the state tells. */
export function whyNotOn(cluster: Cluster, recorder: Recorder, resource: Resource, node: Node): Reason | undefined {
  const unusable = nodeReason(cluster, node);
  if (unusable !== undefined) return unusable;
  const score = scoreFor(recorder, resource, node);
  const noted = score === undefined || score >= 0 ? undefined : recordedBan(cluster, recorder, resource, node);
  return noted ?? exclusionReason(cluster, resource, node);
}

/** Why a resource is nowhere. Never empty. */
export function whyNowhere(cluster: Cluster, recorder: Recorder, resource: Resource): Reason[] {
  const asked = targetRoleReason(cluster, resource);
  if (asked !== undefined) return [asked];
  if (cluster.properties.fencingEnabled && !cluster.haveFencing) return [noDevice(cluster)];
  if (cluster.properties.stopAll) return [stopAllReason(cluster)];
  const placed = recorder.choices.get(resource);
  if (placed?.node === undefined && placed?.tie !== undefined) {
    const because = resource.managed ? [] : unmanagedWhy(cluster, resource);
    return [because.length === 0 ? placed.tie : { ...placed.tie, because }];
  }
  const everywhere = new Map<string, Reason>();
  for (const node of cluster.sortedNodes) {
    const reason = whyNotOn(cluster, recorder, resource, node);
    if (reason !== undefined) everywhere.set(reason.text, reason);
  }
  if (everywhere.size > 0) return [...everywhere.values()];
  const general = missingEverywhere(cluster, resource) ?? failureReason(cluster, resource);
  return [general ?? { code: "no-node", text: "no node is left that may run it" }];
}

/** All is to be stopped. */
export function stopAllReason(cluster: Cluster): Reason {
  const id = propertyElement(cluster, "stop-all-resources");
  return about("stop-all", "stop-all-resources", `stop-all-resources is true${idText(id)}`, id);
}
