// The conductor carries a plan out: gives actions to the nodes as soon as nothing stands before them, and takes in what comes of them.
//
// When a new plan is made, operations of the old one may still run. What the new plan wants of resources that are related to such an
// operation waits for it; everything else goes ahead, and fencing never waits. An operation that the new plan wants just like that is
// taken over. When the last old operation of a set of related resources has ended, the plan is made again.

import { earliest } from "../../kernel/machine.ts";
import type { NodeId } from "../../kernel/membership/view.ts";
import type { NodeLife } from "../../kernel/messages.ts";
import { faultPlanted } from "../../kernel/planted-fault.ts";
import { isFailure } from "../executor/history.ts";
import type { FenceRecord } from "../fencer/fencer.ts";
import type { Operation, OperationResult } from "../messages.ts";
import { operationKey as keyOf, parseTransitionKey } from "../scheduler/operation-key.ts";
import type { GraphAction, TransitionGraph } from "../transition.ts";
import { clusterAction } from "./cluster-actions.ts";
import { type Desk, nodeName, nodeNamed } from "./effects.ts";
import { FenceRetries } from "./fence-retries.ts";
import { type Flight, Flights, inheritedFlight, OPERATIONS_PER_NODE } from "./flights.ts";
import type { ConfiguredNode } from "./node-states.ts";
import { isProbe, metaOf, operationOf } from "./operations.ts";
import { Related } from "./related.ts";
import {
  activeResources,
  cancelEdits,
  failureEdits,
  forgetPendingEdits,
  forgetResourceEdits,
  historyEdits,
  knowsOperation,
  lastCallId,
} from "./results.ts";
import { RollCall } from "./roll-call.ts";
import { Seen } from "./seen.ts";
import { Walk } from "./walk.ts";
import { actionWords, resultWords } from "./words.ts";

/** Actions that only a primary view may do: they make something active. */
const ACTIVATING = new Set(["start", "promote", "migrate_to", "migrate_from"]);

/** Carries out transitions, one after the other. */
export class Conductor {
  readonly flights = new Flights();
  walk: Walk | undefined;
  private related = new Related({ name: "cib", attributes: {}, children: [] });
  /** Actions that wait for a fence, by the victim's name. */
  private readonly fences = new Map<string, number[]>();
  private readonly retries = new FenceRetries();
  private readonly seen = new Seen();
  /** The operations of other transitions that stand in the way of this one. */
  private held = new Set<string>();
  private toldWaiting = "";
  /** Probes of the plan, by the set of related resources that they look at. */
  private readonly probes = new Map<string, number[]>();
  private readonly rollCall = new RollCall();
  /** The operations that the plan's actions become, as far as they were needed yet, by the action's number. */
  private readonly operations = new Map<number, Operation>();
  private offsets = { start: "INFINITY", stop: "INFINITY" };

  /** Begins with a new plan; what remains of the old one is dropped. */
  begin(graph: TransitionGraph, number: number, reason: string, desk: Desk): void {
    this.walk = new Walk(graph, number, reason);
    this.operations.clear();
    this.fences.clear();
    this.offsets = {
      start: graph.attributes["failed-start-offset"] ?? "INFINITY",
      stop: graph.attributes["failed-stop-offset"] ?? "INFINITY",
    };
    this.held.clear();
    this.probes.clear();
    const probes = graph.synapses.map((synapse) => synapse.action).filter(isProbe);
    if (this.flights.size > 0 || probes.length > 0) this.related = new Related(desk.writer.working);
    for (const { id, primitive } of probes) {
      const set = this.related.setOf(primitive?.id ?? "");
      this.probes.set(set, [...(this.probes.get(set) ?? []), id]);
    }
  }

  /** Another view: its members say what they do, and what was not noted before it is reported again and counts as new. */
  viewChanged(members: readonly NodeLife[], nowMs: number): void {
    this.flights.viewChanged();
    this.rollCall.begin(members, nowMs);
    this.seen.clear();
    this.retries.clear();
  }

