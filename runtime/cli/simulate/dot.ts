// The plan as a drawing (Graphviz): what will be done in green, what cannot be done in red, what need not be
// done (shown when asked for) in blue.

import { actionMeta, actionUuid, hasFlag } from "../../services/scheduler/action.ts";
import { type Action, type Cluster, Flag, Order } from "../../services/scheduler/state.ts";

function nameOf(action: Action): string {
  const { node, resource, task } = action;
  const host = node?.name ?? (hasFlag(action, Flag.Pseudo) ? undefined : "<none>");
  const prefix = task === "cancel" ? "Cancel " : "";
  const historyId = resource?.historyId;
  let key: string;
  if (historyId !== undefined) key = historyName(action, historyId);
  else if (task === "stonith") return `${prefix}stonith '${actionMeta(action, "stonith_action")}' ${host}`;
  else if (resource !== undefined || host === undefined) key = actionUuid(action);
  else key = task;
  return host === undefined ? `${prefix}${key}` : `${prefix}${key} ${host}`;
}

function historyName(action: Action, historyId: string): string {
  if (action.task === "notify" || action.task === "notified") {
    const type = actionMeta(action, "notify_key_type");
    return `${historyId}_${type}_notify_${actionMeta(action, "notify_key_operation")}_0`;
  }
  return `${historyId}_${action.cancelTask ?? action.task}_${Number(actionMeta(action, "interval") ?? 0)}`;
}

/** How an action is drawn. */
function styleOf(action: Action): { readonly text: string; readonly idle: boolean } {
  const font = hasFlag(action, Flag.Pseudo) ? "orange" : "black";
  const text = (style: string, color: string, fontColor: string) =>
    `style=${style} color="${color}" fontcolor="${fontColor}"`;
  if (hasFlag(action, Flag.InGraph)) return { text: text("bold", "green", font), idle: false };
  if (action.resource !== undefined && !action.resource.managed) {
    return { text: text("dashed", "red", "purple"), idle: true };
  }
  if (hasFlag(action, Flag.Optional)) return { text: text("dashed", "blue", font), idle: true };
  return { text: text("dashed", "red", font), idle: false };
}

/**
 * The drawing of a planned cluster.
 * @param allActions also what need not be done, and what may not be done because nobody manages it
 */
export function dotText(cluster: Cluster, allActions: boolean): string {
  const lines = [' digraph "g" {'];
  const drawn = new Set<Action>();
  for (let i = cluster.actions.length - 1; i >= 0; i -= 1) {
    const action = cluster.actions[i];
    if (action === undefined) continue;
    const { text, idle } = styleOf(action);
    if (idle && !allActions) continue;
    drawn.add(action);
    lines.push(`"${nameOf(action)}" [ ${text}]`);
  }
  for (let i = cluster.actions.length - 1; i >= 0; i -= 1) {
    const action = cluster.actions[i];
    if (action === undefined) continue;
    for (const relation of action.inputs) {
      if (!relation.graphed && relation.flags === Order.None) continue;
      const both = drawn.has(relation.first) && drawn.has(action) && relation.flags !== Order.IfOnSameNodeOrTarget;
      if (!relation.graphed && !both && !allActions) continue;
      const style = relation.graphed ? "bold" : "dashed";
      lines.push(`"${nameOf(relation.first)}" -> "${nameOf(action)}" [ style = ${style}]`);
    }
  }
  lines.push("}");
  return `${lines.join("\n")}\n`;
}
