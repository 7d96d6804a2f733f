// The executor: carries out the operations of this node, one at a time for each resource, and watches what runs.
//
// It decides every deadline; the host performs single calls. A result is reported until the coordinator says that it stands in the CIB,
// again to each new coordinator, so none is lost when a coordinator dies. A recurring monitor reports its first result and then each
// change of it.

import { assert } from "../../kernel/assert.ts";
import { type Element, element } from "../../kernel/cib/element.ts";
import type { Machine, Tick } from "../../kernel/machine.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import { faultPlanted, type Plantable } from "../../kernel/planted-fault.ts";
import { compareText } from "../../model/text.ts";
import type { AgentCall, AgentOutcome, DeviceCall, DeviceOutcome } from "../calls.ts";
import { ownParameters } from "../fencer/devices.ts";
import type { Operation, OperationResult } from "../messages.ts";
import {
  activates,
  activeAfter,
  checkOutcome,
  ENDED_BEFORE,
  NOT_PRIMARY,
  nothingToDo,
  promotedAfter,
} from "./conclusions.ts";
import {
  endsRecurring,
  expectedRc,
  forgetOperation,
  type OperationDigest,
  recordPending,
  recordResult,
} from "./history.ts";
import { dropQueuedRecurring, type Managed, newManaged, type Recurring, withoutResult } from "./managed.ts";
import { type Ending, OCF_GENERIC_ERROR } from "./ocf.ts";
import { agentCall, type Next, Run, seenAfter } from "./run.ts";
import { startingNow, startMs } from "./timetable.ts";

/** Operations that may wait for one resource. */
export const MAX_QUEUED = 64;
/** Results kept until the coordinator has noted them; the oldest are given up first. */
export const MAX_UNNOTED_RESULTS = 8192;
/** How long the next operation of a resource waits for a call that was aborted to come back. */
export const ABORT_GRACE_MS = 5000;

export interface ExecutorConfig extends Plantable {
  readonly self: NodeId;
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly digest: OperationDigest;
  /** Numbers for calls, unique on this node. */
  readonly nextCallId: () => number;
  /** Whether recurring monitors that are due at nearly the same time start together (timetable.ts). */
  readonly gatherMonitors?: boolean;
}

export type ExecutorInput =
  | Tick
  | { readonly type: "operation"; readonly operation: Operation }
  | { readonly type: "operation-cancel"; readonly resource: string; readonly operationKey: string }
  | { readonly type: "history-clear"; readonly resource: string }
  | { readonly type: "operation-noted"; readonly callId: number }
  | { readonly type: "agent-outcome"; readonly id: number; readonly outcome: AgentOutcome }
  | { readonly type: "device-outcome"; readonly id: number; readonly outcome: DeviceOutcome }
  /**
   * Whether anything may be made active here: yes in a primary view, no in another, undefined while a view forms and nobody knows.
   */
  | { readonly type: "activation"; readonly allowed: boolean | undefined }
  /** There is a coordinator (perhaps another one): everything that is not noted is reported to it. */
  | { readonly type: "report-again" }
  | { readonly type: "wall-clock"; readonly epochMs: number };

export type ExecutorEffect =
  | { readonly type: "agent-call"; readonly call: AgentCall }
  | { readonly type: "agent-abort"; readonly id: number; readonly why: string }
  | { readonly type: "device-call"; readonly call: DeviceCall }
  | { readonly type: "device-abort"; readonly id: number; readonly why: string }
  | { readonly type: "operation-result"; readonly result: OperationResult }
  /** After all results that are reported again: what has no result yet. */
  | { readonly type: "operations-under-way"; readonly operations: readonly Operation[] };

