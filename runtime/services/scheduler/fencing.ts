// Stage: who is fenced and who may leave, and what waits for that.

import { clearFlag, hasFlag, setActionMeta, setFlag } from "./action.ts";
import { canFence, fenceAction, shutdownAction } from "./actions.ts";
import { findActions, newestAction } from "./find-actions.ts";
import { has } from "./node-table.ts";
import { notifyAfterFencing } from "./notify.ts";
import { newOrdering } from "./orderings.ts";
import { orderActions } from "./relations.ts";
import { type Action, type Cluster, Flag, Needs, type Node, Order, type Resource } from "./state.ts";
import {
  anyIn,
  isAnonymousClone,
  isBundled,
  isGuestNode,
  isPrimitive,
  launcherOf,
  topResource,
  wasProbed,
} from "./tree.ts";

/** Plans fencing and shutdowns; the coordinator goes last. */
export function scheduleFencing(cluster: Cluster): void {
  const managed = cluster.resources.some((resource) => anyIn(resource, (part) => part.managed));
  let coordinatorDown: Action | undefined;
  const fencings: Action[] = [];
  const shutdowns: Action[] = [];
  for (const node of cluster.sortedNodes) {
    if (isGuestNode(node)) {
      if (node.remoteReset && managed && canFence(cluster, node)) fenceGuest(cluster, node);
      continue;
    }
    let fencing: Action | undefined;
    if (managed && node.unclean && canFence(cluster, node)) {
      fencing = fenceAction(cluster, node, undefined, false, "node is unclean", false);
      orderVsFencing(cluster, fencing);
      if (node === cluster.coordinator) coordinatorDown = fencing;
      else {
        const [newest] = fencings;
        if (!cluster.properties.concurrentFencing && newest !== undefined) orderActions(newest, fencing, Order.Ordered);
        fencings.unshift(fencing);
      }
    } else if (!node.remoteKind && node.online && node.shutdown) {
      const down = planShutdown(cluster, node);
      if (node === cluster.coordinator) coordinatorDown = down;
      else shutdowns.unshift(down);
    }
    if (fencing === undefined && node.unclean) noteUnfenceable(cluster, node);
  }
  if (coordinatorDown !== undefined) orderCoordinatorLast(cluster, coordinatorDown, fencings, shutdowns);
}

function noteUnfenceable(cluster: Cluster, node: Node): void {
  cluster.problems.push({
    severity: "warning",
    code: "unclean-not-fenced",
    element: node.id,
    text: `Node "${node.name}" is unclean and cannot be fenced from here, so what ran there is not started elsewhere. ${whyUnfenceable(cluster, node.name)}`,
  });
}

/** The cause and the remedy. Nobody without quorum is told to confirm by hand: it is most often they who are cut off. */
function whyUnfenceable(cluster: Cluster, name: string): string {
  const { fencingEnabled, noQuorumPolicy } = cluster.properties;
  if (!cluster.quorate && noQuorumPolicy !== "ignore")
    return "There is no quorum here, and only a partition with quorum may fence: bring back the nodes that are away, or look at theirs.";
  const byHand = `or make sure that it is off and say so with "systole fence confirm ${name}"`;
  if (!fencingEnabled)
    return `Fencing is switched off: set stonith-enabled to true and configure a fence device, ${byHand}.`;
  if (!cluster.haveFencing) return `There is no fence device: configure one, ${byHand}.`;
  return `No resource is managed, so nothing would be recovered: make one managed, ${byHand}.`;
}

function orderCoordinatorLast(
  cluster: Cluster,
  down: Action,
  fencings: readonly Action[],
  shutdowns: readonly Action[],
): void {
  if (down.task === "do_shutdown") for (const other of shutdowns) orderActions(other, down, Order.Ordered);
  if (cluster.properties.concurrentFencing) {
    for (const other of fencings) orderActions(other, down, Order.Ordered);
  } else if (fencings[0] !== undefined) {
    orderActions(fencings[0], down, Order.Ordered);
  }
}

