// From schemas 3.x to 4.0: promotable clones that are called master, ping nodes, lifetimes and several rules of a constraint,
// agents and containers that nothing runs any more, options that mean nothing any more.
// Source: what Pacemaker's schema 4.0 no longer takes, and its upgrade from 3.10.

import { type Element, element, withAttributes, withChildren } from "../../kernel/cib/element.ts";
import { withoutDropped } from "./dropped-resources.ts";
import { renamedPair, rewriteWithin, someWithin } from "./rewrite.ts";

/** What ids of made elements begin with. */
const MADE = "pcmk__3_10_upgrade-";

const RENAMED_PROPERTIES: Readonly<Record<string, string>> = {
  "crmd-finalization-timeout": "join-finalization-timeout",
  "crmd-integration-timeout": "join-integration-timeout",
  "crmd-transition-delay": "transition-delay",
};

const PAIR_SETS = new Set(["cluster_property_set", "instance_attributes", "meta_attributes", "utilization"]);
const RESOURCES = new Set(["primitive", "template", "group", "clone", "master", "bundle", "rsc_defaults"]);
const OPERATIONS = new Set(["op", "op_defaults"]);
const GONE_CLASSES = new Set(["nagios", "upstart"]);
const GONE_ELEMENTS = new Set(["master", "rkt", "lifetime"]);

/** Meta attributes without meaning. */
function isGoneMeta(name: string, set: Element, owner: Element): boolean {
  if (set.name !== "meta_attributes") return false;
  if (name === "restart-type") return RESOURCES.has(owner.name);
  return (name === "can_fail" || name === "role_after_failure") && OPERATIONS.has(owner.name);
}

function isOldProperty(name: string, value: string | undefined): boolean {
  if (name === "stonith-action") return value === "poweroff";
  return name === "remove-after-stop" || RENAMED_PROPERTIES[name] !== undefined;
}

function offendingPair(pair: Element, set: Element, owner: Element): boolean {
  const { name, value, "id-ref": reference } = pair.attributes;
  if (reference !== undefined) return name !== undefined;
  if (value === undefined) return true;
  if (name === undefined) return false;
  return set.name === "cluster_property_set" ? isOldProperty(name, value) : isGoneMeta(name, set, owner);
}

/** Whether there is something in a configuration that schema 4.0 does not take, and 3.10 did. */
export function offendsFourthGeneration(configuration: Element): boolean {
  return someWithin(configuration, (child, parent) => {
    const { name, attributes } = child;
    if (PAIR_SETS.has(name)) {
      return child.children.some((pair) => pair.name === "nvpair" && offendingPair(pair, child, parent));
    }
    if (GONE_ELEMENTS.has(name) || attributes["masters"] !== undefined) return true;
    if (name === "primitive" || name === "template") return GONE_CLASSES.has(attributes["class"] ?? "");
    if (name === "node") return attributes["type"] === "ping";
    if (name === "rsc_location") return child.children.filter((rule) => rule.name === "rule").length > 1;
    if (name === "fencing-level") return Number(attributes["index"]) > 9;
    return name === "date_spec" && attributes["moon"] !== undefined;
  });
}

/** A configuration that schema 3.10 takes, as 4.0 wants it. */
export function toFourthGeneration(configuration: Element): Element {
  const pinged = pingNodes(configuration);
  const shaped = rewriteWithin(configuration, upgradeElement);
  return withoutDropped(withBans(shaped, pinged));
}

function upgradeElement(child: Element, parent: Element): readonly Element[] | undefined {
  const { name, attributes } = child;
  if (PAIR_SETS.has(name)) return [upgradeSet(child, parent)];
  switch (name) {
    case "node":
      return attributes["type"] === "ping" ? [withAttributes(child, { type: "member" })] : undefined;
    case "master":
      return [upgradePromotable(child)];
    case "docker":
    case "podman":
      if (attributes["masters"] === undefined) return undefined;
      return [withAttributes(child, { masters: undefined, "promoted-max": attributes["masters"] })];
    case "rsc_location":
      return upgradeLocation(child);
    case "lifetime":
      return [];
    case "fencing-level":
      return Number(attributes["index"]) > 9 ? [] : undefined;
    case "date_spec":
      return [withAttributes(child, { moon: undefined })];
    default:
      return undefined;
  }
}