/** Runs this node's operations. */
export class Executor implements Machine<ExecutorInput, ExecutorEffect> {
  private readonly config: ExecutorConfig;
  private readonly resources = new Map<string, Managed>();
  private readonly unnoted = new Map<number, OperationResult>();
  /** Call number to resource. */
  private readonly calls = new Map<number, Managed>();
  private allowed: boolean | undefined = true;
  private resultCount = 0;
  private epochOffsetMs = 0;
  private effects: ExecutorEffect[] = [];
  /** When the next recurring monitors start; undefined: to be worked out. */
  private recurringMs: number | undefined;

  constructor(config: ExecutorConfig) {
    this.config = config;
  }

  deadlineMs(): number | undefined {
    this.recurringMs ??= startMs(this.waitingRecurring(), this.gathers);
    let first = this.recurringMs;
    for (const { running, aborted } of this.resources.values()) {
      if (running !== undefined) {
        first = Math.min(first, running.run.deadlineMs, running.pauseUntilMs ?? first);
      }
      if (aborted !== undefined) first = Math.min(first, aborted.untilMs);
    }
    return Number.isFinite(first) ? first : undefined;
  }

  private get gathers(): boolean {
    return this.config.gatherMonitors === true;
  }

  private waitingRecurring(): Recurring[] {
    const waiting: Recurring[] = [];
    for (const { recurring } of this.resources.values()) {
      for (const one of recurring.values()) if (!one.queued) waiting.push(one);
    }
    return waiting;
  }

  step(input: ExecutorInput, nowMs: number): ExecutorEffect[] {
    this.effects = [];
    this.recurringMs = undefined;
    switch (input.type) {
      case "tick":
        break;
      case "wall-clock":
        this.epochOffsetMs = input.epochMs - nowMs;
        break;
      case "operation":
        this.accept(input.operation, nowMs);
        break;
      case "operation-cancel":
        this.cancel(input.resource, input.operationKey, nowMs);
        break;
      case "history-clear":
        this.clear(input.resource, nowMs);
        break;
      case "operation-noted":
        this.unnoted.delete(input.callId);
        break;
      case "agent-outcome":
        this.outcome(input.id, input.outcome, nowMs);
        break;
      case "device-outcome":
        this.outcome(input.id, checkOutcome(input.outcome), nowMs);
        break;
      case "activation":
        this.allowed = input.allowed;
        this.decideHeld(nowMs);
        break;
      case "report-again":
        for (const result of this.unnoted.values()) this.effects.push({ type: "operation-result", result });
        this.effects.push({ type: "operations-under-way", operations: this.underWay() });
        break;
    }
    this.wake(nowMs);
    return this.effects;
  }

  /** Whether a call was made by this machine. */
  owns(callId: number): boolean {
    return this.calls.has(callId);
  }

  private underWay(): readonly Operation[] {
    return faultPlanted(this.config, "status-not-rebuilt") ? [] : withoutResult(this.resources.values());
  }

  /** This node's <lrm> as it would stand in the CIB, with what is under way as pending. */
  get lrm(): Element {
    const resources: Element[] = [];
    for (const managed of [...this.resources.values()].sort((a, b) => compareText(a.id, b.id))) {
      const history = this.historyWithPending(managed);
      if (history !== undefined) resources.push(history);
    }
    return element("lrm", { id: `${this.config.self}` }, [element("lrm_resources", {}, resources)]);
  }

  private historyWithPending(managed: Managed): Element | undefined {
    const { self: node, incarnation, name, digest } = this.config;
    let { history } = managed;
    const { running } = managed;
    const pending = managed.queue.map(({ operation, arrivedMs }) => ({ operation, sinceMs: arrivedMs }));
    if (running !== undefined) pending.unshift({ operation: running.run.operation, sinceMs: running.run.startedMs });
    for (const { operation, sinceMs } of pending) {
      const startedEpochMs = Math.max(0, sinceMs + this.epochOffsetMs);
      history = recordPending(history, { operation, node, incarnation, startedEpochMs }, name, digest);
    }
    return history;
  }

