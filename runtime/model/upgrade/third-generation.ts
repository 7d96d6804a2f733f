// From schemas 1.x and 2.x to 3.0: properties under other names or moved to the defaults, nodes of type "normal", resources
// in isolation, parameters of fence devices, and what an operation requires.
// Source: what Pacemaker's schema 3.0 no longer takes, and its upgrade from 2.10.

import { childrenNamed, type Element, element, withAttributes, withChildren } from "../../kernel/cib/element.ts";
import { renamedPair, rewriteWithin, someWithin } from "./rewrite.ts";

/** What becomes of a pair: another name (where a place is given: there, unless that has one), another value; or nothing. */
interface Change {
  readonly name?: string;
  readonly to?: "rsc_defaults" | "op_defaults";
  readonly value?: string;
}

const DROP: Change = {};

const MOVED_PROPERTIES: Readonly<Record<string, Change>> = {
  "default-action-timeout": { name: "timeout", to: "op_defaults" },
  "default-resource-stickiness": { name: "resource-stickiness", to: "rsc_defaults" },
  "is-managed-default": { name: "is-managed", to: "rsc_defaults" },
  "default-migration-threshold": DROP,
  "default-resource-failure-stickiness": DROP,
  "expected-quorum-votes": DROP,
  "notification-agent": DROP,
  "notification-recipient": DROP,
  transition_idle_timeout: { name: "cluster-delay" },
};

/** Properties that were also written with underscores. */
const UNDERSCORED = new Set([
  ...["cluster-recheck-interval", "dc-deadtime", "default-action-timeout", "default-migration-threshold"],
  ...["default-resource-failure-stickiness", "default-resource-stickiness", "election-timeout", "is-managed-default"],
  ...["no-quorum-policy", "remove-after-stop", "shutdown-escalation", "startup-fencing", "stonith-action"],
  ...["stonith-enabled", "stop-orphan-actions", "stop-orphan-resources", "symmetric-cluster"],
]);

const OLD_INFRASTRUCTURES = new Set([
  ...["heartbeat", "openais", "classic openais", "classic openais (with plugin)", "cman"],
]);

const DEVICE_PARAMETERS: Readonly<Record<string, string>> = {
  pcmk_list_cmd: "pcmk_list_action",
  pcmk_monitor_cmd: "pcmk_monitor_action",
  pcmk_off_cmd: "pcmk_off_action",
  pcmk_on_cmd: "pcmk_on_action",
  pcmk_reboot_cmd: "pcmk_reboot_action",
  pcmk_status_cmd: "pcmk_status_action",
};

const ISOLATION = new Set(["isolation", "isolation-host", "isolation-instance", "isolation-wrapper"]);
const FAILURE_STICKINESS = new Set(["resource-failure-stickiness", "resource_failure_stickiness"]);

/** Attributes of operations that were also taken as parameters of operations. */
const OPERATION_ATTRIBUTES = new Set([
  ...["interval-origin", "start-delay", "enabled", "on-fail", "record-pending", "role", "timeout"],
]);

const NO_SCORE_OF_COLOCATIONS = ["score-attribute", "score-attribute-mangle"];

function propertyChange(pair: Element): Change | undefined {
  const { name = "", value } = pair.attributes;
  if (name === "cluster-infrastructure") {
    return value === undefined || OLD_INFRASTRUCTURES.has(value) ? DROP : undefined;
  }
  const dashed = name.includes("_") ? name.replaceAll("_", "-") : name;
  const underscored = dashed !== name && UNDERSCORED.has(dashed);
  const asked = underscored ? dashed : name;
  if (asked === "default-resource-failure-stickiness" && value === "-INFINITY") {
    return { name: "migration-threshold", to: "rsc_defaults", value: "1" };
  }
  return MOVED_PROPERTIES[asked] ?? (underscored ? { name: dashed } : undefined);
}

function isPrimitive(parent: Element): boolean {
  return parent.name === "primitive" || parent.name === "template";
}

