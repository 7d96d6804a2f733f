// migration-threshold: after that many failures on a node, a resource may not run there any more.

import { failureCount } from "./fail-counts.ts";
import type { Cluster, Node, Resource } from "./state.ts";
import { topResource } from "./tree.ts";

/** What is to be banned from the node, when there were too many failures. */
export function thresholdReached(cluster: Cluster, resource: Resource, node: Node): Resource | undefined {
  if (resource.banAfterFailures === 0 || resource.ignoreFailure) return undefined;
  const { count } = failureCount(cluster, resource, node, { effective: true, launched: true });
  if (count <= 0 || resource.banAfterFailures - count > 0) return undefined;
  return resource.unique ? resource : topResource(resource);
}
