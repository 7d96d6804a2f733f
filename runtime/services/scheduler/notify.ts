// Stage: notifications: instances of a clone are told before and after others of it change.
// Source of names and keys: Pacemaker Administration, "notify"; transition graphs of clones with notify="true".

import { compareText } from "../../model/text.ts";
import { actionMeta, clearFlag, hasFlag, setActionMeta, setFlag } from "./action.ts";
import { resourceAction } from "./actions.ts";
import { newestAction } from "./find-actions.ts";
import { nodesOf } from "./node-table.ts";
import { orderActions } from "./relations.ts";
import {
  type Action,
  type Cluster,
  Flag,
  type Node,
  type NotifyData,
  type NotifyEntry,
  Order,
  type Resource,
  Role,
} from "./state.ts";
import { currentNode, launcherOf, topResource } from "./tree.ts";

/** No name: agents get a single space. */
const NOTHING = " ";

function newData(operation: string): NotifyData {
  return {
    operation,
    pre: undefined,
    preDone: undefined,
    post: undefined,
    postDone: undefined,
    keys: [],
    stop: [],
    start: [],
    demote: [],
    promote: [],
    active: [],
    inactive: [],
    promoted: [],
    unpromoted: [],
    allowed: undefined,
  };
}

function pseudo(cluster: Cluster, resource: Resource, about: Action, task: string, kind: string): Action {
  const key = `${kind}_notify_${about.task}`;
  const action = resourceAction(cluster, resource, key, 0, task, undefined, hasFlag(about, Flag.Optional));
  setFlag(action, Flag.Pseudo);
  setActionMeta(action, "notify_key_type", kind);
  setActionMeta(action, "notify_key_operation", about.task);
  return action;
}

/** The points between which the notifications for one kind of change happen. */
function notifyPoints(
  cluster: Cluster,
  resource: Resource,
  operation: string,
  begin: Action | undefined,
  end: Action | undefined,
): NotifyData | undefined {
  if (!resource.notify) return undefined;
  const data = newData(operation);
  const describe = (action: Action, type: string) => {
    setActionMeta(action, "notify_type", type);
    setActionMeta(action, "notify_operation", operation);
  };
  if (begin !== undefined) {
    data.pre = pseudo(cluster, resource, begin, "notify", "pre");
    data.preDone = pseudo(cluster, resource, begin, "notified", "confirmed-pre");
    setFlag(data.pre, Flag.Runnable);
    setFlag(data.preDone, Flag.Runnable);
    describe(data.pre, "pre");
    describe(data.preDone, "pre");
    orderActions(data.pre, data.preDone, Order.Ordered);
    orderActions(data.preDone, begin, Order.Ordered);
  }
  if (end !== undefined) {
    data.post = pseudo(cluster, resource, end, "notify", "post");
    data.postDone = pseudo(cluster, resource, end, "notified", "confirmed-post");
    for (const action of [data.post, data.postDone]) {
      action.flags |= Flag.Urgent;
      if (hasFlag(end, Flag.Runnable)) setFlag(action, Flag.Runnable);
      else clearFlag(action, Flag.Runnable);
      describe(action, "post");
    }
    orderActions(end, data.post, Order.FirstImpliesThen);
    orderActions(data.post, data.postDone, Order.FirstImpliesThen);
  }
  if (begin !== undefined && end !== undefined) orderActions(data.preDone, data.post, Order.Ordered);
  return data;
}

/** Notifications around starts and stops. */
export function addStartStopNotifications(
  cluster: Cluster,
  clone: Resource,
  start: Action,
  started: Action,
  stop: Action,
  stopped: Action,
): void {
  const notify = clone.clone?.notify;
  if (notify === undefined) return;
  if (notify.start === undefined) {
    const data = notifyPoints(cluster, clone, "start", start, started);
    if (data !== undefined) notify.start = data;
  }
  if (notify.stop === undefined) {
    const data = notifyPoints(cluster, clone, "stop", stop, stopped);
    if (data !== undefined) notify.stop = data;
    if (notify.start !== undefined) orderActions(notify.stop?.postDone, notify.start.pre, Order.Ordered);
  }
}

/** Notifications around promotions. */
export function addPromotionNotifications(cluster: Cluster, clone: Resource, promote: Action, promoted: Action): void {
  const notify = clone.clone?.notify;
  if (notify === undefined || notify.promote !== undefined) return;
  const data = notifyPoints(cluster, clone, "promote", promote, promoted);
  if (data !== undefined) notify.promote = data;
}

