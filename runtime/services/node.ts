// The node as one machine: the kernel, and the services above it (controller, executor, fencer, attributes).
//
// What one part asks of another is handed over inside the same step, so between a fence outcome or the result of an operation and the
// next request there is no timer, no tick and no way through the host.

import { assert } from "../kernel/assert.ts";
import { childNamed, type Element, element } from "../kernel/cib/element.ts";
import { createKernel, type Kernel, type KernelConfig, type KernelInitial } from "../kernel/kernel.ts";
import { earliest, type Machine } from "../kernel/machine.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "../kernel/membership/view.ts";
import type { ChangeOutcome, KernelEffect, KernelInput, Standing } from "../kernel/messages.ts";
import { Attributes, type AttributesEffect, type AttributesInput } from "./attributes/attributes.ts";
import { nodeState } from "./attributes/edits.ts";
import { Controller, type ControllerEffect, type ControllerInput } from "./controller/controller.ts";
import { INCARNATION, isLeaving } from "./controller/node-states.ts";
import { controllerOptions } from "./controller/options.ts";
import { Executor, type ExecutorEffect, type ExecutorInput } from "./executor/executor.ts";
import { type FenceRecord, Fencer, type FencerEffect, type FencerInput } from "./fencer/fencer.ts";
import type {
  ClusterEvent,
  Message,
  NodeEffect,
  NodeInput,
  Operation,
  RequestOutcome,
  ServiceMessage,
  ServiceRequest,
} from "./messages.ts";
import { digestText, filterForDigest } from "./scheduler/digests.ts";
import type { Schedule, ScheduleOptions } from "./scheduler/schedule.ts";

/** Hand-overs between the parts in one step; more would be two parts talking to one another without end. */
export const MAX_HANDOVERS_PER_STEP = 1_000_000;
/** Device calls that are made here for the coordinator on another node at once. */
export const MAX_REMOTE_DEVICE_CALLS = 256;
/** Requests that were passed on and wait for an answer. */
export const MAX_FORWARDED_REQUESTS = 1024;

/** How a node is set up. */
export interface NodeMachineConfig {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  /** All configured nodes, this one among them: number and name (uname). */
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  readonly kernel: Omit<KernelConfig, "self">;
  /** The scheduler (runtime/services/scheduler/schedule.ts). */
  readonly schedule: (cib: Element, options: ScheduleOptions) => Schedule;
  readonly md5Hex: (text: string) => string;
  /** A number from 0 up to 1, for random fencing delays. */
  readonly random: () => number;
  /** Identifies this life of the node in transition keys: a UUID, 36 characters. */
  readonly runId: string;
  /** Wall clock at the start, epoch milliseconds; afterwards the input `wall-clock` keeps it right. */
  readonly epochMs: number;
  readonly timeZoneOffsetMinutes?: number;
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
  /** For the pulse at the start; later by the effect `chain`. */
  readonly chain: ChainPosition;
  /** The plan that the coordinator is carrying out; undefined on other nodes and while idle. */
  readonly transition: TransitionStatus | undefined;
  /** What this node is doing itself, and what it waits for as the coordinator; oldest first. */
  readonly inFlight: readonly OperationInFlight[];
  /** What was fenced from here, oldest first. */
  readonly fencingHistory: readonly FenceRecord[];
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

type Handover =
  | { readonly part: "kernel"; readonly input: KernelInput }
  | { readonly part: "controller"; readonly input: ControllerInput }
  | { readonly part: "executor"; readonly input: ExecutorInput }
  | { readonly part: "fencer"; readonly input: FencerInput }
  | { readonly part: "attributes"; readonly input: AttributesInput };

class ClusterNode implements NodeMachine {
  private readonly config: NodeMachineConfig;
  private readonly name: string;
  private readonly kernel: Kernel;
  private readonly controller: Controller;
  private readonly executor: Executor;
  private readonly fencer: Fencer;
  private readonly attributes: Attributes;
  private handovers: Handover[] = [];
  private effects: NodeEffect[] = [];
  private nowMs = 0;
  private epochOffsetMs: number | undefined;
  private callCount = 0;
  private previousView: View | undefined;
  private historyChanged = true;
  private ownAttributes: Element | undefined;
  /** Device calls made here for another node: number here to number there. */
  private readonly remoteCalls = new Map<number, { readonly from: NodeId; readonly id: number }>();
  /** Requests passed on to the coordinator. */
  private readonly forwarded = new Set<string>();
  private shutdownSinceMs: number | undefined;
  private isStopped = false;

