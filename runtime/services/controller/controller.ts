// The controller: on the coordinator it keeps the status true, has the scheduler make a plan when something has changed, and has the
// plan carried out.
//
// It decides from the state, not from the event that woke it: after each input it compares the status with the view, makes a plan if
// one is needed, and starts what can be started, all in the same step. It works on what it knows (see StatusWriter), so nothing on the
// way from a lost node to the start of its resources elsewhere waits for a commit.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { earliest, type Machine, type Tick } from "../../kernel/machine.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import type { ChangeOutcome, Standing } from "../../kernel/messages.ts";
import { faultPlanted } from "../../kernel/planted-fault.ts";
import { nodeState } from "../attributes/edits.ts";
import { fenceSetup } from "../fencer/devices.ts";
import type { FenceRecord } from "../fencer/fencer.ts";
import type { OperationResult, RequestOutcome, ServiceMessage, ServiceRequest } from "../messages.ts";
import type { Synapse, TransitionGraph } from "../transition.ts";
import { Conductor } from "./conductor.ts";
import { type ControllerConfig, type ControllerEffect, type Desk, nodeName } from "./effects.ts";
import { Fences, lastLife } from "./fences.ts";
import { Lives } from "./lives.ts";
import { INCARNATION, isLeaving, missingNodes, nodeStateUpdate } from "./node-states.ts";
import { type ControllerOptions, controllerOptions } from "./options.ts";
import { cleanUp } from "./requests.ts";
import { StatusWriter } from "./status-writer.ts";
import { keepVoters } from "./voters.ts";
import { placeWords } from "./words.ts";

export type { ControllerConfig, ControllerEffect } from "./effects.ts";

/** Plans made in one step; more are left to the next, so that a plan that fails at once cannot hold the node up. */
export const MAX_PLANS_PER_STEP = 8;
/** How soon the next plan is made after that. */
export const PLAN_AGAIN_MS = 100;
/** Plans that only changes of the CIB ask for are this far apart in the mean: a flood of changes costs a few plans, not one each. */
export const CHANGES_PAUSE_MS = 50;
/** So many are made at once before that. */
export const CHANGES_AT_ONCE = 8;
/** Of the time of the coordinator, plans that only changes of the CIB ask for take one part in so many: the rest is for the changes. */
export const PLAN_TIME_PARTS = 5;
/** A plan that only changes ask for comes after this time at the latest, however long plans take. */
export const MAX_CHANGES_PAUSE_MS = 1000;
/** Plans in a row that followed from nothing but the end of the one before; then it is a fault, and a change from outside is awaited. */
export const MAX_FOLLOW_UP_PLANS = 20;
/** The soonest a recheck asked for by the scheduler happens. */
export const MIN_RECHECK_MS = 1000;

export type ControllerInput =
  | Tick
  | { readonly type: "standing"; readonly standing: Standing }
  | { readonly type: "cib"; readonly cib: Element }
  | { readonly type: "operation-result"; readonly result: OperationResult }
  /** A member answers the roll call. */
  | (ServiceMessage & { readonly type: "operations-under-way" } & { readonly node: NodeId })
  | { readonly type: "fence-outcome"; readonly record: FenceRecord; readonly ok: boolean }
  | { readonly type: "answer"; readonly requestId: string; readonly outcome: ChangeOutcome }
  | { readonly type: "request"; readonly from: NodeId; readonly request: ServiceRequest }
  | { readonly type: "wall-clock"; readonly epochMs: number };

/** The coordinator's decisions. */
export class Controller implements Machine<ControllerInput, ControllerEffect> {
  private readonly config: ControllerConfig;
  private readonly conductor = new Conductor();
  private standing: Standing | undefined;
  private cib: Element;
  private options: ControllerOptions;
  /** Present while this node is the coordinator, across views. */
  private writer: StatusWriter | undefined;
  private tenure = 0;
  private planReason: string | undefined;
  /** How far plans are ahead of one each CHANGES_PAUSE_MS, as a moment. */
  private plannedUpToMs = 0;
  /** Until then the time of the last plan is made up for. */
  private plansRestUntilMs = 0;
  /**
   * A plan that only a changed configuration asks for waits until then, and so do the actions of the one before. It is made by a tick:
   * who made the change is answered first, and does not pay for the plan.
   */
  private planPausesUntilMs: number | undefined;
  private planCount = 0;
  private followUps = 0;
  private recheckAtMs: number | undefined;
  private planAgainMs: number | undefined;
  /** When this life of the node met its first view. */
  private startedMs: number | undefined;
  private waitsForNodes = false;
  private readonly lives = new Lives();
  private readonly fences: Fences;
  private toldProblems = new Set<string>();
  private epochOffsetMs = 0;
  private nowMs = 0;
  private effects: ControllerEffect[] = [];

