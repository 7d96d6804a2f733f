// The node as one machine: the kernel, and the services above it (controller, executor, fencer, attributes).
//
// What one part asks of another is handed over inside the same step (see parts.ts), so between a fence outcome or the result of an
// operation and the next request there is no timer, no tick and no way through the host. Here is what concerns the node as a whole:
// what comes in from outside, what nodes and people ask, and how a node leaves.

import type { Element } from "../kernel/cib/element.ts";
import type { KernelConfig, KernelInitial } from "../kernel/kernel.ts";
import { earliest, type Machine } from "../kernel/machine.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "../kernel/membership/view.ts";
import type { LogSnapshot, Standing } from "../kernel/messages.ts";
import { faultPlanted, type Plantable } from "../kernel/planted-fault.ts";
import type { ArbiterStatus } from "./arbiter/arbiter-watch.ts";
import { nodeState } from "./attributes/edits.ts";
import type { Scheduler, WantedVoters } from "./controller/effects.ts";
import { INCARNATION, isLeaving } from "./controller/node-states.ts";
import { controllerOptions } from "./controller/options.ts";
import type { FenceRecord } from "./fencer/fencer.ts";
import type { Message, NodeEffect, NodeInput, RequestOutcome, ServiceMessage, ServiceRequest } from "./messages.ts";
import { standingEvent, type UntimedEvent, viewEvents } from "./node-events.ts";
import { Parts } from "./parts.ts";

/** Device calls that are made here for the coordinator on another node at once. */
export const MAX_REMOTE_DEVICE_CALLS = 256;
/** Requests of one node that wait for an answer of the coordinator. */
export const MAX_ASKED_REQUESTS = 1024;

/** A node that leaves waits so long for what it has still to tell: the stops of its own resources, mostly. */
export const LAST_ALERTS_MS = 2_000;

/** How a node is set up. */
export interface NodeMachineConfig extends Plantable {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  /** All configured nodes, this one among them: number and name (uname). */
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  readonly kernel: Omit<KernelConfig, "self" | "mergeNodeState">;
  /** The scheduler (runtime/services/scheduler/schedule.ts). */
  readonly voters?: WantedVoters;
  readonly schedule: Scheduler;
  readonly md5Hex: (text: string) => string;
  /** The cluster's name, for alerts. */
  readonly cluster?: string;
  /** A number from 0 up to 1, for random fencing delays. */
  readonly random: () => number;
  /** Identifies this life of the node in transition keys: a UUID, 36 characters. */
  readonly runId: string;
  /** Wall clock at the start, epoch milliseconds; afterwards the input `wall-clock` keeps it right. */
  readonly epochMs: number;
  readonly timeZoneOffsetMinutes?: number;
  /** Whether recurring monitors that are due at nearly the same time start together. */
  readonly gatherMonitors?: boolean;
}

/** Something that is under way, for `status`: hung calls have names. */
export interface OperationInFlight {
  /** In words: "start of web on n2". */
  readonly what: string;
  readonly sinceMs: number;
}

/** A node. */
export interface NodeMachine extends Machine<NodeInput, NodeEffect> {
  /** The committed CIB. */
  readonly cib: Element;
  readonly standing: Standing | undefined;
  /** What this node has on its disk: the configuration, its history, where its log ends. */
  readonly stored: LogSnapshot;
  /** For the pulse at the start; later by the effect `chain`. */
  readonly chain: ChainPosition;
  /** The plan that the coordinator is carrying out; undefined on other nodes and while idle. */
  readonly transition: TransitionStatus | undefined;
  /** What this node is doing itself, and what it waits for as the coordinator; oldest first. */
  readonly inFlight: readonly OperationInFlight[];
  /** Recipients of alerts that cannot be told from here, in sentences. */
  readonly alertProblems: readonly string[];
  /** What was fenced from here, oldest first. */
  readonly fencingHistory: readonly FenceRecord[];
  /** As this node sees it; undefined where there is none. */
  readonly arbiter: ArbiterStatus | undefined;
}

/** Where a transition stands. */
export interface TransitionStatus {
  readonly number: number;
  /** Actions in the plan, and those that are done. */
  readonly actions: number;
  readonly confirmed: number;
  readonly reason: string;
}

/** Makes a node from its configuration and what the store knows. */
export function createNode(config: NodeMachineConfig, initial: KernelInitial): NodeMachine {
  return new ClusterNode(config, initial);
}

