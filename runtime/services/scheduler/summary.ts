// The plan as people read it: one line for each resource that changes, and for each node that is fenced or leaves.

import { actionMeta, hasFlag } from "./action.ts";
import { findAction } from "./find-actions.ts";
import { roleText } from "./roles.ts";
import type { PlannedAction } from "./schedule.ts";
import { type Action, type Cluster, Flag, type Node, type Resource, Role } from "./state.ts";
import { currentNode, isGuestNode, launcherOf } from "./tree.ts";

/** All lines, nodes first. */
export function summarize(cluster: Cluster): PlannedAction[] {
  const lines: PlannedAction[] = [];
  for (let i = cluster.actions.length - 1; i >= 0; i -= 1) {
    const action = cluster.actions[i];
    if (action === undefined || action.resource !== undefined || hasFlag(action, Flag.Optional)) continue;
    const line = nodeLine(action);
    if (line !== undefined) lines.push(line);
  }
  for (const resource of cluster.resources) summarizeResource(resource, lines);
  return lines;
}

function nodeLine(action: Action): PlannedAction | undefined {
  let verb: string;
  if (action.task === "do_shutdown") verb = "Shutdown";
  else if (action.task === "stonith") verb = `Fence (${actionMeta(action, "stonith_action")})`;
  else return undefined;
  const { node } = action;
  const guest = node !== undefined && isGuestNode(node) ? launcherOf(node) : undefined;
  const subject = `${node?.name ?? ""}${guest === undefined ? "" : ` (resource: ${guest.id})`}`;
  return { verb, subject, detail: "", ...(action.reason === undefined ? {} : { reason: action.reason }) };
}

function summarizeResource(resource: Resource, lines: PlannedAction[]): void {
  if (resource.bundle !== undefined) {
    for (const { ip, container, remote, child } of resource.bundle.replicas) {
      for (const part of [ip, container, remote, child]) if (part !== undefined) summarizeResource(part, lines);
    }
    return;
  }
  if (resource.children.length > 0) {
    for (const child of resource.children) summarizeResource(child, lines);
    return;
  }
  let current: Node | undefined;
  if (resource.activeNodes.length > 0) {
    current = currentNode(resource);
    if (resource.role === Role.Stopped) resource.role = Role.Started;
  }
  if (current === undefined && resource.removed) return;
  if (!resource.managed || (current === undefined && resource.assigned === undefined)) return;
  lines.push(...resourceLines(resource, current, resource.assigned));
}

interface Found {
  readonly start: Action | undefined;
  readonly stop: Action | undefined;
  readonly promote: Action | undefined;
  readonly demote: Action | undefined;
}

function findAll(resource: Resource, current: Node | undefined, next: Node | undefined): Found {
  const start = findAction(resource, "start", 0, next);
  const startRuns = start !== undefined && hasFlag(start, Flag.Runnable);
  let stop = findAction(resource, "stop", 0, startRuns ? current : undefined);
  if (stop === undefined && resource.stopUnexpected) stop = findAction(resource, "stop", 0, undefined);
  const promote = findAction(resource, "promote", 0, next);
  return { start, stop, promote, demote: findAction(resource, "demote", 0, next) };
}

function resourceLines(resource: Resource, current: Node | undefined, next: Node | undefined): PlannedAction[] {
  const found = findAll(resource, current, next);
  const moving = current !== undefined && next !== undefined && current !== next;
  if (resource.role === resource.nextRole) return sameRole(resource, current, next, found, moving);
  const { start, stop, promote, demote } = found;
  const line = (verb: string, action: Action | undefined, source?: Action) => [
    item(verb, resource, current, next, action, source),
  ];
  const cannotStart = start !== undefined && !hasFlag(start, Flag.Runnable);
  if (stop !== undefined && (resource.nextRole === Role.Stopped || cannotStart)) return stops(resource, start);
  if (stop !== undefined && resource.failed && resource.stopIfFailed) return line("Recover", stop, start);
  if (moving) return line("Move", stop);
  if (resource.reload) return line("Reload", start);
  if (stop !== undefined && !hasFlag(stop, Flag.Optional)) return line("Restart", start);
  if (resource.role === Role.Promoted) return line("Demote", demote);
  if (resource.nextRole === Role.Promoted) return line("Promote", promote);
  if (resource.role === Role.Stopped && resource.nextRole > Role.Stopped) return line("Start", start);
  return [];
}

function stops(resource: Resource, start: Action | undefined): PlannedAction[] {
  const lines: PlannedAction[] = [];
  let reason = start;
  for (const node of resource.activeNodes) {
    reason = start;
    const stop = findAction(resource, "stop", 0, node);
    if (stop?.reason !== undefined) reason = stop;
    lines.push(item("Stop", resource, node, undefined, stop, reason));
  }
  return lines;
}

function sameRole(
  resource: Resource,
  current: Node | undefined,
  next: Node | undefined,
  found: Found,
  moving: boolean,
): PlannedAction[] {
  const { start, stop, promote, demote } = found;
  const migrate = findAction(resource, "migrate_from", 0, next);
  const required = (action: Action | undefined): action is Action =>
    action !== undefined && !hasFlag(action, Flag.Optional);
  if (migrate !== undefined && current !== undefined && hasFlag(migrate, Flag.Runnable)) {
    return [item("Migrate", resource, current, next, start)];
  }
  if (resource.reload) return [item("Reload", resource, current, next, start)];
  if (!required(start)) {
    if (required(demote) && required(promote)) return [item("Re-promote", resource, current, next, promote, demote)];
    return [];
  }
  if (!hasFlag(start, Flag.Runnable)) {
    const reason = stop?.reason === undefined ? start : stop;
    return [item("Stop", resource, current, undefined, stop, reason)];
  }
  if (moving) return [item(resource.failed ? "Recover" : "Move", resource, current, next, stop)];
  if (resource.failed) return [item("Recover", resource, current, undefined, stop)];
  return [item("Restart", resource, current, next, start)];
}

function item(
  verb: string,
  resource: Resource,
  origin: Node | undefined,
  destination: Node | undefined,
  action: Action | undefined,
  source = action,
): PlannedAction {
  const runnable = action === undefined || hasFlag(action, Flag.Runnable);
  const cause = (source ?? action)?.reason;
  let reason: string | undefined;
  if (cause !== undefined) reason = runnable ? `due to ${cause}` : `due to ${cause} (blocked)`;
  else if (!runnable) reason = "blocked";
  const detail = detailOf(resource, origin, destination);
  return { verb, subject: resource.id, detail, ...(reason === undefined ? {} : { reason }) };
}

/** "node1 -> node2", with roles where there is more than running or not. */
function detailOf(resource: Resource, origin: Node | undefined, destination: Node | undefined): string {
  const showRole = resource.role > Role.Started || resource.nextRole > Role.Unpromoted;
  const [role, nextRole] = [roleText(resource.role), roleText(resource.nextRole)];
  const sameRoles = resource.role === resource.nextRole;
  const sameHost = origin !== undefined && origin === destination;
  const from = origin?.name ?? "";
  const to = destination?.name ?? "";
  if (origin === undefined) return showRole ? `${role} -> ${nextRole} ${to}` : to;
  if (destination === undefined || (sameRoles && sameHost)) return showRole ? `${role} ${from}` : from;
  if (sameRoles) return showRole ? `${from} -> ${to} ${role}` : `${from} -> ${to}`;
  if (sameHost) return `${role} -> ${nextRole} ${from}`;
  return `${role} ${from} -> ${nextRole} ${to}`;
}
