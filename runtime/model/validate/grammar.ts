// Which elements and attributes a configuration may have: the union of Pacemaker's schemas 3.x and 4.0, as a table.
//
// A table and not a schema language, because every fault must be said in words with its place, in one pass. Where 4.0 forbids
// what 3.x allowed (master, lifetime, ping nodes), it stays allowed here: real CIBs of both generations are taken.
// Source: the .rng files of Pacemaker (pacemaker-3.9.rng, pacemaker-4.0.rng and what they include).

import {
  BOOLEAN,
  COUNT,
  DEVICE_LIST,
  DURATION,
  ID,
  INTERVAL,
  NAME,
  oneOf,
  POSITIVE,
  reference,
  SCORE,
  TEXT,
  type ValueKind,
} from "./values.ts";

/** What an element may be like. */
export interface ElementRule {
  readonly required: Readonly<Record<string, ValueKind>>;
  readonly optional: Readonly<Record<string, ValueKind>>;
  /** Child element -> name of its rule in GRAMMAR. */
  readonly children: Readonly<Record<string, string>>;
  /** At least one of these attributes must be there. */
  readonly oneAttributeOf?: readonly (readonly string[])[];
  /** At least one of these children must be there. */
  readonly oneChildOf?: readonly string[];
  /** At most one of each of these children. */
  readonly once?: readonly string[];
}

type Kinds = Readonly<Record<string, ValueKind>>;
type Children = Readonly<Record<string, string>>;

function rule(
  required: Kinds,
  optional: Kinds = {},
  children: Children = {},
  more: Pick<ElementRule, "oneAttributeOf" | "oneChildOf" | "once"> = {},
): ElementRule {
  return { required, optional, children, ...more };
}

/** Children whose rule has their own name. */
function same(...names: readonly string[]): Children {
  return Object.fromEntries(names.map((name) => [name, name]));
}

const ROLES = ["Stopped", "Started", "Promoted", "Unpromoted", "Master", "Slave"] as const;
export const RESOURCE_ELEMENTS = ["primitive", "group", "clone", "master", "bundle"] as const;
const CONSTRAINED = reference(...RESOURCE_ELEMENTS, "template", "tag");
const ROLE = oneOf(...ROLES);
const ACTION = oneOf("start", "promote", "demote", "stop");
const KIND = oneOf("Optional", "Mandatory", "Serialize");
const OPTION_SETS = same("meta_attributes", "instance_attributes");
const PRIMITIVE_CHILDREN = { ...OPTION_SETS, ...same("operations", "utilization") };
const CLASS = oneOf("ocf", "lsb", "heartbeat", "stonith", "upstart", "service", "systemd", "nagios");
const AGENT = { class: CLASS, type: NAME };
const NO_OPERATIONS_TWICE = ["operations"];

/** A set of nvpairs, of whatever name; it may instead stand for another set by id-ref. */
function pairs(self: string): ElementRule {
  return rule({}, { id: ID, "id-ref": reference(self), score: SCORE }, same("nvpair", "rule"), {
    oneAttributeOf: [["id", "id-ref"]],
    once: ["rule"],
  });
}

const DATE_PARTS = ["years", "months", "weeks", "days", "hours", "minutes", "seconds"];
const CALENDAR_PARTS = [...DATE_PARTS, "monthdays", "weekdays", "yeardays", "yearsdays", "weekyears", "moon"];

function texts(names: readonly string[]): Kinds {
  return Object.fromEntries(names.map((name) => [name, TEXT]));
}

const RULES: ElementRule = rule(
  {},
  {
    id: ID,
    "id-ref": reference("rule"),
    "boolean-op": oneOf("or", "and"),
    role: TEXT,
    score: SCORE,
    "score-attribute": TEXT,
  },
  same("rule", "expression", "date_expression", "rsc_expression", "op_expression"),
  { oneAttributeOf: [["id", "id-ref"]] },
);

const CONTAINER = rule(
  { image: NAME },
  {
    replicas: COUNT,
    "replicas-per-host": COUNT,
    masters: COUNT,
    "promoted-max": COUNT,
    "run-command": TEXT,
    network: TEXT,
    options: TEXT,
  },
);

