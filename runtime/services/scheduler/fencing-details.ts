// What a fencing says besides whom it is about: the parameters that devices unfence with, and how long the better side waits.

import { millisecondsToSeconds } from "../../model/duration.ts";
import { compareFencingDigest } from "./digests.ts";
import type { Cluster, Node, Resource } from "./state.ts";

function unfencingDevices(resources: readonly Resource[], found: Resource[]): Resource[] {
  for (const resource of resources) {
    if (resource.children.length > 0) unfencingDevices(resource.children, found);
    else if (!resource.fenceDevice) continue;
    else if (resource.needsUnfencing || resource.meta.get("provides")?.toLowerCase() === "unfencing") {
      found.unshift(resource);
    }
  }
  return found;
}

/** With what parameters a node is (un)fenced, and whether they are others than it was last unfenced with. */
export function unfencingDigests(cluster: Cluster, node: Node): { all: string; secure: string; changed: boolean } {
  let all = "";
  let secure = "";
  let changed = false;
  for (const device of unfencingDevices(cluster.resources, [])) {
    const agent = device.type ?? "";
    const digests = compareFencingDigest(cluster, device, agent, node);
    if (digests.verdict === "mismatch") {
      changed = true;
      cluster.notices.push(`notice: Unfencing node ${node.name} because the definition of ${device.id} changed`);
    }
    all += `${device.id}:${agent}:${digests.all()},`;
    secure += `${device.id}:${agent}:${digests.secure() ?? ""},`;
  }
  return { all, secure, changed };
}

/** Seconds by which the side with the more important resources is fenced later, when a cluster is split in halves. */
export function priorityFencingDelay(cluster: Cluster, node: Node): number {
  if (node.remoteKind || node.online) return 0;
  const members = cluster.nodes.filter((other) => !other.remoteKind);
  const online = members.filter((other) => other.online).length;
  if (online > Math.floor(members.length / 2)) return 0;
  const priorities = members.map((other) => other.priority);
  const top = Math.max(...priorities);
  if (Math.min(...priorities) === top || node.priority < top) return 0;
  return millisecondsToSeconds(cluster.properties.priorityFencingMs);
}
