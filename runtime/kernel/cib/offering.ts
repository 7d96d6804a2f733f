// What the coordinator of a forming view does: chooses the best log and the newest status, fetches what it does not have itself, judges,
// offers all of it to every member, and counts who has it. The members check what they are offered (formation.ts).

import { assert } from "../assert.ts";
import type { NodeId, View } from "../membership/view.ts";
import type { ArbiterOutcome, KernelMessage } from "../messages.ts";
import { faultPlanted, type Plantable } from "../planted-fault.ts";
import type { QuorumConfig, QuorumVerdict } from "../quorum/votes.ts";
import { Arbitration } from "./arbitration.ts";
import type { Carried } from "./carried.ts";
import {
  holderOfBestLog,
  holderOfNewestStatus,
  judgeStates,
  mergedStatus,
  NOTHING,
  nextNumUpdates,
  type States,
  sharingShown,
  whatIsKnown,
} from "./choice.ts";
import type { Element } from "./element.ts";
import { type DurableLog, differenceFor, extendLog, type LogState } from "./log.ts";
import type { Outlet } from "./replication.ts";
import { statusOf, versionOf } from "./version.ts";

type MessageOf<Type extends KernelMessage["type"]> = Extract<KernelMessage, { type: Type }>;
/** All that a member needs to be where the others are. */
export type Offer = MessageOf<"catch-up">;

/** What it needs. */
export interface OfferingParts extends Plantable {
  readonly self: NodeId;
  readonly view: View;
  readonly log: DurableLog;
  readonly carried: Carried;
  readonly quorum: (cib: Element) => QuorumConfig;
  readonly mergeNodeState: (recorded: Element, own: Element) => Element;
  readonly digestOf: (element: Element) => string;
  readonly outlet: Outlet;
  readonly nowMs: () => number;
}

/** What the coordinator has put together. */
interface Candidate {
  log: LogState;
  status: Element;
}

/** One view's offer. */
export class Offering {
  readonly #parts: OfferingParts;
  readonly #states: States;
  readonly #arbitration: Arbitration;
  #candidate: Candidate | undefined;
  #fetching: { log: boolean; status: boolean } | undefined;
  #offered: { readonly primaryNumber: number; readonly synced: Set<NodeId>; readonly adopted: Set<NodeId> } | undefined;
  /** Everything is put together, and the arbiter may answer any moment. */
  #waiting = false;

  /** @param states what the members say of themselves, as it comes. */
  constructor(parts: OfferingParts, states: States) {
    this.#parts = parts;
    this.#states = states;
    this.#arbitration = new Arbitration(parts);
  }

  /** From which others are caught up; undefined before all members have spoken. */
  get log(): LogState | undefined {
    return this.#candidate?.log;
  }

