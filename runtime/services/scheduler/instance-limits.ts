// No more instances than any cluster needs, so that a slip of the pen in a CIB does not take all memory.

import { CIB_LIMITS } from "../../model/validate/limits.ts";
import type { Cluster, Resource } from "./state.ts";

/** How many instances of a clone or bundle are planned, of those that are asked for. */
export function limitedInstances(cluster: Cluster, resource: Resource, option: string, count: number): number {
  const limit = option === "replicas" ? CIB_LIMITS.bundleReplicas : CIB_LIMITS.cloneInstances;
  if (count <= limit) return count;
  cluster.problems.push({
    severity: "error",
    code: "too-many-instances",
    element: resource.id,
    text: `"${resource.id}" asks for ${count} instances, more than the ${limit} that are planned at most; the others are left out. Lower its ${option}.`,
  });
  return limit;
}
