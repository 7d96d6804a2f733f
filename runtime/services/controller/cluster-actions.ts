// Actions that the coordinator does itself by writing into the status section: clearing failures, letting a node go, and the like.

import type { CibEdit } from "../../kernel/messages.ts";
import { attributeEdit, nodeStatePath } from "../attributes/edits.ts";
import type { GraphAction } from "../transition.ts";
import type { Desk } from "./effects.ts";
import type { ConfiguredNode } from "./node-states.ts";
import { clearFailureEdits, forgetFailureEdits, forgetResourceEdits } from "./results.ts";
import { because } from "./words.ts";

/** Does an action of kind `cluster` that is not fencing. Its effect stands in the status at once, so it is done when this returns. */
export function clusterAction(action: GraphAction, node: ConfiguredNode | undefined, desk: Desk): void {
  const { writer } = desk;
  const nodeId = node === undefined ? (action.nodeId ?? "") : `${node.id}`;
  const resource = action.primitive?.id;
  const edits: CibEdit[] = [];
  switch (action.operation) {
    case "clear_failcount":
      if (resource === undefined) break;
      edits.push(...clearFailureEdits(writer.working, nodeId, resource));
      edits.push(...forgetFailureEdits(writer.working, nodeId, resource));
      break;
    case "lrm_delete":
      if (resource !== undefined) edits.push(...forgetResourceEdits(writer.working, nodeId, resource));
      break;
    case "do_shutdown":
      // The node sees this in the status, and leaves.
      edits.push({ edit: "set", path: nodeStatePath(nodeId), attributes: { expected: "down" } });
      desk.tell({
        kind: "view",
        code: "may-leave",
        text: `${action.node ?? nodeId} runs nothing any more and may leave${because(action)}`,
        severity: "info",
        ...(action.node === undefined ? {} : { node: action.node }),
      });
      break;
    case "maintenance_nodes":
      for (const { id, attributes } of action.maintenance ?? []) {
        edits.push({ edit: "set", path: nodeStatePath(id), attributes });
      }
      break;
    default:
      desk.tell({
        kind: "transition",
        code: "unknown-action",
        text: `The plan has an action "${action.operation}" that this release does not know; it counts as done`,
        severity: "warning",
      });
  }
  writer.write(edits);
}

/** Marks a node as unfenced, for resources that want that before they start. */
export function unfencedEdit(desk: Desk, node: ConfiguredNode): CibEdit | undefined {
  const seconds = Math.floor(desk.epochMs / 1000);
  return attributeEdit(desk.writer.working, `${node.id}`, "#node-unfenced", `${seconds}`);
}
