// Stage: which operations take a resource from what it is to what it shall be.

import { clearFlag, hasFlag, setFlag, setReason } from "./action.ts";
import { fenceAction, simpleAction } from "./actions.ts";
import { findActionsOn } from "./find-actions.ts";
import { abortDanglingMigrations, canMigrate, createMigration } from "./migration.ts";
import { createRecurring } from "./recurring.ts";
import { orderActions } from "./relations.ts";
import { type Cluster, Flag, type Node, Order, type Resource, Role } from "./state.ts";
import { isUnfenced, orderVsUnfencing } from "./unfencing.ts";

/** The next role on the way from one to another. Rows: from; columns: to. */
const NEXT_STEP: readonly (readonly Role[])[] = [
  [Role.Unknown, Role.Stopped, Role.Stopped, Role.Stopped, Role.Stopped],
  [Role.Stopped, Role.Stopped, Role.Started, Role.Unpromoted, Role.Unpromoted],
  [Role.Stopped, Role.Stopped, Role.Started, Role.Unpromoted, Role.Promoted],
  [Role.Stopped, Role.Stopped, Role.Stopped, Role.Unpromoted, Role.Promoted],
  [Role.Stopped, Role.Unpromoted, Role.Unpromoted, Role.Unpromoted, Role.Promoted],
];

type Step = "stop" | "start" | "promote" | "demote";

/** The operation for one step. Rows: from; columns: to. */
const STEPS: readonly (readonly (Step | undefined)[])[] = [
  [undefined, "stop", undefined, undefined, undefined],
  [undefined, undefined, "start", "start", undefined],
  [undefined, "stop", undefined, undefined, "promote"],
  [undefined, "stop", "stop", undefined, "promote"],
  [undefined, "demote", "demote", "demote", undefined],
];

function nextStep(from: Role, to: Role): Role {
  return NEXT_STEP[from]?.[to] ?? from;
}

function runStep(
  cluster: Cluster,
  resource: Resource,
  from: Role,
  to: Role,
  node: Node | undefined,
  optional: boolean,
): boolean {
  const step = STEPS[from]?.[to];
  switch (step) {
    case "stop":
      stopOn(cluster, resource, optional);
      return true;
    case "start":
      startOn(cluster, resource, node, optional);
      return true;
    case "promote":
      promoteOn(cluster, resource, node, optional);
      return true;
    case "demote":
      demoteOn(cluster, resource, optional);
      return true;
    default:
      return false;
  }
}

/** Where it is meant to be, while its unexpected doubles elsewhere are stopped. */
function isExpected(resource: Resource, node: Node | undefined): boolean {
  return (
    resource.stopUnexpected && resource.restarting && resource.nextRole > Role.Stopped && resource.assigned === node
  );
}

function stopOn(cluster: Cluster, resource: Resource, wanted: boolean): void {
  let optional = wanted;
  for (const current of resource.activeNodes) {
    if (isExpected(resource, current)) continue;
    if (resource.partialMigrationTarget !== undefined) {
      if (current === resource.partialMigrationTarget && current === resource.assigned) continue;
      optional = false;
    }
    const stop = simpleAction(cluster, resource, "stop", current, optional);
    if (resource.assigned === undefined) setReason(stop, "node availability", true);
    else if (resource.restarting && resource.stopUnexpected) setReason(stop, "being multiply active", true);
    if (!resource.managed) clearFlag(stop, Flag.Runnable);
    if (resource.needsUnfencing) {
      const unfence = fenceAction(cluster, current, "on", true, undefined, false);
      orderActions(stop, unfence, Order.ThenImpliesFirst);
      if (!isUnfenced(current)) {
        cluster.problems.push({
          severity: "error",
          code: "stopped-until-unfenced",
          element: resource.id,
          text: `"${resource.id}" is stopped until node "${current.name}" can be unfenced.`,
        });
      }
    }
  }
}

function startOn(cluster: Cluster, resource: Resource, node: Node | undefined, optional: boolean): void {
  const start = simpleAction(cluster, resource, "start", node, true);
  if (node !== undefined) orderVsUnfencing(cluster, resource, node, start, Order.FirstImpliesThen);
  if (hasFlag(start, Flag.Runnable) && !optional) clearFlag(start, Flag.Optional);
  if (isExpected(resource, node)) setFlag(start, Flag.Pseudo);
}

function promoteOn(cluster: Cluster, resource: Resource, node: Node | undefined, optional: boolean): void {
  const startable = findActionsOn(resource, "start", 0, node).every((start) => hasFlag(start, Flag.Runnable));
  if (startable) {
    const promote = simpleAction(cluster, resource, "promote", node, optional);
    if (isExpected(resource, node)) setFlag(promote, Flag.Pseudo);
  } else {
    for (const promote of findActionsOn(resource, "promote", 0, node)) clearFlag(promote, Flag.Runnable);
  }
}

