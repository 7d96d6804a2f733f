// A CIB from a few lines, so that a golden case shows what it is about and little else.
//
//   nodes n1 n2               machines that are up            node n3 offline | unclean | standby
//   property NAME=VALUE       a cluster property              score ATTRIBUTE NODE VALUE  a transient node attribute
//   <primitive …/> <group> …  resources as they are           <rsc_location …/> …         constraints as they are
//   ran RESOURCE OPERATION NODE RESULT [SECONDS]              an operation that was done
//   schema pacemaker-1.2      the schema that the CIB names   <rsc_defaults> …          other sections as they are
//   <node …/>                 a node as it is

import { parseXml } from "../../../runtime/compat/xml.ts";
import { type Element, element } from "../../../runtime/kernel/cib/element.ts";

interface Draft {
  readonly nodes: Map<string, string>;
  readonly properties: Element[];
  readonly resources: Element[];
  readonly constraints: Element[];
  readonly attributes: Map<string, Element[]>;
  readonly history: Map<string, Map<string, Element[]>>;
  readonly nodeEntries: Element[];
  readonly sections: Element[];
  schema: string;
}

function nvpair(name: string, value: string): Element {
  return element("nvpair", { id: `nv-${name.replaceAll("#", "-")}`, name, value });
}

const CONSTRAINTS = /^rsc_(location|colocation|order|ticket)$/;
const SECTIONS = /^(rsc_defaults|op_defaults|fencing-topology|tags|alerts|acls)$/;

function addOperation(draft: Draft, words: readonly string[]): void {
  const [resource = "", operation = "", node = "", result = "0", seconds = "0"] = words;
  const interval = String(Number(seconds) * 1000);
  const entries = draft.history.get(node) ?? new Map<string, Element[]>();
  const operations = entries.get(resource) ?? [];
  const target = operation === "monitor" && interval === "0" ? "7" : "0";
  const key = `${operations.length + 1}:1:${target}:00000000-0000-0000-0000-000000000000`;
  operations.push(
    element("lrm_rsc_op", {
      id: `${resource}_${operation}_${interval}`,
      operation_key: `${resource}_${operation}_${interval}`,
      operation,
      crm_feature_set: "3.20.5",
      "transition-key": key,
      "transition-magic": `0:${result};${key}`,
      "call-id": String(operations.length + 1),
      "rc-code": result,
      "op-status": "0",
      interval,
      "last-rc-change": "1000000",
      // Of no parameters; that of a recurring operation would be of its timeout too.
      ...(interval === "0" ? { "op-digest": "f2317cad3d54cec5d7d7aa7d0bf35cf8" } : {}),
    }),
  );
  entries.set(resource, operations);
  draft.history.set(node, entries);
}

function read(draft: Draft, line: string): void {
  const [word = "", ...rest] = line.split(/\s+/);
  if (word === "nodes") for (const name of rest) draft.nodes.set(name, "online");
  else if (word === "node") draft.nodes.set(rest[0] ?? "", rest[1] ?? "online");
  else if (word === "property") {
    const [name = "", value = ""] = rest.join(" ").split("=");
    draft.properties.push(nvpair(name, value));
  } else if (word === "score") {
    const [name = "", node = "", value = ""] = rest;
    draft.attributes.set(node, [...(draft.attributes.get(node) ?? []), nvpair(name, value)]);
  } else if (word === "ran") addOperation(draft, rest);
  else if (word === "schema") draft.schema = rest[0] ?? "";
  else if (line.startsWith("<")) {
    const part = parseXml(line);
    if (CONSTRAINTS.test(part.name)) draft.constraints.push(part);
    else if (SECTIONS.test(part.name)) draft.sections.push(part);
    else (part.name === "node" ? draft.nodeEntries : draft.resources).push(part);
  } else throw new Error(`nothing is written like this: ${line}`);
}

const STATES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  online: { in_ccm: "true", crmd: "online", join: "member", expected: "member" },
  standby: { in_ccm: "true", crmd: "online", join: "member", expected: "member" },
  offline: { in_ccm: "false", crmd: "offline", join: "down", expected: "down" },
  unclean: { in_ccm: "false", crmd: "offline", join: "down", expected: "member" },
};

const UNCONFIGURED = element("primitive", { class: "ocf", provider: "pacemaker", type: "Dummy" });

function lrm(draft: Draft, node: string): Element {
  const entries = [...(draft.history.get(node) ?? [])].map(([resource, operations]) => {
    const known = draft.resources
      .flatMap((part) => [part, ...part.children])
      .find((part) => part.attributes["id"] === resource.split(":")[0]);
    const { class: resourceClass, provider, type } = (known ?? UNCONFIGURED).attributes;
    return element("lrm_resource", { id: resource, class: resourceClass, provider, type }, operations);
  });
  return element("lrm", { id: node }, [element("lrm_resources", {}, entries)]);
}

/** Makes the CIB. */
export function cibFromLines(text: string): Element {
  const draft: Draft = {
    nodes: new Map(),
    properties: [],
    resources: [],
    constraints: [],
    attributes: new Map(),
    history: new Map(),
    nodeEntries: [],
    sections: [],
    schema: "pacemaker-4.0",
  };
  for (const line of text.split("\n")) if (line.trim() !== "") read(draft, line.trim());
  const nodes = [...draft.nodes].map(([id, state]) =>
    element(
      "node",
      { id, uname: id },
      state === "standby"
        ? [element("instance_attributes", { id: `${id}-attributes` }, [nvpair("standby", "on")])]
        : [],
    ),
  );
  const states = [...draft.nodes].map(([id, state]) => {
    const attributes = draft.attributes.get(id);
    const transient =
      attributes === undefined
        ? []
        : [
            element("transient_attributes", { id }, [
              element("instance_attributes", { id: `status-${id}` }, attributes),
            ]),
          ];
    return element("node_state", { id, uname: id, ...STATES[state] }, [lrm(draft, id), ...transient]);
  });
  const configuration = element("configuration", {}, [
    element("crm_config", {}, [element("cluster_property_set", { id: "options" }, draft.properties)]),
    element("nodes", {}, [...nodes, ...draft.nodeEntries]),
    element("resources", {}, draft.resources),
    element("constraints", {}, draft.constraints),
    ...draft.sections,
  ]);
  return element(
    "cib",
    {
      epoch: "1",
      num_updates: "0",
      admin_epoch: "0",
      "validate-with": draft.schema,
      "have-quorum": "1",
      "dc-uuid": "n1",
    },
    [configuration, element("status", {}, states)],
  );
}