  /** A fence has failed: other devices would make a difference. */
  get waitsToFence(): boolean {
    return this.retries.isTroubled;
  }

  /** Other fence devices: a fence that failed with those before is tried again at once. */
  fenceDevicesChanged(): void {
    this.retries.endPauses();
  }

  /** Forgets everything: another node is the coordinator. */
  clear(): void {
    this.walk = undefined;
    this.flights.clear();
    this.fences.clear();
    this.retries.clear();
    this.rollCall.clear();
    this.seen.clear();
    this.held.clear();
  }

  deadlineMs(nowMs: number): number | undefined {
    const fences = this.walk?.candidates().filter((action) => action.operation === "stonith") ?? [];
    const targets = fences.map((action) => action.node ?? "");
    return earliest(this.flights.deadlineMs(), this.rollCall.deadlineMs, this.retries.deadlineMs(targets, nowMs));
  }

  /** Starts everything that may start now. */
  advance(desk: Desk): void {
    const { walk } = this;
    this.rollCall.expire(desk.nowMs);
    if (walk === undefined) return;
    this.held = this.flights.setsOfOthers(walk.number, this.related);
    // Each round starts or confirms at least one action, so the size of the graph bounds the loop.
    for (let round = 0; round <= walk.size; round++) {
      let progress = false;
      for (const action of walk.candidates()) {
        // Fencing never waits.
        if (!this.rollCall.isOver && action.operation !== "stonith") continue;
        if (this.tryStart(walk, action, desk)) progress = true;
      }
      if (!progress) return;
    }
  }

  /** Whether the plan is carried out, as far as it can be. */
  get isOver(): boolean {
    return this.walk?.isOver ?? true;
  }

  private tryStart(walk: Walk, action: GraphAction, desk: Desk): boolean {
    if (action.kind === "cluster") return this.tryCluster(walk, action, desk);
    const node = nodeNamed(desk.config, action.routerNode ?? action.nodeId ?? action.node);
    const life = node === undefined ? undefined : desk.lifeOf(node.id);
    if (node === undefined || life === undefined || action.primitive === undefined) {
      walk.start(action.id);
      walk.fail(action.id);
      const text = `${action.operationKey} cannot be done: ${action.node ?? "no node"} is not a member that runs operations`;
      desk.tell({ kind: "operation", code: "no-such-member", text, severity: "warning" });
      return true;
    }
    const resource = action.primitive.id;
    const running = this.flights.on(node.id, resource);
    if (running !== undefined) {
      const wanted = running.transition === walk.number ? undefined : this.operationOf(walk, action, desk);
      const same = wanted === undefined ? undefined : this.flights.same(node.id, wanted);
      if (same === undefined) return false;
      same.transition = walk.number;
      same.actionId = action.id;
      walk.start(action.id);
      this.held = this.flights.setsOfOthers(walk.number, this.related);
      return true;
    }
    if (this.isHeld(resource) || this.isBeyondLimits(walk.graph, action, node.id, desk)) return false;
    const mayActivate = desk.primary || faultPlanted(desk.config, "action-without-quorum");
    if (ACTIVATING.has(action.operation) && (!mayActivate || this.isBeingLookedFor(walk, resource))) return false;
    const operation = this.operationOf(walk, action, desk);
    if (operation === undefined) return false;
    walk.start(action.id);
    if (this.isDoneAtOnce(walk, action, node.id, desk)) return true;
    const delayMs = operation.startDelayMs + operation.timeoutMs + walk.graph.clusterDelayMs;
    this.flights.add({
      operation,
      node: node.id,
      incarnation: life,
      sinceMs: desk.nowMs,
      deadlineMs: desk.nowMs + Math.max(delayMs, walk.graph.clusterDelayMs),
      transition: walk.number,
      actionId: action.id,
      confirmed: true,
    });
    desk.emit({ type: "send", to: node.id, message: { type: "operation", operation } });
    const words = actionWords(action);
    if (words !== undefined) {
      desk.tell({
        kind: "operation",
        code: action.operation,
        text: words,
        severity: "info",
        node: node.name,
        resource,
      });
    }
    return true;
  }