const OPTIONS: Readonly<Record<string, ElementRule>> = {
  crm_config: rule({}, {}, same("cluster_property_set")),
  rsc_defaults: rule({}, {}, same("meta_attributes")),
  op_defaults: rule({}, {}, same("meta_attributes")),
  cluster_property_set: pairs("cluster_property_set"),
  meta_attributes: pairs("meta_attributes"),
  instance_attributes: pairs("instance_attributes"),
  utilization: pairs("utilization"),
  nvpair: rule(
    {},
    { id: ID, "id-ref": reference("nvpair"), name: NAME, value: TEXT },
    {},
    {
      oneAttributeOf: [
        ["id", "id-ref"],
        ["name", "id-ref"],
      ],
    },
  ),
  rule: RULES,
  expression: rule(
    { id: ID, attribute: NAME, operation: oneOf("lt", "gt", "lte", "gte", "eq", "ne", "defined", "not_defined") },
    {
      value: TEXT,
      type: oneOf("string", "integer", "number", "version"),
      "value-source": oneOf("literal", "param", "meta"),
    },
  ),
  date_expression: rule(
    { id: ID, operation: oneOf("in_range", "gt", "lt", "date_spec") },
    { start: TEXT, end: TEXT },
    same("duration", "date_spec"),
    { once: ["duration", "date_spec"] },
  ),
  rsc_expression: rule({ id: ID }, { class: TEXT, provider: TEXT, type: TEXT }),
  op_expression: rule({ id: ID, name: NAME }, { interval: INTERVAL }),
  duration: rule({ id: ID }, texts(CALENDAR_PARTS)),
  date_spec: rule({ id: ID }, texts(CALENDAR_PARTS)),
};

const NODES: Readonly<Record<string, ElementRule>> = {
  nodes: rule({}, {}, same("node")),
  node: rule(
    { id: NAME, uname: NAME },
    { type: oneOf("member", "ping", "remote", "normal"), description: TEXT, score: SCORE },
    same("instance_attributes", "utilization"),
  ),
};

const RESOURCES: Readonly<Record<string, ElementRule>> = {
  resources: rule({}, {}, same("primitive", "template", "group", "clone", "master", "bundle")),
  primitive: rule(
    { id: ID },
    { ...AGENT, provider: NAME, template: reference("template"), description: TEXT },
    PRIMITIVE_CHILDREN,
    {
      once: NO_OPERATIONS_TWICE,
      oneAttributeOf: [
        ["class", "template"],
        ["type", "template"],
      ],
    },
  ),
  template: rule({ id: ID, ...AGENT }, { provider: NAME, description: TEXT }, PRIMITIVE_CHILDREN, {
    once: NO_OPERATIONS_TWICE,
  }),
  group: rule(
    { id: ID },
    { description: TEXT },
    { ...OPTION_SETS, ...same("primitive") },
    { oneChildOf: ["primitive"] },
  ),
  clone: rule(
    { id: ID },
    { description: TEXT },
    { ...OPTION_SETS, ...same("primitive", "group") },
    {
      oneChildOf: ["primitive", "group"],
      once: ["primitive", "group"],
    },
  ),
  master: rule(
    { id: ID },
    { description: TEXT },
    { ...OPTION_SETS, ...same("primitive", "group") },
    {
      oneChildOf: ["primitive", "group"],
      once: ["primitive", "group"],
    },
  ),
  bundle: rule(
    { id: ID },
    { description: TEXT },
    { ...OPTION_SETS, ...same("docker", "rkt", "podman", "network", "storage", "primitive") },
    { oneChildOf: ["docker", "rkt", "podman"], once: ["docker", "rkt", "podman", "network", "storage", "primitive"] },
  ),
  docker: CONTAINER,
  rkt: CONTAINER,
  podman: CONTAINER,
  network: rule(
    {},
    {
      "ip-range-start": TEXT,
      "control-port": COUNT,
      "host-interface": TEXT,
      "host-netmask": COUNT,
      "add-host": BOOLEAN,
    },
    same("port-mapping"),
  ),
  "port-mapping": rule(
    { id: ID },
    { port: COUNT, "internal-port": COUNT, range: TEXT },
    {},
    {
      oneAttributeOf: [["port", "range"]],
    },
  ),
  storage: rule({}, {}, same("storage-mapping")),
  "storage-mapping": rule(
    { id: ID, "target-dir": NAME },
    { "source-dir": TEXT, "source-dir-root": TEXT, options: TEXT },
    {},
    { oneAttributeOf: [["source-dir", "source-dir-root"]] },
  ),
  operations: rule({}, { id: ID, "id-ref": reference("operations") }, same("op")),
  op: rule(
    { id: ID, name: NAME, interval: INTERVAL },
    {
      description: TEXT,
      "start-delay": DURATION,
      "interval-origin": TEXT,
      timeout: DURATION,
      enabled: BOOLEAN,
      "record-pending": BOOLEAN,
      role: ROLE,
      "on-fail": oneOf("ignore", "block", "demote", "stop", "restart", "standby", "fence", "restart-container"),
    },
    OPTION_SETS,
  ),
};

