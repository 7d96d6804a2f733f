// Who alerts are told to: recipients outside the cluster, reached through a plugin on each node. A delivery takes time, fails, is refused,
// or hangs until its deadline.

import type { AlertCall, AlertOutcome } from "../../runtime/services/calls.ts";
import type { AlertDials } from "./dials.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** The sinks of one computer. */
export class Sinks {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #dials: AlertDials;
  readonly #calls = new Map<number, { readonly call: AlertCall; readonly answer: (outcome: AlertOutcome) => void }>();
  /** Faults are over. */
  honest = false;

  constructor(queue: EventQueue, random: Random, dials: AlertDials) {
    this.#queue = queue;
    this.#random = random;
    this.#dials = dials;
  }

  /** Deliveries to the same recipient that have not ended. */
  underWay(sink: string): readonly AlertCall[] {
    return [...this.#calls.values()].map(({ call }) => call).filter((call) => call.sink.id === sink);
  }

  /** Performs one call; exactly one answer follows, unless the process ends before. */
  perform(call: AlertCall, answer: (outcome: AlertOutcome) => void): void {
    const running = { call, answer };
    this.#calls.set(call.id, running);
    const end = (outcome: AlertOutcome): void => {
      if (this.#calls.get(call.id) !== running) return;
      this.#calls.delete(call.id);
      answer(outcome);
    };
    const hangs = !this.honest && this.#random.chance(this.#dials.hangRate);
    const durationMs = hangs ? call.timeoutMs : this.#random.exponential(this.#dials.durationMs);
    this.#queue.after(Math.min(durationMs, call.timeoutMs), () => end(this.#outcome(durationMs >= call.timeoutMs)));
  }

  abort(id: number, why: string): void {
    const running = this.#calls.get(id);
    this.#calls.delete(id);
    running?.answer({ outcome: "error", reason: why });
  }

  /** The process has ended: nobody is left to answer. */
  forget(): void {
    this.#calls.clear();
  }

  #outcome(late: boolean): AlertOutcome {
    if (late) return { outcome: "timeout", reason: "the recipient does not answer" };
    if (this.honest || !this.#random.chance(this.#dials.failRate)) return { outcome: "done" };
    return this.#random.chance(0.1)
      ? { outcome: "refused", reason: "the recipient does not want it" }
      : { outcome: "error", reason: "the recipient has failed, as it was to" };
  }
}
