// Resources that nothing can run since schema 4.0 (agents of nagios and upstart, containers of rkt), and all that only spoke
// of them: collections that are left empty, sets and constraints.

import { type Element, withChildren } from "../../kernel/cib/element.ts";
import { rewriteWithin } from "./rewrite.ts";

const GONE_CLASSES = new Set(["nagios", "upstart"]);

function isGoneClass(entry: Element): boolean {
  return GONE_CLASSES.has((entry.attributes["class"] ?? "").toLowerCase());
}

/** Ids of what goes. */
interface Dropped {
  readonly templates: Set<string>;
  readonly resources: Set<string>;
}

function collect(parent: Element, dropped: Dropped): void {
  for (const child of parent.children) {
    const { id } = child.attributes;
    collect(child, dropped);
    if (id === undefined) continue;
    if (child.name === "primitive") {
      const { template } = child.attributes;
      if (isGoneClass(child) || (template !== undefined && dropped.templates.has(template))) dropped.resources.add(id);
    } else if (child.name === "group" || child.name === "clone") {
      const members = child.children.filter((member) => member.name === "primitive" || member.name === "group");
      if (members.every((member) => dropped.resources.has(member.attributes["id"] ?? ""))) dropped.resources.add(id);
    } else if (child.name === "bundle" && child.children.some((container) => container.name === "rkt")) {
      dropped.resources.add(id);
    }
  }
}

/** A configuration without the resources that nothing can run. */
export function withoutDropped(configuration: Element): Element {
  const dropped: Dropped = { templates: new Set(), resources: new Set() };
  const section = configuration.children.find((child) => child.name === "resources");
  for (const template of section?.children ?? []) {
    const { id } = template.attributes;
    if (template.name === "template" && id !== undefined && isGoneClass(template)) dropped.templates.add(id);
  }
  if (section !== undefined) collect(section, dropped);
  if (dropped.templates.size === 0 && dropped.resources.size === 0) return configuration;
  const has = (id: string | undefined) => id !== undefined && dropped.resources.has(id);
  return rewriteWithin(configuration, (child) => {
    const { id } = child.attributes;
    switch (child.name) {
      case "template":
        return id !== undefined && dropped.templates.has(id) ? [] : [child];
      case "primitive":
      case "group":
      case "clone":
      case "bundle":
        return has(id) ? [] : undefined;
      case "rsc_location":
      case "rsc_ticket":
      case "rsc_colocation":
      case "rsc_order":
        return withoutReferences(child, has);
      default:
        return undefined;
    }
  });
}

function withoutReferences(constraint: Element, dropped: (id: string | undefined) => boolean): readonly Element[] {
  const { rsc, "with-rsc": withResource, first, then } = constraint.attributes;
  if (dropped(rsc) || dropped(withResource) || dropped(first) || dropped(then)) return [];
  const sets = constraint.children.filter((child) => child.name === "resource_set");
  if (sets.length === 0) return [constraint];
  const children = constraint.children.flatMap((set) => {
    if (set.name !== "resource_set" || set.attributes["id-ref"] !== undefined) return [set];
    const members = set.children.filter((member) => !dropped(member.attributes["id"]));
    return members.length === 0 ? [] : [withChildren(set, members)];
  });
  return children.some((child) => child.name === "resource_set") ? [withChildren(constraint, children)] : [];
}
