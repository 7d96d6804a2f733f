// Stage: the plan as a graph of actions, in the terms of the controller.

import { parseIntervalMs } from "../../model/duration.ts";
import { INFINITY, leadingInteger } from "../../model/score.ts";
import type { GraphAction, GraphPrimitive, Synapse, TransitionGraph } from "../transition.ts";
import { actionMeta, hasFlag, isShared, setFlag } from "./action.ts";
import { pseudoAction } from "./actions.ts";
import { parametersOf } from "./attributes.ts";
import { bundleHostName, metaName } from "./digests.ts";
import { actionCause } from "./explain/action-cause.ts";
import { feasible } from "./feasible.ts";
import type { Attributes } from "./graph-attributes.ts";
import { belongsInGraph, mergeInputs, waitsFor } from "./graph-inputs.ts";
import { createNotifications } from "./notify.ts";
import { routerFor } from "./remote-orders.ts";
import { type Action, type Cluster, Flag, type Node, type Resource, Variant } from "./state.ts";
import { currentNode, findNode, isGuestNode, launcherOf } from "./tree.ts";

/** Adds a resource's actions and those of all in it. */
export function addResourceToGraph(cluster: Cluster, resource: Resource): void {
  for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
    const action = resource.actions[i];
    if (action !== undefined) addToGraph(cluster, action);
  }
  for (const child of resource.children) child.methods.addToGraph(child);
}

/** Adds a clone's actions, after its notifications were made. */
export function addCloneToGraph(cluster: Cluster, clone: Resource): void {
  for (let i = clone.actions.length - 1; i >= 0; i -= 1) {
    const action = clone.actions[i];
    if (action !== undefined) clone.methods.actionFlags(action, undefined);
  }
  createNotifications(cluster, clone);
  for (const child of clone.children) child.methods.addToGraph(child);
  addResourceToGraph(cluster, clone);
}

/** Adds a bundle's actions: what runs inside, then the containers with address and connection. */
export function addBundleToGraph(_cluster: Cluster, bundle: Resource): void {
  const child = bundle.bundle?.child;
  child?.methods.addToGraph(child);
  for (const { ip, container, remote } of bundle.bundle?.replicas ?? []) {
    ip?.methods.addToGraph(ip);
    container.methods.addToGraph(container);
    remote?.methods.addToGraph(remote);
  }
}

function addToGraph(cluster: Cluster, action: Action): void {
  mergeInputs(action);
  if (hasFlag(action, Flag.InGraph) || !belongsInGraph(action)) return;
  setFlag(action, Flag.InGraph);
  cluster.graphed.push(action);
  for (const relation of action.inputs) if (waitsFor(action, relation)) relation.graphed = true;
}

function changedMaintenance(cluster: Cluster): Node[] {
  return cluster.sortedNodes.filter((node) => node.remoteKind && node.maintenance !== node.remoteMaintenance);
}

/** Marks all that is to be done. */
export function collectGraph(cluster: Cluster): void {
  // Rules in parameters that are first looked at for the graph are not in it any more.
  cluster.announcedRecheckAt = cluster.recheckAt;
  for (const resource of cluster.resources) resource.methods.addToGraph(resource);
  if (changedMaintenance(cluster).length > 0) setFlag(pseudoAction(cluster, "maintenance_nodes"), Flag.AlwaysInGraph);
  for (let i = cluster.actions.length - 1; i >= 0; i -= 1) {
    const action = cluster.actions[i];
    if (action !== undefined) addToGraph(cluster, action);
  }
}

/** The graph as the controller gets it. */
export function exportGraph(cluster: Cluster): TransitionGraph {
  const { properties } = cluster;
  const planned: Synapse[] = [];
  for (const action of cluster.graphed) {
    const own = hasFlag(action, Flag.Urgent) ? INFINITY : 0;
    const priority = action.resource === undefined ? own : Math.max(own, action.resource.priority);
    planned.push({
      id: planned.length,
      priority: Math.max(0, priority),
      action: exportAction(cluster, action),
      inputs: inputsOf(action),
    });
  }
  const synapses = feasible(cluster, planned);
  const never = synapses.length === planned.length ? undefined : neverDone(cluster, planned, synapses);
  const migrationLimit = leadingInteger(properties.migrationLimit) ?? 0;
  return {
    clusterDelayMs: parseIntervalMs(properties.clusterDelay),
    stonithTimeoutMs: parseIntervalMs(properties.fencingTimeout),
    batchLimit: leadingInteger(properties.batchLimit) ?? 0,
    ...(migrationLimit > 0 ? { migrationLimit } : {}),
    attributes: {
      "cluster-delay": properties.clusterDelay,
      "fencing-timeout": properties.fencingTimeout,
      "failed-stop-offset": "INFINITY",
      "failed-start-offset": properties.startFailureFatal ? "INFINITY" : "1",
      "batch-limit": properties.batchLimit,
      ...(migrationLimit > 0 ? { "migration-limit": properties.migrationLimit } : {}),
      ...(cluster.announcedRecheckAt > 0 ? { "recheck-by": String(cluster.announcedRecheckAt) } : {}),
    },
    synapses,
    ...(never === undefined ? {} : { never }),
    ...(cluster.recheckAt > 0 ? { recheckAtEpochSeconds: cluster.recheckAt } : {}),
  };
}