  /** All members have spoken: chooses, once. */
  begin(): void {
    const { view, self, log, carried, outlet } = this.#parts;
    if (this.#fetching !== undefined) return;
    const own = faultPlanted(this.#parts, "coordinators-log-wins");
    const best = own ? self : holderOfBestLog(self, this.#states);
    const newest = holderOfNewestStatus(self, this.#states);
    this.#candidate = { log, status: statusOf(carried.shown) };
    this.#fetching = { log: best !== self, status: newest !== self };
    if (best !== self) {
      outlet.send(best, { type: "fetch", view: view.id, after: log.position, status: newest === best });
    }
    if (newest !== self && newest !== best) outlet.send(newest, { type: "fetch", view: view.id, status: true });
    this.#offerWhenComplete();
  }

  /** A member has sent what it was asked for. */
  fetched(from: NodeId, message: MessageOf<"fetched">): void {
    const candidate = this.#candidate;
    const fetching = this.#fetching;
    if (candidate === undefined || fetching === undefined || this.#offered !== undefined) return;
    if (message.log !== undefined && fetching.log) {
      const extended = extendLog(this.#parts.log, message.log);
      if (typeof extended === "string") {
        this.#parts.outlet.emit({ type: "note", code: "log-mismatch", node: from, text: mismatch(from, extended) });
        this.#parts.outlet.send(from, { type: "fetch", view: this.#parts.view.id, after: NOTHING, status: false });
        return;
      }
      candidate.log = extended.log;
      fetching.log = false;
    } else if (fetching.log && from === holderOfBestLog(this.#parts.self, this.#states)) {
      fetching.log = false;
    }
    if (message.status !== undefined) {
      candidate.status = message.status;
      fetching.status = false;
    }
    this.#offerWhenComplete();
  }

  #offerWhenComplete(): void {
    const candidate = this.#candidate;
    if (candidate === undefined || this.#waiting || this.#fetching?.log !== false || this.#fetching.status) return;
    candidate.log = sharingShown(candidate.log, this.#parts.carried.shown, this.#parts.digestOf);
    if (!faultPlanted(this.#parts, "status-not-rebuilt"))
      candidate.status = mergedStatus(candidate.status, this.#parts.self, this.#states, this.#parts);
    if (this.#judgeCandidate(candidate).arbiter === "wanted") this.#askArbiter(candidate);
    this.#waiting = this.#arbitration.worthWaiting;
    if (!this.#waiting) this.#offerToAll(candidate);
  }

  #offerToAll(candidate: Candidate): void {
    const document = candidate.log.document;
    const offered = this.#number(this.#judgeCandidate(candidate));
    const version = { ...versionOf(document), numUpdates: nextNumUpdates(document, this.#states) };
    for (const member of this.#parts.view.members) {
      const state = this.#states.get(member.id);
      assert(state !== undefined, "a member without a state was to be caught up");
      const unchecked =
        faultPlanted(this.#parts, "old-data-unchecked") &&
        state.position.intact &&
        state.position.index === candidate.log.position.index;
      const difference = unchecked ? undefined : differenceFor(candidate.log, state.position);
      const hasStatus = state.statusDigest === this.#parts.digestOf(candidate.status);
      this.#parts.outlet.send(member.id, {
        ...this.#offer(offered, version),
        ...(difference === undefined ? {} : { log: difference }),
        ...(hasStatus ? {} : { status: candidate.status }),
      });
    }
  }

  #nextNumber(): number {
    let highest = 0;
    for (const { position } of this.#states.values()) {
      highest = Math.max(highest, position.promisedPrimary, position.adoptedPrimary);
    }
    return highest + 1;
  }

  #number(verdict: QuorumVerdict): number {
    const voted = verdict.arbiter === "granted" ? this.#arbitration.word?.number : undefined;
    const primaryNumber = verdict.primary ? (voted ?? this.#nextNumber()) : 0;
    this.#offered = { primaryNumber, synced: new Set(), adopted: new Set() };
    return primaryNumber;
  }

  #offer(primaryNumber: number, version: Offer["version"]): Offer {
    const { carried, view, digestOf } = this.#parts;
    const document = this.#candidate?.log.document;
    assert(document !== undefined, "an offer without a candidate");
    return {
      type: "catch-up",
      view: view.id,
      primaryNumber,
      fenced: carried.fenced,
      startOverride: carried.startOverride,
      ...(this.#arbitration.word === undefined ? {} : { arbiter: this.#arbitration.word }),
      version,
      digest: digestOf(document),
    };
  }

  #judgeCandidate({ log }: Candidate): QuorumVerdict {
    const { carried, quorum, view } = this.#parts;
    const { fenced, startOverride } = carried;
    const learned = { fenced, startOverride, arbiter: this.#arbitration.word };
    return judgeStates(quorum(log.document), view, this.#states, learned);
  }

  #askArbiter({ log }: Candidate): void {
    const { quorum, carried } = this.#parts;
    const { arbiter: register } = quorum(log.document);
    if (register === undefined) return;
    const { startOverride } = carried;
    this.#arbitration.ask({ register, number: this.#nextNumber(), ...whatIsKnown(this.#states), startOverride });
  }

  /** When the arbiter is to be asked again. */
  get deadlineMs(): number | undefined {
    return this.#arbitration.deadlineMs;
  }

  tick(): void {
    this.#arbitration.tick();
    this.#waitNoLonger();
  }

  arbiterOutcome(id: string, outcome: ArbiterOutcome): void {
    this.#arbitration.outcome(id, outcome);
    this.#waitNoLonger();
  }

  #waitNoLonger(): void {
    if (!this.#waiting || this.#arbitration.worthWaiting) return;
    this.#waiting = false;
    if (this.#candidate !== undefined) this.#offerToAll(this.#candidate);
  }

  /** Something was learned that the judgement rests on (a fence, the operator's word): perhaps the view is primary now. */
  reconsider(head: Element): void {
    const candidate = this.#candidate;
    if (candidate === undefined || this.#offered?.primaryNumber !== 0) return;
    const verdict = this.#judgeCandidate(candidate);
    if (verdict.arbiter === "wanted") this.#askArbiter(candidate);
    if (!verdict.primary) return;
    toAll(this.#parts, this.#offer(this.#number(verdict), versionOf(head)));
  }

  /** A member has promised this number on its disk (0: has nothing to promise). */
  synced(from: NodeId, primaryNumber: number): void {
    if (!this.#haveAll("synced", from, primaryNumber)) return;
    const type = primaryNumber > 0 ? "adopt" : "established";
    toAll(this.#parts, { type, view: this.#parts.view.id, primaryNumber });
  }

  /** A member has adopted the log under this number, on its disk. */
  adopted(from: NodeId, primaryNumber: number): void {
    if (!this.#haveAll("adopted", from, primaryNumber)) return;
    toAll(this.#parts, { type: "established", view: this.#parts.view.id, primaryNumber });
  }

  /** Counts one more; whether every member has come so far with what was offered last. */
  #haveAll(step: "synced" | "adopted", from: NodeId, primaryNumber: number): boolean {
    const offered = this.#offered;
    if (offered?.primaryNumber !== primaryNumber) return false;
    offered[step].add(from);
    return offered[step].size >= this.#parts.view.members.length;
  }
}

/** To every member of the view, this node among them. */
export function toAll({ view, outlet }: Pick<OfferingParts, "view" | "outlet">, message: KernelMessage): void {
  for (const member of view.members) outlet.send(member.id, message);
}

/** For people: why a log cannot be brought on. */
export function mismatch(node: NodeId, cause: string): string {
  return `The log of node ${node} does not continue as it should: ${cause} It is fetched as a whole.`;
}
