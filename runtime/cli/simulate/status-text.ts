// The state of a cluster in words: nodes, then resources, in the form that crm_simulate prints.

import { parseScore } from "../../model/score.ts";
import { compareNames, compareText, isTrue } from "../../model/text.ts";
import { maskedProbe } from "../../services/scheduler/history-result.ts";
import { ABSENT } from "../../services/scheduler/node-table.ts";
import { parseOperationKey } from "../../services/scheduler/operation-key.ts";
import { parseRole, roleText } from "../../services/scheduler/roles.ts";
import { type Cluster, type Node, type Resource, Role, Variant } from "../../services/scheduler/state.ts";
import {
  currentNode,
  isClone,
  isGuestNode,
  isRemoteMachine,
  onlyNode,
  topResource,
} from "../../services/scheduler/tree.ts";
import { Lines } from "./lines.ts";
import { exitText } from "./result-text.ts";

/** Nodes and resources, without a heading. */
export function statusLines(cluster: Cluster, showPending: boolean): string[] {
  const out = new Lines();
  if (cluster.sortedNodes.length > 0) {
    out.list("Node List", () => nodeList(cluster, out));
    out.gap();
  }
  out.list("Full List of Resources", () => {
    let any = false;
    for (const resource of cluster.resources) {
      if (resource.removed && !resource.methods.active(resource, true)) continue;
      if (resource.methods.active(resource, false) && resource.activeNodes.length === 0) continue;
      if (resourceText(cluster, resource, out, showPending)) any = true;
    }
    if (!any) out.item("No resources");
  });
  return out.lines;
}

function nodeHealth(cluster: Cluster, node: Node): number {
  const { healthStrategy, colors } = cluster.properties;
  if (healthStrategy === "none") return 1;
  let health = 1;
  for (const [name, value] of node.attributes) {
    if (!name.startsWith("#health")) continue;
    if (value.toLowerCase() === "red") return -1;
    if (value.toLowerCase() === "yellow") {
      health = 0;
      continue;
    }
    const score = parseScore(value, colors);
    if (score === undefined) continue;
    if (score <= colors.red) return -1;
    if (score <= colors.yellow && colors.yellow !== colors.green) health = 0;
  }
  return health;
}

function nodeState(node: Node): string {
  if (node.unclean) return `UNCLEAN (${node.online ? "online" : node.pending ? "pending" : "offline"})`;
  if (node.pending) return "pending";
  if (node.failStandby && node.online) return "standby (on-fail)";
  if (node.standby) {
    if (!node.online) return "OFFLINE (standby)";
    return node.running.length === 0 ? "standby" : "standby (with active resources)";
  }
  if (node.maintenance) return node.online ? "maintenance" : "OFFLINE (maintenance)";
  return node.online ? "online" : "OFFLINE";
}

function nodeList(cluster: Cluster, out: Lines): void {
  const groups: Record<string, string[]> = {
    Online: [],
    OFFLINE: [],
    RemoteOnline: [],
    RemoteOFFLINE: [],
    GuestOnline: [],
  };
  for (const node of cluster.sortedNodes) {
    const health = nodeHealth(cluster, node);
    const guest = isGuestNode(node);
    const remote = !guest && isRemoteMachine(node);
    const special = node.unclean || node.pending || node.standby || node.maintenance || health <= 0;
    if (special || (node.failStandby && node.online)) {
      const kind = guest ? "GuestNode" : remote ? "RemoteNode" : "Node";
      const healthText = health < 0 ? " (health is RED)" : health === 0 ? " (health is YELLOW)" : "";
      out.item(`${kind} ${node.name}: ${nodeState(node)}${healthText}`);
    } else if (node.online) {
      groups[guest ? "GuestOnline" : remote ? "RemoteOnline" : "Online"]?.push(node.name);
    } else if (!guest) {
      groups[remote ? "RemoteOFFLINE" : "OFFLINE"]?.push(node.name);
    }
  }
  for (const name of Object.keys(groups)) {
    const names = groups[name] ?? [];
    if (names.length > 0) out.item(`${name}: [ ${names.join(" ")} ]`);
  }
}