  constructor(config: ControllerConfig, cib: Element) {
    this.config = config;
    this.cib = cib;
    this.options = controllerOptions(cib);
    this.fences = new Fences(config, this.lives, (effect) => this.effects.push(effect));
  }

  /** The plan that is being carried out. */
  get transition():
    | { readonly number: number; readonly actions: number; readonly confirmed: number; readonly reason: string }
    | undefined {
    const { walk } = this.conductor;
    if (walk === undefined) return undefined;
    return { number: walk.number, actions: walk.size, confirmed: walk.confirmed, reason: walk.reason };
  }

  /** Operations that the coordinator waits for. */
  get inFlight(): readonly { readonly what: string; readonly sinceMs: number; readonly node: NodeId }[] {
    return this.conductor.flights.all.map((flight) => ({
      what: `${flight.operation.action} of ${flight.operation.resource.id} on ${nodeName(this.config, flight.node)}`,
      sinceMs: flight.sinceMs,
      node: flight.node,
    }));
  }

  deadlineMs(): number | undefined {
    if (!this.isActing()) return undefined;
    const planAt = this.planReason === undefined ? undefined : (this.planAgainMs ?? this.startupUntilMs);
    return earliest(this.conductor.deadlineMs(this.nowMs), this.recheckAtMs, planAt);
  }

  step(input: ControllerInput, nowMs: number): ControllerEffect[] {
    this.effects = [];
    this.nowMs = nowMs;
    switch (input.type) {
      case "tick":
        this.recheck();
        break;
      case "wall-clock":
        this.epochOffsetMs = input.epochMs - nowMs;
        break;
      case "standing":
        this.setStanding(input.standing);
        break;
      case "cib":
        this.setCib(input.cib);
        break;
      case "answer":
        this.answered(input.requestId, input.outcome);
        break;
      case "operation-result":
        this.withDesk((desk) => this.conductor.result(input.result, desk));
        break;
      case "operations-under-way":
        if (input.viewNumber === this.standing?.view.id.number)
          this.withDesk((desk) => this.conductor.heard(input.node, input.operations, desk));
        break;
      case "fence-outcome":
        this.fenceEnded(input.record, input.ok);
        break;
      case "request":
        this.request(input.from, input.request);
        break;
    }
    this.advance(input.type === "tick");
    return this.effects;
  }

  private isActing(): boolean {
    return this.writer !== undefined && this.standing?.established === true;
  }

  private withDesk(act: (desk: Desk) => void): void {
    const { writer, standing } = this;
    if (writer === undefined || standing?.established !== true) return;
    act({
      config: this.config,
      writer,
      nowMs: this.nowMs,
      epochMs: this.nowMs + this.epochOffsetMs,
      primary: standing.primary,
      emit: (effect) => this.effects.push(effect),
      tell: (event) =>
        this.effects.push({ type: "event", event: { epochMs: Math.round(this.nowMs + this.epochOffsetMs), ...event } }),
      lifeOf: (id) => this.lifeOf(id),
      replan: (reason) => this.replan(reason),
    });
  }

  private replan(reason: string): void {
    this.planReason ??= reason;
    this.planPausesUntilMs = undefined;
    this.followUps = 0;
  }

  private lifeOf(id: NodeId): Incarnation | undefined {
    const member = this.standing?.view.members.find((candidate) => candidate.id === id);
    if (member === undefined || this.haunting(id, member.incarnation) !== undefined) return undefined;
    const off = this.fences.lastOff(id);
    return off !== undefined && off >= member.incarnation ? undefined : member.incarnation;
  }