  constructor(config: NodeMachineConfig, initial: KernelInitial) {
    const { self, nodes, runId, incarnation } = config;
    this.config = config;
    this.name = this.nameOf(self);
    const nextCallId = () => {
      this.callCount += 1;
      return this.callCount;
    };
    const digest = (operation: Operation) => digestOf(operation, config.md5Hex);
    this.kernel = createKernel({ ...config.kernel, self }, initial);
    this.executor = new Executor({ self, name: this.name, incarnation, digest, nextCallId });
    this.fencer = new Fencer({ self, nodes, random: config.random, nextCallId });
    this.attributes = new Attributes({ self, nodes, runId });
    const { schedule, md5Hex } = config;
    const timeZoneOffsetMinutes = config.timeZoneOffsetMinutes ?? 0;
    this.controller = new Controller(
      { self, nodes, schedule, md5Hex, digest, runId, timeZoneOffsetMinutes },
      this.kernel.cib,
    );
  }

  get cib(): Element {
    return this.kernel.cib;
  }

  get standing(): Standing | undefined {
    return this.kernel.standing;
  }

  get chain(): ChainPosition {
    return this.kernel.chain;
  }

  get transition(): TransitionStatus | undefined {
    return this.controller.transition;
  }

  get inFlight(): readonly OperationInFlight[] {
    const elsewhere = this.controller.inFlight.filter((flight) => flight.node !== this.config.self);
    const fences = this.fencer.underWay.map(({ target, sinceMs, device }) => ({
      what: `fencing of ${target} by ${device}`,
      sinceMs,
    }));
    const all = [...this.executor.inFlight, ...elsewhere.map(({ what, sinceMs }) => ({ what, sinceMs })), ...fences];
    return all.sort((a, b) => a.sinceMs - b.sinceMs);
  }

  get fencingHistory(): readonly FenceRecord[] {
    return this.fencer.history;
  }

  deadlineMs(): number | undefined {
    if (this.isStopped) return undefined;
    return earliest(
      this.kernel.deadlineMs(),
      this.controller.deadlineMs(),
      this.executor.deadlineMs(),
      this.fencer.deadlineMs(),
      this.attributes.deadlineMs(),
      this.escalationMs(),
    );
  }

  step(input: NodeInput, nowMs: number): NodeEffect[] {
    if (this.isStopped) return [];
    this.nowMs = nowMs;
    this.effects = [];
    if (this.epochOffsetMs === undefined) this.begin();
    this.take(input);
    this.settle();
    this.considerLeaving();
    return this.effects;
  }

  // --- inputs ---------------------------------------------------------------------------------------------------------------

  private begin(): void {
    this.setClock(this.config.epochMs);
    this.hand({ part: "fencer", input: { type: "cib", cib: this.kernel.cib } });
    this.hand({ part: "attributes", input: { type: "cib", cib: this.kernel.cib } });
    this.tellKernelOfItself();
    this.settle();
  }

  private take(input: NodeInput): void {
    switch (input.type) {
      case "tick":
        this.tick();
        break;
      case "view":
        this.tellView(input.view, input.detectedAfterMs);
        this.hand({ part: "kernel", input: { type: "view", view: input.view } });
        this.hand({
          part: "fencer",
          input: { type: "members", members: input.view.members.map((member) => member.id) },
        });
        break;
      case "message":
        this.message(input.from, input.message);
        break;
      case "persisted":
      case "persist-failed":
      case "change":
      case "start-override":
        this.hand({ part: "kernel", input });
        break;
      case "request":
        this.ask(input.request);
        break;
      case "agent-outcome":
        this.hand({ part: "executor", input });
        break;
      case "device-outcome":
        this.deviceOutcome(input);
        break;
      case "wall-clock":
        this.setClock(input.epochMs);
        break;
      case "attribute":
        this.hand({
          part: "attributes",
          input: { type: "own", name: input.name, value: input.value, dampeningMs: 0 },
        });
        break;
      case "shutdown":
        this.shutDown();
        break;
    }
  }

