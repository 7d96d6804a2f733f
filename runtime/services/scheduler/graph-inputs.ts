// Which actions are in the plan, and which of them wait for which.

import { actionMeta, hasFlag } from "./action.ts";
import { type Action, Flag, Order, type Relation } from "./state.ts";
import { isClone, isGuestNode } from "./tree.ts";

/** Whether an action is to be done. */
export function belongsInGraph(action: Action): boolean {
  if (!hasFlag(action, Flag.Runnable)) return false;
  if (hasFlag(action, Flag.Optional) && !hasFlag(action, Flag.AlwaysInGraph)) return false;
  const { resource, node, task } = action;
  if (resource !== undefined && !resource.managed && task !== "monitor") {
    const interval = actionMeta(action, "interval");
    if (interval === undefined || interval === "0") return false;
  }
  if (hasFlag(action, Flag.Pseudo) || task === "stonith" || task === "do_shutdown") return true;
  if (node === undefined) return false;
  if (hasFlag(action, Flag.OnCoordinator)) return true;
  if (isGuestNode(node) && !node.remoteReset) return true;
  return node.online && !node.unclean;
}

const HARMLESS = Order.ThenImpliesFirstGraphed | Order.FirstImpliesThenGraphed | Order.Ordered;

function isStop(action: Action): boolean {
  return action.intervalMs === 0 && (action.key === "stop" || action.key.endsWith("_stop"));
}

/** Whether an action waits for another that is ordered before it. */
export function waitsFor(action: Action, relation: Relation): boolean {
  if (relation.graphed) return true;
  const input = relation.first;
  const { flags } = relation;
  if (flags === Order.None) return false;
  const runnable = hasFlag(input, Flag.Runnable);
  if (!runnable) {
    if ((flags & ~HARMLESS) === 0) return false;
    if ((flags & (Order.MinRunnable | Order.UnmigratableThenBlocks)) !== 0) return false;
  }
  const migratable = hasFlag(input, Flag.Migratable);
  if ((flags & Order.IfFirstUnmigratable) !== 0 && migratable) return false;
  if (flags === Order.Ordered && migratable && isStop(input)) return false;
  if (flags === Order.IfOnSameNodeOrTarget) return waitsForLoad(action, relation);
  if (flags === Order.IfRequiredOnSameNode) {
    const elsewhere = input.node !== undefined && action.node !== undefined && input.node !== action.node;
    if (elsewhere || hasFlag(input, Flag.Optional)) {
      relation.flags = Order.None;
      return false;
    }
    return true;
  }
  const other = input.resource;
  if (other !== undefined && other !== action.resource && other.failed && !other.managed && isStop(input)) {
    if (isClone(action.resource)) return false;
  }
  const planned = (input.flags & (Flag.AlwaysInGraph | Flag.InGraph)) !== 0;
  return !hasFlag(input, Flag.Optional) || planned || belongsInGraph(input);
}

/** Room on a node must be made only for what comes to that node. */
function waitsForLoad(action: Action, relation: Relation): boolean {
  const input = relation.first;
  const { resource } = action;
  let drop: boolean;
  if (resource !== undefined && action.task === "migrate_to")
    drop = input.node === undefined || input.node !== resource.assigned;
  else drop = input.node === undefined || input.node !== action.node || hasFlag(input, Flag.Optional);
  if (drop) relation.flags = Order.None;
  return !drop;
}

/**
 * Whether following what an action waits for, from one of its relations on, leads back to where it began. Each action is
 * looked at once: from where there was no way back the first time, there is none.
 */
export function graphHasLoop(start: Action, action: Action, relation: Relation, visited = new Set<Action>()): boolean {
  const input = relation.first;
  if (visited.has(input) || !waitsFor(action, relation)) return false;
  if (input === start) return true;
  visited.add(input);
  for (let earlier = input.before; earlier !== undefined; earlier = earlier.olderBefore) {
    if (graphHasLoop(start, input, earlier, visited)) return true;
  }
  return false;
}

function byFirst(one: Relation, other: Relation): number {
  return one.first.id - other.first.id;
}

/** Of all that is ordered before an action, makes one relation of several to the same action, sorted by the action's number. */
export function mergeInputs(action: Action): void {
  if ((action.flags & Flag.InputsMerged) !== 0) return;
  action.flags |= Flag.InputsMerged;
  if (action.before === undefined) return;
  if (action.before.olderBefore === undefined) {
    action.inputs = [action.before];
    return;
  }
  const inputs: Relation[] = [];
  let sorted = true;
  let previous = Number.POSITIVE_INFINITY;
  for (let relation: Relation | undefined = action.before; relation !== undefined; relation = relation.olderBefore) {
    const { id } = relation.first;
    if (id >= previous) sorted = false;
    previous = id;
    inputs.push(relation);
  }
  // The newest order is mostly that with the newest action.
  if (sorted) inputs.reverse();
  else if (inputs.length > FEW_INPUTS) mergeSorted(inputs.sort(byFirst));
  else mergeSorted(sortFew(inputs.reverse()));
  action.inputs = inputs;
}

/** So few are sorted where they are, which needs no memory and is quick because they are nearly sorted. */
const FEW_INPUTS = 64;

/** Of several with one number, the last comes first. */
function sortFew(inputs: Relation[]): Relation[] {
  for (let from = 1; from < inputs.length; from += 1) {
    const moved = inputs[from];
    if (moved === undefined) continue;
    let place = from;
    for (; place > 0; place -= 1) {
      const before = inputs[place - 1];
      if (before === undefined || before.first.id < moved.first.id) break;
      inputs[place] = before;
    }
    inputs[place] = moved;
  }
  return inputs;
}

function mergeSorted(inputs: Relation[]): void {
  let count = 0;
  let last: Relation | undefined;
  for (const relation of inputs) {
    if (last !== undefined && last.first === relation.first) {
      last.flags |= relation.flags;
    } else {
      inputs[count] = relation;
      count += 1;
      last = relation;
    }
  }
  inputs.length = count;
}