function resourceText(cluster: Cluster, resource: Resource, out: Lines, showPending: boolean): boolean {
  switch (resource.variant) {
    case Variant.Group:
      return groupText(cluster, resource, out, showPending);
    case Variant.Clone:
      return cloneText(cluster, resource, out, showPending);
    case Variant.Bundle:
      return bundleText(cluster, resource, out, showPending);
    default: {
      const name = resource.unique ? resource.id : resource.configId;
      return primitiveText(cluster, resource, name, currentNode(resource) ?? resource.pendingNode, out, showPending);
    }
  }
}

const PENDING_STATES: Readonly<Record<string, string>> = {
  start: "Starting",
  stop: "Stopping",
  migrate_to: "Migrating",
  migrate_from: "Migrating",
  promote: "Promoting",
  demote: "Demoting",
};

function displayRole(resource: Resource): Role {
  return resource.role === Role.Started && topResource(resource).promotable ? Role.Unpromoted : resource.role;
}

/** What is wrong with the agent, when a probe said so. */
function failedProbe(cluster: Cluster, resource: Resource, nodeName: string | undefined): string | undefined {
  const top = topResource(resource);
  const id = isClone(top) ? top.clone?.template.attributes["id"] : resource.id;
  for (const { key, operation } of cluster.failed) {
    if (!maskedProbe(operation)) continue;
    const ranOn = operation.element.attributes["on_node"];
    if (ranOn === undefined || (nodeName !== undefined && ranOn !== nodeName)) continue;
    if (parseOperationKey(key)?.resource === id) return exitText(operation.result ?? 0);
  }
  return undefined;
}

function primitiveText(
  cluster: Cluster,
  resource: Resource,
  name: string,
  place: Node | undefined,
  out: Lines,
  showPending: boolean,
): boolean {
  if (isTrue(resource.meta.get("internal_rsc"))) return false;
  const several = resource.activeNodes.length > 1;
  const node = several ? undefined : (place ?? resource.lockNode);
  const role = displayRole(resource);
  const words: string[] = [];
  if (resource.removed) words.push("ORPHANED");
  if (resource.failed) words.push("FAILED", ...(role > Role.Unpromoted ? [roleText(role)] : []));
  else words.push((showPending ? PENDING_STATES[resource.pendingAction ?? ""] : undefined) ?? roleText(role));
  if (node !== undefined) words.push(node.name);
  const probe = role === Role.Stopped ? failedProbe(cluster, resource, node?.name) : undefined;
  const remarks = remarksOf(resource, node, showPending);
  const nodes = several ? ` [ ${resource.activeNodes.map((other) => other.name).join(" ")} ]` : "";
  const description = several ? resource.config.attributes["description"] : undefined;
  const tail =
    (probe === undefined ? "" : ` (${probe}) `) +
    (remarks.length === 0 ? "" : ` (${remarks.join(", ")})`) +
    (description === undefined ? "" : ` (${description})`);
  out.item(`${name}\t(${agentOf(resource)}):\t ${words.join(" ")}${tail}${nodes}`);
  return true;
}

function agentOf(resource: Resource): string {
  const { resourceClass = "", provider, type = "" } = resource;
  const withProvider = resourceClass.toLowerCase() === "ocf" && provider !== undefined;
  return withProvider ? `${resourceClass}:${provider}:${type}` : `${resourceClass}:${type}`;
}