  /** The resources that run here, or may; sorted. */
  get active(): readonly string[] {
    const active = [...this.resources.values()].filter((managed) => managed.active || managed.running !== undefined);
    return active.map((managed) => managed.id).sort(compareText);
  }

  /** Operations under way here. */
  get inFlight(): readonly { readonly what: string; readonly sinceMs: number }[] {
    const list: { what: string; sinceMs: number }[] = [];
    for (const { running } of this.resources.values()) {
      if (running === undefined) continue;
      const { action, resource } = running.run.operation;
      list.push({ what: `${action} of ${resource.id} on ${this.config.name}`, sinceMs: running.run.startedMs });
    }
    return list;
  }

  private managed(id: string): Managed {
    let managed = this.resources.get(id);
    if (managed === undefined) {
      managed = newManaged(id);
      this.resources.set(id, managed);
    }
    return managed;
  }

  private accept(operation: Operation, nowMs: number): void {
    const managed = this.managed(operation.resource.id);
    if (this.isKnown(managed, operation.transitionKey)) return;
    if (managed.queue.length >= MAX_QUEUED) {
      const reason = `${MAX_QUEUED} operations wait for ${managed.id} on ${this.config.name} already; one that hangs holds them up`;
      this.report(managed, operation, { rc: OCF_GENERIC_ERROR, status: "error", reason }, nowMs, 0, 0);
      return;
    }
    if (endsRecurring(operation)) this.endRecurring(managed, nowMs);
    if (operation.intervalMs > 0) {
      this.acceptRecurring(managed, operation, nowMs);
      return;
    }
    managed.queue.push({ operation, arrivedMs: nowMs, recurring: false });
  }

  /** The same request again: it runs, waits, or its result is on its way. */
  private isKnown(managed: Managed, transitionKey: string): boolean {
    if (managed.running?.run.operation.transitionKey === transitionKey) return true;
    if (managed.queue.some((waiting) => waiting.operation.transitionKey === transitionKey)) return true;
    for (const result of this.unnoted.values()) if (result.operation.transitionKey === transitionKey) return true;
    return false;
  }

  private acceptRecurring(managed: Managed, operation: Operation, nowMs: number): void {
    this.cancel(managed.id, operation.operationKey, nowMs);
    const recurring: Recurring = { operation, dueMs: nowMs + operation.startDelayMs, queued: false, last: undefined };
    managed.recurring.set(operation.operationKey, recurring);
    const { seen } = managed;
    // What was read less than one interval ago is this monitor's first result: another reading now would tell nothing new.
    const fresh = seen !== undefined && nowMs - seen.atMs < operation.intervalMs && managed.running === undefined;
    if (!fresh || managed.queue.length > 0 || operation.startDelayMs > 0 || "OCF_CHECK_LEVEL" in operation.parameters)
      return;
    if (seen.rc !== expectedRc(operation)) return;
    recurring.dueMs = seen.atMs + operation.intervalMs;
    recurring.last = { rc: seen.rc, status: "done", reason: "" };
    this.report(managed, operation, recurring.last, nowMs, 0, 0);
  }

  private cancel(resource: string, operationKey: string, nowMs: number): void {
    const managed = this.resources.get(resource);
    if (managed === undefined || !managed.recurring.has(operationKey)) return;
    this.endRecurring(managed, nowMs, operationKey);
    if (managed.history !== undefined) managed.history = forgetOperation(managed.history, operationKey);
  }

  /** Ends one recurring operation, or all. One that has had no result yet gets one: the coordinator waits for it. */
  private endRecurring(managed: Managed, nowMs: number, operationKey?: string): void {
    for (const [key, { operation, last }] of [...managed.recurring]) {
      if (operationKey !== undefined && operationKey !== key) continue;
      managed.recurring.delete(key);
      if (last === undefined) this.report(managed, operation, ENDED_BEFORE, nowMs, 0, 0);
    }
    dropQueuedRecurring(managed, operationKey);
  }

