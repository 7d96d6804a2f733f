// Sets of attributes (nvpair blocks): which of several blocks counts, rules in them, references to others.
// Source of the order: Pacemaker Explained, "score" of meta_attributes and instance_attributes.

import type { Element } from "../../kernel/cib/element.ts";
import { type RuleInput, ruleHolds } from "../../model/rule.ts";
import { leadingInteger, parseScore } from "../../model/score.ts";
import type { Cluster, Node, Resource } from "./state.ts";

/** Rule input with the time filled in; the caller adds what else the rule may look at. */
export function ruleInput(cluster: Cluster, more: Partial<RuleInput> = {}): RuleInput {
  const { nodeAttributes, parameters, meta, resourceClass, provider, type, operation, intervalMs, matches } = more;
  return {
    nowEpochSeconds: cluster.now,
    zoneMinutes: cluster.zoneMinutes,
    nodeAttributes,
    parameters,
    meta,
    resourceClass,
    provider,
    type,
    operation,
    intervalMs,
    matches,
    resolve: cluster.resolve,
    changesAt: cluster.changesAt,
  };
}

/** The state should be looked at again at that second. */
export function recheckBy(cluster: Cluster, epochSeconds: number): void {
  if (epochSeconds > cluster.now && (cluster.recheckAt === 0 || epochSeconds < cluster.recheckAt)) {
    cluster.recheckAt = epochSeconds;
  }
}

function blockScore(block: Element): number {
  const text = block.attributes["score"];
  return text === undefined ? 0 : (parseScore(text) ?? 0);
}

const NO_BLOCKS: readonly Element[] = [];

/** Blocks of that name below a parent, the strongest first. */
function blocksOf(
  parent: Element,
  name: string,
  resolve: (element: Element) => Element | undefined,
  firstId: string | undefined,
): readonly Element[] {
  let blocks: Element[] | undefined;
  for (const child of parent.children) {
    if (child.name !== name) continue;
    const block = resolve(child);
    if (block === undefined) continue;
    if (blocks === undefined) blocks = [block];
    else blocks.unshift(block);
  }
  if (blocks === undefined) return NO_BLOCKS;
  if (blocks.length < 2) return blocks;
  const rank = (block: Element) => (firstId !== undefined && block.attributes["id"] === firstId ? 1 : 0);
  return blocks.sort((one, other) => rank(other) - rank(one) || blockScore(other) - blockScore(one));
}

/**
 * Adds the name-value pairs of a parent's blocks to `values`, where the name is not there yet.
 * @param firstId id of the block that is stronger than all others
 */
export function readBlocks(
  parent: Element | undefined,
  name: string,
  values: Map<string, string>,
  input: RuleInput,
  firstId?: string,
): void {
  if (parent === undefined) return;
  for (const block of blocksOf(parent, name, input.resolve, firstId)) {
    const rule = block.children.find((child) => child.name === "rule");
    if (rule !== undefined && !ruleHolds(rule, input)) continue;
    const inner = block.children[0]?.name === "attributes" ? block.children[0] : block;
    for (const pair of inner.children) {
      if (pair.name === "nvpair") readPair(input.resolve(pair), values);
    }
  }
}

function readPair(pair: Element | undefined, values: Map<string, string>): void {
  const name = pair?.attributes["name"];
  const value = pair?.attributes["value"];
  if (name === undefined || value === undefined) return;
  if (value.toLowerCase() === "#default") values.delete(name);
  else if (!values.has(name)) values.set(name, value);
}

/** Whether a parent's blocks of that name depend on anything but the configuration. */
function hasRules(cluster: Cluster, parent: Element, name: string): boolean {
  for (const child of parent.children) {
    if (child.name === name && cluster.resolve(child)?.children.some((part) => part.name === "rule")) return true;
  }
  return false;
}

/** Parameters of a resource on a node (rules may look at the node), those of its parents where it has none of its own. */
export function parametersOf(
  cluster: Cluster,
  resource: Resource,
  node: Node | undefined,
): ReadonlyMap<string, string> {
  const known = resource.parameters ?? resource.parametersByNode?.get(node);
  if (known !== undefined) return known;
  const values = new Map<string, string>();
  const input = ruleInput(cluster, { nodeAttributes: node?.attributes });
  let varies = false;
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    readBlocks(part.config, "instance_attributes", values, input);
    varies ||= hasRules(cluster, part.config, "instance_attributes");
  }
  if (varies) {
    resource.parametersByNode ??= new Map();
    resource.parametersByNode.set(node, values);
  } else {
    resource.parameters = values;
  }
  return values;
}

/** A whole number, at least `minimum`. */
export function integerAtLeast(text: string | undefined, minimum: number): number {
  const value = text === undefined ? minimum : (leadingInteger(text) ?? minimum);
  return Math.min(Math.max(value, minimum), 2_147_483_647);
}
