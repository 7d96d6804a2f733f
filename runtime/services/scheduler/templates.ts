// Resource templates: what a primitive has from the template that it names.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import type { Cluster } from "./state.ts";

/** Operations are the same thing when they have the same name and the same kind of role. */
function operationSlot(operation: Element): string {
  const role = operation.attributes["role"];
  const special = role !== undefined && !["started", "unpromoted", "slave"].includes(role.toLowerCase());
  return `${operation.attributes["name"]}-${special ? role : ""}`;
}

/** The template's content first, then the primitive's own; operations of the primitive replace those of the template. */
export function withTemplate(cluster: Cluster, original: Element): Element | undefined {
  const reference = original.attributes["template"];
  const { id } = original.attributes;
  if (reference === undefined || id === undefined) return original;
  const resources = childNamed(childNamed(cluster.cib, "configuration"), "resources");
  const template = reference === id ? undefined : childNamed(resources, "template", reference);
  if (template === undefined) {
    cluster.problems.push({
      severity: "error",
      code: "template-unknown",
      element: id,
      text: `Resource "${id}" is ignored, because its template "${reference}" does not exist. Create the template or remove the reference.`,
    });
    return undefined;
  }
  const own = original.children.find((child) => child.name === "operations");
  const inherited = template.children.find((child) => child.name === "operations");
  let children = [...template.children, ...original.children];
  if (own !== undefined && inherited !== undefined) {
    const taken = new Set(own.children.map(operationSlot));
    const missing = inherited.children.filter((operation) => !taken.has(operationSlot(operation)));
    const merged: Element = { ...own, children: [...own.children, ...missing] };
    children = children.filter((child) => child !== inherited).map((child) => (child === own ? merged : child));
  }
  return { name: original.name, attributes: { ...template.attributes, id }, children };
}
