// A half of the cluster asks the arbiter for its vote: reads the register, judges whether it may write itself there, and replaces what it
// has read, if that is still there. Runs on the coordinator of a view that has exactly half of the votes, for as long as the view lasts.
//
// A call that has no answer is perhaps done. So nothing is believed but "replaced", and one's own writing when it is read again; after
// everything else the register is read anew. Whatever else goes wrong with the arbiter only makes this side wait.

import type { NodeId } from "../membership/view.ts";
import type { ArbiterCall, ArbiterOutcome } from "../messages.ts";
import { faultPlanted } from "../planted-fault.ts";
import { formatLineage, type Half, judgeLineage, type Lineage, parseLineage } from "./lineage.ts";

/** A call that takes longer has no answer. */
const CALL_TIMEOUT_MS = 1_500;
/** Before the register is asked again. */
const PAUSE_MS = 1_000;
/** When it has refused: what changes that takes longer. */
const REFUSED_PAUSE_MS = 5_000;
/** Replacements that others were faster with, before there is a pause. */
const MAX_CONFLICTS_IN_A_ROW = 3;
/** So long the members of a new view wait for the arbiter before they are told that there is no quorum. */
const PATIENCE_MS = 2_000;

/** What is claimed. */
export interface ClaimParts extends Omit<Half, "override"> {
  /** Unique among all claims there ever are. */
  readonly name: string;
  readonly members: readonly NodeId[];
  /** The number that the primary view would have. */
  readonly number: number;
  /** Asks the arbiter; the outcome comes back under this id. */
  readonly call: (id: string, call: ArbiterCall, timeoutMs: number) => void;
}

/** What is known: the vote and the number of the view it was given to; or why there is none. */
export type ClaimState =
  | { readonly state: "asking"; readonly text: string }
  | { readonly state: "granted"; readonly number: number; readonly text: string }
  | { readonly state: "refused" | "unreachable"; readonly text: string };

/** One claim. */
export class ArbiterClaim {
  state: ClaimState = { state: "asking", text: "The arbiter has been asked and has not answered yet." };
  readonly #parts: ClaimParts;
  readonly #untilMs: number;
  #override: boolean;
  #calls = 0;
  #conflicts = 0;
  #open: { readonly id: string; readonly written: Lineage | undefined } | undefined;
  #pauseUntilMs: number | undefined;
  /** What was written without an answer. */
  readonly #perhaps = new Set<string>();

  constructor(parts: ClaimParts, override: boolean, nowMs: number) {
    this.#parts = parts;
    this.#override = override;
    this.#untilMs = nowMs + PATIENCE_MS;
    this.#read();
  }

  /** Nothing needs to be decided yet: the answer may come soon. */
  worthWaiting(nowMs: number): boolean {
    return this.state.state === "asking" && nowMs < this.#untilMs;
  }

  get deadlineMs(): number | undefined {
    if (this.state.state === "granted") return undefined;
    if (this.state.state === "asking") return Math.min(this.#untilMs, this.#pauseUntilMs ?? this.#untilMs);
    return this.#pauseUntilMs;
  }

  /** The operator takes losses. */
  force(): void {
    if (this.#override) return;
    this.#override = true;
    if (this.#pauseUntilMs !== undefined) this.#read();
  }

  tick(nowMs: number): void {
    if (this.state.state === "asking" && nowMs >= this.#untilMs) {
      const text = `The arbiter has not answered within ${PATIENCE_MS} ms; it is asked again and again.`;
      this.state = { state: "unreachable", text };
    }
    if (this.#pauseUntilMs !== undefined && nowMs >= this.#pauseUntilMs) this.#read();
  }

  /** What came of a call. One that is not waited for any more is no news. */
  outcome(id: string, outcome: ArbiterOutcome, nowMs: number): void {
    const open = this.#open;
    if (open?.id !== id) return;
    this.#open = undefined;
    const replaced = outcome.outcome === "replaced" || this.#mistaken(outcome);
    if (open.written !== undefined && replaced) this.#grant(open.written);
    else if (outcome.outcome === "conflict") this.#conflict(nowMs);
    else if (open.written === undefined && outcome.outcome === "read") this.#judge(outcome.text, outcome.tag, nowMs);
    else if (open.written === undefined && outcome.outcome === "absent") this.#lost(nowMs);
    else {
      if (open.written !== undefined) this.#perhaps.add(open.written.claim);
      const cause = "reason" in outcome ? outcome.reason : `It answered "${outcome.outcome}" to what it was not asked.`;
      const text = `The arbiter cannot be asked: ${cause} It is asked again and again; look at it, and at the way to it.`;
      this.#pause("unreachable", text, PAUSE_MS, nowMs);
    }
  }

  #mistaken({ outcome }: ArbiterOutcome): boolean {
    const { planted } = this.#parts;
    return (
      (outcome === "timeout" && faultPlanted({ planted }, "arbiter-timeout-taken-as-granted")) ||
      (outcome === "conflict" && faultPlanted({ planted }, "arbiter-conflict-ignored"))
    );
  }

  #call(call: ArbiterCall, written: Lineage | undefined): void {
    this.#calls += 1;
    const id = `${this.#parts.name}.${this.#calls}`;
    this.#pauseUntilMs = undefined;
    this.#open = { id, written };
    this.#parts.call(id, call, CALL_TIMEOUT_MS);
  }

  #read(): void {
    this.#call({ verb: "read" }, undefined);
  }

  #judge(text: string, tag: string, nowMs: number): void {
    const held = parseLineage(text);
    if (held === undefined) {
      const refusal = `What stands in the arbiter's register is no lineage of a cluster: something else is kept there. Give the cluster a register of its own.`;
      this.#pause("refused", refusal, REFUSED_PAUSE_MS, nowMs);
      return;
    }
    if (this.#perhaps.has(held.claim)) {
      this.#grant(held);
      return;
    }
    const verdict = judgeLineage(held, { ...this.#parts, override: this.#override });
    if (!verdict.granted) {
      this.#pause("refused", verdict.reason, REFUSED_PAUSE_MS, nowMs);
      return;
    }
    const { members, name } = this.#parts;
    const number = Math.max(this.#parts.number, verdict.above + 1);
    const claim = `${name}.${this.#calls}`;
    const written: Lineage = { ...held, number, members, base: verdict.base, claim };
    this.#call({ verb: "replace", expectedTag: tag, text: formatLineage(written) }, written);
  }

  #grant({ number }: Lineage): void {
    const text = `the arbiter has given its vote to this half, as primary view ${number}`;
    this.state = { state: "granted", number, text };
    this.#pauseUntilMs = undefined;
  }

  #conflict(nowMs: number): void {
    this.#conflicts += 1;
    if (this.#conflicts % MAX_CONFLICTS_IN_A_ROW !== 0) this.#read();
    else this.#pause("unreachable", "Others are writing into the arbiter's register just now.", PAUSE_MS, nowMs);
  }

  #lost(nowMs: number): void {
    const text =
      `The arbiter's register is empty: it has lost what it knew, so nobody can say whether another half has gone on. A majority of the ` +
      `nodes sets it up anew by itself; until then it gives no vote.`;
    this.#pause("refused", text, REFUSED_PAUSE_MS, nowMs);
  }

  #pause(state: "refused" | "unreachable", text: string, forMs: number, nowMs: number): void {
    // A new view is not told "no quorum" at the first failure: the next call may do better.
    if (state === "refused" || nowMs >= this.#untilMs) this.state = { state, text };
    this.#pauseUntilMs = nowMs + forMs;
  }
}
