// Location constraints: how much a resource wants a node, by name or by a rule about the node's attributes.

import type { Element } from "../../kernel/cib/element.ts";
import { type RuleInput, replaceMatches, ruleHolds } from "../../model/rule.ts";
import { addScores, parseScore } from "../../model/score.ts";
import { sameText } from "../../model/text.ts";
import { parametersOf, ruleInput } from "./attributes.ts";
import { constraintResource, ignoreConstraint, membersOf, nameAsSet, setsOf, withSets } from "./constraint-sets.ts";
import { has, insert } from "./node-table.ts";
import { parseRole } from "./roles.ts";
import { type Cluster, type Location, type Node, ProbeMode, type Resource, Role } from "./state.ts";
import { findNode, nodeAttribute } from "./tree.ts";

type Matches = readonly (string | undefined)[];

/** Reads one rsc_location. */
export function unpackLocation(cluster: Cluster, original: Element): void {
  let constraint = original;
  if (!original.children.some((child) => child.name === "resource_set")) {
    const resource = original.attributes["rsc"];
    if (resource !== undefined) {
      const set = nameAsSet(cluster, original, "rsc", false, { role: original.attributes["role"] });
      if (set === undefined) return;
      if (set !== "plain") constraint = withSets(original, ["rsc", "role"], [set]);
    }
  }
  const sets = setsOf(cluster, constraint, original);
  if (sets === undefined) return;
  if (sets.length === 0) {
    unpackSimple(cluster, constraint);
    return;
  }
  for (const set of sets) {
    if (set.attributes["id"] === undefined) return;
    for (const id of membersOf(set)) {
      const resource = constraintResource(cluster, id);
      if (resource === undefined) return;
      locate(cluster, constraint, resource, set.attributes["role"], set.attributes["score"], undefined);
    }
  }
}

function unpackSimple(cluster: Cluster, constraint: Element): void {
  const { rsc, "rsc-pattern": pattern, id } = constraint.attributes;
  if (rsc !== undefined) {
    const resource = constraintResource(cluster, rsc);
    if (resource !== undefined) locate(cluster, constraint, resource, undefined, undefined, undefined);
  }
  if (pattern === undefined) return;
  const invert = pattern.startsWith("!");
  let expression: RegExp;
  try {
    expression = new RegExp(invert ? pattern.slice(1) : pattern);
  } catch {
    ignoreConstraint(cluster, id, `its rsc-pattern "${pattern}" is no regular expression`);
    return;
  }
  for (const resource of cluster.resources) {
    const match = expression.exec(resource.id);
    if (invert ? match === null : match !== null) {
      locate(cluster, constraint, resource, undefined, undefined, match === null ? undefined : [...match]);
    }
  }
}

/** The role that a location is about: only the promoted one is special. */
function locationRole(text: string | undefined): Role | undefined {
  if (text === undefined) return Role.Unknown;
  const role = parseRole(text);
  if (role === Role.Unknown) return undefined;
  return role === Role.Started || role === Role.Unpromoted ? Role.Unknown : role;
}

function locate(
  cluster: Cluster,
  constraint: Element,
  resource: Resource,
  setRole: string | undefined,
  setScore: string | undefined,
  matches: Matches | undefined,
): void {
  const { id, node: nodeName, "resource-discovery": discovery } = constraint.attributes;
  const scoreText = setScore ?? constraint.attributes["score"];
  if (nodeName === undefined || scoreText === undefined) {
    const rules = constraint.children.filter((child) => child.name === "rule");
    // Several rules are as many constraints.
    for (const rule of rules) locateByRule(cluster, constraint, rule, resource, discovery, matches);
    return;
  }
  const node = findNode(cluster, nodeName);
  if (node === undefined) return;
  const score = parseScore(scoreText, cluster.properties.colors);
  const role = locationRole(setRole ?? constraint.attributes["role"]);
  if (score === undefined || role === undefined) {
    ignoreConstraint(cluster, id, score === undefined ? `"${scoreText}" is no score` : "its role does not exist");
    return;
  }
  newLocation(cluster, id ?? "", resource, role, discovery, [{ node, score }]);
}