class ClusterNode implements NodeMachine {
  private readonly config: NodeMachineConfig;
  private readonly name: string;
  private readonly parts: Parts;
  private effects: NodeEffect[] = [];
  private nowMs = 0;
  private epochOffsetMs: number | undefined;
  private previousView: View | undefined;
  private lastCoordinator: NodeId | undefined;
  /** Device calls made here for another node: number here to number there. */
  private readonly remoteCalls = new Map<number, { readonly from: NodeId; readonly id: number }>();
  /** Requests made here that the coordinator, perhaps this node, has not answered. */
  private readonly asked = new Set<string>();
  private shutdownSinceMs: number | undefined;
  /** When nothing but alerts was left to be done before it leaves. */
  private lastAlertsSinceMs: number | undefined;
  private isStopped = false;

  constructor(config: NodeMachineConfig, initial: KernelInitial) {
    this.config = config;
    this.name = this.nameOf(config.self);
    this.parts = new Parts(config, initial, {
      emit: (effect) => this.emit(effect),
      send: (to, message) => this.send(to, message),
      answer: (to, requestId, outcome) => this.answer(to, requestId, outcome),
      tell: (event) => this.tell(event),
      standingChanged: (standing) => this.standingChanged(standing),
      stepOut: (code, text) => {
        this.tell({ kind: "disk", code, text, severity: "error" });
        // Without a farewell: what runs here still runs, and only a fence can tell the others that it does not.
        this.stop(1, text, false);
      },
    });
  }

  get cib(): Element {
    return this.parts.kernel.cib;
  }

  get standing(): Standing | undefined {
    return this.parts.kernel.standing;
  }

  get stored(): LogSnapshot {
    return this.parts.kernel.stored;
  }

  get chain(): ChainPosition {
    return this.parts.kernel.chain;
  }

  get transition(): TransitionStatus | undefined {
    return this.parts.controller.transition;
  }

  get inFlight(): readonly OperationInFlight[] {
    const { controller, executor, fencer } = this.parts;
    const elsewhere = controller.inFlight.filter((flight) => flight.node !== this.config.self);
    const fences = fencer.underWay.map(({ target, sinceMs, device }) => ({
      what: `fencing of ${target} by ${device}`,
      sinceMs,
    }));
    const all = [...executor.inFlight, ...elsewhere.map(({ what, sinceMs }) => ({ what, sinceMs })), ...fences];
    return all.sort((a, b) => a.sinceMs - b.sinceMs);
  }

  get alertProblems(): readonly string[] {
    return this.parts.alerts.problems;
  }

  get arbiter(): ArbiterStatus | undefined {
    return this.parts.arbiter.status;
  }

  get fencingHistory(): readonly FenceRecord[] {
    return this.parts.fencer.history;
  }

  deadlineMs(): number | undefined {
    return this.isStopped ? undefined : earliest(this.parts.deadlineMs(), this.escalationMs(), this.lastAlertsMs());
  }

  step(input: NodeInput, nowMs: number): NodeEffect[] {
    if (this.isStopped) return [];
    this.nowMs = nowMs;
    this.effects = [];
    if (this.epochOffsetMs === undefined) {
      this.setClock(this.config.epochMs);
      this.parts.settle(nowMs);
    }
    this.take(input);
    this.parts.settle(nowMs);
    this.considerLeaving();
    return this.effects;
  }

  // --- inputs ---------------------------------------------------------------------------------------------------------------

  private take(input: NodeInput): void {
    switch (input.type) {
      case "tick":
        this.parts.tick(this.nowMs);
        break;
      case "view":
        this.takeView(input.view, input.detectedAfterMs);
        break;
      case "message":
        this.message(input.from, input.message);
        break;
      case "persisted":
      case "persist-failed":
      case "change":
      case "start-override":
        this.parts.hand({ part: "kernel", input });
        break;
      case "arbiter-outcome":
        this.parts.arbiterOutcome(input);
        break;
      case "request":
        this.ask(input.request);
        break;
      case "agent-outcome":
        this.parts.hand({ part: "executor", input });
        break;
      case "device-outcome":
        this.deviceOutcome(input);
        break;
      case "alert-outcome":
        this.parts.hand({ part: "alerts", input });
        break;
      case "wall-clock":
        this.setClock(input.epochMs);
        break;
      case "attribute":
        this.setOwnAttribute(input.name, input.value);
        break;
      case "shutdown":
        this.shutDown();
        break;
    }
  }

  private setClock(epochMs: number): void {
    this.epochOffsetMs = epochMs - this.nowMs;
    for (const part of ["kernel", "controller", "executor", "fencer", "alerts"] as const) {
      this.parts.hand({ part, input: { type: "wall-clock", epochMs } });
    }
  }

  private takeView(view: View, detectedAfterMs: Readonly<Record<string, number>>): void {
    const events = viewEvents(view, this.previousView, detectedAfterMs, (id) => this.nameOf(id));
    for (const event of events) this.tell(event);
    this.previousView = view;
    this.parts.tellKernelOfItself();
    this.parts.hand({ part: "kernel", input: { type: "view", view } });
    const members = view.members.map((member) => member.id);
    this.parts.hand({ part: "fencer", input: { type: "members", members } });
  }

