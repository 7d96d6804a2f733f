// The tree of resources with what each does where: the configuration's shape, filled from the history of operations.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { parseBoolean } from "../text.ts";
import { RESOURCE_ELEMENTS } from "../validate/grammar.ts";
import type { ResourceOnNode } from "./history.ts";
import type { MetaReader } from "./options.ts";
import type { Activity, ResourceStatus } from "./schema.ts";

/** Builds the tree; resources that run without being configured stand at its end. */
export function resourceTree(meta: MetaReader, histories: readonly ResourceOnNode[]): ResourceStatus[] {
  const byBase = new Map<string, ResourceOnNode[]>();
  for (const history of histories) {
    const same = byBase.get(history.base);
    if (same === undefined) byBase.set(history.base, [history]);
    else same.push(history);
  }
  const used = new Set<string>();
  const resources = childNamed(childNamed(meta.cib, "configuration"), "resources");
  const tree = (resources?.children ?? [])
    .filter(isResource)
    .map((element) => resourceStatus(element, [], meta, byBase, used));
  return [...tree, ...orphans(byBase, used, tree)];
}

function isResource(element: Element): boolean {
  return RESOURCE_ELEMENTS.some((name) => name === element.name);
}

/** Whether a clone has promoted instances. */
export function isPromotable(clone: Element, meta: MetaReader): boolean {
  return clone.name === "master" || (clone.name === "clone" && parseBoolean(meta.own(clone, "promotable")) === true);
}

function kindOf(element: Element, meta: MetaReader): ResourceStatus["kind"] {
  if (element.name === "clone" || element.name === "master")
    return isPromotable(element, meta) ? "promotable" : "clone";
  return element.name === "group" || element.name === "bundle" ? element.name : "primitive";
}

function resourceStatus(
  element: Element,
  parents: readonly Element[],
  meta: MetaReader,
  byBase: ReadonlyMap<string, readonly ResourceOnNode[]>,
  used: Set<string>,
): ResourceStatus {
  const id = element.attributes["id"] ?? "";
  const kind = kindOf(element, meta);
  used.add(id);
  const members = element.children
    .filter(isResource)
    .map((child) => resourceStatus(child, [...parents, element], meta, byBase, used));
  const activities =
    kind === "primitive" ? activitiesOf(byBase.get(id) ?? []) : kind === "bundle" ? containers(id, byBase) : [];
  return {
    id,
    kind,
    ...(kind === "primitive" ? { agent: meta.agent(element) } : {}),
    disabled: meta.meta(element, parents, "target-role")?.toLowerCase() === "stopped",
    managed: parseBoolean(meta.meta(element, parents, "is-managed")) !== false,
    maintenance: parseBoolean(meta.meta(element, parents, "maintenance")) === true,
    orphan: false,
    failed: activities.some((activity) => activity.failed) || members.some((member) => member.failed),
    activities,
    members,
  };
}

/** Where it is active, failed or on its way; sorted by node. Where it is simply stopped is not worth a line. */
function activitiesOf(histories: readonly ResourceOnNode[]): Activity[] {
  return histories
    .map((history) => history.activity)
    .filter((activity) => activity.role !== "Stopped" || activity.failed || activity.pending !== undefined)
    .sort((a, b) => compare(a.node, b.node) || compare(a.instance ?? "", b.instance ?? ""));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A bundle's containers are resources that it makes itself: BUNDLE-docker-0 and so on. */
function containers(id: string, byBase: ReadonlyMap<string, readonly ResourceOnNode[]>): Activity[] {
  const found: ResourceOnNode[] = [];
  for (const [base, histories] of byBase) {
    if (/^-(docker|podman|rkt)-\d+$/.test(base.slice(id.length)) && base.startsWith(id)) found.push(...histories);
  }
  return activitiesOf(found);
}

function orphans(
  byBase: ReadonlyMap<string, readonly ResourceOnNode[]>,
  used: ReadonlySet<string>,
  tree: readonly ResourceStatus[],
): ResourceStatus[] {
  const bundles = tree.filter((resource) => resource.kind === "bundle").map((resource) => `${resource.id}-`);
  const found: ResourceStatus[] = [];
  for (const [id, histories] of byBase) {
    if (used.has(id) || bundles.some((prefix) => id.startsWith(prefix))) continue;
    const activities = activitiesOf(histories);
    if (activities.length === 0) continue;
    const failed = activities.some((activity) => activity.failed);
    const agent = histories[0]?.agent ?? "";
    const flags = { disabled: false, managed: true, maintenance: false, orphan: true, failed };
    found.push({ id, kind: "primitive", agent, ...flags, activities, members: [] });
  }
  return found.sort((a, b) => compare(a.id, b.id));
}
