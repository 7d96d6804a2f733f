// Stage: the nodes of the configuration, and those that remote connections and guests bring with them.

import { childNamed, type Element, element } from "../../kernel/cib/element.ts";
import { parseScore } from "../../model/score.ts";
import { compareNames, isTrue } from "../../model/text.ts";
import { readBlocks, ruleInput } from "./attributes.ts";
import { type Cluster, type Node, ProbeMode } from "./state.ts";
import { findNode, nodeAttribute } from "./tree.ts";

/** Makes a node and files it under its names. */
export function createNode(cluster: Cluster, id: string, name: string, remoteKind: boolean, score: number): Node {
  const node: Node = {
    index: cluster.nodes.length,
    id,
    name,
    remoteKind,
    attributes: new Map([["#kind", remoteKind ? "remote" : "cluster"]]),
    utilization: new Map(),
    baseScore: score,
    baseProbe: ProbeMode.Always,
    online: false,
    unclean: false,
    shutdown: false,
    pending: false,
    maintenance: false,
    standby: false,
    failStandby: false,
    seen: false,
    expectedUp: false,
    probesAllowed: true,
    remoteReset: false,
    remoteFenced: false,
    remoteMaintenance: false,
    unpacked: false,
    remote: undefined,
    running: [],
    assignedCount: 0,
    priority: 0,
    history: [],
    historyById: undefined,
    failures: undefined,
    anonymousFailures: undefined,
    digests: new Map(),
  };
  if (remoteKind) cluster.haveRemoteNodes = true;
  cluster.nodes.push(node);
  const place = cluster.sortedNodes.findIndex((other) => compareNames(name, other.name) <= 0);
  if (place < 0) cluster.sortedNodes.push(node);
  else cluster.sortedNodes.splice(place, 0, node);
  if (!cluster.nodeByName.has(name.toLowerCase())) cluster.nodeByName.set(name.toLowerCase(), node);
  if (!cluster.nodeById.has(id.toLowerCase())) cluster.nodeById.set(id.toLowerCase(), node);
  return node;
}

/** Reads <nodes>. */
export function unpackNodes(cluster: Cluster): void {
  const section = childNamed(childNamed(cluster.cib, "configuration"), "nodes");
  for (const entry of section?.children ?? []) {
    if (entry.name !== "node") continue;
    const { id, uname, type } = entry.attributes;
    if (id === undefined) {
      cluster.problems.push({
        severity: "error",
        code: "node-without-id",
        text: "A <node> in the configuration has no id, so it is ignored. Give it an id.",
      });
      continue;
    }
    const kind = (type ?? "member").toLowerCase();
    if (kind !== "member" && kind !== "remote" && kind !== "normal" && kind !== "ping") {
      cluster.problems.push({
        severity: "error",
        code: "node-type-unknown",
        element: id,
        text: `Node "${id}" has the unknown type "${type}", so it and the nodes after it are ignored. Use "member" or "remote".`,
      });
      return;
    }
    const node = createNode(
      cluster,
      id,
      uname ?? id,
      kind === "remote",
      parseScore(entry.attributes["score"] ?? "0") ?? 0,
    );
    assumeUnseen(cluster, node);
    readNodeAttributes(cluster, node, entry, false);
  }
}

/** A node of which nothing was heard yet may be running something: unclean, unless startup fencing is off. */
export function assumeUnseen(cluster: Cluster, node: Node): void {
  if (node.remoteKind && node.remote === undefined) return;
  node.unclean = cluster.properties.startupFencing;
}

/** Adds a set of node attributes; with `overwrite`, they are stronger than what is there. */
export function readNodeAttributes(cluster: Cluster, node: Node, from: Element | undefined, overwrite: boolean): void {
  const { attributes } = node;
  attributes.set("#uname", node.name);
  attributes.set("#id", node.id);
  const coordinatorId = cluster.cib.attributes["dc-uuid"];
  if (cluster.coordinator === undefined && coordinatorId?.toLowerCase() === node.id.toLowerCase()) {
    cluster.coordinator = node;
    attributes.set("#is_dc", "true");
  } else if (cluster.coordinator !== node) {
    attributes.set("#is_dc", "false");
  }
  const { clusterName } = cluster.properties;
  if (clusterName !== undefined) attributes.set("#cluster-name", clusterName);
  const input = ruleInput(cluster);
  if (overwrite) {
    const fresh = new Map<string, string>();
    readBlocks(from, "instance_attributes", fresh, input);
    for (const [name, value] of fresh) attributes.set(name, value);
  } else {
    readBlocks(from, "instance_attributes", attributes, input);
  }
  readBlocks(from, "utilization", node.utilization, input);
  if (!attributes.has("#site-name")) {
    const site = attributes.get("site-name") ?? clusterName;
    if (site !== undefined) attributes.set("#site-name", site);
  }
}

