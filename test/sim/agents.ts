// The resources as they really are on one computer, and the agents through which Systole sees and changes them. Calls take
// time; some fail, some hang until they are aborted, some claim what they did not do. What a call changes, it changes at some
// moment before it answers, so a crash in between leaves behind what nobody has heard of.

import type { AgentCall, AgentOutcome } from "../../runtime/services/calls.ts";
import type { AgentDials } from "./dials.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** What a resource is on a computer; `failed` runs, or half of it. */
export type ResourceState = "stopped" | "running" | "promoted" | "failed";

/** Between the abort of a hanging call and its end: the host's kill after grace. */
const KILL_GRACE_MS = 50;

interface RunningCall {
  readonly call: AgentCall;
  readonly answer: (outcome: AgentOutcome) => void;
  ended: boolean;
}

/** Everybody's eyes: told of every change of the truth, and of every call that begins. */
export interface AgentWatch {
  changed(resource: string, state: ResourceState): void;
  began(resource: string, call: AgentCall, others: readonly AgentCall[]): void;
}

/** The name under which a resource is known on a node: an anonymous clone's instances are one there. */
export function baseName(resource: string): string {
  const colon = resource.lastIndexOf(":");
  return colon > 0 && /^\d+$/.test(resource.slice(colon + 1)) ? resource.slice(0, colon) : resource;
}

/** The agents of one computer. */
export class Agents {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #dials: AgentDials;
  readonly #watch: AgentWatch;
  readonly #states = new Map<string, ResourceState>();
  readonly #calls = new Map<number, RunningCall>();
  /** Calls of a life of Systole that is over. */
  readonly #orphans = new Set<RunningCall>();
  /** Running, and the planted agent says they are not. */
  readonly #denied = new Set<string>();
  /** A fault makes every change fail here. */
  failing = false;
  /** Faults are over: no failing, no hanging, no lying. */
  honest = false;
  calls = 0;

  constructor(queue: EventQueue, random: Random, dials: AgentDials, watch: AgentWatch) {
    this.#queue = queue;
    this.#random = random;
    this.#dials = dials;
    this.#watch = watch;
  }

  state(resource: string): ResourceState {
    return this.#states.get(resource) ?? "stopped";
  }

  /** Names of what runs here, well or badly; in the order of their names. */
  active(): string[] {
    return [...this.#states]
      .filter(([, state]) => state !== "stopped")
      .map(([name]) => name)
      .sort();
  }

  set(resource: string, state: ResourceState): void {
    if (this.state(resource) === state) return;
    this.#states.set(resource, state);
    this.#watch.changed(resource, state);
  }

  /** The power has gone: nothing runs any more. */
  powerLost(): void {
    this.#endCalls(() => false);
    for (const orphan of this.#orphans) orphan.ended = true;
    this.#orphans.clear();
    for (const name of this.active()) this.set(name, "stopped");
  }

  /**
   * Systole has ended here, and nobody hears of its calls any more. Resources stay as they are; some of the calls end with it, and some go on,
   * as programs do whose parent has died.
   */
  processEnded(): void {
    this.#endCalls(() => this.#random.chance(0.5));
  }

  #endCalls(goesOn: () => boolean): void {
    for (const running of this.#calls.values()) {
      if (goesOn()) this.#orphans.add(running);
      else running.ended = true;
    }
    this.#calls.clear();
  }

  /** Performs one call; exactly one answer follows, unless Systole ends before. */
  perform(call: AgentCall, answer: (outcome: AgentOutcome) => void): void {
    this.calls += 1;
    const name = baseName(call.resource.id);
    const others = [...this.#calls.values()]
      .map((other) => other.call)
      .filter((other) => baseName(other.resource.id) === name);
    const running: RunningCall = { call, answer, ended: false };
    this.#calls.set(call.id, running);
    this.#watch.began(name, call, others);
    const duration = this.#random.exponential(this.#dials.durationMs);
    const hangs = !this.honest && this.#random.chance(this.#dials.hangRate);
    const acts = this.#random.fraction() * duration;
    const change = this.#change(call);
    if (change !== undefined) {
      this.#queue.after(acts, () => {
        if (!running.ended) this.set(name, change.state);
      });
    }
    const late = hangs || duration >= call.timeoutMs;
    this.#queue.after(late ? call.timeoutMs + KILL_GRACE_MS : duration, () => {
      const text = `${call.verb} of ${call.resource.id} was aborted at its deadline of ${call.timeoutMs} ms`;
      this.#end(running, late ? { outcome: "timeout", reason: text } : (change?.outcome ?? this.#observe(name)));
    });
  }

  /** Ends a call at once; its outcome still comes. */
  abort(id: number): void {
    const running = this.#calls.get(id);
    if (running === undefined) return;
    this.#queue.after(KILL_GRACE_MS, () => this.#end(running, { outcome: "timeout", reason: "aborted" }));
  }

  #end(running: RunningCall, outcome: AgentOutcome): void {
    if (running.ended) return;
    running.ended = true;
    if (this.#orphans.delete(running)) return;
    this.#calls.delete(running.call.id);
    running.answer(outcome);
  }

  /** What a changing call will make of the resource, and say of it; undefined for one that only looks. */
  #change(call: AgentCall): { state: ResourceState; outcome: AgentOutcome } | undefined {
    const wanted = WANTED[call.verb];
    if (wanted === undefined) return call.verb === "monitor" ? undefined : this.#noChange(call);
    const name = baseName(call.resource.id);
    const before = this.state(name);
    if (!this.honest) {
      if (this.failing || this.#random.chance(this.#dials.failRate)) {
        const state = this.#random.chance(0.5) ? before : call.verb === "start" ? "failed" : before;
        return { state, outcome: { outcome: "error", code: "generic", reason: `${call.verb} failed, as it was to` } };
      }
      // A stop that lies kills data whatever anyone does; a start that lies must be found out.
      if (call.verb !== "stop" && call.verb !== "demote" && this.#random.chance(this.#dials.lieRate)) {
        return { state: before, outcome: { outcome: "done" } };
      }
    }
    if (before === "stopped" && (call.verb === "promote" || call.verb === "demote")) {
      return { state: before, outcome: { outcome: "error", code: "generic", reason: "it is not running" } };
    }
    if (this.#dials.deniesRunning && call.verb === "stop") {
      this.#denied.add(name);
      return { state: before, outcome: { outcome: "done" } };
    }
    this.#denied.delete(name);
    const state = call.verb === "start" && before === "promoted" ? before : wanted;
    return { state, outcome: { outcome: "done" } };
  }

  #noChange(call: AgentCall): { state: ResourceState; outcome: AgentOutcome } {
    return { state: this.state(baseName(call.resource.id)), outcome: { outcome: "done" } };
  }

  #observe(name: string): AgentOutcome {
    const state = this.state(name);
    if (this.#denied.has(name)) return { outcome: "state", state: "stopped" };
    if (!this.honest && this.#random.chance(this.#dials.failRate * 0.1)) {
      return { outcome: "unknown", reason: "the plugin died" };
    }
    return { outcome: "state", state };
  }
}

/** What a verb leaves behind when all goes well. */
const WANTED: Readonly<Record<string, ResourceState>> = {
  start: "running",
  stop: "stopped",
  promote: "promoted",
  demote: "running",
  migrateFrom: "running",
  migrateTo: "stopped",
};
