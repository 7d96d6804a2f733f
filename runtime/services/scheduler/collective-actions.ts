// Stage: actions of groups, clones and bundles: points that others are ordered around, and what these come to.

import { isTrue } from "../../model/text.ts";
import { clearFlag, hasFlag, setFlag } from "./action.ts";
import { resourcePseudoAction, simpleAction } from "./actions.ts";
import { newestAction } from "./find-actions.ts";
import { addDemotionNotifications, addPromotionNotifications, addStartStopNotifications } from "./notify.ts";
import { type Action, type Cluster, Flag, type Node, type Resource, Variant } from "./state.ts";
import { isClone, isPrimitive } from "./tree.ts";

const DONE_NAMES: Readonly<Record<string, string>> = {
  running: "start",
  stopped: "stop",
  promoted: "promote",
  demoted: "demote",
};

/** What a task of a collective is called for one of its parts: a primitive has no "running", only "start". */
function taskFor(part: Resource, task: string): string {
  return isPrimitive(part) ? (DONE_NAMES[task] ?? task) : task;
}

/** Makes the actions of a group. */
export function createGroupActions(cluster: Cluster, group: Resource): void {
  for (const member of group.children) member.methods.createActions(member);
  const tasks = ["start", "running", "stop", "stopped"];
  if (isTrue(group.meta.get("promotable"))) tasks.push("demote", "demoted", "promote", "promoted");
  for (const task of tasks) setFlag(simpleAction(cluster, group, task, undefined, true), Flag.Pseudo | Flag.Runnable);
}

interface InstanceStates {
  starting: boolean;
  stopping: boolean;
  restarting: boolean;
  active: boolean;
}

function checkInstance(instance: Resource, states: InstanceStates): void {
  if (instance.variant > Variant.Primitive) {
    for (const child of instance.children) checkInstance(child, states);
    return;
  }
  let starting = false;
  let stopping = false;
  for (const action of instance.actions) {
    if (hasFlag(action, Flag.Optional)) continue;
    if (action.task === "start" && hasFlag(action, Flag.Runnable)) starting = true;
    if (action.task === "stop" && (action.flags & (Flag.Pseudo | Flag.Runnable)) !== 0) stopping = true;
  }
  states.active ||= instance.activeNodes.length > 0;
  states.starting ||= starting;
  states.stopping ||= stopping;
  states.restarting ||= starting && stopping;
}

/** Makes the actions of instances, and the points around them. */
export function createInstanceActions(cluster: Cluster, collective: Resource, instances: readonly Resource[]): void {
  const states: InstanceStates = { starting: false, stopping: false, restarting: false, active: false };
  for (const instance of instances) {
    instance.methods.createActions(instance);
    checkInstance(instance, states);
  }
  const start = resourcePseudoAction(cluster, collective, "start", !states.starting, true);
  const started = resourcePseudoAction(cluster, collective, "running", !states.starting, false);
  started.flags |= Flag.Urgent;
  if (states.active || states.starting) setFlag(started, Flag.Runnable);
  const stop = resourcePseudoAction(cluster, collective, "stop", !states.stopping, true);
  const stopped = resourcePseudoAction(cluster, collective, "stopped", !states.stopping, true);
  stopped.flags |= Flag.Urgent;
  if (!states.restarting) setFlag(stop, Flag.Migratable);
  if (isClone(collective)) addStartStopNotifications(cluster, collective, start, started, stop, stopped);
}

function checkRoleChange(resource: Resource, change: { promoting: boolean; demoting: boolean }): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) checkRoleChange(child, change);
    return;
  }
  for (const action of resource.actions) {
    if (hasFlag(action, Flag.Optional)) continue;
    if (action.task === "demote") change.demoting = true;
    else if (action.task === "promote") change.promoting = true;
  }
}

/** Makes the actions of a clone. */
export function createCloneActions(cluster: Cluster, clone: Resource): void {
  createInstanceActions(cluster, clone, clone.children);
  if (!clone.promotable) return;
  const change = { promoting: false, demoting: false };
  for (const instance of clone.children) {
    instance.methods.createActions(instance);
    checkRoleChange(instance, change);
  }
  const pair = (task: string, optional: boolean): [Action, Action] => {
    const begin = resourcePseudoAction(cluster, clone, task, optional, true);
    const end = resourcePseudoAction(cluster, clone, `${task}d`, optional, true);
    end.flags |= Flag.Urgent;
    return [begin, end];
  };
  const [promote, promoted] = pair("promote", !change.promoting);
  addPromotionNotifications(cluster, clone, promote, promoted);
  const [demote, demoted] = pair("demote", !change.demoting);
  addDemotionNotifications(cluster, clone, demote, demoted);
  for (const instance of clone.children) instance.priority = clone.priority;
}