function remarksOf(resource: Resource, node: Node | undefined, showPending: boolean): string[] {
  const remarks: string[] = [];
  if (node !== undefined && !node.online && node.unclean) remarks.push("UNCLEAN");
  if (node !== undefined && node === resource.lockNode) remarks.push("LOCKED");
  if (showPending && resource.pendingAction === "monitor") remarks.push("Monitoring");
  const target = resource.meta.get("target-role");
  if (target !== undefined) {
    const role = parseRole(target);
    if (role === Role.Stopped) remarks.push("disabled");
    if (role === Role.Unpromoted && topResource(resource).promotable) remarks.push(`target-role:${target}`);
  }
  if (resource.blocked) remarks.push("blocked");
  else if (resource.maintenance) remarks.push("maintenance");
  else if (!resource.managed) remarks.push("unmanaged");
  if (resource.ignoreFailure) remarks.push("failure ignored");
  return remarks;
}

/** Not to be started, says the configuration. */
export function isDisabled(resource: Resource): boolean {
  const role = parseRole(resource.meta.get("target-role"));
  return role === Role.Stopped || (role === Role.Unpromoted && topResource(resource).promotable);
}

function headerRemarks(resource: Resource): string[] {
  const remarks: string[] = [];
  if (isDisabled(resource)) remarks.push("disabled");
  if (resource.maintenance) remarks.push("maintenance");
  else if (!resource.managed) remarks.push("unmanaged");
  return remarks;
}

function groupText(cluster: Cluster, group: Resource, out: Lines, showPending: boolean): boolean {
  const remarks = headerRemarks(group);
  const header = `Resource Group: ${group.id}${remarks.length === 0 ? "" : ` (${remarks.join(", ")})`}`;
  out.list(header, () => {
    for (const member of group.children) resourceText(cluster, member, out, showPending);
  });
  return true;
}

function configuredRole(clone: Resource): Role {
  return parseRole(clone.meta.get("target-role") ?? clone.children[0]?.meta.get("target-role"));
}

function everyIn(resource: Resource, condition: (resource: Resource) => boolean): boolean {
  return condition(resource) && resource.children.every((child) => everyIn(child, condition));
}

function anyIn(resource: Resource, condition: (resource: Resource) => boolean): boolean {
  return condition(resource) || resource.children.some((child) => anyIn(child, condition));
}

interface CloneView {
  readonly full: Resource[];
  readonly promoted: Node[];
  readonly started: Node[];
  readonly stopped: Map<string, string>;
}

function viewInstances(clone: Resource, showPending: boolean): CloneView {
  const view: CloneView = { full: [], promoted: [], started: [], stopped: new Map() };
  for (const child of clone.children) {
    const partly = child.methods.active(child, false);
    // What is active on no node that is known is not shown.
    if (partly && child.activeNodes.length === 0) continue;
    if (clone.unique) {
      if (partly || !clone.removed) view.full.push(child);
    } else if (showPending && child.pendingAction !== undefined) {
      view.full.push(child);
    } else if (!partly) {
      if (!child.removed) view.stopped.set(child.id, "Stopped");
    } else if (anyIn(child, (part) => part.removed || part.failed) || !everyIn(child, (part) => part.managed)) {
      view.full.push(child);
    } else {
      viewActive(child, view);
    }
  }
  return view;
}

function viewActive(child: Resource, view: CloneView): void {
  const node = child.methods.active(child, true) ? onlyNode(child, "current") : undefined;
  if (node === undefined || (!node.online && node.unclean)) view.full.push(child);
  else if (child.methods.state(child, true) > Role.Unpromoted) view.promoted.push(node);
  else view.started.push(node);
}

function namesOf(nodes: readonly Node[]): string {
  return nodes
    .map((node) => node.name)
    .sort(compareNames)
    .join(" ");
}