const CONSTRAINTS: Readonly<Record<string, ElementRule>> = {
  constraints: rule({}, {}, same("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket")),
  rsc_location: rule(
    { id: ID },
    {
      rsc: CONSTRAINED,
      "rsc-pattern": TEXT,
      role: ROLE,
      node: NAME,
      score: SCORE,
      "resource-discovery": oneOf("always", "never", "exclusive"),
    },
    same("resource_set", "rule", "lifetime"),
    { once: ["lifetime"] },
  ),
  rsc_colocation: rule(
    { id: ID },
    {
      score: SCORE,
      influence: TEXT,
      rsc: CONSTRAINED,
      "with-rsc": CONSTRAINED,
      "node-attribute": TEXT,
      "rsc-role": ROLE,
      "with-rsc-role": ROLE,
    },
    same("resource_set", "lifetime"),
    { once: ["lifetime"] },
  ),
  rsc_order: rule(
    { id: ID },
    {
      symmetrical: BOOLEAN,
      "require-all": BOOLEAN,
      score: SCORE,
      kind: KIND,
      first: CONSTRAINED,
      // biome-ignore lint/suspicious/noThenProperty: the attribute is called so in the CIB
      then: CONSTRAINED,
      "first-action": ACTION,
      "then-action": ACTION,
    },
    same("resource_set", "lifetime"),
    { once: ["lifetime"] },
  ),
  rsc_ticket: rule(
    { id: ID, ticket: NAME },
    { rsc: CONSTRAINED, "rsc-role": ROLE, "loss-policy": oneOf("stop", "demote", "fence", "freeze") },
    same("resource_set"),
  ),
  resource_set: rule(
    {},
    {
      id: ID,
      "id-ref": reference("resource_set"),
      sequential: BOOLEAN,
      "require-all": BOOLEAN,
      ordering: oneOf("group", "listed"),
      action: ACTION,
      role: ROLE,
      score: SCORE,
      kind: KIND,
    },
    same("resource_ref"),
    { oneAttributeOf: [["id", "id-ref"]] },
  ),
  resource_ref: rule({ id: CONSTRAINED }),
  lifetime: rule({}, {}, same("rule"), { oneChildOf: ["rule"] }),
};

const OTHERS: Readonly<Record<string, ElementRule>> = {
  "fencing-topology": rule({}, {}, same("fencing-level")),
  "fencing-level": rule(
    { id: ID, index: POSITIVE, devices: DEVICE_LIST },
    { target: NAME, "target-pattern": NAME, "target-attribute": NAME, "target-value": TEXT },
    {},
    { oneAttributeOf: [["target", "target-pattern", "target-attribute"]] },
  ),
  acls: rule({}, {}, same("acl_target", "acl_group", "acl_role")),
  acl_target: rule({ id: NAME }, { name: TEXT }, { role: "acl_role_ref" }),
  acl_group: rule({ id: ID }, { name: TEXT }, { role: "acl_role_ref" }),
  acl_role_ref: rule({ id: reference("acl_role") }),
  acl_role: rule({ id: ID }, { description: TEXT }, same("acl_permission")),
  acl_permission: rule(
    { id: ID, kind: oneOf("read", "write", "deny") },
    { xpath: TEXT, reference: TEXT, "object-type": TEXT, attribute: TEXT, description: TEXT },
    {},
    { oneAttributeOf: [["xpath", "reference", "object-type"]] },
  ),
  tags: rule({}, {}, same("tag")),
  tag: rule({ id: ID }, {}, same("obj_ref"), { oneChildOf: ["obj_ref"] }),
  obj_ref: rule({ id: NAME }),
  alerts: rule({}, {}, same("alert")),
  alert: rule(
    { id: ID, path: NAME },
    { description: TEXT },
    { ...OPTION_SETS, ...same("select", "recipient") },
    {
      once: ["select"],
    },
  ),
  recipient: rule({ id: ID, value: TEXT }, { description: TEXT }, OPTION_SETS),
  select: rule({}, {}, same("select_attributes", "select_fencing", "select_nodes", "select_resources"), {
    once: ["select_attributes", "select_fencing", "select_nodes", "select_resources"],
  }),
  select_attributes: rule({}, {}, same("attribute")),
  select_fencing: rule({}),
  select_nodes: rule({}),
  select_resources: rule({}),
  attribute: rule({ id: ID, name: NAME }),
};

/** Sections below <configuration>; each at most once. */
export const SECTIONS = [
  ...["crm_config", "nodes", "resources", "constraints"],
  ...["rsc_defaults", "op_defaults", "fencing-topology", "acls", "tags", "alerts"],
] as const;

/** The rules by name; the root of a configuration is `configuration`. */
export const GRAMMAR: Readonly<Record<string, ElementRule>> = {
  configuration: rule({}, {}, same(...SECTIONS), { once: SECTIONS }),
  ...OPTIONS,
  ...NODES,
  ...RESOURCES,
  ...CONSTRAINTS,
  ...OTHERS,
};

/** What <cib> itself may carry; other attributes are taken, because brokers and tools put theirs there. */
export const CIB_COUNTERS: Kinds = { admin_epoch: COUNT, epoch: COUNT, num_updates: COUNT };
