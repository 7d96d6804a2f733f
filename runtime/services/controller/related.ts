// Which resources have to do with one another: those that constraints, groups and clones tie together, directly or through others.
//
// When a new plan is made while an operation of the old one still runs, what has nothing to do with it need not wait for it.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";

/** Gives each resource the name of the set it belongs to; equal names mean related. */
export class Related {
  private readonly parents = new Map<string, string>();

  constructor(cib: Element) {
    const configuration = childNamed(cib, "configuration");
    this.addResources(childNamed(configuration, "resources"), undefined);
    for (const constraint of childNamed(configuration, "constraints")?.children ?? []) this.addConstraint(constraint);
  }

  /** Instances of a clone (`db:0`) belong to what they are instances of. */
  setOf(resource: string): string {
    return this.find(resource.replace(/:\d+$/, ""));
  }

  private addResources(parent: Element | undefined, owner: string | undefined): void {
    for (const child of parent?.children ?? []) {
      const id = child.attributes["id"];
      if (id === undefined || !["primitive", "group", "clone", "master", "bundle"].includes(child.name)) continue;
      if (owner !== undefined) this.join(owner, id);
      this.addResources(child, id);
    }
  }

  private addConstraint(constraint: Element): void {
    const names = ["rsc", "with-rsc", "first", "then"].map((name) => constraint.attributes[name]);
    for (const set of childrenNamed(constraint, "resource_set")) {
      for (const reference of childrenNamed(set, "resource_ref")) names.push(reference.attributes["id"]);
    }
    // Utilization and the like do not order; a location constraint names one resource and ties nothing together.
    if (constraint.name !== "rsc_colocation" && constraint.name !== "rsc_order") return;
    const known = names.filter((name) => name !== undefined);
    for (const name of known.slice(1)) this.join(known[0] ?? name, name);
  }

  private find(id: string): string {
    let root = id;
    for (let parent = this.parents.get(root); parent !== undefined; parent = this.parents.get(root)) root = parent;
    return root;
  }

  private join(one: string, other: string): void {
    const [a, b] = [this.find(one), this.find(other)];
    if (a !== b) this.parents.set(b, a);
  }
}