  private setClock(epochMs: number): void {
    this.epochOffsetMs = epochMs - this.nowMs;
    for (const part of ["kernel", "controller", "executor", "fencer"] as const) {
      this.hand({ part, input: { type: "wall-clock", epochMs } });
    }
  }

  private tick(): void {
    const due = (machine: { deadlineMs(): number | undefined }) => (machine.deadlineMs() ?? Infinity) <= this.nowMs;
    const input = { type: "tick" } as const;
    if (due(this.kernel)) this.hand({ part: "kernel", input });
    if (due(this.executor)) this.hand({ part: "executor", input });
    if (due(this.fencer)) this.hand({ part: "fencer", input });
    if (due(this.attributes)) this.hand({ part: "attributes", input });
    if (due(this.controller)) this.hand({ part: "controller", input });
  }

  private deviceOutcome(input: NodeInput & { type: "device-outcome" }): void {
    const remote = this.remoteCalls.get(input.id);
    if (remote !== undefined) {
      this.remoteCalls.delete(input.id);
      this.send(remote.from, { type: "device-outcome", id: remote.id, outcome: input.outcome });
    } else if (this.executor.owns(input.id)) {
      this.hand({ part: "executor", input });
    } else {
      this.hand({ part: "fencer", input });
    }
  }

  private message(from: NodeId, message: Message): void {
    // The kernel's messages name their view; the services' do not.
    if ("view" in message) this.hand({ part: "kernel", input: { type: "message", from, message } });
    else this.serviceMessage(from, message);
  }

  private serviceMessage(from: NodeId, message: ServiceMessage): void {
    const fromCoordinator = from === this.standing?.coordinator;
    switch (message.type) {
      case "operation":
      case "operation-cancel":
      case "operation-noted":
      case "history-clear":
        // An order of a node that is no longer the coordinator is out of date.
        if (fromCoordinator) this.hand({ part: "executor", input: message });
        break;
      case "operation-result":
        if (message.result.node === from) this.hand({ part: "controller", input: message });
        break;
      case "device-call":
        if (fromCoordinator) this.remoteDeviceCall(from, message);
        break;
      case "device-outcome":
        this.hand({ part: "fencer", input: message });
        break;
      case "attribute":
        this.hand({ part: "attributes", input: { ...message, type: "set" } });
        break;
      case "request":
        this.coordinate(from, message.request);
        break;
      case "request-answer":
        if (this.forwarded.delete(message.requestId)) {
          this.effects.push({ type: "request-answer", requestId: message.requestId, outcome: message.outcome });
        }
        break;
    }
  }

  private remoteDeviceCall(from: NodeId, message: ServiceMessage & { type: "device-call" }): void {
    if (this.remoteCalls.size >= MAX_REMOTE_DEVICE_CALLS) {
      const reason = `${MAX_REMOTE_DEVICE_CALLS} device calls are under way on ${this.name} already`;
      this.send(from, { type: "device-outcome", id: message.call.id, outcome: { outcome: "error", reason } });
      return;
    }
    this.callCount += 1;
    this.remoteCalls.set(this.callCount, { from, id: message.call.id });
    this.effects.push({ type: "device-call", call: { ...message.call, id: this.callCount } });
  }

  // --- requests -------------------------------------------------------------------------------------------------------------

  private ask(request: ServiceRequest): void {
    const { standing } = this;
    if (standing?.established !== true) {
      const reason = "The cluster has not formed a view yet. Ask again in a moment.";
      this.answer(this.config.self, request.id, { outcome: "refused", code: "no-coordinator", reason });
    } else if (standing.coordinator === this.config.self) {
      this.coordinate(this.config.self, request);
    } else if (this.forwarded.size >= MAX_FORWARDED_REQUESTS) {
      const reason = `${MAX_FORWARDED_REQUESTS} requests wait for an answer already. Ask again later.`;
      this.answer(this.config.self, request.id, { outcome: "refused", code: "busy", reason });
    } else {
      this.forwarded.add(request.id);
      this.send(standing.coordinator, { type: "request", request });
    }
  }

