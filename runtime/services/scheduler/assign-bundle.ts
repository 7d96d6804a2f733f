// Stage: placing a bundle: containers like instances of a clone, each with its address and connection, then what runs inside.

import { addScores, INFINITY } from "../../model/score.ts";
import { assign } from "./choose-node.ts";
import { intersectNodes } from "./colocation-scores.ts";
import { findContainer } from "./compatible.ts";
import { addAll, addThisWith, addWithThis, newColocation } from "./constraint-colocation.ts";
import { applyLocation } from "./constraint-location.ts";
import { assignInstances, compareInstances } from "./instances.ts";
import { mergeSort } from "./merge-sort.ts";
import { ABSENT } from "./node-table.ts";
import { showScores } from "./score-lines.ts";
import {
  type Cluster,
  type Colocation,
  type Location,
  type Node,
  type Replica,
  type Resource,
  Role,
  Variant,
} from "./state.ts";
import { thresholdReached } from "./thresholds.ts";
import { anyIn, onlyNode, topResource } from "./tree.ts";

/** Places a bundle. */
export function assignBundle(
  cluster: Cluster,
  bundle: Resource,
  prefer: Node | undefined,
  stopIfFail: boolean,
): undefined {
  const data = bundle.bundle;
  // What is inside may be configured to be placed with the bundle: it cannot ask for that while it is being placed itself.
  if (data === undefined || bundle.assigning) return;
  bundle.assigning = true;
  showScores(cluster, "bundle", bundle);
  const wishes = new Map<Resource, number>();
  const containers = mergeSort(
    data.replicas.map((replica) => replica.container),
    (one, other) => compareInstances(one, other, wishes),
  );
  assignInstances(cluster, bundle, containers, data.replicaCount, data.replicasPerHost);
  for (const replica of data.replicas) assignReplica(cluster, replica, prefer, stopIfFail);
  const { child } = data;
  if (child !== undefined) {
    const own = new Set(data.replicas.map((replica) => replica.node));
    const { scores } = child.allowed;
    for (let i = 0; i < scores.length; i += 1) {
      if ((scores[i] ?? ABSENT) !== ABSENT) scores[i] = own.has(cluster.nodes[i]) ? 0 : -INFINITY;
    }
    cluster.explain?.because(child, "bundle", `it belongs into the containers of ${bundle.id}`, {
      resource: bundle.id,
    });
    child.methods.assign(child, prefer, stopIfFail);
  }
  bundle.assigning = false;
  bundle.unassigned = false;
}

function assignReplica(cluster: Cluster, replica: Replica, prefer: Node | undefined, stopIfFail: boolean): void {
  const { ip, container, remote, child } = replica;
  ip?.methods.assign(ip, prefer, stopIfFail);
  const host = container.assigned;
  if (remote !== undefined) {
    if (host?.remoteKind && host.remote !== undefined) {
      newColocation(cluster, {
        id: "#replica-remote-with-host-remote",
        dependent: remote,
        primary: host.remote,
        score: INFINITY,
        influence: true,
        explicit: false,
      });
    }
    remote.methods.assign(remote, prefer, stopIfFail);
  }
  if (child === undefined) return;
  const { scores } = child.allowed;
  for (let i = 0; i < scores.length; i += 1) {
    const node = cluster.nodes[i];
    if ((scores[i] ?? ABSENT) === ABSENT || node === undefined) continue;
    if (node !== replica.node) scores[i] = -INFINITY;
    else if (thresholdReached(cluster, child, node) === undefined) scores[i] = INFINITY;
  }
  cluster.explain?.because(child, "bundle", `it belongs into ${container.id}`, { resource: container.id });
  const { parent } = child;
  if (parent !== undefined) parent.assigning = true;
  child.methods.assign(child, replica.node, stopIfFail);
  if (parent !== undefined) parent.assigning = false;
}

/** A colocation with a bundle as the primary: its containers stand for it. */
export function applyWithBundle(
  cluster: Cluster,
  dependent: Resource,
  primary: Resource,
  colocation: Colocation,
): number {
  if (primary.unassigned) return 0;
  if (colocation.dependent.variant > Variant.Group) {
    const container = findContainer(cluster, dependent, primary);
    if (container !== undefined) return dependent.methods.applyColocation(dependent, container, colocation, true);
    if (colocation.score >= INFINITY) assign(cluster, dependent, undefined, true, true);
    return 0;
  }
  let delta = 0;
  const hosts: Node[] = [];
  for (const replica of primary.bundle?.replicas ?? []) {
    const { container } = replica;
    if (colocation.score < INFINITY) {
      delta = addScores(delta, container.methods.applyColocation(dependent, container, colocation, false));
      continue;
    }
    const node = onlyNode(container, "assigned");
    if (node === undefined || anyIn(container, (part) => part.blocked)) continue;
    const wantsPromoted = colocation.primaryRole >= Role.Promoted;
    if (wantsPromoted && (replica.child === undefined || replica.child.nextRole < Role.Promoted)) continue;
    hosts.push(node);
  }
  if (colocation.score >= INFINITY) intersectNodes(cluster, dependent, hosts);
  return delta;
}

/** Whether a bundle's colocations count for something in it. */
function countsFor(bundle: Resource, origin: Resource): boolean {
  if (origin === bundle || origin.replicaContainer) return true;
  const inner = bundle.bundle?.child;
  if (inner === undefined || !inner.promotable || topResource(origin) !== inner) return false;
  return origin === inner ? inner.clone?.promotionConstrained === true : !origin.unassigned;
}

export function withBundle(bundle: Resource, origin: Resource, list: Colocation[]): void {
  if (countsFor(bundle, origin)) addAll(list, bundle.withThis, addWithThis);
}

export function bundleWith(bundle: Resource, origin: Resource, list: Colocation[]): void {
  if (countsFor(bundle, origin)) addAll(list, bundle.thisWith, addThisWith);
}

export function applyBundleLocation(bundle: Resource, location: Location): void {
  applyLocation(bundle, location);
  for (const { container, ip } of bundle.bundle?.replicas ?? []) {
    container.methods.applyLocation(container, location);
    ip?.methods.applyLocation(ip, location);
  }
  const inner = bundle.bundle?.child;
  if (inner !== undefined && (location.role === Role.Unpromoted || location.role === Role.Promoted)) {
    inner.methods.applyLocation(inner, location);
    inner.locations.push(location);
  }
}
