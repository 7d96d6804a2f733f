// Stage: resources of the configuration: templates, meta attributes, groups and clones with their instances.

import { type Element, element, withAttributes } from "../../kernel/cib/element.ts";
import { parseIntervalMs } from "../../model/duration.ts";
import { INFINITY, parseScore } from "../../model/score.ts";
import { isTrue, parseBoolean } from "../../model/text.ts";
import { integerAtLeast, parametersOf, readBlocks, ruleInput } from "./attributes.ts";
import { limitedInstances } from "./instance-limits.ts";
import { addDefaultScores, banEverywhere } from "./location-scores.ts";
import { newResource } from "./new-resource.ts";
import { withOwnReferences } from "./own-references.ts";
import { parseRole } from "./roles.ts";
import { type Cluster, type MultipleActive, type Resource, Role, Variant } from "./state.ts";
import { withTemplate } from "./templates.ts";
import { findNode, isClone, topResource } from "./tree.ts";
import { unpackBundle } from "./unpack-bundle.ts";
import { assumeUnseen, isRemoteConnection } from "./unpack-nodes.ts";

const VARIANTS: Readonly<Record<string, Variant>> = {
  primitive: Variant.Primitive,
  group: Variant.Group,
  clone: Variant.Clone,
  bundle: Variant.Bundle,
};

function problem(cluster: Cluster, code: string, id: string, text: string): void {
  cluster.problems.push({ severity: "error", code, element: id, text });
}

/** Reads <resources> and what guests add; highest priority first. */
export function unpackResources(cluster: Cluster, section: Element | undefined, made: readonly Element[]): void {
  const existing = new Set<string>();
  for (const config of [...(section?.children ?? []), ...made]) {
    const { id } = config.attributes;
    if (!id) {
      problem(
        cluster,
        "resource-without-id",
        config.name,
        `A <${config.name}> has no id, so it is ignored. Give it an id.`,
      );
      continue;
    }
    if (config.name === "template") {
      if (!cluster.templates.has(id)) cluster.templates.set(id, []);
      continue;
    }
    // A guest whose connection has the id of a resource that exists already cannot be made.
    if (existing.has(id) && made.includes(config)) continue;
    existing.add(id);
    const resource = unpackResource(cluster, config, undefined);
    if (resource !== undefined) cluster.resources.push(resource);
  }
  for (const resource of cluster.resources) {
    linkLauncher(cluster, resource);
    linkRemoteNode(cluster, resource);
  }
  cluster.resources.sort((one, other) => other.priority - one.priority);
  numberResources(cluster);
}

/** Notes the place of each top resource in the list. */
export function numberResources(cluster: Cluster): void {
  for (let i = 0; i < cluster.resources.length; i += 1) {
    const resource = cluster.resources[i];
    if (resource !== undefined) resource.position = i;
  }
}

function linkLauncher(cluster: Cluster, resource: Resource): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) linkLauncher(cluster, child);
    return;
  }
  const id = resource.meta.get("container");
  if (id === undefined || id === resource.id) return;
  const launcher = cluster.resourcesById.get(id)?.[0];
  if (launcher === undefined) {
    problem(
      cluster,
      "container-unknown",
      resource.id,
      `Resource "${resource.id}" names the container "${id}", which does not exist.`,
    );
    return;
  }
  resource.launcher = launcher;
  launcher.launched.push(resource);
}

/** Ties a connection to its node. */
export function linkRemoteNode(cluster: Cluster, resource: Resource): void {
  if (!resource.remoteConnection) return;
  const node = findNode(cluster, resource.id);
  if (node === undefined) return;
  node.remote = resource;
  if (resource.launcher === undefined) assumeUnseen(cluster, node);
  else node.attributes.set("#kind", "container");
}

/** Meta attributes: the resource's own, its parents', the defaults, and what the parent came to. */
function readMeta(cluster: Cluster, config: Element, parent: Resource | undefined, meta: Map<string, string>): void {
  for (const name in config.attributes) {
    const value = config.attributes[name];
    if (value !== undefined && value.toLowerCase() !== "#default" && !meta.has(name)) meta.set(name, value);
  }
  const { class: resourceClass, provider, type } = config.attributes;
  const input = ruleInput(cluster, { resourceClass, provider, type });
  readBlocks(config, "meta_attributes", meta, input);
  if (parent !== undefined) {
    const inherited = new Map<string, string>();
    for (let above: Resource | undefined = parent; above !== undefined; above = above.parent) {
      readBlocks(above.config, "meta_attributes", inherited, input);
    }
    addMissing(meta, inherited);
  }
  readBlocks(cluster.resourceDefaults, "meta_attributes", meta, input);
  if (parent !== undefined) addMissing(meta, parent.meta);
}