  /** Without fencing nothing would ever settle it, and a look at what runs there has to do. */
  private haunting(id: NodeId, incarnation: Incarnation): Incarnation | undefined {
    return this.options.fencingEnabled ? this.lives.earlier(id, incarnation) : undefined;
  }

  // --- what changes -----------------------------------------------------------------------------------------------------------

  private setStanding(standing: Standing): void {
    const before = this.standing;
    this.standing = standing;
    this.startedMs ??= this.nowMs;
    if (standing.established) this.lives.standing(standing);
    if (standing.coordinator !== this.config.self) {
      if (standing.established && !faultPlanted(this.config, "stale-coordinator-goes-on")) this.stepDown();
      return;
    }
    if (!standing.established) return;
    const sameView = before?.view.id.number === standing.view.id.number && before.established;
    if (this.writer === undefined) this.takeOver(this.cib);
    else if (!sameView) this.writer.viewChanged(this.cib);
    if (!sameView) this.conductor.viewChanged(standing.view.members, this.nowMs);
    this.replan(sameView ? "the standing of the view has changed" : "the view has changed");
  }

  private takeOver(cib: Element): void {
    this.tenure += 1;
    const who = `coordinator ${nodeName(this.config, this.config.self)}`;
    this.writer = new StatusWriter(`${this.config.runId}:status-${this.tenure}`, who, cib);
    this.waitsForNodes = false;
  }

  private stepDown(): void {
    if (this.writer === undefined) return;
    this.writer = undefined;
    this.conductor.clear();
    this.planReason = undefined;
    this.planPausesUntilMs = undefined;
    this.recheckAtMs = undefined;
    this.fences.giveUpRequests();
  }

  private setCib(cib: Element): void {
    if (childNamed(cib, "configuration") !== childNamed(this.cib, "configuration")) {
      this.options = controllerOptions(cib);
      if (this.conductor.waitsToFence && fenceSetup(cib) !== fenceSetup(this.cib)) this.conductor.fenceDevicesChanged();
    }
    this.cib = cib;
    this.lives.cib(cib);
    const difference = this.writer?.committed(cib);
    if (difference === undefined) return;
    const isFirst = this.planReason === undefined || this.planPausesUntilMs !== undefined;
    this.replan(`${placeWords(difference, (id) => nodeName(this.config, Number(id)))} has changed`);
    const untilMs = Math.max(this.plannedUpToMs - CHANGES_AT_ONCE * CHANGES_PAUSE_MS, this.plansRestUntilMs);
    if (isFirst) this.planPausesUntilMs = Math.max(untilMs, this.nowMs);
  }

  private answered(requestId: string, outcome: ChangeOutcome): void {
    const written = this.writer?.answered(requestId, outcome);
    if (written?.written !== "mine" || written.warning === undefined) return;
    const { warning } = written;
    this.withDesk((desk) => desk.tell({ kind: "disk", code: "status-lost", text: warning, severity: "error" }));
    this.replan("a part of the status could not be written");
  }

  private recheck(): void {
    if (this.recheckAtMs === undefined || this.recheckAtMs > this.nowMs) return;
    this.recheckAtMs = undefined;
    this.replan("it is time to look again");
  }

  // --- fencing and requests ---------------------------------------------------------------------------------------------------

  /** Also while a view forms: that a life is over stays true. */
  private fenceEnded(record: FenceRecord, ok: boolean): void {
    this.fences.ended(record, ok);
    this.withDesk((desk) => {
      this.fences.writeDown(record, ok, desk);
      this.conductor.fenceEnded(record, ok, desk);
      if (this.conductor.walk === undefined) desk.replan(`${record.target} was fenced`);
    });
  }

  private request(from: NodeId, request: ServiceRequest): void {
    if (!this.isActing()) {
      const reason = "This node is not the coordinator of an established view. Ask again in a moment.";
      this.answerRequest(from, request.id, { outcome: "refused", code: "no-coordinator", reason });
      return;
    }
    this.withDesk((desk) => {
      if (request.request === "cleanup") {
        cleanUp(request, desk, (outcome) => this.answerRequest(from, request.id, outcome));
      } else if (request.request === "fence-confirm") {
        this.confirmFence(from, request.id, request.node, request.who, desk);
      } else if (request.request === "fence") {
        this.fences.request(from, request.id, request, desk);
      }
    });
  }