/** A node leaves when everything on it has stopped. */
function planShutdown(cluster: Cluster, node: Node): Action {
  const down = shutdownAction(cluster, node);
  for (let i = cluster.actions.length - 1; i >= 0; i -= 1) {
    const action = cluster.actions[i];
    const resource = action?.resource;
    if (action === undefined || resource === undefined || action.node !== node || action.task !== "stop") continue;
    if (resource.maintenance || node.maintenance || (!resource.managed && !resource.blocked)) continue;
    clearFlag(action, Flag.Optional);
    newOrdering(cluster, { resource, action }, { action: down }, Order.Ordered | Order.UnrunnableFirstBlocks);
  }
  setActionMeta(down, "op_no_wait", "true");
  return down;
}

/** A guest is fenced by stopping what launches it. */
function fenceGuest(cluster: Cluster, node: Node): void {
  const launcher = launcherOf(node);
  const stop = launcher === undefined ? undefined : newestAction(launcher, "stop", undefined);
  const starts = launcher !== undefined && newestAction(launcher, "start", undefined) !== undefined;
  const fencing = fenceAction(cluster, node, starts ? "reboot" : "off", false, "guest is unclean", false);
  setFlag(fencing, Flag.Pseudo | Flag.Runnable);
  const needed = Order.UnrunnableFirstBlocks | Order.FirstImpliesThen;
  if (stop !== undefined && hasFlag(stop, Flag.Pseudo) && stop.node !== undefined) {
    orderActions(fenceAction(cluster, stop.node, undefined, false, undefined, false), fencing, needed);
  } else if (stop !== undefined) {
    orderActions(stop, fencing, needed);
  } else if (node.remote !== undefined) {
    orderActions(newestAction(node.remote, "stop", undefined), fencing, Order.Ordered);
  }
  orderVsFencing(cluster, fencing);
}

/** What starts waits for the fencing; what would have to stop there is stopped by it. */
function orderVsFencing(cluster: Cluster, fencing: Action): void {
  for (const resource of cluster.resources) orderResource(cluster, resource, fencing);
}

function orderResource(cluster: Cluster, resource: Resource, fencing: Action): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) orderResource(cluster, child, fencing);
  } else if (resource.managed && fencing.node !== undefined) {
    orderStarts(resource, fencing, fencing.node);
    orderStops(cluster, resource, fencing, fencing.node);
  }
}

function knownOn(resource: Resource, node: Node): boolean {
  if (wasProbed(resource, node)) return true;
  const { parent } = resource;
  return isPrimitive(resource) && isAnonymousClone(parent) && wasProbed(parent, node);
}

function orderStarts(resource: Resource, fencing: Action, node: Node): void {
  for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
    const action = resource.actions[i];
    if (action === undefined || action.needs === Needs.Nothing) continue;
    if (action.needs === Needs.Fencing) {
      orderActions(fencing, action, Order.Ordered);
    } else if (action.task === "start" && has(resource.allowed, node) && !knownOn(resource, node)) {
      // Nobody knows whether it runs there.
      orderActions(fencing, action, Order.Ordered | Order.UnrunnableFirstBlocks);
    }
  }
}

function orderStops(cluster: Cluster, resource: Resource, fencing: Action, node: Node): void {
  const implicit = resource.needsFencing || isGuestNode(node);
  const stops = findActions(resource, "stop", 0, node);
  const parentStop = stops.length > 0 && implicit ? newestAction(topResource(resource), "stop", undefined) : undefined;
  for (const stop of stops) {
    setFlag(stop, Flag.Pseudo | Flag.Runnable);
    if (implicit) {
      if (!isBundled(resource)) orderActions(fencing, stop, Order.GuestAllowed);
      orderActions(fencing, parentStop, Order.GuestAllowed);
    }
    if (resource.notify) notifyAfterFencing(cluster, stop, resource, fencing);
  }
  for (const demote of findActions(resource, "demote", 0, node)) {
    const lost = demote.node === undefined || !demote.node.online || demote.node.unclean || resource.failed;
    if (!lost) continue;
    setFlag(demote, Flag.Pseudo | Flag.Runnable);
    if (!isBundled(resource) && implicit) orderActions(fencing, demote, Order.GuestAllowed | Order.Ordered);
  }
}