function addMissing(meta: Map<string, string>, from: ReadonlyMap<string, string>): void {
  for (const [name, value] of from) {
    if (value.toLowerCase() !== "#default" && !meta.has(name)) meta.set(name, value);
  }
}

/**
 * Makes a resource and everything in it.
 * @param instance number of the clone instance that it is (part of)
 */
export function unpackResource(
  cluster: Cluster,
  original: Element,
  parent: Resource | undefined,
  instance?: string,
): Resource | undefined {
  const configId = original.attributes["id"];
  const expanded = withTemplate(cluster, original);
  if (configId === undefined || expanded === undefined) return undefined;
  const merged = withOwnReferences(cluster, expanded);
  const variant = VARIANTS[merged.name];
  if (variant === undefined) {
    problem(
      cluster,
      "resource-kind-unknown",
      configId,
      `"${configId}" is a <${merged.name}>, which is no kind of resource; it is ignored.`,
    );
    return undefined;
  }
  // The instance number counts as an attribute of the element, where meta attributes look first.
  const config = instance === undefined ? merged : withAttributes(merged, { clone: instance });
  const resource = newResource(cluster, config, configId, variant, parent, instance);
  readMeta(cluster, config, parent, resource.meta);
  readFlags(cluster, resource);
  readLimits(cluster, resource);
  readTargetRole(cluster, resource);
  fileById(cluster, resource);
  if (!unpackVariant(cluster, resource, instance)) {
    dropResource(cluster, resource);
    return undefined;
  }
  addDefaultScores(cluster, resource);
  if (config.children.length > 0) readBlocks(config, "utilization", resource.utilization, ruleInput(cluster));
  const template = original.attributes["template"];
  if (template !== undefined) {
    const list = cluster.templates.get(template);
    if (list === undefined) cluster.templates.set(template, [configId]);
    else if (!list.includes(configId)) list.push(configId);
  }
  return resource;
}

function fileById(cluster: Cluster, resource: Resource): void {
  const list = cluster.resourcesById.get(resource.id);
  if (list === undefined) cluster.resourcesById.set(resource.id, [resource]);
  else list.push(resource);
}

function dropResource(cluster: Cluster, resource: Resource): void {
  for (const child of resource.children) dropResource(cluster, child);
  const list = cluster.resourcesById.get(resource.id);
  list?.splice(list.indexOf(resource), 1);
  if (list?.length === 0) cluster.resourcesById.delete(resource.id);
}

function readFlags(cluster: Cluster, resource: Resource): void {
  const { meta } = resource;
  const inMaintenance = cluster.properties.maintenance;
  resource.managed = !inMaintenance;
  const critical = meta.get("critical");
  resource.critical = critical === undefined || isTrue(critical);
  resource.notify = isTrue(meta.get("notify"));
  const remote = isRemoteConnection(resource.config);
  resource.remoteConnection = remote;
  const allowMigrate = meta.get("allow-migrate");
  resource.migratable = isTrue(allowMigrate) || (allowMigrate === undefined && remote && !meta.has("container"));
  const managed = meta.get("is-managed");
  if (managed !== undefined && managed.toLowerCase() !== "default") resource.managed = isTrue(managed);
  if (isTrue(meta.get("maintenance")) || inMaintenance) {
    resource.managed = false;
    resource.maintenance = true;
  }
  if (isClone(topResource(resource))) {
    resource.unique = isUnique(meta);
    resource.promotable = isTrue(meta.get("promotable"));
  } else {
    resource.unique = true;
  }
  resource.multipleActive = multipleActiveOf(meta.get("multiple-active"));
  if (resource.resourceClass?.toLowerCase() === "stonith") {
    cluster.haveFencing = true;
    resource.fenceDevice = true;
  }
  readRequires(cluster, resource);
}

function isUnique(meta: ReadonlyMap<string, string>): boolean {
  const value = meta.get("globally-unique");
  if (value !== undefined) return isTrue(value);
  const perNode = meta.get("clone-node-max");
  return perNode !== undefined && integerAtLeast(perNode, 0) > 1;
}

