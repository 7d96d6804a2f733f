// The parts of a node (kernel, controller, executor, fencer, attributes, alerts) and what they hand to one another within one step.
//
// An effect of one part that is an input of another goes into one queue, first come, first served, until nobody has anything for
// anybody. What goes out of the node, or needs the node as a whole, is left to its surroundings.

import { assert } from "../kernel/assert.ts";
import { childNamed, element } from "../kernel/cib/element.ts";
import { createKernel, type Kernel, type KernelConfig, type KernelInitial } from "../kernel/kernel.ts";
import { earliest } from "../kernel/machine.ts";
import type { Incarnation, NodeId } from "../kernel/membership/view.ts";
import type { ChangeOutcome, KernelEffect, KernelInput, Standing } from "../kernel/messages.ts";
import type { Plantable } from "../kernel/planted-fault.ts";
import { Alerts, type AlertsEffect, type AlertsInput } from "./alerts/alerts.ts";
import { ArbiterWatch, type ArbiterWatchEffect, type ArbiterWatchInput } from "./arbiter/arbiter-watch.ts";
import { Attributes, type AttributesEffect, type AttributesInput } from "./attributes/attributes.ts";
import { nodeState } from "./attributes/edits.ts";
import { Controller, type ControllerEffect, type ControllerInput } from "./controller/controller.ts";
import type { Scheduler, WantedVoters } from "./controller/effects.ts";
import { INCARNATION } from "./controller/node-states.ts";
import { Executor, type ExecutorEffect, type ExecutorInput } from "./executor/executor.ts";
import { withOwnWord } from "./executor/own-word.ts";
import { type FenceRecord, Fencer, type FencerEffect, type FencerInput } from "./fencer/fencer.ts";
import type { NodeEffect, NodeInput, Operation, RequestOutcome, ServiceMessage } from "./messages.ts";
import { fenceEvent, type UntimedEvent } from "./node-events.ts";
import { digestText, filterForDigest } from "./scheduler/digests.ts";

/** Hand-overs between the parts in one step; more would be two parts talking to one another without end. */
export const MAX_HANDOVERS_PER_STEP = 1_000_000;

/** What the parts are made from (see NodeMachineConfig). */
export interface PartsConfig extends Plantable {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  readonly kernel: Omit<KernelConfig, "self" | "mergeNodeState">;
  readonly voters?: WantedVoters;
  readonly schedule: Scheduler;
  readonly md5Hex: (text: string) => string;
  readonly random: () => number;
  readonly runId: string;
  readonly cluster?: string;
  readonly timeZoneOffsetMinutes?: number;
  /** See ExecutorConfig. */
  readonly gatherMonitors?: boolean;
}

/** What the parts need of the node around them. */
export interface Surroundings {
  emit(effect: NodeEffect): void;
  /** To any node; this one gets it at once. */
  send(to: NodeId, message: ServiceMessage): void;
  answer(to: NodeId, requestId: string, outcome: RequestOutcome): void;
  tell(event: UntimedEvent): void;
  standingChanged(standing: Standing): void;
  /** The kernel cannot go on. */
  stepOut(code: string, text: string): void;
}

export type Handover =
  | { readonly part: "kernel"; readonly input: KernelInput }
  | { readonly part: "controller"; readonly input: ControllerInput }
  | { readonly part: "executor"; readonly input: ExecutorInput }
  | { readonly part: "fencer"; readonly input: FencerInput }
  | { readonly part: "attributes"; readonly input: AttributesInput }
  | { readonly part: "alerts"; readonly input: AlertsInput }
  | { readonly part: "arbiter"; readonly input: ArbiterWatchInput };

export class Parts {
  readonly kernel: Kernel;
  readonly controller: Controller;
  readonly executor: Executor;
  readonly fencer: Fencer;
  readonly attributes: Attributes;
  readonly alerts: Alerts;
  readonly arbiter: ArbiterWatch;
  private readonly config: PartsConfig;
  private readonly around: Surroundings;
  private readonly name: string;
  private handovers: Handover[] = [];
  private nowMs = 0;
  private callCount = 0;

  constructor(config: PartsConfig, initial: KernelInitial, around: Surroundings) {
    const { self, nodes, runId, incarnation, schedule, md5Hex, planted } = config;
    this.config = config;
    this.around = around;
    this.name = nodes.find((node) => node.id === self)?.name ?? `node ${self}`;
    const nextCallId = () => this.nextCallId();
    const digest = rememberingDigest(md5Hex);
    this.kernel = createKernel(
      { ...config.kernel, self, mergeNodeState: (recorded, own) => withOwnWord(recorded, own, config) },
      initial,
    );
    this.executor = new Executor({
      ...{ self, name: this.name, incarnation, digest, nextCallId, planted },
      gatherMonitors: config.gatherMonitors === true,
    });
    this.fencer = new Fencer({ self, nodes, random: config.random, nextCallId, planted });
    this.attributes = new Attributes({ self, nodes, runId });
    this.arbiter = new ArbiterWatch({ self, nodes, runId, wanted: config.voters }, this.kernel.cib);
    const timeZoneOffsetMinutes = config.timeZoneOffsetMinutes ?? 0;
    const cluster = config.cluster === undefined ? {} : { cluster: config.cluster };
    this.alerts = new Alerts({ self, nodes, runId, ...cluster, timeZoneOffsetMinutes, nextCallId });
    const voters = config.voters === undefined ? {} : { voters: config.voters };
    const controllerConfig = {
      self,
      nodes,
      ...voters,
      schedule,
      md5Hex,
      digest,
      runId,
      timeZoneOffsetMinutes,
      planted,
    };
    this.controller = new Controller(controllerConfig, this.kernel.cib);
    for (const part of ["fencer", "attributes", "alerts"] as const) {
      this.hand({ part, input: { type: "cib", cib: this.kernel.cib } });
    }
  }