/** What is left out because its turn never comes, and what it waits for that nobody planned. */
function neverDone(
  cluster: Cluster,
  planned: readonly Synapse[],
  synapses: readonly Synapse[],
): NonNullable<TransitionGraph["never"]> {
  const kept = new Set(synapses);
  const awaited = new Set<Action>();
  for (const action of cluster.graphed) {
    for (const { graphed, first } of action.inputs) if (graphed && !hasFlag(first, Flag.InGraph)) awaited.add(first);
  }
  return {
    synapses: planned.filter((synapse) => !kept.has(synapse)),
    awaited: [...awaited].map((action) => exportAction(cluster, action)),
  };
}

const NO_INPUTS: readonly number[] = [];

function inputsOf(action: Action): readonly number[] {
  let count = 0;
  let last: Action | undefined;
  for (const { graphed, first } of action.inputs) {
    if (!graphed) continue;
    count += 1;
    last = first;
  }
  if (last === undefined) return NO_INPUTS;
  if (count === 1) return [last.id];
  const ids: number[] = [];
  for (const { graphed, first } of action.inputs) if (graphed) ids.push(first.id);
  return ids;
}

function kindOf(action: Action): GraphAction["kind"] {
  const { task } = action;
  const kind = (action.flags & Flag.Pseudo) !== 0 ? "pseudo" : "resource";
  if (task === "stonith") return kind === "pseudo" ? "pseudo" : "cluster";
  return task === "do_shutdown" || task === "clear_failcount" || task === "lrm_delete" ? "cluster" : kind;
}

/** The key under which the history has the operation, for an instance known there by another id. */
function historyKey(action: Action, historyId: string): string {
  if (action.task === "notify") {
    return `${historyId}_${actionMeta(action, "notify_type")}_notify_${actionMeta(action, "notify_operation")}_0`;
  }
  return `${historyId}_${action.cancelTask ?? action.task}_${Number(actionMeta(action, "interval") ?? 0)}`;
}

function exportAction(cluster: Cluster, action: Action): GraphAction {
  const { resource, kind: shared, task } = action;
  const kind = kindOf(action);
  // Points of the plan are nowhere, except for the fencing of guests.
  const node = kind === "pseudo" && task !== "stonith" ? undefined : action.node;
  const uuid = shared === undefined ? action.key : shared.uuid;
  const historyId = resource?.historyId;
  const router = node?.remoteKind === true ? routerFor(action, actionMeta(action, "notify_operation")) : undefined;
  const exported: GraphAction = {
    id: action.id,
    kind,
    operation: task,
    operationKey: historyId === undefined ? uuid : historyKey(action, historyId),
    internalOperationKey: historyId === undefined ? undefined : uuid,
    node: node?.name,
    nodeId: node?.id,
    routerNode: router?.name,
    primitive: resource === undefined || hasFlag(action, Flag.Pseudo) ? undefined : primitiveOf(resource),
    attributes: sharedAttributes(cluster, action),
    downed: node === undefined ? undefined : downedBy(cluster, action, node),
    maintenance: task === "maintenance_nodes" && kind === "pseudo" ? maintenanceOf(cluster) : undefined,
  };
  if (cluster.explain === undefined) return exported;
  const cause = actionCause(cluster, cluster.explain, action);
  return cause === undefined ? exported : { ...exported, cause };
}

function maintenanceOf(cluster: Cluster) {
  return changedMaintenance(cluster).map((node) => ({
    id: node.id,
    attributes: { node_in_maintenance: node.maintenance ? "1" : "0" },
  }));
}

function primitiveOf(resource: Resource): GraphPrimitive {
  resource.exported ??= makePrimitive(resource);
  return resource.exported;
}

/** How the executor knows a resource. */
function makePrimitive(resource: Resource): GraphPrimitive {
  const { historyId: known, configId, meta } = resource;
  let { id } = resource;
  let longId: string | undefined;
  if (resource.removed && known !== undefined) {
    longId = id;
    id = known;
  } else if (!resource.unique) {
    longId = known !== undefined && known !== configId ? known : id;
    id = configId;
  }
  return { id, longId, class: meta.get("class") ?? "", provider: meta.get("provider"), type: meta.get("type") ?? "" };
}

/** Which nodes are gone after an action. */
function downedBy(cluster: Cluster, action: Action, node: Node): string[] | undefined {
  if (action.task === "do_shutdown") return [node.id];
  if (action.task === "stonith") {
    const how = actionMeta(action, "stonith_action");
    if (how !== "off" && how !== "reboot") return undefined;
    const guests: string[] = [];
    for (const resource of node.running) {
      if (!resource.remoteConnection || resource.launcher === undefined) continue;
      const guest = findNode(cluster, resource.id);
      if (guest !== undefined) guests.push(guest.id);
    }
    return [node.id, ...guests];
  }
  const { resource } = action;
  if (!resource?.remoteConnection || action.task !== "stop") return undefined;
  const migrating = action.inputs.some(
    ({ first }) => first.resource?.id === resource.id && first.task === "migrate_from",
  );
  return migrating ? undefined : [resource.id];
}

