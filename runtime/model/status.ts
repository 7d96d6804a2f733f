// How the cluster is, from the CIB and this node's standing: one pure function, so that the same document gives the same answer
// on every node, in the terminal, in the API and in tests.

import { childNamed, type Element } from "../kernel/cib/element.ts";
import type { Standing } from "../kernel/messages.ts";
import { parseIntervalMs } from "./duration.ts";
import { INFINITY, parseScore } from "./score.ts";
import { historiesOf, type ResourceOnNode, readHistory } from "./status/history.ts";
import { type NodeFacts, readNodes } from "./status/nodes.ts";
import { MetaReader, propertiesOf } from "./status/options.ts";
import { isPromotable, resourceTree } from "./status/resources.ts";
import type {
  ClusterStatus,
  Failure,
  FencingRecord,
  InFlight,
  NodeStatus,
  ResourceStatus,
  StatusEvent,
} from "./status/schema.ts";
import { isTrue, parseBoolean } from "./text.ts";

/** What the CIB does not say. */
export interface StatusExtras {
  /** Now; for failures that are over by time. */
  readonly epochMs?: number;
  readonly cluster?: string;
  /** Name of the node that answers. */
  readonly localNode?: string;
  /** The nodes of the daemons' configuration, where they are known. */
  readonly nodes?: readonly { readonly id: number; readonly name: string }[];
  readonly acceptsLoss?: boolean;
  readonly events?: readonly StatusEvent[];
  readonly fencingHistory?: readonly FencingRecord[];
  readonly inFlight?: readonly InFlight[];
  readonly problems?: readonly string[];
}

/** Computes the status. Without a standing (a file, for instance), quorum is what the CIB says. */
export function clusterStatus(cib: Element, standing?: Standing, extras: StatusExtras = {}): ClusterStatus {
  const properties = propertiesOf(cib);
  const fencing = parseBoolean(properties.get("stonith-enabled")) !== false;
  const startupFencing = parseBoolean(properties.get("startup-fencing")) !== false;
  const nodes = readNodes(cib, extras.nodes ?? [], { standing, fencing, startupFencing });
  const meta = new MetaReader(cib);
  const resources = configuredResources(cib);
  const histories = readHistories(nodes, meta, resources, { epochMs: extras.epochMs ?? 0, fencing });
  const tree = resourceTree(meta, histories);
  const coordinator = coordinatorName(cib, standing, nodes);
  const devices = resources.filter(({ element }) => meta.agent(element).startsWith("stonith:")).length;
  return {
    cluster: properties.get("cluster-name") ?? extras.cluster ?? "",
    epochMs: extras.epochMs ?? 0,
    ...(extras.localNode === undefined ? {} : { localNode: extras.localNode }),
    ...(coordinator === undefined ? {} : { coordinator }),
    version: {
      adminEpoch: count(cib.attributes["admin_epoch"]),
      epoch: count(cib.attributes["epoch"]),
      numUpdates: count(cib.attributes["num_updates"]),
    },
    quorum: quorumStatus(cib, standing, nodes, extras.acceptsLoss === true),
    maintenance: isTrue(properties.get("maintenance-mode")),
    fencing: { enabled: fencing, devices },
    nodes: nodeStatuses(nodes, tree, meta, resources, coordinator, extras.localNode),
    resources: tree,
    failures: failuresOf(nodes, resources, meta),
    failedOperations: histories.flatMap((history) => history.failedOperations),
    fencingHistory: [...(extras.fencingHistory ?? [])],
    events: [...(extras.events ?? [])],
    inFlight: [...(extras.inFlight ?? [])],
    problems: [...(extras.problems ?? [])],
  };
}

function count(text: string | undefined): number {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isNaN(value) ? 0 : value;
}

interface Configured {
  readonly element: Element;
  readonly parents: readonly Element[];
}

/** All primitives with what they stand in. */
function configuredResources(cib: Element): Configured[] {
  const found: Configured[] = [];
  const collect = (parent: Element | undefined, parents: readonly Element[]): void => {
    for (const child of parent?.children ?? []) {
      if (child.name === "primitive") found.push({ element: child, parents });
      else if (["group", "clone", "master", "bundle"].includes(child.name)) collect(child, [...parents, child]);
    }
  };
  collect(childNamed(childNamed(cib, "configuration"), "resources"), []);
  return found;
}

function readHistories(
  nodes: readonly NodeFacts[],
  meta: MetaReader,
  resources: readonly Configured[],
  context: { readonly epochMs: number; readonly fencing: boolean },
): ResourceOnNode[] {
  const byId = new Map(resources.map((resource) => [resource.element.attributes["id"] ?? "", resource]));
  const histories: ResourceOnNode[] = [];
  for (const node of nodes) {
    // A node that is off runs nothing, whatever its history says; what a lost node runs is not known until it is fenced.
    if (node.nodeState === undefined || (node.state === "offline" && node.type !== "remote")) continue;
    for (const element of historiesOf(node.nodeState)) {
      const resource = byId.get((element.attributes["id"] ?? "").replace(/:\d+$/, ""));
      const promotable = resource?.parents.some((parent) => isPromotable(parent, meta)) ?? false;
      const timeout = resource && meta.meta(resource.element, resource.parents, "failure-timeout");
      const failureTimeoutMs = parseIntervalMs(timeout);
      histories.push(readHistory(element, node.name, { ...context, promotable, failureTimeoutMs }));
    }
  }
  return histories;
}

