// Options of resources and of the cluster that could be changed to bring a resource to a node: one candidate an option.

import { childNamed, childrenNamed, type Element, element } from "../../../kernel/cib/element.ts";
import type { CibEdit, CibPath } from "../../../kernel/messages.ts";
import { propertyEdits } from "../../../model/edits/cluster.ts";
import { deleteOption, readOption, setOption } from "../../../model/edits/options.ts";
import { type AnyNode, type ResourcePlace, stepTo } from "../../../model/edits/plan.ts";
import { startEdits } from "../../../model/edits/resource.ts";
import { type Candidate, offer } from "./candidate.ts";
import type { Neighbour } from "./neighbours.ts";

/** Meta attributes that can keep a resource off a node, or on another. */
const HINDERING = [
  "is-managed",
  "maintenance",
  "clone-max",
  "clone-node-max",
  "resource-stickiness",
  "multiple-active",
];

const DEFAULTS: CibPath = [{ name: "configuration" }, { name: "rsc_defaults" }];

function metaHome(owner: Element | undefined, path: CibPath) {
  const id = owner?.attributes["id"];
  return {
    owner,
    path,
    set: "meta_attributes",
    newSetId: id === undefined ? "rsc_defaults-meta" : `${id}-meta_attributes`,
  };
}

/** The resource and what it stands in, each with its path. */
function layers(place: ResourcePlace): { readonly element: Element; readonly path: CibPath }[] {
  const outer = place.parents.map((parent, i) => ({
    element: parent,
    path: place.path.slice(0, place.path.length - place.parents.length + i),
  }));
  return [{ element: place.element, path: place.path }, ...outer];
}

/** Options of a resource and of what it stands in. */
export function resourceOptions(cib: Element, neighbour: Neighbour): Candidate[] {
  const list: Candidate[] = [];
  for (const { element: part, path } of layers(neighbour.place)) {
    const id = part.attributes["id"] ?? "";
    const home = metaHome(part, path);
    const role = readOption(home, "target-role")?.toLowerCase();
    if (role === undefined || role === "stopped") {
      const started = startEdits(cib, id);
      const edits = "refused" in started ? deleteOption(home, "target-role") : started.edits;
      if (edits.length > 0) {
        list.push({ edits, text: `let ${id} run (target-role)`, command: `systole resource start ${id}` });
      }
    }
    for (const option of HINDERING) {
      const value = readOption(home, option);
      if (value === undefined) continue;
      list.push({ edits: deleteOption(home, option), text: `delete ${option}=${value} of ${id}` });
    }
  }
  return list;
}

/** More room for a resource: more instances of what it stands in, or nothing that it uses up. */
export function roomOptions(cib: Element, neighbour: Neighbour): Candidate[] {
  const list: Candidate[] = [];
  for (const { element: part, path } of layers(neighbour.place)) {
    const id = part.attributes["id"] ?? "";
    list.push(...moreInstances(cib, part, path));
    for (const set of childrenNamed(part, "utilization")) {
      const edit: CibEdit = { edit: "delete", path: [...path, stepTo(set)] };
      list.push({ edits: [edit], text: `delete the utilization of ${id}` });
    }
  }
  return list;
}

/** One instance more of a clone or a bundle, altogether or on one node. */
function moreInstances(cib: Element, part: Element, path: CibPath): Candidate[] {
  const id = part.attributes["id"] ?? "";
  if (part.name === "bundle") {
    const engine = part.children.find((child) => child.attributes["replicas"] !== undefined);
    if (engine === undefined) return [];
    const replicas = String(Number(engine.attributes["replicas"]) + 1);
    const edit: CibEdit = { edit: "set", path: [...path, stepTo(engine)], attributes: { replicas } };
    return [{ edits: [edit], text: `raise the replicas of ${id} to ${replicas}`, widens: true }];
  }
  if (part.name !== "clone" && part.name !== "master") return [];
  return ["clone-max", "clone-node-max"].flatMap((option): Candidate[] => {
    const now = readOption(metaHome(part, path), option);
    if (now === undefined && option === "clone-max") return [];
    const more = String(Number(now ?? 1) + 1);
    const edits = setOption(cib, metaHome(part, path), option, more);
    return Number.isNaN(Number(more)) ? [] : [{ edits, text: `raise ${option} of ${id} to ${more}`, widens: true }];
  });
}