  /** What cannot start yet is looked at again after every step, so its operation is made once. */
  private operationOf(walk: Walk, action: GraphAction, desk: Desk): Operation | undefined {
    const known = this.operations.get(action.id);
    if (known !== undefined) return known;
    const operation = operationOf(action, walk.number, desk.config.runId);
    if (operation !== undefined) this.operations.set(action.id, operation);
    return operation;
  }

  /** Something of an older transition runs that has to do with this resource. */
  private isHeld(resource: string): boolean {
    return this.held.size > 0 && this.held.has(this.related.setOf(resource));
  }

  /**
   * It, or something related to it, is being looked for somewhere. The plan takes for granted that nothing is found, and orders only the
   * start of the same resource after that; what is found may forbid other things as well (a second promoted instance).
   */
  private isBeingLookedFor(walk: Walk, resource: string): boolean {
    if (this.probes.size === 0) return false;
    const set = this.related.setOf(resource);
    return (this.probes.get(set) ?? []).some((id) => walk.isOpen(id));
  }

  private isBeyondLimits(graph: TransitionGraph, action: GraphAction, node: NodeId, desk: Desk): boolean {
    const members = desk.config.nodes.filter((candidate) => desk.lifeOf(candidate.id) !== undefined).length;
    const limit = graph.batchLimit > 0 ? graph.batchLimit : OPERATIONS_PER_NODE * members;
    if (this.flights.size >= limit) return true;
    const { migrationLimit } = graph;
    if (migrationLimit === undefined || migrationLimit < 0 || !action.operation.startsWith("migrate_")) return false;
    const migrations = this.flights.all.filter(
      (flight) => flight.node === node && flight.operation.action.startsWith("migrate_"),
    );
    return migrations.length >= migrationLimit;
  }

  /** The channel to a node keeps the order, so what only makes it forget something needs no answer. */
  private isDoneAtOnce(walk: Walk, action: GraphAction, node: NodeId, desk: Desk): boolean {
    const resource = action.primitive?.id ?? "";
    const { writer } = desk;
    if (action.operation === "cancel") {
      const interval = metaOf(action, "interval") ?? "0";
      const operationKey = keyOf(resource, metaOf(action, "operation") ?? "monitor", Number(interval));
      const transitionKey = this.operationOf(walk, action, desk)?.transitionKey ?? operationKey;
      desk.emit({
        type: "send",
        to: node,
        message: { type: "operation-cancel", transitionKey, resource, operationKey },
      });
      writer.write(cancelEdits(writer.working, `${node}`, resource, operationKey));
    } else if (action.operation === "delete") {
      desk.emit({ type: "send", to: node, message: { type: "history-clear", resource } });
      writer.write(forgetResourceEdits(writer.working, `${node}`, resource));
    } else {
      return false;
    }
    walk.confirm(action.id);
    return true;
  }

  private tryCluster(walk: Walk, action: GraphAction, desk: Desk): boolean {
    if (action.operation === "stonith") return this.tryFence(walk, action, desk);
    if (action.primitive !== undefined && this.isHeld(action.primitive.id)) return false;
    const node = nodeNamed(desk.config, action.nodeId ?? action.node);
    if (action.operation === "do_shutdown" && node !== undefined && !this.mayLeave(walk, node, desk)) return false;
    walk.start(action.id);
    clusterAction(action, node, desk);
    walk.confirm(action.id);
    return true;
  }

  /**
   * Who leaves cleanly runs nothing: the others start its resources without a fence. So a node on which something is left because
   * it is not managed (maintenance) has to wait.
   */
  private mayLeave(walk: Walk, node: ConfiguredNode, desk: Desk): boolean {
    // Nor may it while it is being looked at: what is found there may run.
    if (this.flights.othersOn(walk.number, node.id) || walk.isBusyOn(`${node.id}`)) return false;
    const active = activeResources(desk.writer.working, `${node.id}`);
    if (active.length === 0) return true;
    const text = `${node.name} cannot leave yet: ${active.join(", ")} still run there and are not managed. End the maintenance, or stop them by hand and clean up`;
    if (text !== this.toldWaiting)
      desk.tell({ kind: "view", code: "leave-waits", text, severity: "warning", node: node.name });
    this.toldWaiting = text;
    return false;
  }