function coordinatorName(
  cib: Element,
  standing: Standing | undefined,
  nodes: readonly NodeFacts[],
): string | undefined {
  const id = standing === undefined ? cib.attributes["dc-uuid"] : `${standing.coordinator}`;
  return id === undefined ? undefined : (nodes.find((node) => node.id === id)?.name ?? id);
}

function quorumStatus(
  cib: Element,
  standing: Standing | undefined,
  nodes: readonly NodeFacts[],
  acceptsLoss: boolean,
): ClusterStatus["quorum"] {
  if (standing !== undefined) {
    const { quorate, primary, established, votes, expectedVotes, reason } = standing;
    return { quorate, primary, established, votes, expectedVotes, reason, acceptsLoss };
  }
  const quorate = isTrue(cib.attributes["have-quorum"]);
  const members = nodes.filter((node) => node.type !== "remote" && node.type !== "ping");
  const votes = members.filter((node) => node.state === "online").length;
  const reason = `The CIB says that this partition ${quorate ? "has" : "does not have"} quorum.`;
  return { quorate, primary: quorate, established: true, votes, expectedVotes: members.length, reason, acceptsLoss };
}

/** Nodes that are reached through a resource: the resource's id or its remote-node, and whether it is a guest. */
function connections(
  meta: MetaReader,
  resources: readonly Configured[],
): Map<string, { resource: string; guest: boolean }> {
  const found = new Map<string, { resource: string; guest: boolean }>();
  for (const { element } of resources) {
    const id = element.attributes["id"] ?? "";
    const guest = meta.own(element, "remote-node");
    if (guest !== undefined) found.set(guest, { resource: id, guest: true });
    else if (meta.agent(element) === "ocf:pacemaker:remote") found.set(id, { resource: id, guest: false });
  }
  return found;
}

function nodeStatuses(
  nodes: readonly NodeFacts[],
  tree: readonly ResourceStatus[],
  meta: MetaReader,
  resources: readonly Configured[],
  coordinator: string | undefined,
  localNode: string | undefined,
): NodeStatus[] {
  const running = new Map<string, number>();
  const active = new Set<string>();
  const countActive = (resource: ResourceStatus): void => {
    for (const activity of resource.activities) {
      if (activity.role === "Stopped") continue;
      running.set(activity.node, (running.get(activity.node) ?? 0) + 1);
      active.add(resource.id);
    }
    resource.members.forEach(countActive);
  };
  tree.forEach(countActive);
  const remote = connections(meta, resources);
  const all = nodes.map((node): NodeStatus => {
    const connection = remote.get(node.name);
    remote.delete(node.name);
    return {
      id: node.id,
      name: node.name,
      kind: connection ? (connection.guest ? "guest" : "remote") : nodeKind(node.type),
      state: connection ? (active.has(connection.resource) ? "online" : "offline") : node.state,
      ...(node.reason === undefined || connection !== undefined ? {} : { reason: node.reason }),
      standby: isTrue(node.attributes.get("standby")),
      maintenance: isTrue(node.attributes.get("maintenance")),
      coordinator: node.name === coordinator,
      local: node.name === localNode,
      running: running.get(node.name) ?? 0,
      attributes: Object.fromEntries([...node.attributes].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  });
  for (const [name, { resource, guest }] of remote) {
    const state = active.has(resource) ? "online" : "offline";
    const flags = { standby: false, maintenance: false, coordinator: false, local: false };
    all.push({
      id: name,
      name,
      kind: guest ? "guest" : "remote",
      state,
      ...flags,
      running: running.get(name) ?? 0,
      attributes: {},
    });
  }
  return all;
}

function nodeKind(type: string): NodeStatus["kind"] {
  return type === "remote" || type === "ping" ? type : "member";
}

const FAIL_COUNT = /^fail-count-(.+?)(?:#(.+)_(\d+))?$/;

/** Fail counts of all operations of a resource on a node, added up. */
function failuresOf(nodes: readonly NodeFacts[], resources: readonly Configured[], meta: MetaReader): Failure[] {
  const byId = new Map(resources.map((resource) => [resource.element.attributes["id"] ?? "", resource]));
  const found = new Map<string, Failure>();
  for (const node of nodes) {
    for (const [name, value] of node.attributes) {
      const resource = FAIL_COUNT.exec(name)?.[1];
      const added = parseScore(value) ?? 0;
      if (resource === undefined || added === 0) continue;
      const key = `${resource} ${node.name}`;
      const before = found.get(key);
      const configured = byId.get(resource.replace(/:\d+$/, ""));
      const limit = configured && meta.meta(configured.element, configured.parents, "migration-threshold");
      const threshold = limit === undefined ? undefined : parseScore(limit);
      const last = Math.max(
        before?.lastFailureEpochSeconds ?? 0,
        count(node.attributes.get(name.replace("fail-count-", "last-failure-"))),
      );
      found.set(key, {
        resource,
        node: node.name,
        count: Math.min(INFINITY, (before?.count ?? 0) + added),
        ...(threshold === undefined || threshold >= INFINITY ? {} : { threshold }),
        ...(last === 0 ? {} : { lastFailureEpochSeconds: last }),
      });
    }
  }
  return [...found.values()];
}