/** Notifications around demotions; what all of them wait for. */
export function addDemotionNotifications(cluster: Cluster, clone: Resource, demote: Action, demoted: Action): void {
  const notify = clone.clone?.notify;
  if (notify === undefined || notify.demote !== undefined) return;
  const data = notifyPoints(cluster, clone, "demote", demote, demoted);
  if (data !== undefined) notify.demote = data;
  if (notify.promote === undefined) return;
  orderActions(notify.stop?.postDone, notify.promote.pre, Order.Ordered);
  orderActions(notify.start?.postDone, notify.promote.pre, Order.Ordered);
  orderActions(notify.demote?.postDone, notify.promote.pre, Order.Ordered);
  orderActions(notify.demote?.postDone, notify.start?.pre, Order.Ordered);
  orderActions(notify.demote?.postDone, notify.stop?.pre, Order.Ordered);
}

/** Makes all notifications of a clone. */
export function createNotifications(cluster: Cluster, clone: Resource): void {
  const notify = clone.clone?.notify;
  if (notify === undefined) return;
  for (const kind of ["start", "stop", "promote", "demote"] as const) {
    const data = notify[kind];
    if (data === undefined) continue;
    collect(clone, true, data);
    addKeys(cluster, clone, data);
    createFor(cluster, clone, data);
  }
}

/** Who is what, and what will happen to whom. */
function collect(resource: Resource, withActions: boolean, data: NotifyData): void {
  data.allowed ??= resource.allowed;
  if (resource.children.length > 0) {
    for (const child of resource.children) collect(child, withActions, data);
    return;
  }
  const entry: NotifyEntry = { resource, node: resource.activeNodes[0] };
  if (resource.role === Role.Stopped) data.inactive.push(entry);
  if (resource.role >= Role.Started) data.active.push(entry);
  if (resource.role === Role.Unpromoted) data.unpromoted.push(entry);
  if (resource.role === Role.Promoted) data.promoted.push(entry);
  if (!withActions) return;
  for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
    const action = resource.actions[i];
    if (action?.node === undefined || hasFlag(action, Flag.Optional)) continue;
    const implied = action.task === "stop" && action.node.unclean;
    if (!implied && !hasFlag(action, Flag.Runnable)) continue;
    const list = listFor(data, action.task);
    list?.push({ resource, node: action.node });
  }
}

function listFor(data: NotifyData, task: string): NotifyEntry[] | undefined {
  switch (task) {
    case "start":
      return data.start;
    case "stop":
      return data.stop;
    case "promote":
      return data.promote;
    case "demote":
      return data.demote;
    default:
      return undefined;
  }
}

/** Names of resources and their nodes, each resource once. */
function namesOf(entries: NotifyEntry[], withNodes: boolean): [string, string] {
  // Entries were gathered in the opposite order of how they shall tie.
  const sorted = [...entries].reverse().sort((one, other) => {
    const byId = compareText(one.resource.id, other.resource.id);
    if (byId !== 0) return byId;
    if (one.node === undefined || other.node === undefined) {
      return one.node === other.node ? 0 : one.node === undefined ? 1 : -1;
    }
    return compareText(one.node.id, other.node.id);
  });
  const resources: string[] = [];
  const nodes: string[] = [];
  let last: string | undefined;
  for (const { resource, node } of sorted) {
    if ((withNodes && node === undefined) || resource.id === last) continue;
    last = resource.id;
    resources.push(resource.id);
    if (node !== undefined) nodes.push(node.name);
  }
  return [resources.join(" ") || NOTHING, nodes.join(" ") || NOTHING];
}

function addKeys(cluster: Cluster, clone: Resource, data: NotifyData): void {
  const put = (name: string, value: string) => data.keys.unshift([name, value]);
  let required = false;
  for (const kind of ["stop", "start", "demote", "promote"] as const) {
    const [resources, nodes] = namesOf(data[kind], true);
    const any = kind === "stop" ? resources !== NOTHING : data[kind].length > 0;
    if (any && data.operation === kind) required = true;
    put(`notify_${kind}_resource`, resources);
    put(`notify_${kind}_uname`, nodes);
  }
  const states = [
    ["active", data.active],
    ["unpromoted", data.unpromoted],
    ["slave", data.unpromoted],
    ["promoted", data.promoted],
    ["master", data.promoted],
  ] as const;
  for (const [name, entries] of states) {
    const [resources, nodes] = namesOf(entries, true);
    put(`notify_${name}_resource`, resources);
    put(`notify_${name}_uname`, nodes);
  }
  put("notify_inactive_resource", namesOf(data.inactive, false)[0]);
  const available = data.allowed === undefined ? [] : nodesOf(cluster, data.allowed);
  put("notify_available_uname", available.map((node) => node.name).join(" ") || NOTHING);
  if (clone.meta.get("container-attribute-target") === "host") {
    put("notify_all_hosts", cluster.sortedNodes.map(hostName).join(" ") || NOTHING);
  }
  put("notify_all_uname", cluster.sortedNodes.map((node) => node.name).join(" ") || NOTHING);
  if (!required) return;
  for (const action of [data.pre, data.preDone, data.post, data.postDone]) {
    if (action !== undefined) clearFlag(action, Flag.Optional);
  }
}

