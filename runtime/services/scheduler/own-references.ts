// Which sets of attributes a resource may borrow by id-ref. Pacemaker 3 looks for what is borrowed in the resource itself (with
// its template), and ignores what stands elsewhere: a set of another resource, a rule in one. The same is done here, so that
// the parameters of a running resource do not change with who manages it; that something is ignored is said.

import type { Element } from "../../kernel/cib/element.ts";
import { withChildren } from "../../kernel/cib/element.ts";
import type { Cluster } from "./state.ts";

const SETS = new Set(["meta_attributes", "instance_attributes", "utilization"]);

/** Whether anything inside borrows by id-ref. */
export function hasReferences(section: Element | undefined): boolean {
  if (section === undefined) return false;
  return section.children.some((child) => child.attributes["id-ref"] !== undefined || hasReferences(child));
}

function contains(scope: Element, name: string, id: string): boolean {
  return scope.children.some(
    (child) => (child.name === name && child.attributes["id"] === id) || contains(child, name, id),
  );
}

/** What a set or a rule in it borrows from outside of the resource. */
function borrowedElsewhere(part: Element, scope: Element): string | undefined {
  const reference = part.attributes["id-ref"];
  if (reference !== undefined) return contains(scope, part.name, reference) ? undefined : reference;
  for (const child of part.children) {
    const found = child.name === "rule" ? borrowedElsewhere(child, scope) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function withoutBorrowed(cluster: Cluster, parent: Element, scope: Element): Element {
  const kept = parent.children.filter((part) => {
    const reference = SETS.has(part.name) ? borrowedElsewhere(part, scope) : undefined;
    if (reference === undefined) return true;
    const { id } = scope.attributes;
    cluster.problems.push({
      severity: "warning",
      code: "reference-elsewhere",
      ...(id === undefined ? {} : { element: id }),
      text: `"${id}" borrows "${reference}" by id-ref, which is not in "${id}" itself; Pacemaker 3 ignores such a set, and so it is ignored here. Write the set out in "${id}".`,
    });
    return false;
  });
  return withChildren(parent, kept);
}

/** A resource without the sets that it borrows from elsewhere. */
export function withOwnReferences(cluster: Cluster, config: Element): Element {
  if (!cluster.hasReferences) return config;
  const bare = withoutBorrowed(cluster, config, config);
  const children = bare.children.map((part) =>
    part.name === "operations"
      ? withChildren(
          part,
          part.children.map((operation) => withoutBorrowed(cluster, operation, config)),
        )
      : part,
  );
  return withChildren(bare, children);
}