function putMeta(cluster: Cluster, all: Attributes, name: string, value: string): void {
  let exported = cluster.metaNames.get(name);
  if (exported === undefined) {
    exported = name.includes("#") || name.includes(":") ? NOT_EXPORTED : metaName(name);
    cluster.metaNames.set(name, exported);
  }
  if (exported !== NOT_EXPORTED) all.put(exported, value);
}

const NOT_EXPORTED = "";

/** Most actions of a kind have the same attributes, which are made once. */
function sharedAttributes(cluster: Cluster, action: Action): Readonly<Record<string, string>> {
  const { kind, resource, node, meta, extra } = action;
  const same =
    kind !== undefined &&
    resource?.variant === Variant.Primitive &&
    resource.parameters !== undefined &&
    !resource.remoteConnection &&
    (meta === undefined || isShared(meta)) &&
    (extra === undefined || extra.size === 0) &&
    (node === undefined || !node.remoteKind);
  if (!same) return attributesOf(cluster, action);
  kind.exported ??= [];
  for (const known of kind.exported) if (known.own === meta) return known.attributes;
  const attributes = attributesOf(cluster, action);
  kind.exported.push({ own: meta, attributes });
  return attributes;
}

/** Parameters and meta attributes, by name. */
function attributesOf(cluster: Cluster, action: Action): Readonly<Record<string, string>> {
  const all = cluster.graphAttributes;
  all.clear();
  const put = (value: string, name: string) => all.put(name, value);
  const addMeta = (value: string, name: string) => putMeta(cluster, all, name, value);
  const { resource } = action;
  action.extra?.forEach(put);
  if (resource !== undefined && (action.node !== undefined || resource.variant === Variant.Primitive)) {
    parametersFor(cluster, action, resource).forEach(put);
  }
  action.meta?.forEach(addMeta);
  action.kind?.meta.forEach(addMeta);
  if (resource !== undefined) {
    for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
      part.methods.graphMeta(part, all);
    }
    addHostMeta(cluster, action, resource, all);
  }
  return all.sorted();
}

/** Parameters on the action's node; the address of a connection to a container is that of the container's host. */
function parametersFor(cluster: Cluster, action: Action, resource: Resource): ReadonlyMap<string, string> {
  const parameters = parametersOf(cluster, resource, action.node);
  if (!resource.remoteConnection) return parameters;
  const address = bundleHostName(cluster, resource);
  return address === undefined ? parameters : new Map([...parameters, ["addr", address]]);
}

/** Meta attributes that a primitive adds to each of its actions. */
export function primitiveGraphMeta(resource: Resource, attributes: Attributes): void {
  const instance = resource.meta.get("clone");
  if (instance !== undefined) attributes.set("CRM_meta_clone", instance);
  const guest = resource.meta.get("remote-node");
  if (guest !== undefined) attributes.set("CRM_meta_remote_node", guest);
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    if (part.launcher !== undefined) attributes.set("CRM_meta_container", part.launcher.id);
  }
  const address = resource.meta.get("external-ip");
  if (address !== undefined) attributes.set("pcmk_external_ip", address);
}

/** Meta attributes that a clone adds to each action of it. */
export function cloneGraphMeta(clone: Resource, attributes: Attributes): void {
  const data = clone.clone;
  if (data === undefined) return;
  attributes.set("CRM_meta_globally_unique", String(clone.unique));
  attributes.set("CRM_meta_notify", String(clone.notify));
  attributes.set("CRM_meta_clone_max", String(data.cloneMax));
  attributes.set("CRM_meta_clone_node_max", String(data.cloneNodeMax));
  if (!clone.promotable) return;
  attributes.set("CRM_meta_promoted_max", String(data.promotedMax));
  attributes.set("CRM_meta_promoted_node_max", String(data.promotedNodeMax));
  attributes.set("CRM_meta_master_max", String(data.promotedMax));
  attributes.set("CRM_meta_master_node_max", String(data.promotedNodeMax));
}

/** Something in a guest is told on which machine that is. */
function addHostMeta(cluster: Cluster, action: Action, resource: Resource, all: Attributes): void {
  const launcher = action.node === undefined ? undefined : launcherOf(action.node);
  if (launcher === undefined || !isGuestNode(action.node)) return;
  const notifies = action.task === "notify" || action.task === "notified";
  const task = notifies ? actionMeta(action, "notify_operation") : action.task;
  let host: Node | undefined;
  if (task !== undefined && ["stop", "stopped", "demote", "demoted"].includes(task)) host = currentNode(launcher);
  else if (task !== undefined && ["start", "running", "monitor", "promote", "promoted"].includes(task))
    host = launcher.assigned;
  if (host === undefined) return;
  const target = resource.meta.get("container-attribute-target");
  if (target !== undefined) putMeta(cluster, all, "container-attribute-target", target);
  putMeta(cluster, all, "physical-host", host.name);
}
