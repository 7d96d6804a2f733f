// The stages of a run, one after the other: preferences, places, actions, orders, graph.

import { childNamed } from "../../kernel/cib/element.ts";
import { addScores, INFINITY, parseScore } from "../../model/score.ts";
import { isTrue } from "../../model/text.ts";
import { applyOrderings } from "./apply-orderings.ts";
import { sortNodes } from "./choose-node.ts";
import { clearRemovedFailures, handleConfigChanges, runDelayedChecks } from "./config-changes.ts";
import { unpackColocation } from "./constraint-colocation.ts";
import { applyLocations, newLocation, unpackLocation } from "./constraint-location.ts";
import { unpackOrder } from "./constraint-order.ts";
import { ignoreConstraint } from "./constraint-sets.ts";
import { unpackTicket } from "./constraint-ticket.ts";
import { explainCluster } from "./explain/explanation.ts";
import { scheduleFencing } from "./fencing.ts";
import { findActionsOn } from "./find-actions.ts";
import { collectGraph, exportGraph } from "./graph.ts";
import { addLocation } from "./location-scores.ts";
import { ABSENT, has } from "./node-table.ts";
import { scheduleProbes } from "./probes.ts";
import { orderRemoteActions } from "./remote-orders.ts";
import { roleText } from "./roles.ts";
import type { PlacedRole, Placement, Schedule } from "./schedule.ts";
import { showCapacities } from "./score-lines.ts";
import { type Cluster, type Node, type NodeTable, ProbeMode, type Resource, Role } from "./state.ts";
import { summarize } from "./summary.ts";
import { thresholdReached } from "./thresholds.ts";
import { currentNode, topResource } from "./tree.ts";

/** Decides everything. */
export function planCluster(cluster: Cluster): void {
  applyHealth(cluster);
  unpackConstraints(cluster);
  applyPreferences(cluster);
  for (const resource of cluster.resources) resource.methods.internalConstraints(resource);
  handleConfigChanges(cluster);
  assignAll(cluster);
  runDelayedChecks(cluster);
  if (cluster.properties.startupProbes) scheduleProbes(cluster);
  if (cluster.properties.stopRemoved) clearRemovedFailures(cluster);
  for (const resource of cluster.resources) resource.methods.createActions(resource);
  orderRemoteActions(cluster);
  scheduleFencing(cluster);
  applyOrderings(cluster);
  // Before notifications are added, which are of no interest to people.
  cluster.summary = summarize(cluster);
  collectGraph(cluster);
}

/** Nodes that are not well are avoided (node-health-strategy). */
function applyHealth(cluster: Cluster): void {
  const { healthStrategy: strategy, healthBase, colors } = cluster.properties;
  if (strategy === "none") return;
  for (const node of cluster.sortedNodes) {
    let health = strategy === "progressive" ? healthBase : 0;
    for (const [name, value] of node.attributes) {
      if (name.startsWith("#health")) health = addScores(parseScore(value, colors) ?? 0, health);
    }
    if (health === 0) continue;
    for (const resource of cluster.resources) {
      if (health < 0 && isTrue(resource.meta.get("allow-unhealthy-nodes"))) continue;
      newLocation(cluster, strategy, resource, Role.Unknown, undefined, [{ node, score: health }]);
    }
  }
}

function unpackConstraints(cluster: Cluster): void {
  const section = childNamed(childNamed(cluster.cib, "configuration"), "constraints");
  for (const constraint of section?.children ?? []) {
    if (constraint.attributes["id"] === undefined) {
      ignoreConstraint(cluster, undefined, `a <${constraint.name}> has no id`);
      continue;
    }
    switch (constraint.name) {
      case "rsc_location":
        unpackLocation(cluster, constraint);
        break;
      case "rsc_colocation":
        cluster.explain?.actions.reads(constraint);
        unpackColocation(cluster, constraint);
        cluster.explain?.actions.reads(undefined);
        break;
      case "rsc_order":
        cluster.explain?.actions.reads(constraint);
        unpackOrder(cluster, constraint);
        cluster.explain?.actions.reads(undefined);
        break;
      case "rsc_ticket":
        cluster.explain?.actions.reads(constraint);
        unpackTicket(cluster, constraint);
        cluster.explain?.actions.reads(undefined);
        break;
      default:
        ignoreConstraint(cluster, constraint.attributes["id"], `<${constraint.name}> is no kind of constraint`);
    }
  }
}

function applyPreferences(cluster: Cluster): void {
  if (cluster.properties.shutdownLock) {
    for (const resource of cluster.resources) resource.methods.shutdownLock(resource);
  }
  applyLocations(cluster);
  for (const resource of cluster.resources) applyStickiness(cluster, resource);
  for (const node of cluster.sortedNodes) {
    for (const resource of cluster.resources) {
      banAfterFailures(cluster, resource, node);
      banWhereNotProbed(resource, node);
      cluster.explain?.discovery(resource);
    }
  }
}