  private confirmFence(from: NodeId, requestId: string, target: string, who: string, desk: Desk): void {
    // Of a node that is here again it is the earlier life that somebody answers for.
    const lifeMeant = (id: NodeId) => {
      const member = this.standing?.view.members.find((candidate) => candidate.id === id);
      return member === undefined ? this.lastLifeOf(id) : member.incarnation - 1;
    };
    const record = this.fences.confirm(from, requestId, target, who, desk, lifeMeant);
    if (record === undefined) return;
    this.fenceEnded(record, true);
    this.effects.push({ type: "fence-confirmed", record });
  }

  private lastLifeOf(id: NodeId): Incarnation {
    const state = this.writer === undefined ? undefined : nodeState(this.writer.working, `${id}`);
    return lastLife(this.standing, state, id);
  }

  private answerRequest(to: NodeId, requestId: string, outcome: RequestOutcome): void {
    this.effects.push({ type: "request-answer", to, requestId, outcome });
  }

  // --- the state decides --------------------------------------------------------------------------------------------------------

  private advance(isTick: boolean): void {
    this.withDesk((desk) => {
      this.syncNodeStates(desk);
      this.conductor.dropLost(desk);
      this.conductor.dropLate(desk);
      this.planAgainMs = undefined;
      for (let plans = 0; plans < MAX_PLANS_PER_STEP; plans++) {
        if (this.planPausesUntilMs !== undefined && (!isTick || this.planPausesUntilMs > this.nowMs)) {
          this.planAgainMs = this.planPausesUntilMs;
          return;
        }
        if (this.planReason !== undefined) this.plan(this.planReason, desk);
        this.conductor.advance(desk);
        if (this.conductor.isOver) this.finish(desk);
        if (this.planReason === undefined || this.waitsForNodes) break;
      }
      if (this.planReason !== undefined && !this.waitsForNodes) this.planAgainMs = this.nowMs + PLAN_AGAIN_MS;
    });
    this.fences.noteTargets(this.effects, (id) => this.lastLifeOf(id));
    const request = this.isActing() ? this.writer?.flush() : undefined;
    if (request !== undefined) this.effects.push({ type: "change", request });
  }

  private syncNodeStates(desk: Desk): void {
    const { standing } = this;
    if (standing === undefined) return;
    const missing = desk.primary ? missingNodes(desk.writer.working, this.config.nodes) : [];
    if (missing.length > 0) desk.writer.write(missing);
    if (desk.primary) keepVoters(this.config, this.cib, standing, desk);
    for (const node of this.config.nodes) {
      const fenced = this.fences.lastOff(node.id);
      const member = standing.view.members.find((candidate) => candidate.id === node.id);
      const recorded = nodeState(desk.writer.working, `${node.id}`)?.attributes[INCARNATION];
      const haunting = this.haunting(node.id, member?.incarnation ?? Number(recorded ?? 0));
      const update = nodeStateUpdate(desk.writer.working, node, standing, fenced, haunting);
      const { became } = update;
      const believed = faultPlanted(this.config, "missing-incarnation-check");
      const edits = believed ? update.edits.filter((edit) => edit.edit !== "delete") : update.edits;
      if (edits.length === 0) continue;
      desk.writer.write(edits);
      this.replan(`${node.name} is ${became ?? "different"}`);
      if (became !== undefined) this.tellNode(node.name, node.id, became, standing, desk);
    }
  }

  private tellNode(
    name: string,
    id: NodeId,
    became: "online" | "restarted" | "unclean" | "down",
    standing: Standing,
    desk: Desk,
  ): void {
    const cause = standing.view.departures.find((departure) => departure.id === id)?.cause;
    const words = {
      online: `${name} is a member of the cluster`,
      restarted: `${name} has started again; what its earlier life did is looked at afresh`,
      unclean: `${name} is lost (${cause ?? "gone without a word"}) and may still run resources: only fencing makes sure that it does not`,
      down: `${name} has left cleanly, or is off: nothing runs there`,
    };
    const severity = became === "unclean" ? "error" : became === "restarted" ? "warning" : "info";
    desk.tell({ kind: "view", code: `node-${became}`, text: words[became], severity, node: name });
  }