  private coordinate(from: NodeId, request: ServiceRequest): void {
    if (request.request !== "attribute") {
      this.hand({ part: "controller", input: { type: "request", from, request } });
      return;
    }
    const { node, name, value, dampeningMs } = request;
    const refusal = this.attributes.refusal(node);
    if (refusal !== undefined) {
      this.answer(from, request.id, { outcome: "refused", code: "no-such-node", reason: refusal });
      return;
    }
    this.hand({ part: "attributes", input: { type: "set", node, name, value, dampeningMs } });
    const what = value === null ? `${name} of ${node} is removed` : `${name} of ${node} is set to ${value}`;
    const when = dampeningMs > 0 ? ` within ${dampeningMs} ms` : "";
    this.answer(from, request.id, { outcome: "done", text: `${what}${when}.` });
  }

  private answer(to: NodeId, requestId: string, outcome: RequestOutcome): void {
    if (to === this.config.self) this.effects.push({ type: "request-answer", requestId, outcome });
    else this.send(to, { type: "request-answer", requestId, outcome });
  }

  // --- between the parts ----------------------------------------------------------------------------------------------------

  private hand(handover: Handover): void {
    this.handovers.push(handover);
  }

  /** Hands over until nobody has anything for anybody, first come, first served. */
  private settle(): void {
    for (let count = 0; this.handovers.length > 0; ) {
      const batch = this.handovers;
      this.handovers = [];
      for (const handover of batch) {
        count += 1;
        assert(count <= MAX_HANDOVERS_PER_STEP, "the parts of a node talk to one another without end");
        this.deliver(handover);
      }
      if (this.handovers.length === 0) this.tellKernelOfItself();
    }
  }

  private deliver(handover: Handover): void {
    const { nowMs } = this;
    switch (handover.part) {
      case "kernel":
        for (const effect of this.kernel.step(handover.input, nowMs)) this.fromKernel(effect);
        break;
      case "controller":
        for (const effect of this.controller.step(handover.input, nowMs)) this.fromController(effect);
        break;
      case "executor":
        for (const effect of this.executor.step(handover.input, nowMs)) this.fromExecutor(effect);
        break;
      case "fencer":
        for (const effect of this.fencer.step(handover.input, nowMs)) this.fromFencer(effect);
        break;
      case "attributes":
        for (const effect of this.attributes.step(handover.input, nowMs)) this.fromAttributes(effect);
        break;
    }
  }

  private fromKernel(effect: KernelEffect): void {
    switch (effect.type) {
      case "send":
      case "persist":
      case "chain":
        this.effects.push(effect);
        break;
      case "cib":
        this.effects.push({ type: "cib", cib: effect.cib });
        for (const part of ["controller", "fencer", "attributes"] as const) {
          this.hand({ part, input: { type: "cib", cib: effect.cib } });
        }
        break;
      case "standing":
        this.effects.push(effect);
        this.setStanding(effect.standing);
        break;
      case "answer":
        this.changeAnswered(effect.requestId, effect.outcome);
        break;
      case "note":
        this.tell({
          kind: "note",
          code: effect.code,
          text: effect.text,
          severity: "warning",
          ...this.named(effect.node),
        });
        break;
      case "step-out":
        this.tell({ kind: "disk", code: effect.code, text: effect.text, severity: "error" });
        // Without a farewell: what runs here still runs, and only a fence can tell the others that it does not.
        this.stop(1, effect.text, false);
        break;
    }
  }

  private setStanding(standing: Standing): void {
    this.tellStanding(standing);
    const { self } = this.config;
    this.hand({ part: "controller", input: { type: "standing", standing } });
    const coordinator = standing.established ? standing.coordinator : undefined;
    this.hand({ part: "attributes", input: { type: "coordinator", coordinator } });
    if (coordinator !== undefined) this.hand({ part: "executor", input: { type: "report-again" } });
    if (this.lastCoordinator !== undefined && this.lastCoordinator !== standing.coordinator) {
      for (const requestId of this.forwarded) {
        const reason =
          "The coordinator has changed before it answered. Look whether it was done, and ask again if not.";
        this.answer(self, requestId, { outcome: "refused", code: "coordinator-changed", reason });
      }
      this.forwarded.clear();
    }
    this.lastCoordinator = standing.coordinator;
  }

  private lastCoordinator: NodeId | undefined;

