// Finding the actions of a resource. One without a node that is met on the way to a node joins that node.

import { joinNode } from "./action.ts";
import type { Action, ActionList, Node, Resource } from "./state.ts";

const NO_ACTIONS: readonly Action[] = [];

/** The actions that have a key. */
export function listOf(resource: Resource, key: string, intervalMs: number): ActionList | undefined {
  for (const list of resource.actionLists) if (list.key === key && list.intervalMs === intervalMs) return list;
  return undefined;
}

/** All actions of a resource with that key, oldest first. */
export function actionsWithKey(resource: Resource, key: string, intervalMs: number): readonly Action[] {
  return listOf(resource, key, intervalMs)?.actions ?? NO_ACTIONS;
}

/** All actions of a resource with that key, oldest first; one without a node joins the node asked for. */
export function findActions(
  resource: Resource,
  key: string,
  intervalMs: number,
  node: Node | undefined,
): readonly Action[] {
  const actions = actionsWithKey(resource, key, intervalMs);
  if (node === undefined || actions.length === 0) return actions;
  for (const action of actions) if (action.node === undefined) joinNode(action, node);
  return actions.filter((action) => action.node === node);
}

/** The first of `findActions`. */
export function findAction(
  resource: Resource,
  key: string,
  intervalMs: number,
  node: Node | undefined,
): Action | undefined {
  const actions = actionsWithKey(resource, key, intervalMs);
  if (node === undefined) return actions[0];
  for (const action of actions) if (action.node === undefined) joinNode(action, node);
  for (const action of actions) if (action.node === node) return action;
  return undefined;
}

/** The first on a node (or anywhere); those without a node that are met on the way join it. */
export function firstOn(actions: readonly Action[], node: Node | undefined): Action | undefined {
  for (const action of actions) {
    if (node === undefined) return action;
    if (action.node === undefined) joinNode(action, node);
    if (action.node === node) return action;
  }
  return undefined;
}

/** All actions of a resource with that key on exactly that node, oldest first. */
export function findActionsOn(
  resource: Resource,
  key: string,
  intervalMs: number,
  node: Node | undefined,
): readonly Action[] {
  if (node === undefined) return NO_ACTIONS;
  const actions = actionsWithKey(resource, key, intervalMs);
  return actions.length === 0 ? actions : actions.filter((action) => action.node === node);
}

/** The newest action of a resource that does a task (on a node). */
export function newestAction(resource: Resource, task: string, node: Node | undefined): Action | undefined {
  for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
    const action = resource.actions[i];
    if (action?.task === task && (node === undefined || action.node === node)) return action;
  }
  return undefined;
}