  private tryFence(walk: Walk, action: GraphAction, desk: Desk): boolean {
    const target = action.node ?? "";
    if (this.retries.isPaused(target, desk.nowMs)) return false;
    walk.start(action.id);
    if (faultPlanted(desk.config, "recovery-before-fence")) walk.confirm(action.id);
    else this.fences.set(target, [...(this.fences.get(target) ?? []), action.id]);
    const meta = metaOf(action, "stonith_action");
    const wanted = meta === "off" || meta === "on" ? meta : "reboot";
    if (!this.retries.ask(target, wanted)) return true;
    const cause = action.cause?.text ?? "it is not known to have stopped";
    desk.emit({
      type: "fence",
      target,
      action: wanted,
      timeoutMs: walk.graph.stonithTimeoutMs,
      delayMs: Number(metaOf(action, "priority_fencing_delay") ?? 0) * 1000,
      why: cause,
    });
    return true;
  }

  /** A fence has ended. The status was told already (see Controller). */
  fenceEnded(record: FenceRecord, ok: boolean, desk: Desk): void {
    const waiting = this.fences.get(record.target) ?? [];
    this.fences.delete(record.target);
    if (ok) {
      this.retries.succeeded(record.target);
      for (const id of waiting) this.walk?.confirm(id);
      // A person's word, or a fence that a person asked for: what the plan had still before it is done.
      if (waiting.length === 0) desk.replan(`${record.target} is off`);
      return;
    }
    this.retries.failed(record.target, desk.nowMs);
    for (const id of waiting) this.walk?.fail(id);
    desk.replan(`fencing of ${record.target} failed`);
  }

  /** A node reports how an operation ended. */
  result(result: OperationResult, desk: Desk): void {
    const { node, incarnation, callId, operation } = result;
    if (desk.lifeOf(node) !== incarnation) return;
    const note = () => desk.emit({ type: "send", to: node, message: { type: "operation-noted", callId } });
    const before = this.seen.look(node, incarnation, callId);
    if (before !== "new") {
      if (before === "noted") note();
      return;
    }
    const flight = this.flights.take(operation.transitionKey, node);
    const receipt = () => {
      this.seen.noted(node, incarnation, callId);
      note();
    };
    if (flight === undefined && operation.intervalMs > 0 && !knowsOperation(desk.writer.working, result)) {
      desk.writer.report([], receipt);
      return;
    }
    if (result.status === "cancelled") {
      const { working } = desk.writer;
      desk.writer.write(
        forgetPendingEdits(working, `${node}`, operation.resource.id, operation.transitionKey),
        receipt,
      );
      this.settle(result, flight, true, desk);
      return;
    }
    const failed = this.record(result, flight, desk, receipt);
    this.settle(result, flight, failed, desk);
  }

  /** Writes the result down. Says whether it is a failure that changes the plan. */
  private record(
    result: OperationResult,
    flight: Flight | undefined,
    desk: Desk,
    receipt: (() => void) | undefined,
  ): boolean {
    const { writer, config } = desk;
    const node = { id: result.node, name: nodeName(config, result.node) };
    const ignored = flight?.operation.meta["on_fail"] === "ignore" || result.operation.action === "notify";
    const failed = isFailure(result) && !ignored;
    const history = historyEdits(writer.working, node, result, config.digest);
    const failure = failureEdits(writer.working, result, this.offsets, {
      ignored,
      // Of what nobody here waits for any more: reported again after a view change, or asked for by the coordinator before.
      inherited:
        flight === undefined || parseTransitionKey(result.operation.transitionKey)?.coordinator !== config.runId,
      nowEpochSeconds: Math.floor(desk.epochMs / 1000),
    });
    writer.report([...history, ...failure], receipt);
    const text = resultWords(result, node.name, failed);
    const { action, resource } = result.operation;
    if (text !== undefined) {
      desk.tell({
        kind: "operation",
        code: failed ? `${action}-failed` : `${action}-done`,
        text,
        severity: failed && !(action === "monitor" && result.operation.intervalMs === 0) ? "warning" : "info",
        node: node.name,
        resource: resource.id,
        durationMs: result.execTimeMs,
      });
    }
    return failed;
  }