function offendingPair(pair: Element, set: Element, owner: Element): boolean {
  const name = pair.attributes["name"] ?? "";
  if (set.name === "cluster_property_set") return propertyChange(pair) !== undefined;
  if (owner.name === "op")
    return name === "requires" || (set.name !== "meta_attributes" && OPERATION_ATTRIBUTES.has(name));
  if (!isPrimitive(owner)) return false;
  if (set.name === "meta_attributes") return ISOLATION.has(name);
  return set.name === "instance_attributes" && (name === "pcmk_arg_map" || DEVICE_PARAMETERS[name] !== undefined);
}

/** Whether there is something in a configuration that schema 3.0 does not take, and those before it did. */
export function offendsThirdGeneration(configuration: Element): boolean {
  return someWithin(configuration, (child, parent) => {
    const { attributes } = child;
    if (child.name === "node") return attributes["type"] === "normal";
    if (child.name === "op") return attributes["requires"] !== undefined || offendingSets(child);
    if (child.name === "rsc_colocation") return NO_SCORE_OF_COLOCATIONS.some((name) => attributes[name] !== undefined);
    if (child.name === "cluster_property_set" || isPrimitive(child)) return offendingSets(child, parent);
    return false;
  });
}

function offendingSets(owner: Element, parent?: Element): boolean {
  if (owner.name === "cluster_property_set")
    return owner.children.some((pair) => offendingPair(pair, owner, parent ?? owner));
  return owner.children.some((set) =>
    set.children.some((pair) => pair.name === "nvpair" && offendingPair(pair, set, owner)),
  );
}

/** A configuration that schemas 1.x and 2.x take, as 3.0 wants it. */
export function toThirdGeneration(configuration: Element): Element {
  const moved: Moved = { rsc_defaults: [], op_defaults: [] };
  const rewritten = rewriteWithin(configuration, (child) => {
    if (child.name === "cluster_property_set") return [upgradeProperties(child, moved)];
    if (child.name === "node" && child.attributes["type"] === "normal")
      return [withAttributes(child, { type: "member" })];
    if (child.name === "rsc_colocation") {
      return [withAttributes(child, Object.fromEntries(NO_SCORE_OF_COLOCATIONS.map((name) => [name, undefined])))];
    }
    return isPrimitive(child) ? [upgradePrimitive(child)] : undefined;
  });
  return withDefaults(withDefaults(rewritten, "rsc_defaults", moved), "op_defaults", moved);
}

type Moved = Record<"rsc_defaults" | "op_defaults", Element[]>;

function upgradeProperties(set: Element, moved: Moved): Element {
  return rewriteWithin(set, (pair) => {
    const change = pair.name === "nvpair" ? propertyChange(pair) : undefined;
    if (change === undefined) return [pair];
    if (change.name === undefined) return [];
    const renamed = renamedPair(pair, change.name, change.value);
    if (change.to === undefined) return [renamed];
    moved[change.to].push(renamed);
    return [];
  });
}

function hasRule(set: Element): boolean {
  return set.children.some((child) => child.name === "rule");
}

function hasPair(set: Element, name: string | undefined): boolean {
  return set.children.some((pair) => pair.name === "nvpair" && pair.attributes["name"] === name);
}

/**
 * Adds moved properties to the first set of defaults without a rule, where that has none of the name. Defaults that are
 * there without such a set stay as they are, and the properties are lost: Pacemaker's upgrade loses them too.
 */
function withDefaults(configuration: Element, name: "rsc_defaults" | "op_defaults", moved: Moved): Element {
  const pairs = moved[name];
  if (pairs.length === 0) return configuration;
  const section = configuration.children.find((child) => child.name === name);
  if (section === undefined) {
    const set = element("meta_attributes", { id: `_2TO3_-${name.replace("_", "-")}` }, pairs);
    return withChildren(configuration, [...configuration.children, element(name, {}, [set])]);
  }
  const first = section.children.find((set) => set.name === "meta_attributes" && !hasRule(set));
  return rewriteWithin(configuration, (child) => {
    if (child === section) return undefined;
    if (child !== first) return [child];
    return [
      withChildren(child, [...child.children, ...pairs.filter((pair) => !hasPair(child, pair.attributes["name"]))]),
    ];
  });
}