/** The agent that connects to a node which runs only an executor. */
export function isRemoteConnection(config: Element): boolean {
  const { class: resourceClass, provider, type } = config.attributes;
  return (
    type?.toLowerCase() === "remote" &&
    resourceClass?.toLowerCase() === "ocf" &&
    provider?.toLowerCase() === "pacemaker"
  );
}

/** The connection that a guest's meta attributes ask for, as if it stood in the configuration. */
export interface ConnectionSpec {
  readonly name: string;
  readonly container?: string | undefined;
  readonly allowMigrate?: string | undefined;
  readonly managed?: string | undefined;
  readonly startTimeout?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: string | undefined;
}

/** Makes the resource that connects to a remote or guest node. */
export function connectionElement(spec: ConnectionSpec): Element {
  const { name } = spec;
  const pair = (set: string, key: string, value: string | undefined) =>
    value === undefined ? [] : [element("nvpair", { id: `${name}-${set}-${key}`, name: key, value })];
  const operation = (task: string, interval: string, timeout: string) =>
    element("op", { id: `${name}-${task}-${interval}`, interval, name: task, timeout });
  const meta = element("meta_attributes", { id: `${name}-meta_attributes` }, [
    ...pair("meta_attributes", "internal_rsc", "true"),
    ...pair("meta_attributes", "container", spec.container),
    ...pair("meta_attributes", "allow-migrate", spec.allowMigrate),
    ...pair("meta_attributes", "is-managed", spec.managed),
  ]);
  const parameters = [
    ...pair("instance_attributes", "addr", spec.address),
    ...pair("instance_attributes", "port", spec.port),
  ];
  return element("primitive", { id: name, class: "ocf", provider: "pacemaker", type: "remote" }, [
    meta,
    ...(parameters.length === 0
      ? []
      : [element("instance_attributes", { id: `${name}-instance_attributes` }, parameters)]),
    element("operations", {}, [
      operation("monitor", "30s", "30s"),
      ...(spec.startTimeout === undefined ? [] : [operation("start", "0", spec.startTimeout)]),
    ]),
  ]);
}

function guestSpec(config: Element): ConnectionSpec | undefined {
  const found = new Map<string, string>();
  for (const set of config.children) {
    if (set.name !== "meta_attributes") continue;
    for (const pair of set.children) {
      const { name, value } = pair.attributes;
      if (name !== undefined && value !== undefined) found.set(name, value);
    }
  }
  const name = found.get("remote-node");
  if (name === undefined) return undefined;
  return {
    name,
    container: config.attributes["id"],
    allowMigrate: found.get("remote-allow-migrate"),
    managed: found.get("is-managed"),
    startTimeout: found.get("remote-connect-timeout") ?? "60s",
    address: found.get("remote-addr"),
    port: found.get("remote-port"),
  };
}

/**
 * Makes the nodes behind remote connections and guests.
 * @returns the connections that guests need, to be treated like configured resources
 */
export function unpackRemoteNodes(cluster: Cluster, resources: Element | undefined): Element[] {
  const made: Element[] = [];
  const ensure = (name: string) => {
    if (findNode(cluster, name) === undefined) createNode(cluster, name, name, true, 0);
  };
  const guest = (config: Element) => {
    const spec = guestSpec(config);
    if (spec === undefined) return;
    made.push(connectionElement(spec));
    ensure(spec.name);
  };
  for (const config of resources?.children ?? []) {
    if (isRemoteConnection(config)) {
      const { id } = config.attributes;
      if (id !== undefined) ensure(id);
    } else if (config.name === "primitive") {
      guest(config);
    } else if (config.name === "group") {
      for (const member of config.children) guest(member);
    }
  }
  return made;
}

/** Someone asked this node to leave the cluster. */
export function shutdownRequested(node: Node): boolean {
  const value = nodeAttribute(node, "shutdown", undefined, "current");
  return value !== undefined && value !== "0";
}

/** A node attribute that says yes. */
export function attributeIsTrue(node: Node, name: string): boolean {
  return isTrue(nodeAttribute(node, name, undefined, "current"));
}
