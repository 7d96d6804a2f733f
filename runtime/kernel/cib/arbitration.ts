// What the coordinator of a view has to do with the arbiter while that view lasts: asks once there is a reason to, keeps what was said
// for the offers, and tells people when it says no.

import type { NodeId, View } from "../membership/view.ts";
import type { ArbiterOutcome } from "../messages.ts";
import type { Plantable } from "../planted-fault.ts";
import { ArbiterClaim } from "../quorum/claim.ts";
import type { ArbiterWord } from "../quorum/votes.ts";
import type { Outlet } from "./replication.ts";

/** Where it takes place. */
export interface ArbitrationParts extends Plantable {
  readonly self: NodeId;
  readonly view: View;
  readonly outlet: Outlet;
  readonly nowMs: () => number;
}

/** What is asked for. */
export interface ArbitrationCase {
  readonly register: string;
  /** The number that the primary view would have. */
  readonly number: number;
  /** Members whose store is whole, and the highest primary view that one of them has adopted. */
  readonly intact: readonly NodeId[];
  readonly adopted: number;
  readonly startOverride: boolean;
}

export class Arbitration {
  readonly #parts: ArbitrationParts;
  #register = "";
  #claim: ArbiterClaim | undefined;
  #told = "";

  constructor(parts: ArbitrationParts) {
    this.#parts = parts;
  }

  /** Asks, if that was not done before; forces it when the operator has said so since. */
  ask({ register, number, intact, adopted, startOverride }: ArbitrationCase): void {
    const { self, view, outlet, planted, nowMs } = this.#parts;
    if (this.#claim !== undefined) {
      if (startOverride) this.#claim.force();
      return;
    }
    const members = view.members.map((member) => member.id);
    const life = view.members.find((member) => member.id === self)?.incarnation;
    this.#register = register;
    const parts = {
      name: `${self}.${life}.${view.id.number}`,
      register,
      members,
      number,
      intact,
      adopted,
      planted,
      call: outlet.askArbiter,
    };
    this.#claim = new ArbiterClaim(parts, startOverride, nowMs());
  }

  /** For the offer; undefined when nothing was asked. */
  get word(): ArbiterWord | undefined {
    const state = this.#claim?.state;
    if (state === undefined) return undefined;
    return { register: this.#register, number: state.state === "granted" ? state.number : 0, text: state.text };
  }

  get worthWaiting(): boolean {
    return this.#claim?.worthWaiting(this.#parts.nowMs()) === true;
  }

  get deadlineMs(): number | undefined {
    return this.#claim?.deadlineMs;
  }

  tick(): void {
    this.#claim?.tick(this.#parts.nowMs());
    this.#tell();
  }

  outcome(id: string, outcome: ArbiterOutcome): void {
    this.#claim?.outcome(id, outcome, this.#parts.nowMs());
    this.#tell();
  }

  #tell(): void {
    const state = this.#claim?.state;
    if (state === undefined || state.state === "asking" || this.#told === state.text) return;
    this.#told = state.text;
    const text = `Exactly half of the votes are here, so the arbiter decides: ${state.text}`;
    this.#parts.outlet.emit({ type: "note", code: `arbiter-${state.state}`, text });
  }
}