/** A set of pairs with at most one of a name: the one that counts. */
function upgradeSet(set: Element, owner: Element): Element {
  const pairs = set.children.filter((child) => child.name === "nvpair");
  const others = set.children.filter((child) => child.name !== "nvpair");
  const renamed = pairs.flatMap((pair) => upgradePair(pair, set, owner));
  const kept = renamed.filter((pair, index) => {
    const { name, value } = pair.attributes;
    if (name === undefined) return true;
    const isSame = (other: Element) => other.attributes["name"] === name;
    const later = renamed.slice(index + 1).filter(isSame);
    if (value === "#default") return later.length === 0;
    if (later.some((other) => other.attributes["value"] === "#default")) return false;
    // What was set before counts, unless it was taken back in between.
    const before = renamed.slice(0, index).filter(isSame).at(-1);
    return before === undefined || before.attributes["value"] === "#default";
  });
  const rewritten = others.map((other) => rewriteWithin(other, upgradeElement));
  return withChildren(set, [...rewritten, ...kept]);
}

function upgradePair(pair: Element, set: Element, owner: Element): readonly Element[] {
  const { name, value, "id-ref": reference } = pair.attributes;
  if (reference !== undefined) return [pair];
  if (value === undefined) return [];
  if (name === undefined) return [pair];
  if (isGoneMeta(name, set, owner)) return [];
  if (set.name !== "cluster_property_set" || !isOldProperty(name, value)) return [pair];
  if (name === "stonith-action") return [renamedPair(pair, name, "off")];
  const better = RENAMED_PROPERTIES[name];
  return better === undefined ? [] : [renamedPair(pair, better)];
}

/** master: a clone whose instances are promoted, whatever it says itself. */
function upgradePromotable(master: Element): Element {
  const id = `${MADE}promotable-legacy-${master.attributes["id"]}-meta_attributes`;
  const pair = element("nvpair", { id: `${id}-promotable`, name: "promotable", value: "true" });
  const meta = element("meta_attributes", { id, score: "INFINITY" }, [pair]);
  const inner = rewriteWithin(master, upgradeElement);
  return { name: "clone", attributes: master.attributes, children: [meta, ...inner.children] };
}

function pingNodes(configuration: Element): string[] {
  const nodes = configuration.children.filter((child) => child.name === "nodes").flatMap((section) => section.children);
  return nodes.filter((node) => node.attributes["type"] === "ping").map((node) => node.attributes["uname"] ?? "");
}

/** Ping nodes run nothing, and nobody looks what runs there. */
function withBans(configuration: Element, nodes: readonly string[]): Element {
  if (nodes.length === 0) return configuration;
  const bans = nodes.map((node) =>
    element("rsc_location", {
      id: `${MADE}ping-node-ban-${node}`,
      "rsc-pattern": ".*",
      node,
      score: "-INFINITY",
      "resource-discovery": "never",
    }),
  );
  const children = configuration.children.map((child) =>
    child.name === "constraints" ? withChildren(child, [...child.children, ...bans]) : child,
  );
  return withChildren(configuration, children);
}

/** One constraint a rule; a lifetime becomes a condition of the rule. */
function upgradeLocation(original: Element): readonly Element[] {
  const location = rewriteWithin(original, (child) =>
    child.name === "lifetime" ? [child] : upgradeElement(child, original),
  );
  const rules = location.children.filter((child) => child.name === "rule");
  const lifetime = location.children.find((child) => child.name === "lifetime");
  if (rules.length < 2) return [lifetime === undefined ? location : withLifetime(location, lifetime)];
  const others = location.children.filter((child) => child.name === "resource_set");
  return rules.map((rule, index) => {
    const id = `${MADE}${location.attributes["id"]}-${index + 1}`;
    const one = withAttributes(withChildren(location, [...others, rule]), { id });
    return lifetime === undefined ? one : withLifetime(one, lifetime);
  });
}

function withLifetime(location: Element, lifetime: Element): Element {
  const { id, node, score } = location.attributes;
  const rules = location.children.filter((child) => child.name === "rule");
  const sets = location.children.filter((child) => child.name === "resource_set");
  const own = rules.length > 0 ? rules : [nodeRule(`${MADE}${id}-node-score-rule`, node, score)];
  const [first, ...more] = lifetime.children.filter((child) => child.name === "rule");
  const either =
    more.length === 0 || first === undefined
      ? [first]
      : [element("rule", { id: `${MADE}${id}-lifetime-or-rule`, "boolean-op": "or" }, [first, ...more])];
  const conditions = [...own, ...either.filter((rule) => rule !== undefined)];
  const both = element("rule", { id: `${MADE}${id}-lifetime-and-rule`, "boolean-op": "and" }, conditions);
  return withAttributes(withChildren(location, [...sets, both]), { node: undefined, score: undefined });
}

function nodeRule(id: string, node: string | undefined, score: string | undefined): Element {
  const named = { id: `${id}-expr`, attribute: "#uname", operation: "eq", value: node };
  return element("rule", { id, score }, [element("expression", named)]);
}
