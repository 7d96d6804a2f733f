// Brings what was noted while deciding into one picture: for each resource instance what speaks for its place, and for each other
// node what spoke against that.

import { addScores, formatScore, INFINITY } from "../../../model/score.ts";
import { hasFlag } from "../action.ts";
import { nodeUsable } from "../node-table.ts";
import { roleText } from "../roles.ts";
import { type Cluster, Flag, type Node, type Resource, Role } from "../state.ts";
import { isClone, stripInstance, topResource } from "../tree.ts";
import { type ActionExplanation, explainActions, explainNodeActions } from "./action-explanation.ts";
import { contributionsOn, scoreFor, unmanagedWhy, whyNotOn, whyNowhere } from "./nowhere.ts";
import { nodeReason, type Reason } from "./reason.ts";
import type { Contribution, Recorder } from "./recorder.ts";

/** What one reason did to a score. */
export interface ScoreStep {
  /** What was added; the ends of the scale mean never and always. */
  readonly change: number;
  /** The score after it. */
  readonly score: number;
  readonly reason: Reason;
}

/** What a node is for a resource instance. */
export interface NodeExplanation {
  readonly node: string;
  /** The score that decided; absent when the node was not in question at all. */
  readonly score?: number;
  readonly steps: readonly ScoreStep[];
  /** Why it is not here; absent for the node that was chosen. */
  readonly excluded?: Reason;
}

/** A resource instance, where it shall be, and why. */
export interface InstanceExplanation {
  /** Instance id, with `:N` for instances of clones. */
  readonly resource: string;
  readonly node?: string;
  readonly role: string;
  readonly activeOn: readonly string[];
  /** Of a clone or bundle: what there may be only so many of on a node. */
  readonly room?: { readonly of: string; readonly most: number };
  /** What speaks for this place, or why there is none. Never empty. */
  readonly because: readonly Reason[];
  /** By name. */
  readonly nodes: readonly NodeExplanation[];
  /** What is done with it, or cannot be; in the order in which it happens. */
  readonly actions: readonly ActionExplanation[];
}

/** All that is to be said of a plan. */
export interface ClusterExplanation {
  readonly instances: readonly InstanceExplanation[];
  /** Fencing and clean leaving. */
  readonly nodeActions: readonly ActionExplanation[];
}

/** Explains all instances, and leaves the reasons of each with it. */
export function explainCluster(cluster: Cluster, recorder: Recorder): ClusterExplanation {
  const list: InstanceExplanation[] = [];
  const visit = (resource: Resource): void => {
    for (const child of resource.children) visit(child);
    if (resource.children.length > 0) return;
    const isGone = resource.removed && resource.activeNodes.length === 0;
    if (isGone && !resource.actions.some((action) => hasFlag(action, Flag.InGraph))) return;
    const explained = explainInstance(cluster, recorder, resource);
    resource.causes = explained.because.map(({ code, text }) => ({ code, text }));
    list.push(explained);
  };
  for (const resource of cluster.resources) visit(resource);
  return { instances: list, nodeActions: explainNodeActions(cluster, recorder) };
}

function explainInstance(cluster: Cluster, recorder: Recorder, resource: Resource): InstanceExplanation {
  const { assigned, nextRole } = resource;
  const placed = nextRole === Role.Stopped ? undefined : assigned;
  const nodes = cluster.sortedNodes
    .filter((node) => node !== placed || recorder.choices.has(resource))
    .map((node) => explainNode(cluster, recorder, resource, node));
  return {
    resource: resource.id,
    ...(placed === undefined ? {} : { node: placed.name }),
    role: placed === undefined ? "Stopped" : roleText(nextRole === Role.Unknown ? Role.Started : nextRole),
    activeOn: resource.activeNodes.map((node) => node.name),
    ...roomOf(resource),
    because:
      placed === undefined ? whyNowhere(cluster, recorder, resource) : whyHere(cluster, recorder, resource, placed),
    nodes,
    actions: explainActions(cluster, recorder, resource),
  };
}

function roomOf(resource: Resource): Pick<InstanceExplanation, "room"> {
  const top = topResource(resource);
  if (resource.replicaContainer && top.bundle !== undefined)
    return { room: { of: top.id, most: top.bundle.replicasPerHost } };
  return top.clone === undefined ? {} : { room: { of: stripInstance(resource.id), most: top.clone.cloneNodeMax } };
}

/** What an entry added; from or to an end of the scale it is that end. */
function changeOf({ before, after }: Contribution): number {
  if (after >= INFINITY || after <= -INFINITY) return after;
  return before === undefined || before <= -INFINITY ? after : addScores(after, -before);
}