  /** Forgets the past, not what is under way: its result belongs to the present. */
  private clear(resource: string, nowMs: number): void {
    const managed = this.resources.get(resource);
    if (managed === undefined) return;
    for (const [callId, result] of [...this.unnoted]) {
      if (result.operation.resource.id === resource) this.unnoted.delete(callId);
    }
    this.endRecurring(managed, nowMs);
    managed.seen = undefined;
    managed.history = undefined;
    const isIdle = managed.running === undefined && managed.queue.length === 0 && managed.aborted === undefined;
    if (isIdle && !managed.active) {
      this.resources.delete(resource);
    }
  }

  private outcome(id: number, outcome: AgentOutcome, nowMs: number): void {
    const managed = this.calls.get(id);
    if (managed === undefined) return;
    this.calls.delete(id);
    if (managed.aborted?.id === id) {
      managed.aborted = undefined;
      return;
    }
    const { running } = managed;
    if (running === undefined || running.callId !== id) return;
    running.callId = undefined;
    this.proceed(managed, running.run.outcome(outcome, nowMs), nowMs);
  }

  /** Everything that is due: deadlines, pauses, recurring monitors, and the next of each queue. */
  private wake(nowMs: number): void {
    for (const recurring of startingNow(this.waitingRecurring(), this.gathers, nowMs)) {
      this.queueRecurring(recurring, nowMs);
    }
    for (const managed of this.resources.values()) {
      const { running } = managed;
      if (managed.aborted !== undefined && managed.aborted.untilMs <= nowMs) managed.aborted = undefined;
      if (running !== undefined && running.run.deadlineMs <= nowMs) this.expire(managed, nowMs);
      else if (running?.pauseUntilMs !== undefined && running.pauseUntilMs <= nowMs) {
        running.pauseUntilMs = undefined;
        this.proceed(managed, running.run.resume(nowMs), nowMs);
      }
      this.startNext(managed, nowMs);
    }
  }

  private queueRecurring(recurring: Recurring, nowMs: number): void {
    const { operation } = recurring;
    const managed = this.managed(operation.resource.id);
    if (managed.queue.length >= MAX_QUEUED) {
      recurring.dueMs = nowMs + operation.intervalMs;
      return;
    }
    recurring.queued = true;
    managed.queue.push({ operation, arrivedMs: nowMs, recurring: true });
  }

  private startNext(managed: Managed, nowMs: number): void {
    // Each round ends an operation or starts a call; the queue is bounded, and so is this.
    for (let round = 0; round <= MAX_QUEUED; round++) {
      const waits = managed.aborted !== undefined && !faultPlanted(this.config, "aborted-call-not-awaited");
      if (managed.running !== undefined || waits) return;
      const waiting = managed.queue.shift();
      if (waiting === undefined) return;
      const run = new Run(waiting.operation, managed.promoted, nowMs);
      managed.running = { run, waiting, callId: undefined, pauseUntilMs: undefined, held: undefined };
      const { seen } = managed;
      // From here on the world may change under what was seen.
      if (waiting.operation.action !== "monitor" && waiting.operation.action !== "notify") managed.seen = undefined;
      this.proceed(managed, nothingToDo(waiting.operation) ?? run.begin(seen, nowMs), nowMs);
    }
  }

