// Reads options as they stand in the CIB, without rules: for looking at the cluster, where the scheduler's own reading (with
// rules and time) would be too much. Options of a resource come from itself, its template, what it stands in, rsc_defaults.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";

/** Values of all sets of one kind in an element; the first set that names one wins. */
export function pairsOf(owner: Element | undefined, set: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const block of childrenNamed(owner, set)) {
    if (childNamed(block, "rule") !== undefined) continue;
    for (const pair of childrenNamed(block, "nvpair")) {
      const { name, value } = pair.attributes;
      if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value);
    }
  }
  return values;
}

/** Cluster properties; the names of Pacemaker 3 count as those of before. */
export function propertiesOf(cib: Element): Map<string, string> {
  const values = pairsOf(childNamed(childNamed(cib, "configuration"), "crm_config"), "cluster_property_set");
  for (const [name, value] of [...values]) {
    if (name.startsWith("fencing-")) values.set(name.replace("fencing-", "stonith-"), value);
  }
  return values;
}

/** Gives meta attributes of resources, with what they inherit. */
export class MetaReader {
  readonly #cib: Element;
  readonly #defaults: Map<string, string>;
  readonly #templates = new Map<string, Element>();
  readonly #read = new Map<Element, Map<string, string>>();

  constructor(cib: Element) {
    this.#cib = cib;
    const configuration = childNamed(cib, "configuration");
    this.#defaults = pairsOf(childNamed(configuration, "rsc_defaults"), "meta_attributes");
    for (const template of childrenNamed(childNamed(configuration, "resources"), "template")) {
      this.#templates.set(template.attributes["id"] ?? "", template);
    }
  }

  /** An option of a resource; `parents` from the outermost inwards. */
  meta(resource: Element, parents: readonly Element[], name: string): string | undefined {
    for (const owner of [resource, ...[...parents].reverse()]) {
      const value = this.own(owner, name);
      if (value !== undefined) return value;
    }
    return this.#defaults.get(name);
  }

  /** An option of a resource by itself or by its template. */
  own(resource: Element, name: string): string | undefined {
    let values = this.#read.get(resource);
    if (values === undefined) {
      values = pairsOf(resource, "meta_attributes");
      for (const [key, value] of pairsOf(this.template(resource), "meta_attributes")) {
        if (!values.has(key)) values.set(key, value);
      }
      this.#read.set(resource, values);
    }
    return values.get(name);
  }

  /** The template that a primitive is made of. */
  template(resource: Element): Element | undefined {
    const id = resource.attributes["template"];
    return id === undefined ? undefined : this.#templates.get(id);
  }

  /** CLASS:PROVIDER:TYPE. */
  agent(primitive: Element): string {
    const { class: agentClass, provider, type } = { ...this.template(primitive)?.attributes, ...primitive.attributes };
    return [agentClass, provider, type].filter((part) => part !== undefined).join(":");
  }

  get cib(): Element {
    return this.#cib;
  }
}