function multipleActiveOf(value: string | undefined): MultipleActive {
  switch (value?.toLowerCase()) {
    case "stop_only":
      return "stop_only";
    case "block":
      return "block";
    case "stop_unexpected":
      return "stop_unexpected";
    default:
      return "stop_start";
  }
}

function readRequires(cluster: Cluster, resource: Resource): void {
  const { properties } = cluster;
  const value = resource.meta.get("requires")?.toLowerCase();
  let needs = value;
  if (value === "unfencing" && (resource.fenceDevice || !properties.fencingEnabled)) needs = "quorum";
  if (needs === undefined || !["nothing", "quorum", "fencing", "unfencing"].includes(needs)) {
    if (resource.fenceDevice) needs = "quorum";
    else if (resource.variant === Variant.Primitive && resource.remoteConnection) needs = "quorum";
    else if (cluster.unfencing) needs = properties.fencingEnabled ? "unfencing" : "quorum";
    else if (properties.fencingEnabled) needs = "fencing";
    else needs = properties.noQuorumPolicy === "ignore" ? "nothing" : "quorum";
  }
  resource.needsQuorum = needs === "quorum";
  resource.needsFencing = needs === "fencing" || needs === "unfencing";
  resource.needsUnfencing = needs === "unfencing";
}

function readLimits(cluster: Cluster, resource: Resource): void {
  const { meta } = resource;
  const score = (name: string, fallback: number) => {
    const text = meta.get(name);
    return text === undefined ? fallback : (parseScore(text, cluster.properties.colors) ?? fallback);
  };
  resource.priority = score("priority", 0);
  resource.stickiness = score("resource-stickiness", 0);
  resource.banAfterFailures = score("migration-threshold", INFINITY);
  if (resource.banAfterFailures < 0) resource.banAfterFailures = INFINITY;
  resource.failureExpirationMs = parseIntervalMs(meta.get("failure-timeout"));
  if (resource.remoteConnection && !meta.has("container")) {
    const interval = parametersOf(cluster, resource, undefined).get("reconnect_interval");
    if (interval !== undefined) {
      resource.remoteReconnectMs = parseIntervalMs(interval);
      resource.failureExpirationMs = resource.remoteReconnectMs;
    }
  }
}

/** The role that the administrator allows at most; undefined when that is no limit. */
export function targetRoleOf(cluster: Cluster, resource: Resource): Role | undefined {
  const value = resource.meta.get("target-role");
  if (value === undefined || value.toLowerCase() === "started" || value.toLowerCase() === "default") return undefined;
  const role = parseRole(value);
  if (role === Role.Unknown) {
    problem(
      cluster,
      "target-role-invalid",
      resource.id,
      `Resource "${resource.id}" has the target-role "${value}", which does not exist; it is ignored.`,
    );
    return undefined;
  }
  if (role > Role.Started) {
    // Promoted is what a promotable clone does anyway; for anything else the role makes no sense.
    if (!topResource(resource).promotable || role > Role.Unpromoted) return undefined;
  }
  return role;
}

function readTargetRole(cluster: Cluster, resource: Resource): void {
  const role = targetRoleOf(cluster, resource);
  if (role !== undefined) resource.nextRole = role;
}

function unpackVariant(cluster: Cluster, resource: Resource, instance: string | undefined): boolean {
  switch (resource.variant) {
    case Variant.Group:
      return unpackGroup(cluster, resource, instance);
    case Variant.Clone:
      return unpackClone(cluster, resource);
    case Variant.Bundle:
      return unpackBundle(cluster, resource, unpackResource);
    default:
      return unpackPrimitive(cluster, resource);
  }
}

/** What kinds of agents can do. */
function canBeUnique(resourceClass: string | undefined): boolean {
  return resourceClass?.toLowerCase() === "ocf" || resourceClass?.toLowerCase() === "stonith";
}

function unpackPrimitive(cluster: Cluster, resource: Resource): boolean {
  const top = topResource(resource);
  if (!canBeUnique(resource.resourceClass) && resource.unique && isClone(top)) {
    forceAnonymous(cluster, top);
    clearUnique(top);
    clearUnique(resource);
  }
  if (resource.resourceClass?.toLowerCase() !== "ocf" && top.promotable) {
    problem(
      cluster,
      "agent-not-promotable",
      resource.id,
      `Resource "${resource.id}" is in a promotable clone, but class "${resource.resourceClass}" cannot be promoted; it is ignored.`,
    );
    return false;
  }
  return true;
}