  private setOwnAttribute(name: string, value: string | null): void {
    this.parts.hand({ part: "attributes", input: { type: "own", name, value, dampeningMs: 0 } });
  }

  private deviceOutcome(input: NodeInput & { type: "device-outcome" }): void {
    const remote = this.remoteCalls.get(input.id);
    if (remote !== undefined) {
      this.remoteCalls.delete(input.id);
      this.send(remote.from, { type: "device-outcome", id: remote.id, outcome: input.outcome });
    } else {
      this.parts.hand({ part: this.parts.executor.owns(input.id) ? "executor" : "fencer", input });
    }
  }

  private message(from: NodeId, message: Message): void {
    // The kernel's messages name their view; the services' do not.
    if ("view" in message) this.parts.hand({ part: "kernel", input: { type: "message", from, message } });
    else this.serviceMessage(from, message);
  }

  private serviceMessage(from: NodeId, message: ServiceMessage): void {
    const fromCoordinator =
      from === this.standing?.coordinator || faultPlanted(this.config, "stale-coordinator-goes-on");
    switch (message.type) {
      case "operation":
      case "operation-cancel":
      case "operation-noted":
      case "history-clear":
        // An order of a node that is no longer the coordinator is out of date.
        if (fromCoordinator) this.parts.hand({ part: "executor", input: message });
        break;
      case "operation-result":
        if (message.result.node === from) this.parts.hand({ part: "controller", input: message });
        break;
      case "operations-under-way":
        this.parts.hand({ part: "controller", input: { ...message, node: from } });
        break;
      case "device-call":
        if (fromCoordinator) this.remoteDeviceCall(from, message);
        break;
      case "fence-records":
        if (fromCoordinator) this.parts.hand({ part: "fencer", input: message });
        break;
      case "device-outcome":
        this.parts.hand({ part: "fencer", input: message });
        break;
      case "attribute":
        this.parts.hand({ part: "attributes", input: { ...message, type: "set" } });
        break;
      case "request":
        this.coordinate(from, message.request);
        break;
      case "request-answer":
        this.answer(this.config.self, message.requestId, message.outcome);
        break;
    }
  }

  private remoteDeviceCall(from: NodeId, message: ServiceMessage & { type: "device-call" }): void {
    if (this.remoteCalls.size >= MAX_REMOTE_DEVICE_CALLS) {
      const reason = `${MAX_REMOTE_DEVICE_CALLS} device calls are under way on ${this.name} already`;
      this.send(from, { type: "device-outcome", id: message.call.id, outcome: { outcome: "error", reason } });
      return;
    }
    const id = this.parts.nextCallId();
    this.remoteCalls.set(id, { from, id: message.call.id });
    this.emit({ type: "device-call", call: { ...message.call, id } });
  }

  private send(to: NodeId, message: ServiceMessage): void {
    if (to === this.config.self) this.serviceMessage(to, message);
    else this.emit({ type: "send", to, message });
  }

  // --- requests -------------------------------------------------------------------------------------------------------------

  private ask(request: ServiceRequest): void {
    const { standing } = this;
    const { self } = this.config;
    const refuse = (code: string, reason: string) =>
      this.emit({ type: "request-answer", requestId: request.id, outcome: { outcome: "refused", code, reason } });
    if (standing?.established !== true) {
      refuse("no-coordinator", "The cluster has not formed a view yet. Ask again in a moment.");
    } else if (this.asked.size >= MAX_ASKED_REQUESTS) {
      refuse("busy", `${MAX_ASKED_REQUESTS} requests wait for an answer already. Ask again later.`);
    } else {
      this.asked.add(request.id);
      if (standing.coordinator === self) this.coordinate(self, request);
      else this.send(standing.coordinator, { type: "request", request });
    }
  }

  private coordinate(from: NodeId, request: ServiceRequest): void {
    if (request.request !== "attribute") {
      this.parts.hand({ part: "controller", input: { type: "request", from, request } });
      return;
    }
    const { node, name, value, dampeningMs } = request;
    const refusal = this.parts.attributes.refusal(node);
    if (refusal !== undefined) {
      this.answer(from, request.id, { outcome: "refused", code: "no-such-node", reason: refusal });
      return;
    }
    this.parts.hand({ part: "attributes", input: { type: "set", node, name, value, dampeningMs } });
    const what = value === null ? `${name} of ${node} is removed` : `${name} of ${node} is set to ${value}`;
    const when = dampeningMs > 0 ? ` within ${dampeningMs} ms` : "";
    this.answer(from, request.id, { outcome: "done", text: `${what}${when}.` });
  }