  private changeAnswered(requestId: string, outcome: ChangeOutcome): void {
    const { runId } = this.config;
    if (requestId.startsWith(`${runId}:status-`)) {
      this.hand({ part: "controller", input: { type: "answer", requestId, outcome } });
    } else if (requestId.startsWith(`${runId}:attributes:`)) {
      this.hand({ part: "attributes", input: { type: "answer", requestId, outcome } });
    } else {
      this.effects.push({ type: "change-answer", requestId, outcome });
    }
  }

  private fromController(effect: ControllerEffect): void {
    switch (effect.type) {
      case "send":
        this.send(effect.to, effect.message);
        break;
      case "change":
      case "fenced":
        this.hand({ part: "kernel", input: effect });
        break;
      case "fence":
        this.hand({ part: "fencer", input: effect });
        this.tellFence(effect);
        break;
      case "request-answer":
        this.answer(effect.to, effect.requestId, effect.outcome);
        break;
      case "event":
        this.effects.push(effect);
        break;
    }
  }

  private fromExecutor(effect: ExecutorEffect): void {
    switch (effect.type) {
      case "operation-result":
        // Without a coordinator it is kept, and reported when there is one.
        if (this.standing?.established === true) this.send(this.standing.coordinator, effect);
        break;
      case "history":
        this.historyChanged = true;
        break;
      default:
        this.effects.push(effect);
    }
  }

  private fromFencer(effect: FencerEffect): void {
    switch (effect.type) {
      case "device-call":
        if (effect.node === this.config.self) this.effects.push({ type: "device-call", call: effect.call });
        else this.send(effect.node, { type: "device-call", call: effect.call });
        break;
      case "device-abort":
        // A call on another node ends there by itself at its deadline.
        if (effect.node === this.config.self) {
          this.effects.push({ type: "device-abort", id: effect.id, why: effect.why });
        }
        break;
      case "fence-outcome":
        this.hand({ part: "controller", input: effect });
        break;
      case "fence-note":
        this.tell({
          kind: "fence",
          code: "fence-note",
          text: `fencing of ${effect.target}: ${effect.text}`,
          severity: effect.severity,
          node: effect.target,
        });
        break;
    }
  }

  private fromAttributes(effect: AttributesEffect): void {
    if (effect.type === "send") this.send(effect.to, effect.message);
    else this.hand({ part: "kernel", input: effect });
  }

  private send(to: NodeId, message: ServiceMessage): void {
    if (to === this.config.self) this.serviceMessage(to, message);
    else this.effects.push({ type: "send", to, message });
  }

  /** What this node says of itself in the next exchange of states: its history and its attributes. */
  private tellKernelOfItself(): void {
    const id = `${this.config.self}`;
    const attributes = childNamed(nodeState(this.kernel.cib, id), "transient_attributes");
    const recorded = nodeState(this.kernel.cib, id)?.attributes[INCARNATION] === `${this.config.incarnation}`;
    const own = recorded ? attributes : undefined;
    if (!this.historyChanged && own === this.ownAttributes) return;
    this.historyChanged = false;
    this.ownAttributes = own;
    const state = element(
      "node_state",
      {
        id,
        uname: this.name,
        in_ccm: "true",
        crmd: "online",
        join: "member",
        expected: "member",
        [INCARNATION]: `${this.config.incarnation}`,
      },
      own === undefined ? [this.executor.lrm] : [this.executor.lrm, own],
    );
    this.hand({ part: "kernel", input: { type: "node-state", element: state } });
  }

  // --- leaving --------------------------------------------------------------------------------------------------------------

  private shutDown(): void {
    if (this.shutdownSinceMs !== undefined) return;
    this.shutdownSinceMs = this.nowMs;
    const epochSeconds = `${Math.floor((this.nowMs + (this.epochOffsetMs ?? 0)) / 1000)}`;
    this.hand({ part: "attributes", input: { type: "own", name: "shutdown", value: epochSeconds, dampeningMs: 0 } });
    const text = `${this.name} shuts down: its resources are moved away or stopped, then it leaves`;
    this.tell({ kind: "view", code: "shutdown", text, severity: "info", node: this.name });
  }