  /**
   * Until then nodes that were never seen are waited for. It counts from the node's own start, not from when it came to coordinate: a cluster
   * that loses one coordinator after the other is not starting, and what is to be stopped or recovered would wait for each of them.
   */
  private get startupUntilMs(): number {
    return (this.startedMs ?? this.nowMs) + this.options.deadtimeMs;
  }

  /** Nodes that were never seen may run something: they get some time to appear before anything is decided about them. */
  private missesUnseenNodes(cib: Element): boolean {
    if (this.nowMs >= this.startupUntilMs) return false;
    return this.config.nodes.some(
      (node) => this.lifeOf(node.id) === undefined && nodeState(cib, `${node.id}`) === undefined,
    );
  }

  private plan(reason: string, desk: Desk): void {
    const cib = desk.writer.working;
    this.waitsForNodes = this.missesUnseenNodes(cib);
    if (this.waitsForNodes) return;
    this.planReason = undefined;
    this.planPausesUntilMs = undefined;
    this.plannedUpToMs = Math.max(this.nowMs, this.plannedUpToMs) + CHANGES_PAUSE_MS;
    this.planCount += 1;
    const schedule = this.config.schedule(cib, {
      nowEpochSeconds: Math.floor(desk.epochMs / 1000),
      md5Hex: this.config.md5Hex,
      timeZoneOffsetMinutes: this.config.timeZoneOffsetMinutes,
    });
    this.plansRestUntilMs = this.nowMs + Math.min((schedule.tookMs ?? 0) * PLAN_TIME_PARTS, MAX_CHANGES_PAUSE_MS);
    const graph = withoutDone(schedule.graph, cib);
    this.fences.timeoutMs = graph.stonithTimeoutMs;
    this.conductor.begin(graph, this.planCount, reason, desk);
    this.planRecheck(graph.recheckAtEpochSeconds);
    this.tellProblems(schedule.problems, desk);
    if (graph.synapses.length > 0) {
      const text = `transition ${this.planCount}: ${graph.synapses.length} actions, because ${reason}`;
      desk.tell({ kind: "transition", code: "begins", text, severity: "info" });
    }
  }

  private planRecheck(atEpochSeconds: number | undefined): void {
    const { recheckIntervalMs } = this.options;
    const regular = recheckIntervalMs > 0 ? this.nowMs + recheckIntervalMs : undefined;
    const asked = atEpochSeconds === undefined ? undefined : atEpochSeconds * 1000 - this.epochOffsetMs;
    this.recheckAtMs = earliest(
      regular,
      asked === undefined ? undefined : Math.max(asked, this.nowMs + MIN_RECHECK_MS),
    );
  }

  private tellProblems(
    problems: readonly { severity: "error" | "warning"; code: string; text: string }[],
    desk: Desk,
  ): void {
    const now = new Set(problems.map((problem) => problem.text));
    for (const problem of problems) {
      if (this.toldProblems.has(problem.text)) continue;
      desk.tell({ kind: "note", code: problem.code, text: problem.text, severity: problem.severity });
    }
    this.toldProblems = now;
  }

  /** The plan is carried out as far as it goes. One look more shows whether that was all. */
  private finish(desk: Desk): void {
    const { walk } = this.conductor;
    if (walk === undefined || this.planReason !== undefined) return;
    this.conductor.walk = undefined;
    if (walk.size === 0) return;
    if (this.followUps >= MAX_FOLLOW_UP_PLANS) {
      const text = `${MAX_FOLLOW_UP_PLANS} plans in a row have led to another one; waiting for a change. This is a fault of Systole: please report it with the CIB`;
      desk.tell({ kind: "transition", code: "restless", text, severity: "error" });
      return;
    }
    this.followUps += 1;
    this.planReason = `transition ${walk.number} is done`;
  }
}

/** A node that was let go stays in the plan until it is gone; when that is all, there is nothing to do. */
function withoutDone(graph: TransitionGraph, cib: Element): TransitionGraph {
  const isDone = ({ action }: Synapse) =>
    action.kind === "pseudo" || (action.operation === "do_shutdown" && isLeaving(nodeState(cib, action.nodeId ?? "")));
  return graph.synapses.every(isDone) ? { ...graph, synapses: [] } : graph;
}
