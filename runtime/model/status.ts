// How the cluster is, from the CIB and this node's standing: one pure function, so that the same document gives the same answer
// on every node, in the terminal, in the API and in tests.

import { childNamed, type Element } from "../kernel/cib/element.ts";
import type { Standing } from "../kernel/messages.ts";
import { parseIntervalMs } from "./duration.ts";
import { INFINITY, parseScore } from "./score.ts";
import { historiesOf, type ResourceOnNode, readHistory } from "./status/history.ts";
import { type NodeFacts, readNodes } from "./status/nodes.ts";
import { MetaReader, pairsOf, propertiesOf } from "./status/options.ts";
import { isPromotable, resourceTree } from "./status/resources.ts";
import type {
  ClusterStatus,
  Failure,
  FencingRecord,
  InFlight,
  NodeStatus,
  PluginsStatus,
  StatusEvent,
  TransitionStatus,
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
  /** As the node that answers sees it. */
  readonly arbiter?: ClusterStatus["quorum"]["arbiter"];
  readonly events?: readonly StatusEvent[];
  readonly fencingHistory?: readonly FencingRecord[];
  readonly transition?: TransitionStatus;
  readonly inFlight?: readonly InFlight[];
  readonly plugins?: PluginsStatus;
  readonly problems?: readonly string[];
}