function locateByRule(
  cluster: Cluster,
  constraint: Element,
  reference: Element,
  resource: Resource,
  discovery: string | undefined,
  matches: Matches | undefined,
): void {
  const rule = cluster.resolve(reference);
  const ruleId = rule?.attributes["id"];
  if (rule === undefined || ruleId === undefined) return;
  const role = locationRole(rule.attributes["role"]);
  const combine = (rule.attributes["boolean-op"] ?? "and").toLowerCase();
  if (role === undefined || (combine !== "and" && combine !== "or")) {
    ignoreConstraint(cluster, constraint.attributes["id"], `rule "${ruleId}" has an invalid role or boolean-op`);
    return;
  }
  const attribute = rule.attributes["score-attribute"];
  const scoreText = rule.attributes["score"];
  const fixed = scoreText === undefined ? undefined : parseScore(scoreText, cluster.properties.colors);
  if (attribute === undefined && fixed === undefined) {
    ignoreConstraint(
      cluster,
      constraint.attributes["id"],
      `rule "${ruleId}" has neither a valid score nor a score-attribute`,
    );
    return;
  }
  const nodes: { node: Node; score: number }[] = [];
  for (const node of cluster.sortedNodes) {
    const input: RuleInput = ruleInput(cluster, {
      nodeAttributes: node.attributes,
      parameters: parametersOf(cluster, resource, node),
      meta: resource.meta,
      matches,
    });
    if (!ruleHolds(rule, input)) continue;
    const score =
      attribute === undefined ? fixed : attributeScore(cluster, node, replaceMatches(attribute, matches), resource);
    if (score !== undefined) nodes.unshift({ node, score });
  }
  newLocation(cluster, ruleId, resource, role, discovery, nodes);
}

function attributeScore(cluster: Cluster, node: Node, name: string, resource: Resource): number | undefined {
  const value = nodeAttribute(node, name, resource.meta.get("container-attribute-target"), "current");
  return value ? parseScore(value, cluster.properties.colors) : undefined;
}

function probeMode(text: string | undefined): ProbeMode {
  if (sameText(text, "never")) return ProbeMode.Never;
  return sameText(text, "exclusive") ? ProbeMode.Exclusive : ProbeMode.Always;
}

/** Notes a preference. */
export function newLocation(
  cluster: Cluster,
  id: string,
  resource: Resource,
  role: Role,
  discovery: string | undefined,
  nodes: readonly { readonly node: Node; readonly score: number }[],
): void {
  const probe = probeMode(discovery);
  if (probe === ProbeMode.Exclusive) resource.exclusiveProbes = true;
  const location: Location = { id, resource, role, probe, nodes };
  cluster.locations.push(location);
  resource.locations.push(location);
}

/** Applies a preference to a resource's own scores. */
export function applyLocation(resource: Resource, location: Location): void {
  if (location.role > Role.Unknown && location.role !== resource.nextRole) return;
  const { allowed } = resource;
  for (const { node, score } of location.nodes) {
    if (has(allowed, node)) allowed.scores[node.index] = addScores(allowed.scores[node.index] ?? 0, score);
    else insert(allowed, node, score);
    if ((allowed.probes[node.index] ?? ProbeMode.Always) < location.probe) {
      if (location.probe === ProbeMode.Exclusive) resource.exclusiveProbes = true;
      allowed.probes[node.index] = location.probe;
    }
  }
}

/** All preferences, the newest first. */
export function applyLocations(cluster: Cluster): void {
  for (let i = cluster.locations.length - 1; i >= 0; i -= 1) {
    const location = cluster.locations[i];
    if (location === undefined) continue;
    location.resource.methods.applyLocation(location.resource, location);
    cluster.explain?.location(location);
  }
}