  private proceed(managed: Managed, next: Next, nowMs: number): void {
    const { running } = managed;
    assert(running !== undefined, `a step of an operation of ${managed.id} that is not running`);
    if (next.next === "end") {
      this.end(managed, next.ending, nowMs);
      return;
    }
    if (next.next === "pause") {
      running.pauseUntilMs = next.untilMs;
      return;
    }
    const unchecked = faultPlanted(this.config, "action-without-quorum");
    if (this.allowed !== true && !unchecked && activates(running.run.operation, next.verb)) {
      running.held = next;
      if (this.allowed === false) this.end(managed, NOT_PRIMARY, nowMs);
      return;
    }
    const id = this.config.nextCallId();
    running.callId = id;
    this.calls.set(id, managed);
    const { operation } = running.run;
    const { resource, parameters } = operation;
    if (resource.class === "stonith") {
      const device = { id: resource.id, type: resource.type, parameters: ownParameters(resource.type, parameters) };
      this.effects.push({ type: "device-call", call: { id, device, verb: "check", timeoutMs: next.timeoutMs } });
    } else {
      this.effects.push({ type: "agent-call", call: agentCall(id, operation, next.verb, next.timeoutMs) });
    }
  }

  /** It is known now whether anything may be made active here. */
  private decideHeld(nowMs: number): void {
    if (this.allowed === undefined) return;
    for (const managed of this.resources.values()) {
      const { running } = managed;
      const held = running?.held;
      if (running === undefined || held === undefined) continue;
      running.held = undefined;
      this.proceed(managed, held, nowMs);
    }
  }

  private expire(managed: Managed, nowMs: number): void {
    const { running } = managed;
    assert(running !== undefined, `the end of an operation of ${managed.id} that is not running`);
    if (running.held !== undefined) {
      // Its time went by while a view formed: nothing was begun, so nothing has failed.
      this.end(managed, NOT_PRIMARY, nowMs);
      return;
    }
    const ending = running.run.expire(nowMs);
    if (running.callId !== undefined) {
      const id = running.callId;
      managed.aborted = { id, untilMs: nowMs + ABORT_GRACE_MS };
      const type = running.run.operation.resource.class === "stonith" ? "device-abort" : "agent-abort";
      this.effects.push({ type, id, why: ending.reason });
    }
    this.end(managed, ending, nowMs);
  }

  private end(managed: Managed, ending: Ending, nowMs: number): void {
    const { running } = managed;
    assert(running !== undefined, `the end of an operation of ${managed.id} that is not running`);
    managed.running = undefined;
    const { operation } = running.waiting;
    managed.seen = operation.action === "notify" ? managed.seen : seenAfter(operation, ending, nowMs);
    if (ending.status !== "cancelled") {
      managed.promoted = promotedAfter(managed.promoted, operation, ending);
      managed.active = activeAfter(managed.active, operation, ending);
    }
    if (running.waiting.recurring) {
      const recurring = managed.recurring.get(operation.operationKey);
      // Cancelled, or replaced by a newer request, while it ran.
      if (recurring?.operation.transitionKey !== operation.transitionKey) return;
      recurring.queued = false;
      recurring.dueMs = nowMs + operation.intervalMs;
      const { last } = recurring;
      recurring.last = ending;
      if (last !== undefined && last.rc === ending.rc && last.status === ending.status) return;
    }
    const { startedMs } = running.run;
    this.report(managed, operation, ending, startedMs, nowMs - startedMs, startedMs - running.waiting.arrivedMs);
  }

  private report(
    managed: Managed,
    operation: Operation,
    ending: Ending,
    startedMs: number,
    execTimeMs: number,
    queueTimeMs: number,
  ): void {
    this.resultCount += 1;
    const result: OperationResult = {
      operation,
      node: this.config.self,
      incarnation: this.config.incarnation,
      callId: this.resultCount,
      ...ending,
      startedEpochMs: Math.max(0, startedMs + this.epochOffsetMs),
      execTimeMs,
      queueTimeMs,
    };
    // What was not begun is no part of the history.
    if (result.status !== "cancelled") {
      managed.history = recordResult(managed.history, result, this.config.name, this.config.digest);
    }
    this.unnoted.set(result.callId, result);
    if (this.unnoted.size > MAX_UNNOTED_RESULTS) {
      const oldest = this.unnoted.keys().next();
      if (!oldest.done) this.unnoted.delete(oldest.value);
    }
    this.effects.push({ type: "operation-result", result });
  }
}