/** Computes the status. Without a standing (a file, for instance), quorum is what the CIB says. */
export function clusterStatus(cib: Element, standing?: Standing, extras: StatusExtras = {}): ClusterStatus {
  const properties = propertiesOf(cib);
  const fencing = parseBoolean(properties.get("stonith-enabled")) !== false;
  const startupFencing = parseBoolean(properties.get("startup-fencing")) !== false;
  const found = readNodes(cib, extras.nodes ?? [], { standing, fencing, startupFencing });
  const meta = new MetaReader(cib);
  const resources = configuredResources(cib);
  const { nodes, histories } = settle(
    found,
    readHistories(found, meta, resources, { epochMs: extras.epochMs ?? 0, fencing }),
    fencing,
  );
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
    quorum: {
      ...quorumStatus(cib, standing, nodes, extras.acceptsLoss === true),
      ...(extras.arbiter === undefined ? {} : { arbiter: extras.arbiter }),
    },
    maintenance: isTrue(properties.get("maintenance-mode")),
    fencing: { enabled: fencing, devices },
    nodes: nodeStatuses(nodes, histories, meta, resources, { coordinator, localNode: extras.localNode, fencing }),
    resources: tree,
    failures: failuresOf(nodes, resources, meta),
    failedOperations: histories.flatMap((history) => history.failedOperations),
    fencingHistory: [...(extras.fencingHistory ?? [])],
    events: [...(extras.events ?? [])],
    ...(extras.transition === undefined ? {} : { transition: extras.transition }),
    inFlight: [...(extras.inFlight ?? [])],
    ...(extras.plugins === undefined ? {} : { plugins: extras.plugins }),
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
    if (node.nodeState === undefined) continue;
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

/**
 * A node that is off runs nothing, so its history does not count. But one that went away while something was active there, and
 * was not fenced since (that would have emptied its history), may still be running it.
 */
function settle(
  nodes: readonly NodeFacts[],
  histories: readonly ResourceOnNode[],
  fencing: boolean,
): { nodes: NodeFacts[]; histories: ResourceOnNode[] } {
  const off = new Set(
    nodes.filter((node) => node.state === "offline" && node.type !== "remote").map((node) => node.name),
  );
  const suspects = new Map<string, string>();
  for (const { node, id, agent, activity } of histories) {
    const active = activity.role !== "Stopped" && !agent.startsWith("stonith:");
    if (fencing && active && off.has(node) && !suspects.has(node)) suspects.set(node, id);
  }
  const settled = nodes.map((node): NodeFacts => {
    const suspect = suspects.get(node.name);
    return suspect === undefined ? node : { ...node, state: "unclean", reason: `${suspect} may still be active there` };
  });
  return { nodes: settled, histories: histories.filter(({ node }) => !off.has(node) || suspects.has(node)) };
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

/** A node that is reached through a resource: the resource, and whether the node lives inside another (a guest). */
interface Connection {
  readonly resource: string;
  readonly guest: boolean;
}

/** Remote nodes, guest nodes (VMs), and the nodes inside of a bundle's containers, by name. */
function connections(
  meta: MetaReader,
  resources: readonly Configured[],
  histories: readonly ResourceOnNode[],
): Map<string, Connection> {
  const found = new Map<string, Connection>();
  for (const { element } of resources) {
    const id = element.attributes["id"] ?? "";
    const guest = meta.own(element, "remote-node");
    if (guest !== undefined) found.set(guest, { resource: id, guest: true });
    else if (meta.agent(element) === "ocf:pacemaker:remote") found.set(id, { resource: id, guest: false });
  }
  for (const { base, agent } of histories) {
    if (agent === "ocf:pacemaker:remote" && !found.has(base)) found.set(base, { resource: base, guest: true });
  }
  return found;
}

interface NodeWords {
  readonly coordinator: string | undefined;
  readonly localNode: string | undefined;
  readonly fencing: boolean;
}

function nodeStatuses(
  nodes: readonly NodeFacts[],
  histories: readonly ResourceOnNode[],
  meta: MetaReader,
  resources: readonly Configured[],
  words: NodeWords,
): NodeStatus[] {
  const running = new Map<string, number>();
  const active = new Set<string>();
  const stopFailed = new Map<string, string>();
  for (const history of histories) {
    if (history.activity.role !== "Stopped") {
      running.set(history.node, (running.get(history.node) ?? 0) + 1);
      active.add(history.base);
    }
    if (history.stopFailed && !isBlocking(history.base, resources)) stopFailed.set(history.node, history.id);
  }
  const remote = connections(meta, resources, histories);
  const all = nodes.map((node): NodeStatus => {
    const connection = remote.get(node.name);
    remote.delete(node.name);
    const attributes = Object.fromEntries([...node.attributes].sort(([a], [b]) => (a < b ? -1 : 1)));
    const flags = {
      standby: isTrue(node.attributes.get("standby")),
      maintenance: isTrue(node.attributes.get("maintenance")),
      coordinator: node.name === words.coordinator,
      local: node.name === words.localNode,
      running: running.get(node.name) ?? 0,
      attributes,
    };
    if (connection !== undefined) return remoteStatus(node.id, node.name, connection, active, flags);
    const kind = node.type === "remote" || node.type === "ping" ? node.type : "member";
    const failed =
      words.fencing && (node.state === "online" || node.state === "shutting-down")
        ? stopFailed.get(node.name)
        : undefined;
    if (failed !== undefined) {
      return {
        id: node.id,
        name: node.name,
        kind,
        state: "unclean",
        reason: `${failed} could not be stopped there`,
        ...flags,
      };
    }
    const reason = node.reason === undefined ? {} : { reason: node.reason };
    return { id: node.id, name: node.name, kind, state: node.state, ...reason, ...flags };
  });
  for (const [name, connection] of remote) {
    const none = { standby: false, maintenance: false, coordinator: false, local: false, attributes: {} };
    all.push(remoteStatus(name, name, connection, active, { ...none, running: running.get(name) ?? 0 }));
  }
  return all;
}

function remoteStatus(
  id: string,
  name: string,
  connection: Connection,
  active: ReadonlySet<string>,
  flags: Omit<NodeStatus, "id" | "name" | "kind" | "state" | "reason">,
): NodeStatus {
  const state = active.has(connection.resource) ? "online" : "offline";
  return { id, name, kind: connection.guest ? "guest" : "remote", state, ...flags };
}

/** A stop that fails leads to a fence, unless the operation says that it is to be ignored or waited for. */
function isBlocking(id: string, resources: readonly Configured[]): boolean {
  const resource = resources.find(({ element }) => element.attributes["id"] === id);
  const operations = childNamed(resource?.element, "operations");
  const stop = operations?.children.find((op) => op.name === "op" && op.attributes["name"] === "stop");
  const onFail = stop?.attributes["on-fail"] ?? pairsOf(stop, "meta_attributes").get("on-fail");
  return onFail === "block" || onFail === "ignore";
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
