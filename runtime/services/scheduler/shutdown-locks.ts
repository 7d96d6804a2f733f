// Shutdown locks: what ran on a node that was shut down cleanly waits for it, for as long as shutdown-lock-limit allows.

import { millisecondsToSeconds } from "../../model/duration.ts";
import { INFINITY, leadingInteger } from "../../model/score.ts";
import { clearHistory } from "./actions.ts";
import { recheckBy } from "./attributes.ts";
import { addLocation } from "./location-scores.ts";
import type { Cluster, Node, Resource } from "./state.ts";
import { nodeAttribute } from "./tree.ts";

/** When a node was asked to shut down. */
function shutdownTime(cluster: Cluster, node: Node): number {
  const text = nodeAttribute(node, "shutdown", undefined, "current");
  return (text === undefined ? 0 : (leadingInteger(text) ?? 0)) || cluster.now;
}

/** Locks a resource to its node, or lets it go. */
export function lockToNode(cluster: Cluster, resource: Resource): void {
  if (resource.fenceDevice || resource.remoteConnection) return;
  const [only] = resource.activeNodes;
  if (resource.lockNode !== undefined) {
    if (resource.activeNodes.length > 0) {
      // It runs again: the lock has done its duty.
      clearHistory(cluster, resource, resource.lockNode);
      resource.lockNode = undefined;
      resource.lockTime = 0;
    }
  } else if (only !== undefined && resource.activeNodes.length === 1 && only.shutdown && !only.unclean) {
    resource.lockNode = only;
    resource.lockTime = shutdownTime(cluster, only);
  }
  if (resource.lockNode === undefined) return;
  const limit = cluster.properties.shutdownLockMs;
  const until = limit > 0 ? resource.lockTime + millisecondsToSeconds(limit) + 1 : undefined;
  if (until !== undefined) recheckBy(cluster, until);
  for (const node of cluster.sortedNodes) {
    if (node !== resource.lockNode) addLocation(resource, node, -INFINITY);
  }
  cluster.explain?.locked(resource, resource.lockNode, until);
}
