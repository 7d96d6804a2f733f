// Reasons: why a score is what it is, why an action is in the plan. Data for programs, and a clause for people that reads well
// behind "because", where "it" is the resource that the reason is about.

import { millisecondsToSeconds } from "../../../model/duration.ts";
import { formatScore, INFINITY } from "../../../model/score.ts";
import { compareNames, sameText } from "../../../model/text.ts";
import type { Cause } from "../../transition.ts";
import { failureCount } from "../fail-counts.ts";
import { scoreOf } from "../node-table.ts";
import { roleText } from "../roles.ts";
import {
  type Cluster,
  type Colocation,
  type FailedOperation,
  type Location,
  type Node,
  type Resource,
  Role,
  type TicketConstraint,
} from "../state.ts";
import { collectNodes, isClone, isGroup, outermost } from "../tree.ts";
import { idText, metaElement, nodeAttributeElement } from "./option-elements.ts";

/** A reason. What it is about stands in the fields that it has. */
export interface Reason extends Cause {
  /** Id of the constraint that says so. */
  readonly constraint?: string;
  /** Id of another element of the CIB that says so: an nvpair, a rule, an entry of the history. */
  readonly element?: string;
  /** Name of the option that says so, by its value or by its default. */
  readonly option?: string;
  /** Another resource that it comes from. */
  readonly resource?: string;
  readonly node?: string;
  readonly score?: number;
  readonly ticket?: string;
  /** Failures counted, and how many are allowed. */
  readonly count?: number;
  readonly threshold?: number;
  /** When the reason ends by itself, or begins. */
  readonly expiresInSeconds?: number;
  /** Key of the action that it comes from. */
  readonly action?: string;
  /** Why that is so in turn. */
  readonly because?: readonly Reason[];
}

const RESULTS: Readonly<Record<number, string>> = {
  0: "it ran",
  1: "an error",
  2: "wrong parameters",
  3: "the agent does not know this action",
  4: "missing privileges",
  5: "something is not installed",
  6: "it is not configured properly",
  7: "not running",
  8: "running promoted",
  9: "failed while promoted",
};

const TIMED_OUT = 2;
/** More nodes than these are counted, not named. */
const MAX_NAMES = 4;

