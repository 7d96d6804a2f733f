// Operations that were given to a node and have no result yet. They outlive the transition that asked for them: a new plan is made at
// once, and only what has to do with such an operation waits for it.

import { earliest } from "../../kernel/machine.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import type { Operation } from "../messages.ts";
import { sameOperation } from "./operations.ts";
import type { Related } from "./related.ts";

/** Operations in flight at once when batch-limit is 0 (no limit given), for each member. */
export const OPERATIONS_PER_NODE = 32;

/** A node ends each operation at its own deadline and reports it; this only bounds what a fault there could hold up. */
const INHERITED_PATIENCE_MS = 3_600_000;
/** The transition to which what was inherited belongs: none of this coordinator's. */
const NO_TRANSITION = -1;

export interface Flight {
  readonly operation: Operation;
  readonly node: NodeId;
  readonly incarnation: Incarnation;
  readonly sinceMs: number;
  /** Without a result by then it counts as failed. */
  readonly deadlineMs: number;
  /** The transition, and the action in it, that the result counts for. */
  transition: number;
  actionId: number;
  /** Sent in this view, or its node has said in this view that it knows of it. */
  confirmed: boolean;
}

/** All operations in flight. */
export class Flights {
  private readonly flights = new Map<string, Flight>();

  get size(): number {
    return this.flights.size;
  }

  /** In the order in which they were sent. */
  get all(): readonly Flight[] {
    return [...this.flights.values()];
  }

  add(flight: Flight): void {
    this.flights.set(flight.operation.transitionKey, flight);
  }

  has(transitionKey: string): boolean {
    return this.flights.has(transitionKey);
  }

  /** Another view: what was on its way when the one before ended may have been lost. */
  viewChanged(): void {
    for (const flight of this.flights.values()) flight.confirmed = false;
  }

  /** A node has said what it knows of: drops the rest of what was sent there before this view; returns it. */
  dropUnknown(node: NodeId, known: ReadonlySet<string>): Flight[] {
    for (const flight of this.flights.values()) {
      if (flight.node === node && known.has(flight.operation.transitionKey)) flight.confirmed = true;
    }
    return this.drop((flight) => flight.node === node && !flight.confirmed);
  }

  /** Takes out the operation that a result is about. */
  take(transitionKey: string, node: NodeId): Flight | undefined {
    const flight = this.flights.get(transitionKey);
    if (flight?.node !== node) return undefined;
    this.flights.delete(transitionKey);
    return flight;
  }

  on(node: NodeId, resource: string): Flight | undefined {
    for (const flight of this.flights.values()) {
      if (flight.node === node && flight.operation.resource.id === resource) return flight;
    }
    return undefined;
  }

  /** One that does already what is wanted now. */
  same(node: NodeId, operation: Operation): Flight | undefined {
    for (const flight of this.flights.values()) {
      if (flight.node === node && sameOperation(flight.operation, operation)) return flight;
    }
    return undefined;
  }

  /** Drops what was given to lives that are gone; returns it. */
  dropLost(lifeOf: (id: NodeId) => Incarnation | undefined): Flight[] {
    return this.drop((flight) => lifeOf(flight.node) !== flight.incarnation);
  }

  /** Drops what should have had a result by now; returns it. */
  dropLate(nowMs: number): Flight[] {
    return this.drop((flight) => flight.deadlineMs <= nowMs);
  }

  clear(): void {
    this.flights.clear();
  }

  deadlineMs(): number | undefined {
    let first: number | undefined;
    for (const flight of this.flights.values()) first = earliest(first, flight.deadlineMs);
    return first;
  }

  /** The sets of related resources in which an operation of another transition than this one is in flight. */
  setsOfOthers(transition: number, related: Related): Set<string> {
    const sets = new Set<string>();
    for (const flight of this.flights.values()) {
      if (flight.transition !== transition) sets.add(related.setOf(flight.operation.resource.id));
    }
    return sets;
  }

  othersOn(transition: number, node: NodeId): boolean {
    return this.all.some((flight) => flight.transition !== transition && flight.node === node);
  }

  private drop(which: (flight: Flight) => boolean): Flight[] {
    // Asked after each step, and nearly always of nothing or in vain.
    const dropped: Flight[] = [];
    for (const flight of this.flights.values()) if (which(flight)) dropped.push(flight);
    for (const flight of dropped) this.flights.delete(flight.operation.transitionKey);
    return dropped;
  }
}

/** An operation that another coordinator has asked for. */
export function inheritedFlight(operation: Operation, node: NodeId, incarnation: Incarnation, nowMs: number): Flight {
  const deadlineMs = nowMs + operation.startDelayMs + operation.timeoutMs + INHERITED_PATIENCE_MS;
  const whose = { transition: NO_TRANSITION, actionId: NO_TRANSITION };
  return { operation, node, incarnation, sinceMs: nowMs, deadlineMs, ...whose, confirmed: true };
}
