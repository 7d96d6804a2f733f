// What the status section says of each node: <node_state in_ccm crmd join expected>, kept equal to the agreed view.
//
// A member of the view is online. A node that is not in it is down when it left cleanly or was confirmed off; anything else makes it
// unclean (expected to be a member and not one), which only a fence, or its coming back, ends. Which life of a node an element speaks of
// stands in systole-incarnation, so what an earlier life did is not taken for what this one does.
// Source of the form: node_state as Pacemaker 2.1.5 writes it.

import { childNamed, type Element, element } from "../../kernel/cib/element.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import type { CibEdit, Standing } from "../../kernel/messages.ts";
import { attributeEdit, nodeState, nodeStatePath } from "../attributes/edits.ts";

/** The attribute of <node_state> that names the life of the node it speaks of. */
export const INCARNATION = "systole-incarnation";

export interface ConfiguredNode {
  readonly id: NodeId;
  readonly name: string;
}

/** What a node is now, and the edits that make the status say so. */
export interface NodeStateUpdate {
  readonly edits: readonly CibEdit[];
  /** What has changed for people; undefined when nothing has. */
  readonly became?: "online" | "restarted" | "unclean" | "down";
}

/**
 * Compares what the status says of a node with the view. `fenced` is the last life of it that was read as off; `haunting` is an earlier
 * life of it that is not accounted for, whether a later one is here or has left again.
 */
export function nodeStateUpdate(
  cib: Element,
  node: ConfiguredNode,
  standing: Standing,
  fenced: Incarnation | undefined,
  haunting: Incarnation | undefined,
): NodeStateUpdate {
  const state = nodeState(cib, `${node.id}`);
  const member = standing.view.members.find((candidate) => candidate.id === node.id);
  // A member that was read as off is none any more; the view will say so when its silence was noticed.
  const isOff = member !== undefined && fenced !== undefined && fenced >= member.incarnation;
  if (member !== undefined && !isOff && haunting === undefined) return memberUpdate(state, node, member.incarnation);
  if (state === undefined) return { edits: [] };
  if (member !== undefined && !isOff) return uncleanUpdate(cib, state, node, haunting);
  const incarnation = haunting ?? Number(state.attributes[INCARNATION] ?? 0);
  if (isDown(state)) return { edits: [] };
  if (wentCleanly(standing, node.id, incarnation) || (fenced !== undefined && fenced >= incarnation)) {
    return { edits: downEdits(cib, node), became: "down" };
  }
  return uncleanUpdate(cib, state, node, haunting);
}

const ONLINE = { in_ccm: "true", crmd: "online", join: "member" } as const;
const NOTHING_CHANGES: NodeStateUpdate = { edits: [] };

function hasAttributes(state: Element, wanted: Readonly<Record<string, string>>): boolean {
  for (const name in wanted) if (state.attributes[name] !== wanted[name]) return false;
  return true;
}

function saysOnline(state: Element, node: ConfiguredNode, expected: string): boolean {
  const { uname, expected: recorded } = state.attributes;
  return uname === node.name && recorded === expected && hasAttributes(state, ONLINE);
}

function memberUpdate(state: Element | undefined, node: ConfiguredNode, incarnation: Incarnation): NodeStateUpdate {
  const id = `${node.id}`;
  const sameLife = state !== undefined && state.attributes[INCARNATION] === `${incarnation}`;
  // "down" of a member: it has been told to leave, and does.
  const expected = sameLife && isLeaving(state) ? "down" : "member";
  // Nearly always so, and looked at after each step.
  if (sameLife && saysOnline(state, node, expected)) return NOTHING_CHANGES;
  const wanted = { uname: node.name, ...ONLINE, expected, [INCARNATION]: `${incarnation}` };
  const edits: CibEdit[] = [];
  if (state !== undefined && !sameLife) edits.push(...forgetEdits(state, id));
  edits.push({ edit: "set", path: nodeStatePath(id), attributes: wanted });
  const before = state?.attributes[INCARNATION];
  const restarted = before !== undefined && !sameLife && state?.attributes["in_ccm"] === "true";
  return { edits, became: restarted ? "restarted" : "online" };
}

/** It is still here, and its resources have moved away: it may go. */
export function isLeaving(state: Element | undefined): boolean {
  return state?.attributes["expected"] === "down" && state.attributes["in_ccm"] === "true";
}

/** The status says that it is gone for good. */
export function isDown(state: Element): boolean {
  return state.attributes["in_ccm"] === "false" && state.attributes["expected"] === "down";
}

/** A life that leaves speaks for itself alone; power that goes ends every life before. */
function wentCleanly(standing: Standing, id: NodeId, incarnation: Incarnation): boolean {
  const left = standing.view.departures.some(
    (departure) => departure.id === id && departure.cause === "left" && departure.incarnation === incarnation,
  );
  if (left) return true;
  return standing.missing.some((member) => {
    if (member.id !== id) return false;
    if (member.account === "left") return member.incarnation === incarnation;
    return member.account === "fenced" && member.incarnation >= incarnation;
  });
}

function uncleanUpdate(
  cib: Element,
  state: Element,
  node: ConfiguredNode,
  haunting: Incarnation | undefined,
): NodeStateUpdate {
  const lost = { in_ccm: "false", crmd: "offline", join: "down", expected: "member" };
  // The life that is lost is named, so that a coordinator that never met it does not take a later one's leave for its own.
  const wanted = haunting === undefined ? lost : { ...lost, [INCARNATION]: `${haunting}` };
  const differs = !hasAttributes(state, wanted);
  // A node that was lost while it shut down has not shut down: nothing says that its resources are stopped. Nor when a later life of it,
  // which is not taken in before the fence, wants to shut down.
  const shutdown = attributeEdit(cib, `${node.id}`, "shutdown", null);
  if (!differs) return { edits: shutdown === undefined ? [] : [shutdown] };
  const edits: CibEdit[] = [{ edit: "set", path: nodeStatePath(`${node.id}`), attributes: wanted }];
  if (shutdown !== undefined) edits.push(shutdown);
  return { edits, became: "unclean" };
}

/** A node that is off, or gone for good: nothing of what it did is left. */
export function downEdits(cib: Element, node: ConfiguredNode): CibEdit[] {
  const id = `${node.id}`;
  const attributes = { uname: node.name, in_ccm: "false", crmd: "offline", join: "down", expected: "down" };
  const state = nodeState(cib, id);
  return [...(state === undefined ? [] : forgetEdits(state, id)), { edit: "set", path: nodeStatePath(id), attributes }];
}

function forgetEdits(state: Element, id: string): CibEdit[] {
  const edits: CibEdit[] = [];
  for (const name of ["lrm", "transient_attributes"]) {
    const part = childNamed(state, name);
    if (part === undefined) continue;
    const partId = part.attributes["id"];
    const step = partId === undefined ? { name } : { name, id: partId };
    edits.push({ edit: "delete", path: [...nodeStatePath(id), step] });
  }
  return edits;
}

/** The configured nodes that the CIB does not list yet: without a <node> the scheduler knows of none. */
export function missingNodes(cib: Element, nodes: readonly ConfiguredNode[]): CibEdit[] {
  const listed = childNamed(childNamed(cib, "configuration"), "nodes");
  const parent = [{ name: "configuration" }, { name: "nodes" }];
  return nodes
    .filter((node) => childNamed(listed, "node", `${node.id}`) === undefined)
    .map((node) => ({ edit: "put", parent, element: element("node", { id: `${node.id}`, uname: node.name }) }));
}