/** "14 min", "2 h", "45 s". */
export function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, seconds)} s`;
  if (seconds < 7200) return `${Math.ceil(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.ceil(seconds / 3600)} h`;
  return `${Math.ceil(seconds / 86_400)} days`;
}

/** A node that cannot be used; undefined when it can. */
export function nodeReason(cluster: Cluster, node: Node): Reason | undefined {
  const about = { node: node.name };
  const { name } = node;
  const says = (code: string, attribute: string, text: string): Reason => {
    const id = nodeAttributeElement(cluster, node, attribute);
    return { code, text: `${text}${idText(id)}`, ...about, ...(id === undefined ? {} : { element: id }) };
  };
  if (node.unclean)
    return { code: "node-unclean", text: `${name} was lost or is broken, and has to be fenced`, ...about };
  if (node.shutdown && node.remoteKind && node.remote !== undefined) {
    const text = `${name} is not reached, as its connection is to run nowhere`;
    return { code: "node-offline", text, ...about, resource: node.remote.id };
  }
  if (node.shutdown) return { code: "node-shutdown", text: `${name} is shutting down`, ...about };
  if (!node.online) return { code: "node-offline", text: `${name} is offline`, ...about };
  if (node.pending) return { code: "node-pending", text: `${name} is still joining the cluster`, ...about };
  if (node.failStandby)
    return { code: "node-fail-standby", text: `a failure with on-fail=standby put ${name} in standby`, ...about };
  if (node.standby) return says("node-standby", "standby", `${name} is in standby`);
  if (node.maintenance) return says("node-maintenance", "maintenance", `${name} is in maintenance`);
  return undefined;
}

/** A preference for or against a node. */
export function locationReason(cluster: Cluster, location: Location, node: Node, score: number): Reason {
  if (location.id === cluster.properties.healthStrategy) return healthReason(cluster, location, node, score);
  const rule = cluster.explain?.partOf(location.id);
  const id = rule?.constraint ?? location.id;
  const ends = rule?.changesInSeconds;
  const about = {
    constraint: id,
    ...(rule === undefined ? {} : { element: location.id }),
    node: node.name,
    score,
    ...(ends === undefined ? {} : { expiresInSeconds: ends }),
  };
  const until = ends === undefined ? "" : `, which its dates can change in ${inWords(ends)}`;
  const by = rule === undefined ? "" : ` by rule ${location.id}`;
  const banned = score <= -INFINITY;
  const verb = banned ? "forbids" : score < 0 ? "speaks against" : score > 0 ? "speaks for" : "allows";
  const much = Math.abs(score) >= INFINITY || score === 0 ? "" : ` with ${formatScore(score)}`;
  const must = score >= INFINITY ? " (INFINITY)" : "";
  const role = location.role > Role.Started ? ` as ${roleText(location.role)}` : "";
  return {
    code: banned ? "location-ban" : "location",
    text: `location ${id} ${verb} ${node.name}${role}${much}${must}${by}${until}`,
    ...about,
  };
}

function healthReason(cluster: Cluster, location: Location, node: Node, score: number): Reason {
  const sick = [...node.attributes].filter(([name]) => name.startsWith("#health"));
  const names = sick.map(([name, value]) => `${name}=${value}`).sort(compareNames);
  const found = sick.map(([name]) => nodeAttributeElement(cluster, node, name)).find((id) => id !== undefined);
  const why = names.length === 0 ? "" : `: ${names.join(", ")}`;
  return {
    code: "node-health",
    text: `the health of ${node.name} counts ${formatScore(score)} (node-health-strategy ${location.id}${why})`,
    node: node.name,
    score,
    ...(found === undefined ? {} : { element: found }),
  };
}

/** Too many failures. */
export function failuresReason(cluster: Cluster, resource: Resource, node: Node): Reason {
  const { count, lastFailure } = failureCount(cluster, resource, node, { effective: true, launched: true });
  const threshold = resource.banAfterFailures;
  const lifeSeconds = millisecondsToSeconds(resource.failureExpirationMs);
  const expires = lifeSeconds > 0 && lastFailure > 0 ? lastFailure + lifeSeconds + 1 - cluster.now : undefined;
  const expiry = expires === undefined ? "" : `, expires in ${inWords(expires)}`;
  return {
    code: "failures",
    text: `fail-count of ${resource.id} is ${formatScore(count)} on ${node.name}, migration-threshold ${formatScore(threshold)}${expiry}`,
    resource: resource.id,
    node: node.name,
    count,
    threshold,
    ...(expires === undefined ? {} : { expiresInSeconds: expires }),
  };
}

export function stickinessReason(resource: Resource, node: Node): Reason {
  const score = resource.stickiness;
  return {
    code: "stickiness",
    text: `it is on ${node.name} already (resource-stickiness ${formatScore(score)})`,
    node: node.name,
    score,
  };
}

export function ticketReason({ ticket, id, role }: TicketConstraint): Reason {
  const what = ticket.granted ? "is in standby" : "is not granted to this site";
  const constraint = id === undefined ? "" : `, and ticket constraint ${id} makes it need that`;
  const as = role > Role.Started ? ` as ${roleText(role).toLowerCase()}` : "";
  return {
    code: "ticket",
    text: `ticket ${ticket.id} ${what}${constraint}${constraint === "" ? "" : as}`,
    ticket: ticket.id,
    ...(id === undefined ? {} : { constraint: id }),
  };
}

/** Where a resource, or the instances of it that have a role, are to be. A bundle is where its containers are. */
export function placesOf(resource: Resource, role: Role): Node[] {
  const places: Node[] = [];
  const any = role <= Role.Started;
  if (resource.bundle !== undefined) {
    for (const { container, child } of resource.bundle.replicas) {
      if (any || child?.nextRole === role) collectNodes(container, "assigned", places);
    }
    return places;
  }
  for (const part of isClone(resource) ? resource.children : [resource]) {
    if (any || part.methods.state(part, false) === role) collectNodes(part, "assigned", places);
  }
  return places;
}

/** Where a resource, or the instances of it that have a role, are now. */
function placesNow(resource: Resource, role: Role): Node[] {
  if (resource.bundle !== undefined) {
    return resource.bundle.replicas.flatMap(({ container, child }) =>
      role <= Role.Started || child?.role === role ? container.activeNodes : [],
    );
  }
  if (resource.children.length > 0) return resource.children.flatMap((part) => placesNow(part, role));
  return role <= Role.Started || resource.role === role ? resource.activeNodes : [];
}

/** The same in words. What is not so yet is to be so. */
function whereabouts(resource: Resource, role: Role = Role.Unknown): string {
  const places = placesOf(resource, role);
  const now = placesNow(resource, role);
  const names = [...new Set(places)].map(({ name }) => name).sort(compareNames);
  const [first] = names;
  if (first === undefined) {
    if (role > Role.Started) return "is nowhere";
    return now.length === 0 ? "runs nowhere" : "is to run nowhere";
  }
  const is = places.every((place) => now.includes(place)) ? "is" : "is to be";
  return names.length <= MAX_NAMES ? `${is} on ${names.join(" and ")}` : `${is} on ${names.length} nodes`;
}

/** The resource that is meant by a constraint with a role. */
function partnerText(resource: Resource, role: Role): string {
  if (role <= Role.Started) return resource.id;
  return `the ${roleText(role).toLowerCase()} instance of ${resource.id}`;
}

/** The constraint that a colocation comes from, which can be one of its sets. */
function colocationIds(cluster: Cluster, { id, explicit }: Colocation): { constraint?: string; element?: string } {
  if (!explicit) return {};
  const whole = cluster.explain?.partOf(id)?.constraint;
  return whole === undefined ? { constraint: id } : { constraint: whole, element: id };
}

/** What it means for the dependent that the primary is where it is. */
export function withReason(cluster: Cluster, colocation: Colocation): Reason {
  const { primary, dependent, score } = colocation;
  const ids = colocationIds(cluster, colocation);
  const id = ids.constraint;
  const about = { resource: primary.id, score, ...ids };
  const together = score >= 0;
  const strict = Math.abs(score) >= INFINITY;
  if (!colocation.explicit) {
    const group = dependent.parent;
    const text = isGroup(group)
      ? `it is behind ${primary.id} in the group ${group.id}, which ${whereabouts(primary)}`
      : dependent.launcher === primary || outermost(dependent) === outermost(primary)
        ? `it belongs to ${primary.id}, which ${whereabouts(primary)}`
        : `it has to be with ${primary.id}, which ${whereabouts(primary)}`;
    return { code: "member", text, ...about };
  }
  const partner = partnerText(primary, colocation.primaryRole);
  const place = whereabouts(primary, colocation.primaryRole);
  const where = colocation.attribute === "#uname" ? place : `${place}, by ${colocation.attribute}`;
  const verb = together ? (strict ? "must be with" : "likes to be with") : strict ? "must not be with" : "avoids";
  return {
    code: together ? "colocation" : "anti-colocation",
    text: `it ${verb} ${partner}, which ${where} (colocation ${id}, ${formatScore(score)})`,
    ...about,
  };
}

/** Of an interleaved clone, each instance goes with one instance of the other, and this node has another. */
export function besideReason(cluster: Cluster, colocation: Colocation, instance: Resource): Reason | undefined {
  const { primary, score } = colocation;
  const places = placesOf(primary, colocation.primaryRole);
  const own = places.find((place) => scoreOf(instance.allowed, place) > -INFINITY);
  if (own === undefined) return undefined;
  const ids = colocationIds(cluster, colocation);
  return {
    code: "colocation",
    text: `it goes with the instance of ${primary.id} on ${own.name} (colocation ${ids.constraint}, interleaved)`,
    resource: primary.id,
    score,
    ...ids,
  };
}

/** What it means for the primary that something wants to be with it. */
export function dependentReason(cluster: Cluster, colocation: Colocation, node: Node, better: boolean): Reason {
  const { dependent, score } = colocation;
  const ids = colocationIds(cluster, colocation);
  const id = ids.constraint;
  const about = { resource: dependent.id, node: node.name, score, ...ids };
  const verb = score >= 0 ? "is to be with it" : "is to keep away from it";
  const wish = better === score >= 0 ? `would like ${node.name}` : `would not like ${node.name}`;
  const origin = colocation.explicit ? ` (colocation ${id}, ${formatScore(score)})` : "";
  return { code: "dependent", text: `${dependent.id}, which ${verb}, ${wish}${origin}`, ...about };
}

/** A node has as many instances of a clone as it may. */
export function roomReason(clone: string, perNode: number, node: Node): Reason {
  const count = perNode === 1 ? "an instance" : `${perNode} instances`;
  const text = `${node.name} has ${count} of ${clone} already (at most ${perNode} on a node)`;
  return { code: "clone-node-max", text, resource: clone, node: node.name };
}

/** That a resource, or what contains it, is not to run. */
export function targetRoleReason(cluster: Cluster, resource: Resource): Reason | undefined {
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    if (!sameText(part.meta.get("target-role"), "Stopped")) continue;
    let owner = part;
    while (owner.parent !== undefined && sameText(owner.parent.meta.get("target-role"), "Stopped")) {
      owner = owner.parent;
    }
    const id = metaElement(cluster, owner, "target-role");
    const text = `target-role of ${owner.configId} is Stopped${idText(id)}`;
    return { code: "target-role", text, resource: owner.configId, ...(id === undefined ? {} : { element: id }) };
  }
  return undefined;
}

/** What the last failed operation of a resource was (on a node, when one is given). */
export function failureReason(cluster: Cluster, resource: Resource, node?: Node): Reason | undefined {
  let found: FailedOperation | undefined;
  for (const failed of cluster.failed) {
    if (failed.resource === resource && (node === undefined || failed.node === node)) found = failed;
  }
  if (found === undefined) return undefined;
  const { task, result, status, intervalMs, id } = found.operation;
  const words = status === TIMED_OUT ? "timed out" : (RESULTS[result ?? -1] ?? `result ${result}`);
  const every = intervalMs > 0 ? ` (every ${inWords(intervalMs / 1000)})` : "";
  const what = task === "monitor" && intervalMs === 0 ? "probe" : `${task}${every}`;
  return {
    code: "failed",
    text: `its ${what} failed on ${found.node.name}: ${words}`,
    node: found.node.name,
    element: id,
  };
}