function demoteOn(cluster: Cluster, resource: Resource, optional: boolean): void {
  for (const current of resource.activeNodes) {
    if (!isExpected(resource, current)) simpleAction(cluster, resource, "demote", current, optional);
  }
}

/** Down to stopped and up again to what it was: needed, or only possible, depending on what others do. */
function restart(
  cluster: Cluster,
  resource: Resource,
  current: Node | undefined,
  needStop: boolean,
  needPromote: boolean,
): void {
  let role = resource.role;
  resource.restarting = true;
  while (role !== Role.Stopped) {
    const next = nextStep(role, Role.Stopped);
    if (!runStep(cluster, resource, role, next, current, !needStop)) break;
    role = next;
  }
  while (resource.role <= resource.nextRole && role !== resource.role && !resource.blocked) {
    const next = nextStep(role, resource.role);
    const required = needStop || (next === Role.Promoted && needPromote);
    if (!runStep(cluster, resource, role, next, resource.assigned, !required)) break;
    role = next;
  }
  resource.restarting = false;
}

function changeRole(cluster: Cluster, resource: Resource): void {
  let role = resource.role;
  while (role !== resource.nextRole) {
    const next = nextStep(role, resource.nextRole);
    if (!runStep(cluster, resource, role, next, resource.assigned, false)) break;
    role = next;
  }
}

interface Situation {
  readonly current: Node | undefined;
  readonly moving: boolean;
  allowMigrate: boolean;
  needStop: boolean;
}

function assess(cluster: Cluster, resource: Resource): Situation {
  const active = resource.methods.activeNode(resource);
  const current = active.node;
  const { assigned } = resource;
  const moving =
    current !== undefined && assigned !== undefined && current !== assigned && resource.nextRole >= Role.Started;
  const situation: Situation = {
    current,
    moving,
    allowMigrate: moving && canMigrate(resource, current),
    needStop: moving,
  };
  const { partialMigrationSource: source, partialMigrationTarget: target } = resource;
  let multiple = false;
  if (
    source !== undefined &&
    target !== undefined &&
    situation.allowMigrate &&
    active.all === 2 &&
    current === source &&
    assigned === target
  ) {
    // A migration that was begun goes on.
  } else if (source !== undefined || target !== undefined) {
    situation.needStop = true;
    resource.partialMigrationSource = undefined;
    resource.partialMigrationTarget = undefined;
    situation.allowMigrate = false;
  } else {
    multiple = (resource.needsFencing ? active.all : active.clean) > 1;
  }
  if (multiple) reactToMultiple(cluster, resource, situation, active.all);
  else resource.stopUnexpected = false;
  return situation;
}

function reactToMultiple(cluster: Cluster, resource: Resource, situation: Situation, count: number): void {
  cluster.problems.push({
    severity: "error",
    code: "multiply-active",
    element: resource.id,
    text: `"${resource.id}" might be active on ${count} nodes at once; multiple-active="${resource.multipleActive}" says what to do. Check that it is not started outside of the cluster.`,
  });
  if (resource.multipleActive === "stop_start") situation.needStop = true;
  if (resource.multipleActive === "stop_unexpected") {
    situation.needStop = true;
    resource.stopUnexpected = true;
  }
}

/** Makes the actions of a primitive. */
export function createPrimitiveActions(cluster: Cluster, resource: Resource): void {
  if (resource.nextRole === Role.Unknown) {
    resource.nextRole = resource.assigned === undefined ? Role.Stopped : Role.Started;
  }
  const activeBefore = resource.methods.activeNode(resource).node;
  abortDanglingMigrations(cluster, resource);
  const situation = assess(cluster, resource);
  if (resource.startPending) {
    const start = simpleAction(cluster, resource, "start", resource.assigned, true);
    setFlag(start, Flag.AlwaysInGraph);
  }
  let needPromote = false;
  if (situation.moving) {
    // Already decided.
  } else if (resource.failed) {
    if (resource.stopIfFailed) situation.needStop = true;
    else if (resource.nextRole === Role.Promoted) needPromote = true;
  } else if (resource.blocked) {
    situation.needStop = true;
  } else if (resource.role > Role.Started && activeBefore !== undefined && resource.assigned !== undefined) {
    const start = simpleAction(cluster, resource, "start", resource.assigned, true);
    if (!hasFlag(start, Flag.Optional)) situation.needStop = true;
  }
  restart(cluster, resource, situation.current, situation.needStop, needPromote);
  changeRole(cluster, resource);
  createRecurring(cluster, resource);
  if (situation.allowMigrate && situation.current !== undefined) createMigration(cluster, resource, situation.current);
}