function forceAnonymous(cluster: Cluster, clone: Resource): void {
  if (clone.clone === undefined) return;
  clone.clone.cloneNodeMax = 1;
  clone.clone.cloneMax = Math.min(clone.clone.cloneMax, cluster.nodes.length);
}

function clearUnique(resource: Resource): void {
  resource.unique = false;
  resource.meta.set("globally-unique", "false");
  for (const child of resource.children) clearUnique(child);
}

function unpackGroup(cluster: Cluster, resource: Resource, instance: string | undefined): boolean {
  const yes = (name: string) => parseBoolean(resource.meta.get(name)) ?? true;
  resource.group = { ordered: yes("ordered"), colocated: yes("collocated") };
  for (const config of resource.config.children) {
    if (config.name !== "primitive") continue;
    const member = unpackResource(cluster, config, resource, instance);
    if (member !== undefined) resource.children.push(member);
  }
  if (resource.children.length === 0) {
    problem(cluster, "group-empty", resource.id, `Group "${resource.id}" has no members, so it is ignored.`);
    return false;
  }
  return true;
}

function unpackClone(cluster: Cluster, resource: Resource): boolean {
  const { meta } = resource;
  const integer = (names: readonly string[], fallback: number) => {
    for (const name of names) {
      const text = meta.get(name);
      if (text !== undefined) return integerAtLeast(text, 0);
    }
    return fallback;
  };
  const template = resource.config.children.find((child) => child.name === "primitive" || child.name === "group");
  if (template === undefined) {
    problem(cluster, "clone-empty", resource.id, `Clone "${resource.id}" has nothing to clone, so it is ignored.`);
    return false;
  }
  let cloneNodeMax = integer(["clone-node-max"], 1);
  if (!resource.unique && cloneNodeMax > 1) cloneNodeMax = 1;
  resource.clone = {
    promotedMax: resource.promotable ? integer(["promoted-max", "master-max"], 1) : 0,
    promotedNodeMax: resource.promotable ? integer(["promoted-node-max", "master-node-max"], 1) : 0,
    cloneNodeMax,
    cloneMax: limitedInstances(
      cluster,
      resource,
      "clone-max",
      integer(["clone-max"], Math.max(1, cluster.nodes.length)),
    ),
    total: 0,
    ordered: isTrue(meta.get("ordered")),
    template,
    promotionScoresAdded: false,
    promotionConstrained: false,
    notify: {},
  };
  if (!meta.has("resource-stickiness")) meta.set("resource-stickiness", "1");
  meta.set("globally-unique", String(resource.unique));
  for (let i = 0; i < Math.max(1, resource.clone.cloneMax); i += 1) {
    if (createInstance(cluster, resource) === undefined) return false;
  }
  return true;
}

/** Makes one more instance of a clone; above clone-max it counts as removed. */
export function createInstance(cluster: Cluster, clone: Resource): Resource | undefined {
  const data = clone.clone;
  if (data === undefined) return undefined;
  const removed = data.total >= data.cloneMax;
  const child = unpackResource(cluster, data.template, clone, String(data.total));
  if (child === undefined) return undefined;
  data.total += 1;
  clone.children.push(child);
  if (removed) markRemoved(child);
  child.meta.set("clone-max", String(data.cloneMax));
  return child;
}

function markRemoved(resource: Resource): void {
  resource.removed = true;
  for (const child of resource.children) markRemoved(child);
}

/** A resource of which only the history knows. */
export function createRemoved(cluster: Cluster, id: string, entry: Element): Resource | undefined {
  const kept: Record<string, string | undefined> = { ...entry.attributes, id };
  const resource = unpackResource(cluster, element("primitive", kept), undefined);
  if (resource === undefined) return undefined;
  resource.position = cluster.resources.length;
  if (entry.attributes["container"] !== undefined) resource.removedLaunched = true;
  resource.removed = true;
  cluster.resources.push(resource);
  if (cluster.properties.stopRemoved) banEverywhere(cluster, resource);
  else resource.managed = false;
  return resource;
}
