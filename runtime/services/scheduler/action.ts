// One action: its key, meta attributes, flags, reason. What was found out about several holds until one of them changes here.

import type { Action, ActionMeta, Node } from "./state.ts";

/** What probes add of their own: the result that is as expected. Shared, because there are as many as pairs of resource and node. */
const EXPECT_STOPPED = new Map([["op_target_rc", "7"]]);
const EXPECT_PROMOTED = new Map([["op_target_rc", "8"]]);

/** Key of an action as the history and people know it. */
export function actionUuid(action: Action): string {
  return action.kind === undefined ? action.key : action.kind.uuid;
}

export function actionMeta(action: Action, name: string): string | undefined {
  return action.meta?.get(name) ?? action.kind?.meta.get(name);
}

export function setActionMeta(action: Action, name: string, value: string): void {
  const { meta } = action;
  if (meta === undefined) action.meta = new Map([[name, value]]);
  else if (isShared(meta)) action.meta = new Map(meta).set(name, value);
  else meta.set(name, value);
}

/** Whether what an action adds of its own is what others add too. */
export function isShared(meta: ActionMeta): boolean {
  return meta === EXPECT_STOPPED || meta === EXPECT_PROMOTED;
}

/** Says with what result a probe finds things as they should be. */
export function expectResult(action: Action, result: "stopped" | "promoted"): void {
  const shared = result === "stopped" ? EXPECT_STOPPED : EXPECT_PROMOTED;
  if (action.meta === undefined) action.meta = shared;
  else for (const [name, value] of shared) setActionMeta(action, name, value);
}

export function hasFlag(action: Action, flag: number): boolean {
  return (action.flags & flag) === flag;
}

export function setFlag(action: Action, flag: number): void {
  const flags = action.flags | flag;
  if (flags === action.flags) return;
  action.flags = flags;
  action.cluster.actionChanges += 1;
}

export function clearFlag(action: Action, flag: number): void {
  if ((action.flags & flag) === 0) return;
  action.flags &= ~flag;
  action.cluster.actionChanges += 1;
}

/** An action that had no node gets one. */
export function joinNode(action: Action, node: Node): void {
  action.node = node;
  action.cluster.actionChanges += 1;
}

export function setReason(action: Action, reason: string | undefined, overwrite: boolean): void {
  if (action.reason === undefined || overwrite) action.reason = reason;
}
