// Ticket constraints: a resource may run only while its site holds a ticket.

import type { Element } from "../../kernel/cib/element.ts";
import { INFINITY } from "../../model/score.ts";
import { fenceNode } from "./actions.ts";
import { constraintResource, ignoreConstraint, membersOf, nameAsSet, setsOf, withSets } from "./constraint-sets.ts";
import { addLocationEverywhere } from "./location-scores.ts";
import { constraintRole } from "./roles.ts";
import { type Cluster, type Resource, Role, type Ticket, type TicketConstraint } from "./state.ts";

/** Reads one rsc_ticket. */
export function unpackTicket(cluster: Cluster, original: Element): void {
  const { id, ticket: name, rsc, "rsc-role": role, "loss-policy": policy } = original.attributes;
  if (!name) {
    ignoreConstraint(cluster, id, "it names no ticket");
    return;
  }
  const ticket = ticketNamed(cluster, name);
  let constraint = original;
  if (rsc !== undefined && !original.children.some((child) => child.name === "resource_set")) {
    const set = nameAsSet(cluster, original, "rsc", false, { role });
    if (set === undefined) return;
    if (set !== "plain") constraint = withSets(original, ["rsc", "rsc-role"], [set]);
  }
  const sets = setsOf(cluster, constraint, original);
  if (sets === undefined) return;
  for (const set of sets) {
    for (const member of membersOf(set)) {
      const resource = constraintResource(cluster, member);
      if (resource === undefined) return;
      newTicketConstraint(cluster, set.attributes["id"] ?? id, resource, ticket, set.attributes["role"], policy);
    }
  }
  if (sets.length > 0) return;
  const resource = constraintResource(cluster, rsc);
  if (resource === undefined) ignoreConstraint(cluster, id, `resource "${rsc}" does not exist`);
  else newTicketConstraint(cluster, id, resource, ticket, role, policy);
}

/** A ticket that nobody ever granted is not granted. */
function ticketNamed(cluster: Cluster, name: string): Ticket {
  let ticket = cluster.tickets.get(name);
  if (ticket === undefined) {
    ticket = { id: name, granted: false, standby: false, lastGranted: -1 };
    cluster.tickets.set(name, ticket);
  }
  return ticket;
}

function lossPolicy(cluster: Cluster, text: string | undefined, role: Role): TicketConstraint["lossPolicy"] {
  switch (text?.toLowerCase()) {
    case "fence":
      return cluster.properties.fencingEnabled ? "fence" : "stop";
    case "freeze":
      return "freeze";
    case "demote":
      return "demote";
    case "stop":
      return "stop";
    default:
      return role === Role.Promoted ? "demote" : "stop";
  }
}

function newTicketConstraint(
  cluster: Cluster,
  id: string | undefined,
  resource: Resource,
  ticket: Ticket,
  roleText: string | undefined,
  policyText: string | undefined,
): void {
  const role = constraintRole(roleText);
  if (role === undefined) {
    ignoreConstraint(cluster, id, `the role "${roleText}" does not exist`);
    return;
  }
  const constraint: TicketConstraint = {
    id: cluster.explain?.actions.constraint ?? id,
    ticket,
    role,
    lossPolicy: lossPolicy(cluster, policyText, role),
  };
  resource.tickets.push(constraint);
  if (!ticket.granted || ticket.standby) applyTicket(cluster, resource, constraint);
}

function applyTicket(cluster: Cluster, resource: Resource, constraint: TicketConstraint): void {
  const { ticket, role } = constraint;
  if (ticket.granted && !ticket.standby) return;
  if (resource.children.length > 0) {
    for (const child of resource.children) applyTicket(cluster, child, constraint);
    return;
  }
  if (!ticket.granted && resource.activeNodes.length > 0) loseTicket(cluster, resource, constraint);
  else if (role !== Role.Promoted || constraint.lossPolicy === "stop")
    addLocationEverywhere(cluster, resource, -INFINITY);
  cluster.explain?.ticket(resource, constraint);
}

/** The ticket is gone while the resource runs. */
function loseTicket(cluster: Cluster, resource: Resource, constraint: TicketConstraint): void {
  const { role } = constraint;
  const concerned = role === Role.Unknown || role === resource.role;
  switch (constraint.lossPolicy) {
    case "stop":
      addLocationEverywhere(cluster, resource, -INFINITY);
      break;
    case "demote":
      if (role !== Role.Promoted) addLocationEverywhere(cluster, resource, -INFINITY);
      break;
    case "fence":
      if (!concerned) return;
      addLocationEverywhere(cluster, resource, -INFINITY);
      for (const node of resource.activeNodes) fenceNode(cluster, node, "deadman ticket was lost", false);
      break;
    case "freeze":
      if (!concerned || resource.activeNodes.length === 0) return;
      resource.managed = false;
      resource.blocked = true;
      break;
  }
}

/** Nothing of a clone may be promoted without the tickets for that. */
export function requirePromotionTickets(cluster: Cluster, clone: Resource): void {
  for (const constraint of clone.tickets) {
    const { ticket, role } = constraint;
    if (role === Role.Promoted && (!ticket.granted || ticket.standby)) {
      addLocationEverywhere(cluster, clone, -INFINITY);
      cluster.explain?.promotionTicket(clone, constraint);
    }
  }
}