  private answer(to: NodeId, requestId: string, outcome: RequestOutcome): void {
    if (to !== this.config.self) this.send(to, { type: "request-answer", requestId, outcome });
    else if (this.asked.delete(requestId)) this.emit({ type: "request-answer", requestId, outcome });
  }

  private standingChanged(standing: Standing): void {
    if (standing.established) this.tell(standingEvent(standing, this.config.self, (id) => this.nameOf(id)));
    if (this.lastCoordinator !== undefined && this.lastCoordinator !== standing.coordinator) {
      for (const requestId of this.asked) {
        const reason =
          "The coordinator has changed before it answered. Look whether it was done, and ask again if not.";
        this.answer(this.config.self, requestId, { outcome: "refused", code: "coordinator-changed", reason });
      }
    }
    this.lastCoordinator = standing.coordinator;
  }

  // --- leaving --------------------------------------------------------------------------------------------------------------

  private shutDown(): void {
    if (this.shutdownSinceMs !== undefined) return;
    this.shutdownSinceMs = this.nowMs;
    this.setOwnAttribute("shutdown", `${Math.floor((this.nowMs + (this.epochOffsetMs ?? 0)) / 1000)}`);
    const text = `${this.name} shuts down: its resources are moved away or stopped, then it leaves`;
    this.tell({ kind: "view", code: "shutdown", text, severity: "info", node: this.name });
  }

  private escalationMs(): number | undefined {
    if (this.shutdownSinceMs === undefined) return undefined;
    return this.shutdownSinceMs + controllerOptions(this.cib).shutdownEscalationMs;
  }

  /** Until when it waits for its last alerts; undefined while, or once, it does not. */
  private lastAlertsMs(): number | undefined {
    const untilMs = this.lastAlertsSinceMs === undefined ? undefined : this.lastAlertsSinceMs + LAST_ALERTS_MS;
    return untilMs !== undefined && untilMs > this.nowMs ? untilMs : undefined;
  }

  private lastAlertsAreOut(): boolean {
    if (!this.parts.alerts.busy) return true;
    this.lastAlertsSinceMs ??= this.nowMs;
    return this.lastAlertsMs() === undefined;
  }

  /**
   * The coordinator lets a node go by what it writes into its <node_state>, once it has had everything there looked for. Nobody else can
   * vouch for the node: of what an earlier life of it left running it does not know itself. Without that it goes without a farewell: at
   * once where nobody counts on it, because no other shares its view or none has taken it in.
   */
  private considerLeaving(): void {
    if (this.isStopped) return;
    const isAsked = this.shutdownSinceMs !== undefined;
    const state = nodeState(this.cib, `${this.config.self}`);
    const isTakenIn = state?.attributes[INCARNATION] === `${this.config.incarnation}`;
    const isLetGo = isTakenIn && isLeaving(state);
    if (!isLetGo && !isAsked) return;
    const standing = this.standing?.established === true ? this.standing : undefined;
    const { active } = this.parts.executor;
    const isIdle = active.length === 0 && this.lastAlertsAreOut();
    const isHeedless = isAsked && faultPlanted(this.config, "leave-with-resources");
    if (isHeedless || (standing !== undefined && isLetGo && isIdle)) {
      this.stop(0, `${this.name} runs nothing any more and leaves the cluster`, true);
      return;
    }
    if (!isAsked) return;
    const isCountedOn = isTakenIn && standing?.view.members.length !== 1;
    if (standing?.primary === false && !isCountedOn && isIdle) {
      this.stop(0, `${this.name} is in no primary view, and nobody counts on it, so it ends at once`, false);
      return;
    }
    if ((this.escalationMs() ?? Number.POSITIVE_INFINITY) > this.nowMs) return;
    const still =
      active.length === 0 ? "the coordinator has not let it go" : `${active.join(", ")} may still run there`;
    const text = `The time for a graceful shutdown (shutdown-escalation) is over and ${still}; ${this.name} stops now, without a farewell, so that the others fence it before they recover anything.`;
    this.stop(1, text, false);
  }

  private stop(code: number, text: string, farewell: boolean): void {
    this.tell({ kind: "view", code: "exit", text, severity: code === 0 ? "info" : "error", node: this.name });
    if (farewell) this.emit({ type: "leave" });
    this.emit({ type: "exit", code, text });
    this.isStopped = true;
    this.parts.drop();
  }

  /** Nothing follows the exit. */
  private emit(effect: NodeEffect): void {
    if (!this.isStopped) this.effects.push(effect);
  }

  private tell(event: UntimedEvent): void {
    const epochMs = Math.max(0, Math.round(this.nowMs + (this.epochOffsetMs ?? 0)));
    this.emit({ type: "event", event: { epochMs, ...event } });
  }

  private nameOf(id: NodeId): string {
    return this.config.nodes.find((node) => node.id === id)?.name ?? `node ${id}`;
  }
}