  private escalationMs(): number | undefined {
    if (this.shutdownSinceMs === undefined) return undefined;
    return this.shutdownSinceMs + controllerOptions(this.kernel.cib).shutdownEscalationMs;
  }

  /** The coordinator lets a node go by what it writes into its <node_state>; a node that is alone and idle needs no leave. */
  private considerLeaving(): void {
    if (this.isStopped) return;
    const state = nodeState(this.kernel.cib, `${this.config.self}`);
    const thisLife = state?.attributes[INCARNATION] === `${this.config.incarnation}`;
    const established = this.standing?.established === true;
    if (established && thisLife && isLeaving(state)) {
      this.stop(0, `${this.name} runs nothing any more and leaves the cluster`, true);
      return;
    }
    if (this.shutdownSinceMs === undefined) return;
    const { active } = this.executor;
    if (!established && active.length === 0) {
      this.stop(0, `${this.name} is in no established view and runs nothing, so it leaves at once`, true);
      return;
    }
    if ((this.escalationMs() ?? Infinity) > this.nowMs) return;
    const text = `the time for a graceful shutdown (shutdown-escalation) is over and ${active.join(", ") || "nothing"} still runs here; stopping without a farewell, so that the others fence this node before they recover anything`;
    this.stop(1, text, active.length === 0);
  }

  private stop(code: number, text: string, farewell: boolean): void {
    this.isStopped = true;
    this.handovers = [];
    this.tell({ kind: "view", code: "exit", text, severity: code === 0 ? "info" : "error", node: this.name });
    if (farewell) this.effects.push({ type: "leave" });
    this.effects.push({ type: "exit", code, text });
  }

  // --- words ----------------------------------------------------------------------------------------------------------------

  private tell(event: Omit<ClusterEvent, "epochMs">): void {
    const epochMs = Math.max(0, Math.round(this.nowMs + (this.epochOffsetMs ?? 0)));
    this.effects.push({ type: "event", event: { epochMs, ...event } });
  }

  private nameOf(id: NodeId): string {
    return this.config.nodes.find((node) => node.id === id)?.name ?? `node ${id}`;
  }

  private named(id: NodeId | undefined): { readonly node?: string } {
    return id === undefined ? {} : { node: this.nameOf(id) };
  }

  private tellView(view: View, detectedAfterMs: Readonly<Record<string, number>>): void {
    const before = this.previousView;
    this.previousView = view;
    const here = view.members.map((member) => this.nameOf(member.id)).join(", ");
    const gone = (before?.members ?? []).filter((old) => !view.members.some((member) => member.id === old.id));
    const words = gone.map((member) => {
      const cause = view.departures.find((departure) => departure.id === member.id)?.cause ?? "gone";
      const afterMs = detectedAfterMs[`${member.id}`];
      const detected = afterMs === undefined ? "" : ` after ${Math.round(afterMs)} ms`;
      return `${this.nameOf(member.id)} is gone (${cause}${detected})`;
    });
    const text = [`members are ${here}`, ...words].join("; ");
    const severity = gone.length > 0 ? "warning" : "info";
    this.tell({ kind: "view", code: "view", text, severity });
  }

  private tellStanding(standing: Standing): void {
    if (!standing.established) return;
    const role = standing.coordinator === this.config.self ? "this node" : this.nameOf(standing.coordinator);
    const text = `${role} coordinates. ${standing.reason}`;
    const severity = standing.primary ? "info" : "warning";
    const code = standing.primary ? "primary" : standing.quorate ? "quorate" : "no-quorum";
    this.tell({ kind: "standing", code, text, severity, node: this.nameOf(standing.coordinator) });
  }

  private tellFence(effect: ControllerEffect & { type: "fence" }): void {
    const { target, action, why } = effect;
    const text = `${target} is being fenced (${action}), because ${why}`;
    this.tell({ kind: "fence", code: "fence-begins", text, severity: "warning", node: target });
  }
}

/** MD5 of an operation's parameters, as the scheduler computes it for comparison. */
function digestOf(operation: Operation, md5Hex: (text: string) => string): string {
  const all = new Map(Object.entries(operation.parameters));
  for (const [name, value] of Object.entries(operation.meta)) all.set(`CRM_meta_${name}`, value);
  return md5Hex(digestText(filterForDigest(all)));
}
