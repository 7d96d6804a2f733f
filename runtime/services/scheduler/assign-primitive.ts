// Stage: placing a single resource: colocations first, then the best node that is left.

import { INFINITY } from "../../model/score.ts";
import { assign, assignBest } from "./choose-node.ts";
import { addDependentScores, thisWithColocations, withThisColocations } from "./colocation-scores.ts";
import { banEverywhere } from "./location-scores.ts";
import { anyUsable, copyTable } from "./node-table.ts";
import { showScores } from "./score-lines.ts";
import { type Cluster, type Colocation, type Node, type Resource, Role } from "./state.ts";
import { currentNode, findNode } from "./tree.ts";

function isMandatory(colocation: Colocation): boolean {
  return Math.abs(colocation.score) >= INFINITY;
}

/** Lets the place of the primary count; wishes that would leave no node are taken back. */
function applyThisWith(cluster: Cluster, resource: Resource, colocation: Colocation): void {
  const { primary, score } = colocation;
  const revocable = colocation.dependentRole >= Role.Promoted || (score < 0 && score > -INFINITY);
  const archive = revocable ? copyTable(resource.allowed) : undefined;
  if (primary.unassigned) primary.methods.assign(primary, undefined, true);
  resource.methods.applyColocation(resource, primary, colocation, true);
  if (archive !== undefined && !anyUsable(cluster, resource.allowed)) resource.allowed = archive;
  cluster.explain?.placedWith(resource, colocation);
}

/** A remote node is up as soon as its connection has a place. */
function connectionAssigned(cluster: Cluster, connection: Resource): void {
  const node = findNode(cluster, connection.id);
  if (node === undefined) return;
  if (connection.assigned !== undefined && connection.nextRole !== Role.Stopped) {
    node.online = true;
    if (!node.seen) node.unclean = false;
  } else {
    node.shutdown = true;
  }
}

/** Places a primitive. */
export function assignPrimitive(
  cluster: Cluster,
  resource: Resource,
  prefer: Node | undefined,
  stopIfFail: boolean,
): Node | undefined {
  const { parent } = resource;
  if (parent !== undefined && !parent.assigning) parent.methods.assign(parent, prefer, stopIfFail);
  if (!resource.unassigned) return resource.assigned;
  if (resource.assigning) return undefined;
  resource.assigning = true;
  applyColocations(cluster, resource);
  limitByRole(cluster, resource);
  showScores(cluster, "primitive", resource);
  place(cluster, resource, prefer, stopIfFail);
  resource.assigning = false;
  if (resource.remoteConnection) connectionAssigned(cluster, resource);
  return resource.assigned;
}

/** What must be goes before what is only wished. */
function applyColocations(cluster: Cluster, resource: Resource): void {
  const thisWith = thisWithColocations(resource);
  const withThis = withThisColocations(resource);
  for (const mandatory of [true, false]) {
    for (const colocation of thisWith) {
      if (isMandatory(colocation) === mandatory) applyThisWith(cluster, resource, colocation);
    }
    for (const colocation of withThis) {
      if (isMandatory(colocation) !== mandatory) continue;
      addDependentScores(colocation, resource);
      cluster.explain?.wanted(resource, colocation);
    }
  }
}

function limitByRole(cluster: Cluster, resource: Resource): void {
  if (resource.nextRole === Role.Stopped) {
    banEverywhere(cluster, resource);
    cluster.explain?.stopped(resource);
  } else if (resource.nextRole > resource.role && !cluster.quorate && cluster.properties.noQuorumPolicy === "freeze") {
    resource.nextRole = resource.role;
  }
}

function place(cluster: Cluster, resource: Resource, prefer: Node | undefined, stopIfFail: boolean): void {
  // Without a device to fence with, nothing may be changed in a cluster that wants fencing.
  if (cluster.properties.fencingEnabled && !cluster.haveFencing) resource.managed = false;
  if (!resource.managed) {
    resource.nextRole = resource.role;
    assign(cluster, resource, currentNode(resource), true, stopIfFail);
    cluster.explain?.placed(resource, "unmanaged", "it is not managed, so it stays as it is");
  } else if (cluster.properties.stopAll) {
    assign(cluster, resource, undefined, true, stopIfFail);
    cluster.explain?.placed(resource, "stop-all", "stop-all-resources is true");
  } else {
    assignBest(cluster, resource, prefer, stopIfFail);
  }
}
