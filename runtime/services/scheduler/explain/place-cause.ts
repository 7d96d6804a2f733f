// Why a resource may not be on a node, or nowhere at all: the first thing that forbids it, the gravest first.

import { formatScore, INFINITY } from "../../../model/score.ts";
import { thisWithColocations } from "../colocation-scores.ts";
import { ABSENT, scoreOf } from "../node-table.ts";
import { type Cluster, type Location, type Node, type Resource, Role } from "../state.ts";
import { thresholdReached } from "../thresholds.ts";
import { contains, isBundleNode, onlyNode, outermost } from "../tree.ts";
import { connectionReason, kindReason } from "./kind-cause.ts";
import { idText, propertyElement } from "./option-elements.ts";
import {
  failureReason,
  failuresReason,
  locationReason,
  nodeReason,
  placesOf,
  type Reason,
  roomReason,
  ticketReason,
  withReason,
} from "./reason.ts";
import type { Contribution, Recorder } from "./recorder.ts";

/** What keeps a resource off a node; undefined when nothing forbids it there. */
export function exclusionReason(cluster: Cluster, resource: Resource, node: Node): Reason | undefined {
  const unusable = nodeReason(cluster, node);
  if (unusable !== undefined) return unusable;
  const score = scoreOf(resource.allowed, node);
  if (score >= 0) return undefined;
  if (score === ABSENT) return insideBundle(resource, node) ?? notInQuestion(cluster, resource, node);
  return (
    tooManyFailures(cluster, resource, node) ??
    forbiddingLocation(cluster, resource, node) ??
    ticketMissing(resource) ??
    colocationAgainst(cluster, resource, node) ??
    dependentAgainst(cluster, resource, node) ??
    failedForGood(cluster, resource, node) ??
    instancesEnough(resource, node) ??
    insideBundle(resource, node) ??
    noCapacity(cluster, resource, node) ??
    baseScore(node) ?? {
      code: score <= -INFINITY ? "banned" : "negative-score",
      text:
        score <= -INFINITY
          ? `other constraints keep it off ${node.name}`
          : `${node.name} has a score below zero for it (${score})`,
      node: node.name,
      score,
    }
  );
}

/** A node that is in no table of the resource's. */
function notInQuestion(cluster: Cluster, resource: Resource, node: Node): Reason {
  if (cluster.properties.symmetric) return kindReason(resource, node);
  const id = propertyElement(cluster, "symmetric-cluster");
  return {
    code: "not-allowed",
    text: `nothing allows it on ${node.name} (symmetric-cluster=false)${idText(id)}`,
    node: node.name,
    ...(id === undefined ? {} : { element: id }),
  };
}

/** What a node begins with, before anything speaks for or against it. */
function baseScore({ name, baseScore: score }: Node): Reason | undefined {
  if (score >= 0) return undefined;
  return { code: "base-score", text: `the score of ${name} itself is ${formatScore(score)}`, node: name, score };
}

/** Only what belongs into a bundle runs inside of it. */
function insideBundle(resource: Resource, node: Node): Reason | undefined {
  const connection = node.remote;
  if (connection === undefined || !isBundleNode(node)) return undefined;
  const bundle = outermost(connection);
  const rest =
    outermost(resource) === bundle ? "and it belongs elsewhere in that" : "where only what belongs to that runs";
  const text = `${node.name} is inside of ${bundle.id}, ${rest}`;
  return { code: "bundle-node", text, node: node.name, resource: bundle.id };
}

function tooManyFailures(cluster: Cluster, resource: Resource, node: Node): Reason | undefined {
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    if (thresholdReached(cluster, part, node) !== undefined) return failuresReason(cluster, part, node);
  }
  return undefined;
}

function locationsOf(resource: Resource): Location[] {
  const list: Location[] = [];
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) list.push(...part.locations);
  return list;
}

function forbiddingLocation(cluster: Cluster, resource: Resource, node: Node): Reason | undefined {
  let worst: Reason | undefined;
  for (const location of locationsOf(resource)) {
    if (location.role > Role.Started) continue;
    const score = location.nodes.find((entry) => entry.node === node)?.score ?? 0;
    if (score < (worst?.score ?? 0)) worst = locationReason(cluster, location, node, score);
  }
  return worst;
}