  /** Numbers for calls of agents and devices, unique in this life of the node. */
  nextCallId(): number {
    this.callCount += 1;
    return this.callCount;
  }

  deadlineMs(): number | undefined {
    return earliest(
      this.kernel.deadlineMs(),
      this.controller.deadlineMs(),
      this.executor.deadlineMs(),
      this.fencer.deadlineMs(),
      this.attributes.deadlineMs(),
      this.alerts.deadlineMs(),
      this.arbiter.deadlineMs(),
    );
  }

  /** Gives a tick to those whose time has come. */
  tick(nowMs: number): void {
    for (const part of ["kernel", "executor", "fencer", "attributes", "controller", "alerts", "arbiter"] as const) {
      const deadlineMs = this[part].deadlineMs();
      if (deadlineMs !== undefined && deadlineMs <= nowMs) this.hand({ part, input: { type: "tick" } });
    }
  }

  hand(handover: Handover): void {
    this.handovers.push(handover);
  }

  /** Hands over until nobody has anything for anybody. */
  settle(nowMs: number): void {
    this.nowMs = nowMs;
    for (let count = 0; this.handovers.length > 0; ) {
      const batch = this.handovers;
      this.handovers = [];
      for (const handover of batch) {
        count += 1;
        assert(count <= MAX_HANDOVERS_PER_STEP, "the parts of a node talk to one another without end");
        this.deliver(handover);
      }
    }
  }

