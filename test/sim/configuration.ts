// The configuration of a simulated cluster: some primitives, a group, a clone, a promotable clone, constraints between them and
// a fence device, as an operator would write them; and the registers in which operators leave numbered values, so that
// a change that is lost or comes back shows.

import { type Element, element } from "../../runtime/kernel/cib/element.ts";
import type { CibPath } from "../../runtime/kernel/messages.ts";
import type { Dials } from "./dials.ts";
import type { Random } from "./random.ts";

/** A node of the cluster. */
export interface NodeName {
  readonly id: number;
  readonly name: string;
}

export const FENCE_DEVICE = "power";
/** Registers that operators write. */
export const REGISTERS = 4;
/** The first of them are properties of which Systole knows that no plan depends on them; a change of the others makes a new plan. */
const REGISTERS_WITHOUT_PLAN = 2;

export const CLONED = "cache";
export const CLONE = "cache-everywhere";
export const PROMOTABLE = "database";
export const PROMOTABLE_CLONE = "database-everywhere";
export const GROUP = "shop";
export const GROUP_MEMBERS = ["catalogue", "basket"] as const;

export function primitiveNames(dials: Dials): string[] {
  return Array.from({ length: dials.primitives }, (_, index) => `service${index + 1}`);
}

/** Everything of which at most one may be active. */
export function singleResources(dials: Dials): string[] {
  return [...primitiveNames(dials), ...GROUP_MEMBERS];
}

function pairs(tag: string, id: string, values: Readonly<Record<string, string>>): Element {
  const list = Object.entries(values).map(([name, value]) => element("nvpair", { id: `${id}-${name}`, name, value }));
  return element(tag, { id }, list);
}

function operation(resource: string, name: string, seconds: number, timeout: string, role?: string): Element {
  const id = `${resource}-${name}-${seconds}${role === undefined ? "" : `-${role}`}`;
  return element("op", { id, name, interval: `${seconds}s`, timeout, role });
}

function primitive(
  id: string,
  type: string,
  operations: readonly Element[],
  meta: Readonly<Record<string, string>> = {},
): Element {
  const children = [element("operations", {}, operations)];
  if (Object.keys(meta).length > 0) children.unshift(pairs("meta_attributes", `${id}-meta`, meta));
  return element("primitive", { id, class: "ocf", provider: "systole", type }, children);
}

function dummy(id: string, monitorSeconds: number, meta: Readonly<Record<string, string>> = {}): Element {
  const operations = [
    operation(id, "monitor", monitorSeconds, "5s"),
    operation(id, "start", 0, "10s"),
    operation(id, "stop", 0, "10s"),
  ];
  return primitive(id, "dummy", operations, meta);
}

/** The document with which a cluster is founded: its nodes, and nothing to run. */
export function foundingCib(nodes: readonly NodeName[]): Element {
  const configuration = element("configuration", {}, [
    element("crm_config"),
    nodesElement(nodes),
    element("resources"),
    element("constraints"),
  ]);
  return element("cib", { admin_epoch: "0", epoch: "1", num_updates: "0", "validate-with": "pacemaker-3.9" }, [
    configuration,
    element("status"),
  ]);
}

function nodesElement(nodes: readonly NodeName[]): Element {
  const list = nodes.map(({ id, name }) => element("node", { id: `${id}`, uname: name }));
  return element("nodes", {}, list);
}

/** The registers, as a path; the operators' changes put nvpairs here. */
export const REGISTER_PATH: CibPath = [
  { name: "configuration" },
  { name: "crm_config" },
  { name: "cluster_property_set", id: "registers" },
];

/** A register with a value. */
export function registerElement(register: number, value: number): Element {
  const prefix = register < REGISTERS_WITHOUT_PLAN ? "systole-" : "";
  return element("nvpair", { id: `register-${register}`, name: `${prefix}register-${register}`, value: `${value}` });
}

/** The registers' values in a CIB; 0 where one was never written. */
export function readRegisters(cib: Element): number[] {
  let at: Element | undefined = cib;
  for (const step of REGISTER_PATH) {
    at = at?.children.find(
      (child) => child.name === step.name && (step.id === undefined || child.attributes["id"] === step.id),
    );
  }
  const values = new Array<number>(REGISTERS).fill(0);
  for (const child of at?.children ?? []) {
    const index = Number(child.attributes["id"]?.slice("register-".length));
    if (index >= 0 && index < REGISTERS) values[index] = Number(child.attributes["value"]);
  }
  return values;
}