function ticketMissing(resource: Resource): Reason | undefined {
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    for (const constraint of part.tickets) {
      const { ticket, role } = constraint;
      if (role !== Role.Promoted && (!ticket.granted || ticket.standby)) return ticketReason(constraint);
    }
  }
  return undefined;
}

function colocationAgainst(cluster: Cluster, resource: Resource, node: Node): Reason | undefined {
  for (const colocation of thisWithColocations(resource)) {
    const there = placesOf(colocation.primary, colocation.primaryRole).includes(node);
    if (colocation.score >= INFINITY ? !there : colocation.score < 0 && there) return withReason(cluster, colocation);
  }
  return undefined;
}

/** With a placement strategy, what nothing else forbids is a matter of capacity. */
function noCapacity(cluster: Cluster, resource: Resource, node: Node): Reason | undefined {
  if (cluster.properties.placement === "default" || resource.utilization.size === 0) return undefined;
  const text = `${node.name} has too little capacity left for it`;
  return { code: "utilization", text, node: node.name };
}

/** A clone has as many instances there as it may. */
function instancesEnough(resource: Resource, node: Node): Reason | undefined {
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    const { clone, allowed, id } = part;
    if (clone === undefined || clone.cloneNodeMax < 1) continue;
    if ((allowed.counts[node.index] ?? 0) >= clone.cloneNodeMax) return roomReason(id, clone.cloneNodeMax, node);
  }
  return undefined;
}

/** What speaks most for moving from one node to another, of all that was noted. */
export function attraction(recorder: Recorder, resource: Resource, from: Node, to: Node): Reason | undefined {
  const entries = recorder.contributions.get(resource) ?? [];
  const sum = (node: Node, key: string) =>
    entries.reduce((all, entry) => (entry.node === node && keyOf(entry.reason) === key ? all + gain(entry) : all), 0);
  let best: { readonly reason: Reason; readonly more: number } | undefined;
  for (const entry of entries) {
    if (entry.node !== to && entry.node !== from) continue;
    const key = keyOf(entry.reason);
    const more = sum(to, key) - sum(from, key);
    if (more > (best?.more ?? 0)) best = { reason: entry.reason, more };
  }
  return best?.reason;
}

function keyOf({ code, constraint, resource }: Reason): string {
  return `${code.replace("-ban", "")} ${constraint ?? ""} ${resource ?? ""}`;
}

function gain({ before, after }: Contribution): number {
  return after - (before ?? 0);
}

/** What has to be with a resource, however many constraints lie between, may forbid a node to it. */
export function dependentAgainst(cluster: Cluster, resource: Resource, node: Node): Reason | undefined {
  for (const other of resource.methods.colocated(resource, undefined, [])) {
    if (other === resource || contains(other, resource)) continue;
    const reason =
      connectionReason(other, node) ??
      tooManyFailures(cluster, other, node) ??
      forbiddingLocation(cluster, other, node) ??
      failedForGood(cluster, other, node);
    if (reason === undefined) continue;
    const text = `${other.id} has to be with it and may not run on ${node.name}: ${reason.text.replace(/^its /, "the ")}`;
    // What a node is stays as it is, whoever has it against the node.
    const code = reason.code === "remote-node" ? reason.code : "dependent";
    return { ...reason, code, text, resource: other.id };
  }
  return undefined;
}

function failedForGood(cluster: Cluster, resource: Resource, node: Node): Reason | undefined {
  const failure = failureReason(cluster, resource, node);
  return failure === undefined ? undefined : { ...failure, code: "failed-for-good" };
}

/** What is missing everywhere alike: a ticket, or what it must be with. */
export function missingEverywhere(cluster: Cluster, resource: Resource): Reason | undefined {
  return ticketMissing(resource) ?? missingPrimary(cluster, resource);
}

function missingPrimary(cluster: Cluster, resource: Resource): Reason | undefined {
  for (const colocation of thisWithColocations(resource)) {
    if (colocation.score < INFINITY) continue;
    const { primary } = colocation;
    const somewhere = onlyNode(primary, "assigned") ?? primary.children.find((child) => onlyNode(child, "assigned"));
    if (somewhere === undefined) return withReason(cluster, colocation);
  }
  return undefined;
}