  /** Nothing more is handed over. */
  drop(): void {
    this.handovers = [];
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
      case "alerts":
        for (const effect of this.alerts.step(handover.input, nowMs)) this.fromAlerts(effect);
        break;
      case "arbiter":
        for (const effect of this.arbiter.step(handover.input, nowMs)) this.fromArbiter(effect);
        break;
    }
  }

  private fromKernel(effect: KernelEffect): void {
    switch (effect.type) {
      case "send":
      case "persist":
      case "chain":
      case "shun":
      case "arbiter-call":
        this.around.emit(effect);
        break;
      case "cib":
        this.around.emit({ type: "cib", cib: effect.cib });
        for (const part of ["controller", "fencer", "attributes", "alerts", "arbiter"] as const) {
          this.hand({ part, input: { type: "cib", cib: effect.cib } });
        }
        break;
      case "standing":
        this.around.emit(effect);
        this.setStanding(effect.standing);
        break;
      case "answer":
        this.changeAnswered(effect.requestId, effect.outcome);
        break;
      case "note": {
        const node = this.config.nodes.find((candidate) => candidate.id === effect.node)?.name;
        const named = node === undefined ? {} : { node };
        this.around.tell({ kind: "note", code: effect.code, text: effect.text, severity: "warning", ...named });
        break;
      }
      case "step-out":
        this.around.stepOut(effect.code, effect.text);
        break;
    }
  }

  private setStanding(standing: Standing): void {
    for (const part of ["controller", "alerts", "arbiter"] as const) {
      this.hand({ part, input: { type: "standing", standing } });
    }
    const coordinator = standing.established ? standing.coordinator : undefined;
    const allowed = standing.established ? standing.primary : undefined;
    this.hand({ part: "executor", input: { type: "activation", allowed } });
    this.hand({ part: "attributes", input: { type: "coordinator", coordinator } });
    if (coordinator !== undefined) this.hand({ part: "executor", input: { type: "report-again" } });
    const fenced = this.fencer.history.filter(({ state }) => state !== "pending");
    if (coordinator === this.config.self && fenced.length > 0) this.tellFences(fenced);
    this.around.standingChanged(standing);
  }

  private changeAnswered(requestId: string, outcome: ChangeOutcome): void {
    const { runId } = this.config;
    if (requestId.startsWith(`${runId}:status-`)) {
      this.hand({ part: "controller", input: { type: "answer", requestId, outcome } });
    } else if (requestId.startsWith(`${runId}:attributes:`)) {
      this.hand({ part: "attributes", input: { type: "answer", requestId, outcome } });
    } else if (requestId.startsWith(`${runId}:arbiter:`)) {
      this.hand({ part: "arbiter", input: { type: "answer", requestId, outcome } });
    } else {
      this.around.emit({ type: "change-answer", requestId, outcome });
    }
  }

  private fromController(effect: ControllerEffect): void {
    switch (effect.type) {
      case "send":
        this.around.send(effect.to, effect.message);
        break;
      case "change":
        // The status as it is in this view: in the next one the members themselves say better.
        this.hand({ part: "kernel", input: { ...effect, thisViewOnly: true } });
        break;
      case "fenced":
        this.hand({ part: "kernel", input: effect });
        break;
      case "fence":
        this.hand({ part: "fencer", input: effect });
        this.around.tell(fenceEvent(effect.target, effect.action, effect.why));
        break;
      case "fence-confirmed":
        this.hand({ part: "alerts", input: { type: "fence-outcome", record: effect.record, ok: true } });
        break;
      case "request-answer":
        this.around.answer(effect.to, effect.requestId, effect.outcome);
        break;
      case "event":
        this.around.emit(effect);
        break;
    }
  }

  private fromExecutor(effect: ExecutorEffect): void {
    const { standing } = this.kernel;
    switch (effect.type) {
      case "operation-result":
        this.hand({ part: "alerts", input: effect });
        // Without a coordinator it is kept, and reported when there is one.
        if (standing?.established === true) this.around.send(standing.coordinator, effect);
        break;
      case "operations-under-way":
        if (standing?.established === true)
          this.around.send(standing.coordinator, { ...effect, viewNumber: standing.view.id.number });
        break;
      default:
        this.around.emit(effect);
    }
  }

  private fromFencer(effect: FencerEffect): void {
    const { self } = this.config;
    switch (effect.type) {
      case "device-call":
        if (effect.node === self) this.around.emit({ type: "device-call", call: effect.call });
        else this.around.send(effect.node, { type: "device-call", call: effect.call });
        break;
      case "device-abort":
        // A call on another node ends there by itself at its deadline.
        if (effect.node === self) this.around.emit({ type: "device-abort", id: effect.id, why: effect.why });
        break;
      case "fence-outcome":
        for (const part of ["controller", "alerts"] as const) this.hand({ part, input: effect });
        this.tellFences([effect.record]);
        break;
      case "fence-note": {
        const text = `fencing of ${effect.target}: ${effect.text}`;
        const { severity, target } = effect;
        this.around.tell({ kind: "fence", code: "fence-note", text, severity, node: target });
        break;
      }
    }
  }

  /** So that each member knows what was fenced when this coordinator is gone. */
  private tellFences(records: readonly FenceRecord[]): void {
    for (const { id } of this.kernel.standing?.view.members ?? []) {
      if (id !== this.config.self) this.around.send(id, { type: "fence-records", records });
    }
  }

  private fromAttributes(effect: AttributesEffect): void {
    if (effect.type === "send") this.around.send(effect.to, effect.message);
    else this.hand({ part: "kernel", input: effect });
  }

  private fromAlerts(effect: AlertsEffect): void {
    if (effect.type === "event") this.around.tell(effect.event);
    else this.around.emit(effect);
  }

  private fromArbiter(effect: ArbiterWatchEffect): void {
    if (effect.type === "event") this.around.tell(effect.event);
    else if (effect.type === "change") this.hand({ part: "kernel", input: { ...effect, thisViewOnly: true } });
    else this.around.emit(effect);
  }

  /** The kernel asks for a vote, and the watch looks after the register. */
  arbiterOutcome(input: Extract<NodeInput, { type: "arbiter-outcome" }>): void {
    this.hand({ part: this.arbiter.owns(input.id) ? "arbiter" : "kernel", input });
  }

  /**
   * What this node says of itself in the next exchange of states: its history, with what is under way, and its attributes. The next
   * coordinator knows of that from nowhere else.
   */
  tellKernelOfItself(): void {
    const id = `${this.config.self}`;
    const recorded = nodeState(this.kernel.cib, id);
    const isThisLife = recorded?.attributes[INCARNATION] === `${this.config.incarnation}`;
    const attributes = isThisLife ? childNamed(recorded, "transient_attributes") : undefined;
    const said = {
      id,
      uname: this.name,
      in_ccm: "true",
      crmd: "online",
      join: "member",
      expected: "member",
      [INCARNATION]: `${this.config.incarnation}`,
    };
    const { lrm } = this.executor;
    const state = element("node_state", said, attributes === undefined ? [lrm] : [lrm, attributes]);
    this.hand({ part: "kernel", input: { type: "node-state", element: state } });
  }
}

/** An operation's digest is asked for when it begins, when it ends and when it is written down. */
function rememberingDigest(md5Hex: (text: string) => string): (operation: Operation) => string {
  const known = new WeakMap<Operation, string>();
  return (operation) => {
    let digest = known.get(operation);
    if (digest === undefined) {
      digest = digestOf(operation, md5Hex);
      known.set(operation, digest);
    }
    return digest;
  };
}

/** MD5 of an operation's parameters, as the scheduler computes it for comparison. */
function digestOf(operation: Operation, md5Hex: (text: string) => string): string {
  const all = new Map(Object.entries(operation.parameters));
  for (const [name, value] of Object.entries(operation.meta)) all.set(`CRM_meta_${name}`, value);
  return md5Hex(digestText(filterForDigest(all)));
}