  private settle(result: OperationResult, flight: Flight | undefined, failed: boolean, desk: Desk): void {
    const { walk } = this;
    const { action, resource } = result.operation;
    if (flight === undefined) {
      desk.replan(`${action} of ${resource.id} on ${nodeName(desk.config, result.node)} reported something new`);
    } else if (walk !== undefined && flight.transition === walk.number) {
      if (failed && !faultPlanted(desk.config, "failed-action-confirmed")) {
        walk.fail(flight.actionId);
        desk.replan(`${action} of ${resource.id} on ${nodeName(desk.config, result.node)} failed`);
      } else {
        walk.confirm(flight.actionId);
      }
    } else {
      this.oldFlightEnded(flight, failed, desk);
    }
  }

  /** The plan was made while this operation ran: when nothing related runs any more, it is made again. */
  private oldFlightEnded(flight: Flight, failed: boolean, desk: Desk): void {
    const { resource, action } = flight.operation;
    const others = this.walk === undefined ? 0 : this.walk.number;
    const stillHeld = this.flights.setsOfOthers(others, this.related).has(this.related.setOf(resource.id));
    if (failed || !stillHeld) desk.replan(`${action} of ${resource.id}, which was still running, has ended`);
  }

  /** The view has changed or a node was fenced: what was given to lives that are gone has no result any more. */
  dropLost(desk: Desk): void {
    for (const flight of this.flights.dropLost((id) => desk.lifeOf(id))) {
      if (flight.transition === this.walk?.number) this.walk.fail(flight.actionId);
      desk.replan(`${nodeName(desk.config, flight.node)} is gone with operations under way`);
    }
  }

  /**
   * A member answers the roll call. What it was given and does not speak of never arrived there; what it does for another coordinator,
   * which is gone or gave way to this one, counts as under way like what was asked for here.
   */
  heard(node: NodeId, operations: readonly Operation[], desk: Desk): void {
    const life = desk.lifeOf(node);
    this.rollCall.heard(node);
    if (life === undefined) return;
    const known = new Set(operations.map((operation) => operation.transitionKey));
    for (const { operation, transition, actionId } of this.flights.dropUnknown(node, known)) {
      if (transition === this.walk?.number) this.walk.fail(actionId);
      const what = `${operation.action} of ${operation.resource.id}`;
      desk.replan(`${nodeName(desk.config, node)} knows nothing of the ${what} that was under way`);
    }
    const others = operations.filter((operation) => !this.flights.has(operation.transitionKey));
    for (const operation of others) this.flights.add(inheritedFlight(operation, node, life, desk.nowMs));
    if (others.length > 0) this.related = new Related(desk.writer.working);
  }

  /** An operation without a result in its time and more counts as one that timed out. */
  dropLate(desk: Desk): void {
    for (const flight of this.flights.dropLate(desk.nowMs)) {
      const { operation, node, incarnation } = flight;
      const result: OperationResult = {
        operation,
        node,
        incarnation,
        // As young as what stands in the history, so that it is written, and older than whatever is reported still.
        callId: lastCallId(desk.writer.working, `${node}`, operation.resource.id),
        rc: 1,
        status: "timeout",
        reason: `${nodeName(desk.config, node)} has not reported a result in time`,
        startedEpochMs: Math.max(0, desk.epochMs - (desk.nowMs - flight.sinceMs)),
        execTimeMs: desk.nowMs - flight.sinceMs,
        queueTimeMs: 0,
      };
      const failed = this.record(result, flight, desk, undefined);
      this.settle(result, flight, failed, desk);
    }
  }
}