/** What the operator of a new cluster applies first. */
export function fullConfiguration(dials: Dials, nodes: readonly NodeName[], random: Random): Element {
  const options = pairs("cluster_property_set", "options", {
    "stonith-enabled": "true",
    "stonith-action": dials.stonithAction,
    "no-quorum-policy": dials.noQuorumPolicy,
    "cluster-recheck-interval": "60s",
  });
  const services = primitiveNames(dials).map((id) =>
    dummy(id, random.pick([3, 5, 10]), {
      ...(random.chance(0.5) ? { "resource-stickiness": `${random.pick([1, 100])}` } : {}),
      ...(random.chance(0.3) ? { "migration-threshold": "3", "failure-timeout": "30s" } : {}),
      ...(random.chance(0.3) ? { priority: `${random.integer(1, 10)}` } : {}),
    }),
  );
  const promotable = element("clone", { id: PROMOTABLE_CLONE }, [
    pairs("meta_attributes", `${PROMOTABLE_CLONE}-meta`, { promotable: "true" }),
    primitive(PROMOTABLE, "stateful", [
      operation(PROMOTABLE, "monitor", 10, "5s", "Unpromoted"),
      operation(PROMOTABLE, "monitor", 7, "5s", "Promoted"),
    ]),
  ]);
  const device = element("primitive", { id: FENCE_DEVICE, class: "stonith", type: "systole:dummy" }, [
    pairs("instance_attributes", `${FENCE_DEVICE}-parameters`, {
      pcmk_host_list: nodes.map((node) => node.name).join(" "),
    }),
    element("operations", {}, [operation(FENCE_DEVICE, "monitor", 60, "20s")]),
  ]);
  const resources = [
    device,
    ...services,
    element(
      "group",
      { id: GROUP },
      GROUP_MEMBERS.map((id) => dummy(id, 10)),
    ),
    element("clone", { id: CLONE }, [dummy(CLONED, 10)]),
    promotable,
  ];
  return element("configuration", {}, [
    element("crm_config", {}, [options, element("cluster_property_set", { id: "registers" })]),
    nodesElement(nodes),
    element("resources", {}, resources),
    element("constraints", {}, constraints(dials, nodes, random)),
    ...(dials.alerts === undefined ? [] : [alerts()]),
  ]);
}

/** One recipient that wants to know everything, and one that wants to know of nodes and fences. */
function alerts(): Element {
  const recipient = (id: string) => element("recipient", { id, value: "http://192.0.2.1/alerts" });
  const everything = ["select_nodes", "select_fencing", "select_resources", "select_attributes"];
  const some = everything.slice(0, 2);
  const list = [everything, some].map((selected, index) => {
    const select = element(
      "select",
      {},
      selected.map((name) => element(name)),
    );
    const id = `alert-${index + 1}`;
    return element("alert", { id, path: "systole:webhook" }, [select, recipient(`${id}-recipient`)]);
  });
  return element("alerts", {}, list);
}

function constraints(dials: Dials, nodes: readonly NodeName[], random: Random): Element[] {
  const names = primitiveNames(dials);
  const list: Element[] = [];
  const [first = "", second = "", third = ""] = names;
  list.push(
    element("rsc_location", {
      id: "where-1",
      rsc: first,
      node: random.pick(nodes).name,
      score: `${random.pick([50, 200])}`,
    }),
  );
  // Nobody sets a promotion score in this world, so the constraints do.
  for (const { id, name } of nodes) {
    list.push(
      element("rsc_location", {
        id: `promoted-${id}`,
        rsc: PROMOTABLE_CLONE,
        role: "Promoted",
        node: name,
        score: `${random.integer(1, 100)}`,
      }),
    );
  }
  if (random.chance(0.5)) {
    list.push(element("rsc_colocation", { id: "with-1", rsc: second, "with-rsc": third, score: "INFINITY" }));
  }
  if (random.chance(0.5)) {
    // biome-ignore lint/suspicious/noThenProperty: the attribute's name in Pacemaker
    list.push(element("rsc_order", { id: "order-1", first: third, then: second, kind: "Mandatory" }));
  }
  if (random.chance(0.5)) {
    list.push(
      element("rsc_colocation", {
        id: "with-2",
        rsc: GROUP,
        "with-rsc": PROMOTABLE_CLONE,
        "with-rsc-role": "Promoted",
        score: "INFINITY",
      }),
      element("rsc_order", {
        id: "order-2",
        first: PROMOTABLE_CLONE,
        "first-action": "promote",
        // biome-ignore lint/suspicious/noThenProperty: the attribute's name in Pacemaker
        then: GROUP,
        "then-action": "start",
      }),
    );
  }
  return list;
}