/** Makes the actions of a bundle. */
export function createBundleActions(cluster: Cluster, bundle: Resource): void {
  const data = bundle.bundle;
  if (data === undefined) return;
  for (const { ip, container, remote } of data.replicas) {
    ip?.methods.createActions(ip);
    container.methods.createActions(container);
    remote?.methods.createActions(remote);
  }
  const containers = data.replicas.map((replica) => replica.container);
  createInstanceActions(cluster, bundle, containers);
  const { child } = data;
  if (child === undefined) return;
  child.methods.createActions(child);
  if (!child.promotable) return;
  for (const task of ["promote", "demote"]) {
    resourcePseudoAction(cluster, bundle, task, true, true);
    resourcePseudoAction(cluster, bundle, `${task}d`, true, true).flags |= Flag.Urgent;
  }
}

const ALL = Flag.Optional | Flag.Runnable | Flag.Pseudo;

/** Flags of a group's action, from those of its members; what they settle is kept in the action itself. */
export function groupActionFlags(action: Action, node: Node | undefined): number {
  let flags: number = ALL;
  const group = action.resource;
  for (const member of group?.children ?? []) {
    const task = taskFor(member, action.task);
    const part = newestAction(member, task, node);
    if (part === undefined) {
      if (task !== "stop" && task !== "demote") flags &= ~Flag.Runnable;
      continue;
    }
    const partFlags = member.methods.actionFlags(part, node);
    if ((flags & Flag.Optional) !== 0 && (partFlags & Flag.Optional) === 0) {
      flags &= ~Flag.Optional;
      clearFlag(action, Flag.Optional);
    }
    if (task !== action.task && (flags & Flag.Runnable) !== 0 && (partFlags & Flag.Runnable) === 0) {
      flags &= ~Flag.Runnable;
      clearFlag(action, Flag.Runnable);
    }
  }
  return flags;
}

/** What a notification of a collective is about. */
export function originalTask(action: Action): string {
  const { resource } = action;
  const first = resource?.children[0];
  let task = action.task;
  if (task === "notify" || task === "notified") {
    task = action.key.slice(action.key.indexOf("_notify_") + "_notify_".length);
  }
  return first === undefined ? task : taskFor(first, task);
}

/** Flags of an action of a clone or bundle, from those of its instances. */
export function collectiveActionFlags(action: Action, instances: readonly Resource[], node: Node | undefined): number {
  let flags: number = ALL;
  let anyRunnable = false;
  const task = originalTask(action);
  for (const instance of instances) {
    const part = newestAction(instance, task, isPrimitive(instance) ? node : undefined);
    if (part === undefined) continue;
    const partFlags = instance.methods.actionFlags(part, node);
    if ((flags & Flag.Optional) !== 0 && (partFlags & Flag.Optional) === 0) {
      flags &= ~Flag.Optional;
      clearFlag(action, Flag.Optional);
    }
    if ((partFlags & Flag.Runnable) !== 0) anyRunnable = true;
  }
  if (!anyRunnable) {
    flags &= ~Flag.Runnable;
    if (node === undefined) clearFlag(action, Flag.Runnable);
  }
  return flags;
}

const INNER_TASKS = new Set(["promote", "promoted", "demote", "demoted", "notify", "notified"]);
const KNOWN_TASKS = new Set([
  ...INNER_TASKS,
  "start",
  "running",
  "stop",
  "stopped",
  "monitor",
  "stonith",
  "do_shutdown",
]);

/** Flags of a bundle's action: roles are a matter of what runs inside, all else of the containers. */
export function bundleActionFlags(action: Action, node: Node | undefined): number {
  const data = action.resource?.bundle;
  const inner = data?.child;
  if (inner !== undefined && (INNER_TASKS.has(action.task) || !KNOWN_TASKS.has(action.task))) {
    return collectiveActionFlags(action, inner.children, node);
  }
  return collectiveActionFlags(action, data?.replicas.map((replica) => replica.container) ?? [], node);
}