function cloneText(cluster: Cluster, clone: Resource, out: Lines, showPending: boolean): boolean {
  const view = viewInstances(clone, showPending);
  const remarks = [
    ...(clone.promotable ? ["promotable"] : []),
    ...(clone.unique ? ["unique"] : []),
    ...headerRemarks(clone),
  ];
  const inner = clone.clone?.template.attributes["id"] ?? "";
  const header = `Clone Set: ${clone.id} [${inner}]${remarks.length === 0 ? "" : ` (${remarks.join(", ")})`}`;
  const role = configuredRole(clone);
  const active = view.promoted.length + view.started.length;
  let { stopped } = view;
  if (!clone.unique && (clone.clone?.cloneMax ?? 0) > active) stopped = stoppedNodes(cluster, clone, role);
  out.list(header, () => {
    for (const child of view.full) resourceText(cluster, child, out, showPending);
    if (view.promoted.length > 0) out.item(`Promoted: [ ${namesOf(view.promoted)} ]`);
    if (view.started.length > 0) {
      const limited = role === Role.Unpromoted ? " (target-role)" : "";
      out.item(`${clone.promotable ? `Unpromoted${limited}` : "Started"}: [ ${namesOf(view.started)} ]`);
    }
    for (const state of [...new Set(stopped.values())].sort(compareText)) {
      const names = [...stopped.keys()].filter((name) => stopped.get(name) === state).sort(compareNames);
      out.item(`${state}: [ ${names.join(" ")} ]`);
    }
  });
  return true;
}

/** The nodes where no instance is, with what keeps it from there. */
function stoppedNodes(cluster: Cluster, clone: Resource, role: Role): Map<string, string> {
  const stopped = new Map<string, string>();
  let nodes = cluster.sortedNodes.filter((node) => (clone.allowed.scores[node.index] ?? ABSENT) !== ABSENT);
  if (nodes.length === 0) nodes = cluster.sortedNodes.filter((node) => clone.probed?.[node.index] === 1);
  for (const node of nodes) {
    if (clone.activeNodes.includes(node)) continue;
    const probe = failedProbe(cluster, clone, node.name);
    if (probe !== undefined) stopped.set(node.name, `Stopped (${probe})`);
    else stopped.set(node.name, role === Role.Stopped ? "Stopped (disabled)" : "Stopped");
  }
  return stopped;
}

function bundleText(cluster: Cluster, bundle: Resource, out: Lines, showPending: boolean): boolean {
  const data = bundle.bundle;
  if (data === undefined || data.replicas.length === 0) return false;
  const container = bundle.config.children.find((child) => child.name === "docker" || child.name === "podman");
  const state = bundle.maintenance ? " (maintenance)" : bundle.managed ? "" : " (unmanaged)";
  const header =
    `Container bundle${data.replicaCount > 1 ? " set" : ""}: ${bundle.id} [${container?.attributes["image"] ?? ""}]` +
    `${bundle.unique ? " (unique)" : ""}${state}`;
  out.list(header, () => {
    for (const replica of data.replicas) {
      const named = replica.remote ?? replica.container;
      const address = replica.address === undefined ? "" : ` (${replica.address})`;
      const name = `${named.unique ? named.id : named.configId}${address}`;
      primitiveText(
        cluster,
        replica.child ?? replica.container,
        name,
        currentNode(replica.container),
        out,
        showPending,
      );
    }
  });
  return true;
}

/** How many instances there are, how many of them are not to run, and how many nobody can help any more. */
export function countInstances(cluster: Cluster): { total: number; disabled: number; blocked: number } {
  const sum = { total: 0, disabled: 0, blocked: 0 };
  const count = (resource: Resource): void => {
    if (resource.children.length > 0) {
      resource.children.forEach(count);
    } else if (!resource.removed || resource.role > Role.Stopped) {
      sum.total += 1;
      if (isDisabled(resource)) sum.disabled += 1;
      if (resource.blocked) sum.blocked += 1;
    }
  };
  for (const resource of cluster.resources) {
    if (resource.bundle === undefined) {
      count(resource);
      continue;
    }
    for (const { ip, child, container, remote } of resource.bundle.replicas) {
      for (const part of [ip, child, container, remote]) if (part !== undefined) count(part);
    }
  }
  return sum;
}
