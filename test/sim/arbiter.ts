// The arbiter of a simulated cluster: a register at a third place, which some nodes cannot reach for a while, which is down for a while,
// and which does what it was asked when nobody waits for the answer any more. It may lose all that it holds, but never goes back to
// what it held before, and never lies.

import type { ArbiterCall, ArbiterOutcome } from "../../runtime/kernel/messages.ts";
import { formatLineage } from "../../runtime/kernel/quorum/lineage.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** The register's name where the cluster has agreed on it before the beginning. */
export const REGISTER = "sim";
const AGREED = formatLineage({
  cluster: "sim",
  register: REGISTER,
  number: 0,
  members: [],
  base: 0,
  claim: "founding",
});

/** How good the arbiter is, and the way to it. All times in milliseconds. */
export interface ArbiterDials {
  /** Each way, in the mean. */
  readonly delayMs: number;
  /** How often a request, or an answer, is lost. */
  readonly lossRate: number;
  /** How often a request arrives much later, and by how much in the mean. */
  readonly lateRate: number;
  readonly lateMs: number;
  /** How often it says that it failed, having done it or not. */
  readonly failRate: number;
  /** Between two troubles, and how long one lasts, in the mean. */
  readonly calmMs: number;
  readonly troubleMs: number;
  /** How often a trouble costs it what it holds; only where the cluster sets it up again. */
  readonly forgetRate: number;
  /** Two nodes wait for one another after a start all the same. */
  readonly waitForAll: boolean;
}

/** Draws an arbiter. */
export function drawArbiter(random: Random): ArbiterDials {
  return {
    delayMs: random.pick([1, 20, 200, 600]),
    lossRate: random.seldom(0.5),
    lateRate: random.seldom(0.5),
    lateMs: random.pick([500, 3_000, 15_000]),
    failRate: random.seldom(0.5),
    calmMs: random.between(5_000, 40_000),
    troubleMs: random.between(1_000, 15_000),
    forgetRate: random.chance(0.7) ? 0 : 0.3,
    waitForAll: random.chance(0.25),
  };
}

/** The register, and the ways to it. */
export class Arbiter {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #dials: ArbiterDials;
  readonly #nodes: readonly number[];
  readonly #isAgreed: boolean;
  #text: string | undefined;
  #tag = 1;
  #active = false;
  /** Nodes that cannot reach it now. */
  #cut: readonly number[] = [];
  calls = 0;
  replaced = 0;

  /** @param isAgreed the cluster knows of it from the beginning; otherwise it sets it up. */
  constructor(queue: EventQueue, random: Random, dials: ArbiterDials, nodes: readonly number[], isAgreed: boolean) {
    this.#isAgreed = isAgreed;
    this.#text = isAgreed ? AGREED : undefined;
    this.#queue = queue;
    this.#random = random;
    this.#dials = dials;
    this.#nodes = nodes;
  }

  /** Troubles begin. */
  begin(note: (text: string) => void): void {
    this.#active = true;
    this.#later(note);
  }

  /** And end, for good. */
  heal(): void {
    this.#active = false;
    this.#cut = [];
  }

  #later(note: (text: string) => void): void {
    this.#queue.after(this.#random.exponential(this.#dials.calmMs), () => {
      if (!this.#active) return;
      this.#cut = this.#random.chance(0.3) ? this.#nodes : this.#nodes.filter(() => this.#random.chance(0.5));
      note(`the arbiter is out of reach of ${this.#cut.join(" ")}`);
      if (!this.#isAgreed && this.#random.chance(this.#dials.forgetRate)) {
        this.#text = undefined;
        note("the arbiter has forgotten everything");
      }
      this.#queue.after(this.#random.exponential(this.#dials.troubleMs), () => {
        if (!this.#active) return;
        this.#cut = [];
        this.#later(note);
      });
    });
  }

  /** One answer for each call, at its deadline at the latest. What is on its way arrives all the same. */
  perform(from: number, call: ArbiterCall, timeoutMs: number, answer: (outcome: ArbiterOutcome) => void): void {
    this.calls += 1;
    let answered = false;
    const once = (outcome: ArbiterOutcome): void => {
      if (!answered) answer(outcome);
      answered = true;
    };
    this.#queue.after(timeoutMs, () => once({ outcome: "timeout", reason: "It has not answered in time." }));
    const troubled = this.#active;
    const lost = (): boolean => this.#cut.includes(from) || (troubled && this.#random.chance(this.#dials.lossRate));
    if (lost()) {
      if (this.#random.chance(0.3)) once({ outcome: "error", reason: "It refuses the connection." });
      return;
    }
    const late = troubled && this.#random.chance(this.#dials.lateRate);
    const extraMs = late ? this.#random.exponential(this.#dials.lateMs) : 0;
    const fails = troubled && this.#random.chance(this.#dials.failRate);
    const undone = fails && this.#random.chance(0.5);
    this.#queue.after(this.#random.exponential(this.#dials.delayMs) + extraMs, () => {
      const outcome = undone ? undefined : this.#do(call);
      if (lost()) return;
      this.#queue.after(this.#random.exponential(this.#dials.delayMs), () =>
        once(fails || outcome === undefined ? { outcome: "error", reason: "It has failed, as it was to." } : outcome),
      );
    });
  }

  #do(call: ArbiterCall): ArbiterOutcome {
    const tag = this.#text === undefined ? undefined : `${this.#tag}`;
    if (call.verb === "read") {
      if (this.#text === undefined || tag === undefined) return { outcome: "absent" };
      return { outcome: "read", text: this.#text, tag };
    }
    if (call.expectedTag !== tag) return { outcome: "conflict" };
    this.#text = call.text;
    this.#tag += 1;
    this.replaced += 1;
    return { outcome: "replaced" };
  }
}