function upgradePrimitive(primitive: Element): Element {
  const inner = rewriteWithin(primitive, (child, parent) => {
    if (parent !== primitive) return child.name === "op" ? [upgradeOperation(child)] : undefined;
    if (child.name === "meta_attributes") return keepFilled(child, rewriteWithin(child, upgradeMeta));
    if (child.name === "instance_attributes") return keepFilled(child, rewriteWithin(child, upgradeParameter));
    return undefined;
  });
  const required = requiredBy(primitive);
  if (
    required === undefined ||
    childrenNamed(inner, "meta_attributes").some((set) => !hasRule(set) && hasPair(set, "requires"))
  ) {
    return inner;
  }
  const id = `_2TO3_${primitive.attributes["id"]}-meta`;
  const pair = element("nvpair", { id: `${id}-requires`, name: "requires", value: required });
  return withChildren(inner, [...inner.children, element("meta_attributes", { id }, [pair])]);
}

/** A set that lost all of its pairs goes too. */
function keepFilled(before: Element, after: Element): readonly Element[] {
  return after.children.length === 0 && before.children.length > 0 ? [] : [after];
}

function upgradeMeta(pair: Element): readonly Element[] | undefined {
  const { name = "", value } = pair.attributes;
  if (ISOLATION.has(name)) return [renamedPair(pair, "target-role", "Stopped")];
  if (!FAILURE_STICKINESS.has(name)) return undefined;
  return value === "-INFINITY" ? [renamedPair(pair, "migration-threshold", "1")] : [];
}

function upgradeParameter(pair: Element): readonly Element[] | undefined {
  const { name = "", value = "" } = pair.attributes;
  const renamed = DEVICE_PARAMETERS[name];
  if (renamed !== undefined) return [renamedPair(pair, renamed)];
  if (name !== "pcmk_arg_map") return undefined;
  const [, port] = /^port:([^,]*)$/.exec(value) ?? [];
  return port === undefined ? [] : [renamedPair(pair, "pcmk_host_argument", port)];
}

/** What the operations that bring a resource up say that it requires: the last one that does, first by attribute. */
function requiredBy(primitive: Element): string | undefined {
  const operations = childrenNamed(primitive, "operations").flatMap((list) => childrenNamed(list, "op"));
  const starting = operations.filter(
    ({ attributes }) => attributes["name"] === "start" || attributes["name"] === "promote",
  );
  const said = starting.map((operation) => operation.attributes["requires"]).filter((value) => value !== undefined);
  const last = said.at(-1);
  if (last !== undefined) return last;
  const inSets = (setName: string) =>
    starting
      .flatMap((operation) => childrenNamed(operation, setName))
      .flatMap((set) => set.children)
      .filter((pair) => pair.attributes["name"] === "requires")
      .at(-1)?.attributes["value"];
  return inSets("meta_attributes") ?? inSets("instance_attributes");
}

function upgradeOperation(operation: Element): Element {
  const moved: Element[] = [];
  const kept = rewriteWithin(operation, (child) => {
    if (child.name !== "meta_attributes" && child.name !== "instance_attributes") return undefined;
    const left = child.children.filter((pair) => {
      const name = pair.attributes["name"] ?? "";
      if (pair.name !== "nvpair" || name === "requires") return pair.name !== "nvpair";
      if (child.name === "meta_attributes" || !OPERATION_ATTRIBUTES.has(name)) return true;
      moved.push(pair);
      return false;
    });
    return keepFilled(child, withChildren(child, left));
  });
  const bare = withAttributes(kept, { requires: undefined });
  const metas = childrenNamed(bare, "meta_attributes").filter((set) => !hasRule(set));
  const added = moved.filter((pair, index) => {
    const { name } = pair.attributes;
    return (
      !metas.some((set) => hasPair(set, name)) &&
      !moved.slice(index + 1).some((later) => later.attributes["name"] === name)
    );
  });
  if (added.length === 0) return bare;
  const id = `_2TO3_${operation.attributes["id"]}-meta`;
  return withChildren(bare, [...bare.children, element("meta_attributes", { id }, added)]);
}
