// Why an instance of a promotable clone is promoted, or is not.

import { formatScore, INFINITY } from "../../../model/score.ts";
import { sameText } from "../../../model/text.ts";
import { type Cluster, type Node, type Resource, Role } from "../state.ts";
import { isGuestNode, launcherOf, nodeAttribute, onlyNode, outermost, stripInstance, topResource } from "../tree.ts";
import { layers } from "./action-notes.ts";
import { idText, metaElement, nodeAttributeElement } from "./option-elements.ts";
import { nodeReason, type Reason } from "./reason.ts";

/** What was found when the instance had its turn. */
export interface PromotionTurn {
  readonly chosen: boolean;
  /** Fewer than promoted-max were promoted by then. */
  readonly room: boolean;
  /** Without quorum, nothing more is promoted. */
  readonly frozen: boolean;
}

/** What an agent says of being promoted on a node. */
export function promotionScoreReason(instance: Resource, node: Node): Reason {
  const primitive = firstPrimitive(instance);
  const names = [`master-${primitive.id}`, `master-${stripInstance(primitive.id)}`];
  const target = primitive.meta.get("container-attribute-target");
  const name = names.find((one) => nodeAttribute(node, one, target, "current") !== undefined);
  const value = name === undefined ? undefined : nodeAttribute(node, name, target, "current");
  const what = value === undefined ? "a promotion score" : `promotion score ${value} (${name})`;
  return { code: "promotion-score", text: `its agent gives it ${what} on ${node.name}`, node: node.name };
}

function firstPrimitive(resource: Resource): Resource {
  const [child] = resource.children;
  return child === undefined ? resource : firstPrimitive(child);
}

/** See the head of the file. */
export function promotionReason(
  cluster: Cluster,
  instance: Resource,
  steps: readonly Reason[],
  { chosen, room, frozen }: PromotionTurn,
): Reason {
  const top = topResource(instance);
  const limit = top.clone?.promotedMax ?? 1;
  const score = instance.promotionPriority;
  const about = { resource: top.configId, score };
  if (frozen) {
    return { code: "no-quorum", text: "without quorum nothing is promoted (no-quorum-policy freeze)", ...about };
  }
  if (chosen) {
    const text = `it has one of the best promotion scores of ${outermost(top).configId} (${formatScore(score)})`;
    const because = steps.filter((step) => (step.score ?? 0) > 0);
    return { code: "promotion", text, ...about, ...(because.length === 0 ? {} : { because }) };
  }
  const node = onlyNode(instance, "assigned");
  if (score < 0) return notWanted(cluster, instance, node, steps);
  const count = limit === 1 ? "one promoted instance" : `${limit} promoted instances`;
  if (!room) {
    const id = metaElement(cluster, top, "promoted-max") ?? metaElement(cluster, top, "master-max");
    const text = `${outermost(top).configId} is to have ${count} and has that elsewhere${idText(id)}`;
    return { code: "promoted-max", text, ...about, ...(id === undefined ? {} : { element: id }) };
  }
  return notPossible(cluster, instance, node);
}

/** The target-role that keeps an instance from being promoted, of the outermost that has it: what is inside inherits it. */
export function roleLimit(cluster: Cluster, instance: Resource): Reason | undefined {
  const parts = layers(instance);
  const limits = (part: Resource) => ["Unpromoted", "Slave", "Stopped"].some((role) => isRole(part, role));
  const part = parts.find(limits);
  if (part === undefined) return undefined;
  const role = part.meta.get("target-role") ?? "";
  const owner = parts.findLast((other) => isRole(other, role)) ?? part;
  const id = metaElement(cluster, owner, "target-role");
  const text = `target-role of ${owner.configId} is ${role}${idText(id)}`;
  return { code: "target-role", text, resource: owner.configId, ...(id === undefined ? {} : { element: id }) };
}

function isRole(part: Resource, role: string): boolean {
  return sameText(part.meta.get("target-role"), role);
}

function notWanted(cluster: Cluster, instance: Resource, node: Node | undefined, steps: readonly Reason[]): Reason {
  const top = topResource(instance);
  const against = steps.filter((step) => (step.score ?? 0) < 0);
  const about = { resource: top.configId };
  if (node === undefined) return { code: "not-placed", text: "it is not promoted, having no node", ...about };
  const asked = roleLimit(cluster, instance);
  if (asked !== undefined) return asked;
  if (against.length > 0) {
    const text = `it is not to be promoted on ${node.name}`;
    return { code: "promotion-forbidden", text, ...about, node: node.name, because: against };
  }
  if (instance.promotionPriority <= -INFINITY) {
    const next = instance.methods.state(instance, false);
    const text =
      next === Role.Stopped ? "it is not promoted, for it is to stop" : `it may not be promoted on ${node.name}`;
    return { code: "promotion-forbidden", text, ...about, node: node.name };
  }
  const name = `master-${stripInstance(firstPrimitive(instance).id)}`;
  const id = nodeAttributeElement(cluster, node, name);
  const score = nodeAttribute(node, name, undefined, "current");
  const what = score === undefined ? "no promotion score" : `promotion score ${score}`;
  const text = `it is not promoted, having ${what} on ${node.name} (node attribute ${name})`;
  return { code: "no-promotion-score", text, ...about, node: node.name, ...(id === undefined ? {} : { element: id }) };
}

function notPossible(cluster: Cluster, instance: Resource, node: Node | undefined): Reason {
  const top = topResource(instance);
  const about = { code: "promotion-impossible", resource: top.configId };
  if (node === undefined) return { ...about, text: "it has no node to be promoted on" };
  const unusable = nodeReason(cluster, node);
  if (unusable !== undefined) return { ...unusable, text: `it is not promoted, as ${unusable.text}` };
  const guest = isGuestNode(node) ? launcherOf(node) : undefined;
  if (guest !== undefined && onlyNode(guest, "assigned") === undefined) {
    return { ...about, text: `it is not promoted, as ${guest.id} does not run`, resource: guest.id };
  }
  if (!instance.managed) return { ...about, text: "it is not managed, so it is not promoted" };
  const most = top.clone?.promotedNodeMax ?? 1;
  const text = `${node.name} has as many promoted instances of ${outermost(top).configId} as it may (promoted-node-max ${most})`;
  return { ...about, text, node: node.name };
}