function explainNode(cluster: Cluster, recorder: Recorder, resource: Resource, node: Node): NodeExplanation {
  const score = scoreFor(recorder, resource, node);
  const steps = contributionsOn(recorder, resource, node).map((entry) => ({
    change: changeOf(entry),
    score: entry.after,
    reason: entry.reason,
  }));
  const chosen = resource.nextRole !== Role.Stopped && resource.assigned === node;
  return {
    node: node.name,
    ...(score === undefined ? {} : { score }),
    steps,
    ...(chosen ? {} : { excluded: whyNotHere(cluster, recorder, resource, node) }),
  };
}

function whyNotHere(cluster: Cluster, recorder: Recorder, resource: Resource, node: Node): Reason {
  const unusable = nodeReason(cluster, node);
  if (unusable !== undefined) return unusable;
  const score = scoreFor(recorder, resource, node);
  if (score === undefined || score < 0) {
    return (
      whyNotOn(cluster, recorder, resource, node) ?? {
        code: "banned",
        text: `it may not run on ${node.name}`,
        node: node.name,
      }
    );
  }
  const tie = recorder.choices.get(resource)?.tie;
  const { assigned } = resource;
  if (!resource.managed && tie !== undefined) return unmanagedWhy(cluster, resource)[0] ?? tie;
  if (assigned === undefined || resource.nextRole === Role.Stopped) {
    return whyNowhere(cluster, recorder, resource)[0] ?? { code: "stopped", text: "it is not to run" };
  }
  const best = scoreFor(recorder, resource, assigned) ?? resource.assignedScore;
  if (best > score) {
    const text = `${assigned.name} has a better score (${formatScore(best)} against ${formatScore(score)})`;
    return { code: "lower-score", text, node: node.name, score };
  }
  const breaker = /would do as well, but (.+)$/.exec(tie?.text ?? "")?.[1];
  if (tie !== undefined && breaker !== undefined) {
    return { ...tie, text: `all is equal, but ${breaker}`, node: node.name };
  }
  return { code: "other-node", text: `${assigned.name} was taken first`, node: node.name };
}

function whyHere(cluster: Cluster, recorder: Recorder, resource: Resource, node: Node): Reason[] {
  const reasons: Reason[] = [];
  const tie = recorder.choices.get(resource)?.tie;
  if (!resource.managed && tie !== undefined) return [withCauses(tie, unmanagedWhy(cluster, resource))];
  for (const entry of contributionsOn(recorder, resource, node)) {
    if (entry.after > (entry.before ?? 0)) reasons.push(entry.reason);
  }
  reasons.push(...mandatoryPartners(recorder, resource, node));
  const promotion = promotionOf(recorder, resource);
  if (promotion !== undefined) reasons.push(promotion);
  if (tie !== undefined) reasons.push(tie);
  const others = cluster.sortedNodes.filter((other) => other !== node);
  const open = others.filter((other) => nodeUsable(other) && (scoreFor(recorder, resource, other) ?? -1) >= 0);
  const bound = reasons.some(({ code }) => code === "colocation" || code === "member" || code === "bundle");
  if (open.length === 0 && !bound) {
    const text = others.length === 0 ? "there is no other node" : "no other node may run it now";
    reasons.push({ code: "only-node", text, node: node.name });
  }
  const seen = new Set<string>();
  const unique = reasons.filter(({ text }) => !seen.has(text) && seen.add(text));
  return unique.length > 0 ? unique : [nothingSpecial(resource, node)];
}

function withCauses(reason: Reason, because: readonly Reason[]): Reason {
  return because.length === 0 ? reason : { ...reason, because };
}

function nothingSpecial(resource: Resource, node: Node): Reason {
  if (isClone(topResource(resource))) {
    const { configId } = topResource(resource);
    return { code: "clone", text: `${configId} is to have an instance on ${node.name}`, node: node.name };
  }
  return { code: "best-score", text: `${node.name} has the best score`, node: node.name };
}

/** Having to be with something shows in the other nodes' scores, not in that of its node. */
function mandatoryPartners(recorder: Recorder, resource: Resource, node: Node): Reason[] {
  const reasons: Reason[] = [];
  for (const entry of recorder.contributions.get(resource) ?? []) {
    const { code, resource: partner } = entry.reason;
    if (entry.node === node || entry.after > -INFINITY || partner === undefined) continue;
    if (code === "colocation" || code === "member") reasons.push(entry.reason);
  }
  return reasons;
}

/** Of the instance that the resource stands in. */
function promotionOf(recorder: Recorder, resource: Resource): Reason | undefined {
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    const reason = recorder.promotions.get(part);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