/** What keeps an instance from being promoted. */
export function promotionOptions(cib: Element, neighbour: Neighbour): Candidate[] {
  const list: Candidate[] = [];
  for (const { element: part, path } of layers(neighbour.place)) {
    const id = part.attributes["id"] ?? "";
    const home = metaHome(part, path);
    const role = readOption(home, "target-role");
    if (role !== undefined && role.toLowerCase() !== "started" && role.toLowerCase() !== "promoted") {
      list.push({ edits: deleteOption(home, "target-role"), text: `delete target-role=${role} of ${id}` });
    }
    if (part.name === "bundle") {
      const engine = part.children.find((child) => child.attributes["replicas"] !== undefined);
      const name = engine?.attributes["masters"] === undefined ? "promoted-max" : "masters";
      const most = String(Number(engine?.attributes[name] ?? 0) + 1);
      if (engine === undefined) continue;
      const edit: CibEdit = { edit: "set", path: [...path, stepTo(engine)], attributes: { [name]: most } };
      list.push({ edits: [edit], text: `raise ${name} of ${id} to ${most}` });
    }
    if (part.name !== "clone" && part.name !== "master") continue;
    for (const [option, old] of [
      ["promoted-max", "master-max"],
      ["promoted-node-max", "master-node-max"],
    ] as const) {
      const name = readOption(home, old) === undefined ? option : old;
      const more = String(Number(readOption(home, name) ?? 1) + 1);
      list.push({ edits: setOption(cib, home, name, more), text: `raise ${name} of ${id} to ${more}` });
    }
  }
  return list;
}

/** Defaults that hold for all resources. */
export function defaultOptions(cib: Element): Candidate[] {
  const home = metaHome(childNamed(childNamed(cib, "configuration"), "rsc_defaults"), DEFAULTS);
  return ["target-role", ...HINDERING].flatMap((option): Candidate[] => {
    const value = readOption(home, option);
    if (value === undefined) return [];
    return [{ edits: deleteOption(home, option), text: `delete the default ${option}=${value} of all resources` }];
  });
}

/** More room on the node: what it has, and what the resource and those beside it need. */
export function capacities(neighbours: readonly Neighbour[], node: AnyNode): Candidate[] {
  const { element: entry } = node;
  if (entry === undefined) return [];
  const needed = new Map<string, number>();
  const add = (part: Element): void => {
    for (const set of childrenNamed(part, "utilization")) {
      for (const { attributes } of childrenNamed(set, "nvpair")) {
        const name = attributes["name"] ?? "";
        needed.set(name, (needed.get(name) ?? 0) + (Number.parseInt(attributes["value"] ?? "0", 10) || 0));
      }
    }
    part.children.forEach(add);
  };
  for (const { place } of neighbours) add(place.element);
  const path = [{ name: "configuration" }, { name: "nodes" }, stepTo(entry)];
  return [...needed].flatMap(([name, amount]): Candidate[] => {
    const sets = childrenNamed(entry, "utilization");
    const pairs = sets.flatMap((set) => childrenNamed(set, "nvpair").map((pair) => ({ set, pair })));
    const found = pairs.find(({ pair }) => pair.attributes["name"] === name);
    const now = Number.parseInt(found?.pair.attributes["value"] ?? "0", 10) || 0;
    const value = String(now + amount);
    const text = `raise the capacity ${name} of ${node.name} from ${now} to ${value}`;
    if (found !== undefined) {
      const edit: CibEdit = {
        edit: "set",
        path: [...path, stepTo(found.set), stepTo(found.pair)],
        attributes: { value },
      };
      return [{ edits: [edit], text }];
    }
    const pair = element("nvpair", { id: `nodes-${node.id}-utilization-${name}`, name, value });
    const [set] = sets;
    const made = element("utilization", { id: `nodes-${node.id}-utilization` }, [pair]);
    const edit: CibEdit =
      set === undefined
        ? { edit: "put", parent: path, element: made }
        : { edit: "put", parent: [...path, stepTo(set)], element: pair };
    return [{ edits: [edit], text }];
  });
}

const DELETED = [
  "maintenance-mode",
  "stop-all-resources",
  "is-managed-default",
  "node-health-strategy",
  "placement-strategy",
  "shutdown-lock",
  "symmetric-cluster",
  "no-quorum-policy",
];

const NO_QUORUM =
  "set no-quorum-policy to ignore (dangerous: the other side may run it too; better bring back the nodes that are away)";
const NO_FENCING = "switch fencing off (only where nothing is shared between nodes; better configure a fence device)";

/** Properties of the whole cluster, those that put data at risk last. */
export function clusterOptions(cib: Element): Candidate[] {
  const list: Candidate[] = [];
  for (const name of DELETED) {
    // What other programs wrote is taken back too, if this one knows the option.
    const command = `systole property delete ${name}`;
    offer(list, propertyEdits(cib, name, undefined, true), `delete the property ${name}`, command);
  }
  const command = "systole property set no-quorum-policy ignore";
  offer(list, propertyEdits(cib, "no-quorum-policy", "ignore", true), NO_QUORUM, command);
  const properties = childNamed(childNamed(cib, "configuration"), "crm_config");
  const pairs = childrenNamed(properties, "cluster_property_set").flatMap((set) => set.children);
  const old = pairs.some(({ attributes }) => attributes["name"] === "fencing-enabled");
  const name = old ? "fencing-enabled" : "stonith-enabled";
  offer(list, propertyEdits(cib, name, "false", true), NO_FENCING, `systole property set ${name} false`);
  return list;
}
