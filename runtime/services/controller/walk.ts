// A transition on its way: which actions of the graph may start now, which are under way, what is done.
//
// An action may start when everything before it is confirmed. Pseudo actions only order others, so they are confirmed at once.
// Among those that may start, the higher priority is first, then the lower number, so the same graph is walked the same way everywhere.

import type { GraphAction, Synapse, TransitionGraph } from "../transition.ts";
import { isProbe } from "./operations.ts";

interface Step {
  readonly synapse: Synapse;
  /** Inputs that are not confirmed yet. */
  missing: number;
  state: "waiting" | "ready" | "started" | "confirmed" | "failed";
}

/** Walks one transition graph. */
export class Walk {
  readonly graph: TransitionGraph;
  readonly number: number;
  readonly reason: string;
  private readonly steps = new Map<number, Step>();
  private readonly dependents = new Map<number, Step[]>();
  /** Ready to start, best first. */
  private ready: Step[] = [];
  private confirmedCount = 0;
  private startedCount = 0;

  constructor(graph: TransitionGraph, number: number, reason: string) {
    this.graph = graph;
    this.number = number;
    this.reason = reason;
    for (const synapse of graph.synapses) {
      this.steps.set(synapse.action.id, { synapse, missing: 0, state: "waiting" });
    }
    for (const step of this.steps.values()) {
      for (const input of new Set(step.synapse.inputs)) {
        // What is not in the graph needs not be done.
        if (!this.steps.has(input)) continue;
        step.missing += 1;
        const list = this.dependents.get(input);
        if (list === undefined) this.dependents.set(input, [step]);
        else list.push(step);
      }
    }
    for (const step of this.steps.values()) if (step.missing === 0) this.makeReady(step);
    this.settlePseudo();
  }

  get size(): number {
    return this.steps.size;
  }

  get confirmed(): number {
    return this.confirmedCount;
  }

  /** Nothing is under way and nothing can start. */
  get isOver(): boolean {
    return this.startedCount === 0 && this.ready.length === 0;
  }

  /** Everything was done. */
  get isComplete(): boolean {
    return this.confirmedCount === this.steps.size;
  }

  action(id: number): GraphAction | undefined {
    return this.steps.get(id)?.synapse.action;
  }

  /** Nothing stands before the action, and it has no result yet. */
  isOpen(id: number): boolean {
    const state = this.steps.get(id)?.state;
    return state === "ready" || state === "started";
  }

  /** A probe of the node has no result yet: something may be found there. */
  isBusyOn(nodeId: string): boolean {
    for (const { state, synapse } of this.steps.values()) {
      const { action } = synapse;
      if (state === "confirmed" || state === "failed" || !isProbe(action)) continue;
      if ((action.routerNode ?? action.nodeId) === nodeId) return true;
    }
    return false;
  }

  /** What may start now, best first. Take it with `start`, or leave it for later. */
  candidates(): readonly GraphAction[] {
    return this.ready.map((step) => step.synapse.action);
  }

  /** The action is under way from now on. */
  start(id: number): void {
    const step = this.steps.get(id);
    if (step?.state !== "ready") return;
    step.state = "started";
    this.startedCount += 1;
    this.ready = this.ready.filter((other) => other !== step);
  }

  /** The action has had the result that was wanted. */
  confirm(id: number): void {
    const step = this.steps.get(id);
    if (step === undefined || !this.leave(step)) return;
    this.complete(step);
    this.settlePseudo();
  }

  /** The action has failed: what depends on it does not happen, unless it may fail. */
  fail(id: number): void {
    const step = this.steps.get(id);
    if (step === undefined || !this.leave(step)) return;
    if (step.synapse.action.attributes["CRM_meta_can_fail"] === "true") {
      this.complete(step);
      this.settlePseudo();
    } else {
      step.state = "failed";
    }
  }

  private leave(step: Step): boolean {
    if (step.state === "confirmed" || step.state === "failed") return false;
    if (step.state === "started") this.startedCount -= 1;
    if (step.state === "ready") this.ready = this.ready.filter((other) => other !== step);
    return true;
  }

  private complete(step: Step): void {
    step.state = "confirmed";
    this.confirmedCount += 1;
    for (const dependent of this.dependents.get(step.synapse.action.id) ?? []) {
      dependent.missing -= 1;
      if (dependent.missing === 0 && dependent.state === "waiting") this.makeReady(dependent);
    }
  }

  private makeReady(step: Step): void {
    step.state = "ready";
    const { priority, action } = step.synapse;
    const at = this.ready.findIndex(
      (other) =>
        other.synapse.priority < priority ||
        (other.synapse.priority === priority && other.synapse.action.id > action.id),
    );
    if (at < 0) this.ready.push(step);
    else this.ready.splice(at, 0, step);
  }

  /** Each round confirms at least one action, so the graph's size bounds the loop. */
  private settlePseudo(): void {
    for (let round = 0; round <= this.steps.size; round++) {
      const step = this.ready.find((candidate) => candidate.synapse.action.kind === "pseudo");
      if (step === undefined) return;
      this.ready = this.ready.filter((other) => other !== step);
      this.complete(step);
    }
  }
}