function applyStickiness(cluster: Cluster, resource: Resource): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) applyStickiness(cluster, child);
    return;
  }
  const [node] = resource.activeNodes;
  if (!resource.managed || resource.stickiness < 1 || node === undefined || resource.activeNodes.length !== 1) return;
  if (!cluster.properties.symmetric && !has(resource.allowed, node)) return;
  addLocation(resource, node, resource.stickiness);
  cluster.explain?.stickiness(resource);
}

function banAfterFailures(cluster: Cluster, resource: Resource, node: Node): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) banAfterFailures(cluster, child, node);
    return;
  }
  if (node.failures?.size === 0 && resource.launched.length === 0) return;
  if (findActionsOn(resource, "clear_failcount", 0, node).length > 0) return;
  const failed = thresholdReached(cluster, resource, node);
  if (failed === undefined) return;
  addLocation(failed, node, -INFINITY);
  cluster.explain?.failures(failed, resource);
}

/** Where discovery is exclusive, everything else is out of bounds. */
function banWhereNotProbed(resource: Resource, node: Node): void {
  if (!resource.exclusiveProbes && !topResource(resource).exclusiveProbes) return;
  for (const child of resource.children) banWhereNotProbed(child, node);
  const { scores, probes } = resource.allowed;
  const known = (scores[node.index] ?? ABSENT) !== ABSENT;
  if (known && probes[node.index] !== ProbeMode.Exclusive) scores[node.index] = -INFINITY;
}

function assignAll(cluster: Cluster): void {
  if (cluster.properties.placement !== "default") sortResources(cluster);
  showCapacities(cluster, "original");
  if (cluster.haveRemoteNodes) {
    for (const resource of cluster.resources) {
      if (resource.remoteConnection) resource.methods.assign(resource, resource.partialMigrationTarget, true);
    }
  }
  for (const resource of cluster.resources) {
    if (!resource.remoteConnection) resource.methods.assign(resource, undefined, true);
  }
  showCapacities(cluster, "remaining");
}

/** With utilization, what is hardest to place comes first. */
function sortResources(cluster: Cluster): void {
  const nodes = sortNodes(cluster, undefined, undefined);
  const tables = new Map<Resource, NodeTable>();
  const wishes = (resource: Resource): NodeTable => {
    let table = tables.get(resource);
    if (table === undefined) {
      const options = { thisWith: true, active: false, nonnegative: false };
      table = resource.methods.addColocatedScores(resource, undefined, undefined, undefined, 1, options);
      table ??= resource.allowed;
      tables.set(resource, table);
    }
    return table;
  };
  const score = (table: NodeTable, node: Node | undefined) => {
    const value = node === undefined ? ABSENT : (table.scores[node.index] ?? ABSENT);
    return value === ABSENT ? -INFINITY : value;
  };
  cluster.resources.sort((one, other) => {
    if (one.priority !== other.priority) return other.priority - one.priority;
    const [left, right] = [wishes(one), wishes(other)];
    const here = score(right, placeOf(other)) - score(left, placeOf(one));
    if (here !== 0) return here;
    for (const node of nodes) {
      const difference = score(right, node) - score(left, node);
      if (difference !== 0) return difference;
    }
    return 0;
  });
}

function placeOf(resource: Resource): Node | undefined {
  return resource.activeNodes.length === 0 ? undefined : currentNode(resource);
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

function placements(resource: Resource, list: Placement[]): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) placements(child, list);
    return;
  }
  if (resource.removed && resource.activeNodes.length === 0) return;
  const role = roleText(resource.nextRole);
  const placed: PlacedRole = role === "Unknown" ? "Stopped" : role;
  const { id, assigned, causes } = resource;
  const activeOn = resource.activeNodes.map((node) => node.name);
  const placement: Mutable<Placement> = { resource: id, role: placed, activeOn, causes };
  if (assigned !== undefined) placement.node = assigned.name;
  if (resource.role === Role.Promoted) placement.promotedNow = true;
  list.push(placement);
}

/** What others get to see. */
export function exportSchedule(cluster: Cluster): Schedule {
  const graph = exportGraph(cluster);
  cluster.explain?.exported(graph);
  const explanation = cluster.explain === undefined ? undefined : explainCluster(cluster, cluster.explain);
  const list: Placement[] = [];
  for (const resource of cluster.resources) placements(resource, list);
  return {
    graph,
    placements: list,
    summary: cluster.summary,
    assignment: cluster.scores ?? cluster.capacities ?? [],
    problems: cluster.problems,
    quorate: cluster.quorate,
    ...(explanation === undefined ? {} : { explanation }),
  };
}
