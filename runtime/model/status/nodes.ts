// How each node is: from its <node_state> (what the cluster has written down) and the agreed view (what holds at this moment).

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { Standing } from "../../kernel/messages.ts";
import { isTrue } from "../text.ts";
import { pairsOf } from "./options.ts";
import type { NodeState } from "./schema.ts";

/** A node, before it is known what runs on it. */
export interface NodeFacts {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly element: Element | undefined;
  readonly nodeState: Element | undefined;
  readonly attributes: ReadonlyMap<string, string>;
  readonly state: NodeState;
  readonly reason?: string;
}

/** What else decides how a node is judged. */
export interface NodeContext {
  readonly standing: Standing | undefined;
  readonly fencing: boolean;
  readonly startupFencing: boolean;
}

/** All nodes that the configuration or the status names, sorted as the configuration has them. */
export function readNodes(
  cib: Element,
  configured: readonly { readonly id: number; readonly name: string }[],
  context: NodeContext,
): NodeFacts[] {
  const states = new Map<string, Element>();
  for (const state of childrenNamed(childNamed(cib, "status"), "node_state")) {
    states.set(state.attributes["id"] ?? state.attributes["uname"] ?? "", state);
  }
  const elements = childrenNamed(childNamed(childNamed(cib, "configuration"), "nodes"), "node");
  const nodes: NodeFacts[] = elements.map((element) => {
    const id = element.attributes["id"] ?? "";
    return facts(
      id,
      element.attributes["uname"] ?? id,
      element.attributes["type"] ?? "member",
      element,
      states.get(id),
      context,
    );
  });
  const known = new Set(nodes.map((node) => node.id));
  for (const { id, name } of configured) {
    if (!known.has(`${id}`)) nodes.push(facts(`${id}`, name, "member", undefined, states.get(`${id}`), context));
    known.add(`${id}`);
  }
  for (const [id, state] of states) {
    if (known.has(id)) continue;
    const name = state.attributes["uname"] ?? id;
    nodes.push(
      facts(id, name, isTrue(state.attributes["remote_node"]) ? "remote" : "member", undefined, state, context),
    );
  }
  return nodes;
}

function facts(
  id: string,
  name: string,
  type: string,
  element: Element | undefined,
  nodeState: Element | undefined,
  context: NodeContext,
): NodeFacts {
  const attributes = pairsOf(element, "instance_attributes");
  for (const [key, value] of pairsOf(childNamed(nodeState, "transient_attributes"), "instance_attributes")) {
    attributes.set(key, value);
  }
  const judged =
    type === "remote" || type === "ping" ? { state: "offline" as const } : judge(id, nodeState, attributes, context);
  return { id, name, type, element, nodeState, attributes, ...judged };
}

/** `true`, or since Pacemaker 2.1.7 the time since when it is so. */
function holds(text: string | undefined): boolean {
  return text !== undefined && (isTrue(text) || text === "online" || Number(text) > 1);
}

interface Judgement {
  readonly state: NodeState;
  readonly reason?: string;
}

function judge(
  id: string,
  nodeState: Element | undefined,
  attributes: ReadonlyMap<string, string>,
  context: NodeContext,
): Judgement {
  const written = judgeWritten(nodeState, attributes, context);
  const view = context.standing?.view;
  if (view === undefined) return written;
  const present = view.members.some((member) => `${member.id}` === id);
  if (present) {
    if (written.state === "online" || written.state === "shutting-down") return written;
    return { state: "pending", reason: "it is in the view, but does not take part yet" };
  }
  const account = context.standing?.missing.find((one) => `${one.id}` === id)?.account;
  const left = account === "left" || view.departures.some((one) => `${one.id}` === id && one.cause === "left");
  if (left || account === "fenced" || account === "loss-accepted") return { state: "offline" };
  if (written.state === "offline" || written.state === "unclean") return written;
  if (!context.fencing) return { state: "offline" };
  return { state: "unclean", reason: "it is not in the view any more and is not confirmed off yet" };
}

/** The judgement from the status section alone, as Pacemaker's scheduler makes it. */
function judgeWritten(
  nodeState: Element | undefined,
  attributes: ReadonlyMap<string, string>,
  context: NodeContext,
): Judgement {
  if (nodeState === undefined) {
    if (!context.fencing || !context.startupFencing) return { state: "offline" };
    return { state: "unclean", reason: "it has not been seen since the cluster started" };
  }
  const { in_ccm: inView, crmd, join, expected = "down" } = nodeState.attributes;
  const member = holds(inView);
  const talks = holds(crmd);
  const leaving = Number(attributes.get("shutdown") ?? "0") > 0;
  if (member && talks && join === "member") return { state: leaving ? "shutting-down" : "online" };
  if (leaving || expected === "down") {
    return member || talks ? { state: "pending", reason: "it is not ready to run resources" } : { state: "offline" };
  }
  if (!context.fencing) return member && talks ? { state: "pending" } : { state: "offline" };
  if (!member) return { state: "unclean", reason: "it is no longer part of the cluster and not confirmed off" };
  if (!talks) return { state: "unclean", reason: "its Systole process is no longer there" };
  return { state: "pending", reason: "it has not joined yet" };
}
