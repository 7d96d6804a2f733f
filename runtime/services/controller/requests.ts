// What people and programs ask of the coordinator: forget failures, so that a resource is looked at afresh.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { CibEdit } from "../../kernel/messages.ts";
import { compareText } from "../../model/text.ts";
import { nodeState } from "../attributes/edits.ts";
import type { RequestOutcome } from "../messages.ts";
import type { Desk } from "./effects.ts";
import { clearFailureEdits, forgetResourceEdits } from "./results.ts";

export interface Cleanup {
  readonly resource?: string;
  readonly node?: string;
}

/** Forgets failures and history. `answer` is called when that is committed, or with the refusal. */
export function cleanUp(request: Cleanup, desk: Desk, answer: (outcome: RequestOutcome) => void): void {
  const { writer, config } = desk;
  const nodes = config.nodes.filter((node) => request.node === undefined || node.name === request.node);
  if (nodes.length === 0) {
    const names = config.nodes.map((node) => node.name).join(", ");
    const reason = `There is no node ${request.node ?? ""} in this cluster. Use one of ${names}.`;
    answer({ outcome: "refused", code: "no-such-node", reason });
    return;
  }
  const wanted = request.resource === undefined ? undefined : primitivesOf(writer.working, request.resource);
  const edits: CibEdit[] = [];
  const cleaned = new Set<string>();
  for (const node of nodes) {
    const id = `${node.id}`;
    for (const resource of resourcesIn(writer.working, id)) {
      if (wanted !== undefined && !wanted.has(resource.replace(/:\d+$/, "")) && !wanted.has(resource)) continue;
      cleaned.add(resource);
      edits.push(...forgetResourceEdits(writer.working, id, resource));
      if (wanted !== undefined) edits.push(...clearFailureEdits(writer.working, id, resource));
      if (desk.lifeOf(node.id) !== undefined) {
        desk.emit({ type: "send", to: node.id, message: { type: "history-clear", resource } });
      }
    }
    if (wanted === undefined) edits.push(...clearFailureEdits(writer.working, id, undefined));
    else
      for (const resource of wanted)
        if (!cleaned.has(resource)) edits.push(...clearFailureEdits(writer.working, id, resource));
  }
  if (edits.length === 0 && request.resource !== undefined && wanted?.size === 0) {
    const reason = `There is no resource ${request.resource} in the configuration, and nothing of it in the history.`;
    answer({ outcome: "refused", code: "no-such-resource", reason });
    return;
  }
  const where = request.node ?? "all nodes";
  const what = cleaned.size === 0 ? "nothing was recorded" : [...cleaned].sort(compareText).join(", ");
  writer.write(edits, () => answer({ outcome: "done", text: `Forgotten on ${where}: ${what}.` }));
  if (edits.length > 0) desk.replan("failures and history were cleaned up");
}

function resourcesIn(cib: Element, nodeId: string): string[] {
  const lrm = childNamed(nodeState(cib, nodeId), "lrm");
  const resources = childrenNamed(childNamed(lrm, "lrm_resources"), "lrm_resource");
  return resources.map((resource) => resource.attributes["id"] ?? "");
}

/** The primitives that a resource is made of; one that is only in the history stands for itself. */
function primitivesOf(cib: Element, id: string): Set<string> {
  const found = new Set<string>();
  const visit = (parent: Element | undefined, inside: boolean) => {
    for (const child of parent?.children ?? []) {
      const matches = inside || child.attributes["id"] === id;
      if (child.name === "primitive" && matches) found.add(child.attributes["id"] ?? "");
      else if (["group", "clone", "master", "bundle"].includes(child.name)) visit(child, matches);
    }
  };
  visit(childNamed(childNamed(cib, "configuration"), "resources"), false);
  if (found.size === 0) {
    for (const state of childrenNamed(childNamed(cib, "status"), "node_state")) {
      if (resourcesIn(cib, state.attributes["id"] ?? "").includes(id)) found.add(id);
    }
  }
  return found;
}