/** The machine that a guest is on. */
function hostName(node: Node): string {
  const launcher = launcherOf(node);
  if (launcher === undefined || launcher.activeNodes.length === 0) return node.name;
  return (currentNode(launcher) ?? node).name;
}

function addData(action: Action, data: NotifyData): void {
  for (const [name, value] of data.keys) setActionMeta(action, name, value);
}

/** One notification of one instance. */
function newNotification(
  cluster: Cluster,
  resource: Resource,
  node: Node,
  point: Action | undefined,
  done: Action | undefined,
  data: NotifyData,
): Action | undefined {
  if (point === undefined || done === undefined || !node.online || !hasFlag(point, Flag.Runnable)) return undefined;
  const key = `${actionMeta(point, "notify_type")}_notify_${actionMeta(point, "notify_operation")}`;
  const optional = hasFlag(point, Flag.Optional);
  const action = resourceAction(cluster, resource, key, 0, point.task, node, optional);
  for (const source of [point.meta, point.kind?.meta]) {
    for (const [name, value] of source ?? []) {
      if (actionMeta(action, name) === undefined) setActionMeta(action, name, value);
    }
  }
  addData(action, data);
  orderActions(point, action, Order.Ordered);
  orderActions(action, done, Order.Ordered);
  return action;
}

function newPostNotification(cluster: Cluster, resource: Resource, node: Node, data: NotifyData): void {
  const action = newNotification(cluster, resource, node, data.post, data.postDone, data);
  if (action !== undefined) action.flags |= Flag.Urgent;
  if (data.postDone === undefined) return;
  for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
    const other = resource.actions[i];
    if (other === undefined || other.task === "cancel") continue;
    const interval = actionMeta(other, "interval");
    if (interval !== undefined && interval !== "0") orderActions(data.postDone, other, Order.Ordered);
  }
}

const CHANGES = new Set(["start", "stop", "promote", "demote"]);

/** Makes the notifications for one kind of change. */
function createFor(cluster: Cluster, resource: Resource, data: NotifyData): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) createFor(cluster, child, data);
    return;
  }
  for (const action of resource.actions) {
    if (action.node !== undefined && !hasFlag(action, Flag.Optional) && CHANGES.has(action.task)) addData(action, data);
  }
  const { operation } = data;
  if (operation !== "stop" && listFor(data, operation)?.length === 0) return;
  if (resource.role !== Role.Stopped && (operation === "stop" || operation === "demote")) {
    notifyLeaving(cluster, resource, data);
  }
  if (resource.nextRole !== Role.Stopped && (operation === "start" || operation === "promote")) {
    notifyComing(cluster, resource, data);
  }
}

function notifyLeaving(cluster: Cluster, resource: Resource, data: NotifyData): void {
  const stop = newestAction(resource, "stop", undefined);
  for (const node of resource.activeNodes) {
    // Whoever is fenced is not told anything.
    if (stop !== undefined && hasFlag(stop, Flag.Pseudo) && (node.unclean || node.remoteReset)) continue;
    newNotification(cluster, resource, node, data.pre, data.preDone, data);
    if (data.operation === "demote" || stop === undefined || hasFlag(stop, Flag.Optional)) {
      newPostNotification(cluster, resource, node, data);
    }
  }
}

function notifyComing(cluster: Cluster, resource: Resource, data: NotifyData): void {
  const start = newestAction(resource, "start", undefined);
  const connection = start?.node?.remote;
  const connect = connection === undefined ? undefined : newestAction(connection, "start", undefined);
  if (connect !== undefined && !hasFlag(connect, Flag.Runnable)) return;
  const node = resource.assigned;
  if (node === undefined) return;
  if (data.operation !== "start" || start === undefined || hasFlag(start, Flag.Optional)) {
    newNotification(cluster, resource, node, data.pre, data.preDone, data);
  }
  newPostNotification(cluster, resource, node, data);
}

/** The others are told when an instance was stopped by fencing its node. */
export function notifyAfterFencing(cluster: Cluster, stop: Action, resource: Resource, fencing: Action): void {
  const data = notifyPoints(cluster, resource, "stop", undefined, fencing);
  if (data === undefined) return;
  collect(resource, false, data);
  data.keys.unshift(["notify_stop_resource", resource.id]);
  data.keys.unshift(["notify_stop_uname", stop.node?.name ?? ""]);
  createFor(cluster, topResource(resource), data);
}
