// From a new view to an established one: every member tells what it has, the coordinator brings all to the best log and the newest
// status, and a primary view is promised and adopted on every disk before anything is done in it.
//
// Why two rounds on the disk (the intuition): a promise makes the primary number unique. Two views that could both be primary
// share a member, and a member promises a number once, so only one of them gets all its promises. Only then is the log adopted
// under that number, and a later view takes the log with the highest adopted number: none of the tails that never reached
// every member, and that some old disk may still hold, can come back over what was acknowledged or refused since.
// Where the arbiter's vote decides, the coordinator asks for it before the first promise: what is in the register is never younger than
// what is on a disk. What the coordinator does is in offering.ts; this file is what every member does, the coordinator too.

import { assert } from "../assert.ts";
import type { NodeId } from "../membership/view.ts";
import type { ArbiterOutcome, KernelMessage } from "../messages.ts";
import { faultPlanted } from "../planted-fault.ts";
import type { QuorumVerdict } from "../quorum/votes.ts";
import { noteFenced } from "./carried.ts";
import { judgeStates, NOTHING, type State, sharingShown } from "./choice.ts";
import type { Element } from "./element.ts";
import { differenceFor, extendLog, type LogState, type LogWork, livesOf } from "./log.ts";
import { mismatch, type Offer, Offering, type OfferingParts, toAll } from "./offering.ts";
import { composeCib, statusOf, versionOf } from "./version.ts";

type MessageOf<Type extends KernelMessage["type"]> = Extract<KernelMessage, { type: Type }>;

/** What formation needs. */
export interface FormationParts extends OfferingParts {
  readonly coordinator: NodeId;
  /** The log is adopted under this number, on the disk. */
  readonly adopted: (primaryNumber: number) => void;
  /** Everything is the same on all members. The CIB is that of the catch-up; the second time in a view there is none. */
  readonly established: (result: Established) => void;
}

/** How a formation ended. */
export interface Established {
  readonly primaryNumber: number;
  readonly verdict: QuorumVerdict;
  readonly tree: Element | undefined;
  /** Of the last durable entry. */
  readonly index: number;
}

/** What a member has accepted. */
interface Accepted {
  offer: Offer;
  verdict: QuorumVerdict;
  readonly log: LogState;
  readonly work: readonly LogWork[];
  readonly status: Element;
}

/** One view's formation on one member. */
export class Formation {
  readonly #parts: FormationParts;
  readonly #states = new Map<NodeId, State>();
  #stateSent = false;
  /** The coordinator's. */
  readonly #offering: Offering | undefined;
  #accepted: Accepted | undefined;
  /** An offer that cannot be accepted yet: a state is missing, or the log is being fetched as a whole. */
  #heldOffer: Offer | undefined;
  #refetching = false;
  #syncedTold = -1;
  #adoptAsked = 0;
  #adoptedTold = 0;
  #establishedNumber: number | undefined;

  constructor(parts: FormationParts) {
    this.#parts = parts;
    if (parts.self === parts.coordinator) this.#offering = new Offering(parts, this.#states);
  }

  /** Tells the others where this node stands, as soon as no write is under way: only then is that certain. */
  start(): void {
    const { log, carried, view, digestOf } = this.#parts;
    if (this.#stateSent || log.busy) return;
    this.#stateSent = true;
    toAll(this.#parts, {
      type: "state",
      view: view.id,
      position: log.position,
      version: versionOf(carried.shown),
      ...(carried.lastView === undefined ? {} : { lastView: carried.lastView }),
      sequence: carried.sequence,
      statusDigest: digestOf(statusOf(carried.shown)),
      fenced: carried.fenced,
      startOverride: carried.startOverride,
      ...(carried.nodeState === undefined ? {} : { nodeState: carried.nodeState }),
    });
  }

  /** All of formation's messages. */
  message(from: NodeId, message: KernelMessage): void {
    if (message.type === "state") this.#state(from, message);
    else if (message.type === "fetch") this.#fetch(from, message);
    else if (message.type === "fetched") this.#fetched(from, message);
    else if (message.type === "synced") this.#offering?.synced(from, message.primaryNumber);
    else if (message.type === "adopted") this.#offering?.adopted(from, message.primaryNumber);
    else if (from !== this.#parts.coordinator) return;
    else if (message.type === "catch-up") this.#catchUp(message);
    else if (message.type === "adopt") this.#adopt(message.primaryNumber);
    else if (message.type === "established") this.#established(message.primaryNumber);
  }

  #state(from: NodeId, message: State): void {
    const { view, carried } = this.#parts;
    this.#states.set(from, message);
    for (const life of message.fenced) noteFenced(carried, life);
    carried.startOverride ||= message.startOverride;
    if (this.#states.size < view.members.length) return;
    if (this.#heldOffer !== undefined && !this.#refetching) this.#catchUp(this.#heldOffer);
    this.#offering?.begin();
  }

  #fetch(from: NodeId, message: MessageOf<"fetch">): void {
    const { log, carried, view, outlet } = this.#parts;
    const held = this.#offering?.log ?? log;
    const difference = message.after === undefined ? undefined : differenceFor(held, message.after);
    outlet.send(from, {
      type: "fetched",
      view: view.id,
      ...(difference === undefined ? {} : { log: difference }),
      ...(message.status ? { status: statusOf(carried.shown) } : {}),
    });
  }

  #fetched(from: NodeId, message: MessageOf<"fetched">): void {
    if (this.#refetching && from === this.#parts.coordinator) this.#refetched(message);
    else this.#offering?.fetched(from, message);
  }

  /** When the arbiter is to be asked again. */
  get deadlineMs(): number | undefined {
    return this.#offering?.deadlineMs;
  }

  tick(): void {
    this.#offering?.tick();
  }

  arbiterOutcome(id: string, outcome: ArbiterOutcome): void {
    this.#offering?.arbiterOutcome(id, outcome);
  }

  /** Something was learned that the judgement rests on: a view that was established without being primary may be primary now. */
  reconsider(head: Element): void {
    if (this.#establishedNumber === 0) this.#offering?.reconsider(head);
  }

  #catchUp(offer: Offer): void {
    const { log, carried, outlet, view } = this.#parts;
    if (this.#states.size < view.members.length) {
      // The coordinator has heard everybody, this member not yet: it could not judge for itself.
      this.#heldOffer = offer;
      return;
    }
    this.#heldOffer = undefined;
    if (this.#accepted !== undefined) {
      // The second time in this view: everything is here but the number.
      this.#accept({ ...this.#accepted, offer });
      return;
    }
    const extended = extendLog(log, offer.log);
    const status = offer.status ?? statusOf(carried.shown);
    const unchecked = faultPlanted(this.#parts, "old-data-unchecked");
    const fits = (log: LogState) => unchecked || this.#parts.digestOf(log.document) === offer.digest;
    if (typeof extended !== "string" && fits(extended.log)) {
      const verdict = this.#judge(extended.log.document, offer);
      const shared = sharingShown(extended.log, carried.shown, this.#parts.digestOf);
      this.#accept({ offer, verdict, log: shared, work: extended.work, status });
      return;
    }
    if (offer.log?.difference === "whole") {
      const text = `The document from node ${this.#parts.coordinator} does not have the digest that goes with it. Start this node again; if it comes back, the nodes run different releases.`;
      outlet.stepOut("diverged", text);
      return;
    }
    const cause = typeof extended === "string" ? extended : "The digests differ.";
    outlet.emit({ type: "note", code: "log-mismatch", text: mismatch(this.#parts.self, cause) });
    this.#refetching = true;
    this.#heldOffer = offer;
    outlet.send(this.#parts.coordinator, { type: "fetch", view: view.id, after: NOTHING, status: false });
  }

  #refetched(message: MessageOf<"fetched">): void {
    const offer = this.#heldOffer;
    this.#refetching = false;
    if (offer !== undefined && message.log !== undefined) this.#catchUp({ ...offer, log: message.log });
  }

  #judge(document: Element, offer: Offer): QuorumVerdict {
    const { view, quorum } = this.#parts;
    return judgeStates(quorum(document), view, this.#states, offer);
  }

  #accept(accepted: Accepted): void {
    const { log, outlet, view } = this.#parts;
    const { offer } = accepted;
    const verdict = this.#judge(accepted.log.document, offer);
    const promised = log.position.promisedPrimary;
    const isVoted = verdict.arbiter !== "granted" || offer.arbiter?.number === offer.primaryNumber;
    const isNew = offer.primaryNumber === 0 || offer.primaryNumber > promised;
    if (verdict.primary !== offer.primaryNumber > 0 || !isVoted || !isNew) {
      const text =
        `Node ${this.#parts.coordinator} says that this view is ${offer.primaryNumber > 0 ? `primary ${offer.primaryNumber}` : "not primary"}, but here it is not so: ` +
        `${verdict.reason} The view stays as it is; check that all nodes have the same quorum settings and release.`;
      outlet.emit({ type: "note", code: "verdict-differs", text });
      return;
    }
    this.#accepted = { ...accepted, verdict };
    if (offer.primaryNumber > 0) {
      const members = livesOf(view.members);
      if (faultPlanted(this.#parts, "promise-not-persisted")) this.#tellSynced(offer.primaryNumber);
      else log.enqueue({ record: { record: "promise", primaryNumber: offer.primaryNumber, members } });
    } else {
      this.persisted();
    }
  }

  #adopt(primaryNumber: number): void {
    const { log, view } = this.#parts;
    const accepted = this.#accepted;
    if (accepted?.offer.primaryNumber !== primaryNumber || this.#adoptAsked >= primaryNumber) return;
    this.#adoptAsked = primaryNumber;
    for (const work of accepted.work) {
      if (work.record.record !== "whole") log.enqueue(work);
      else {
        const promise = { promisedPrimary: primaryNumber, promisedMembers: livesOf(view.members) };
        const { position: taken } = work.record.snapshot;
        const wholePrimary = Math.max(taken.wholePrimary ?? 0, log.position.wholePrimary ?? 0);
        const position = { ...taken, ...promise, wholePrimary, intact: true, empty: false };
        const record = { record: "whole", snapshot: { ...work.record.snapshot, position } } as const;
        log.enqueue({ record, after: accepted.log.document });
      }
    }
    if (faultPlanted(this.#parts, "adopt-not-persisted")) this.#tellAdopted(primaryNumber);
    else log.enqueue({ record: { record: "adopt", primaryNumber } });
  }

  /** The disk has confirmed something: tells what follows from it. */
  persisted(): void {
    const { log } = this.#parts;
    if (!this.#stateSent) this.start();
    const primaryNumber = this.#accepted?.offer.primaryNumber;
    if (primaryNumber === undefined) return;
    const promised = primaryNumber === 0 || log.position.promisedPrimary === primaryNumber;
    if (promised && this.#syncedTold < primaryNumber) this.#tellSynced(primaryNumber);
    if (primaryNumber > 0 && log.position.adoptedPrimary === primaryNumber && this.#adoptedTold < primaryNumber)
      this.#tellAdopted(primaryNumber);
  }

  #tellAdopted(primaryNumber: number): void {
    const { outlet, view, coordinator } = this.#parts;
    this.#adoptedTold = primaryNumber;
    this.#parts.adopted(primaryNumber);
    outlet.send(coordinator, { type: "adopted", view: view.id, primaryNumber });
  }

  #tellSynced(primaryNumber: number): void {
    const { outlet, view, coordinator } = this.#parts;
    this.#syncedTold = primaryNumber;
    outlet.send(coordinator, { type: "synced", view: view.id, primaryNumber });
  }

  #established(primaryNumber: number): void {
    const { view, coordinator } = this.#parts;
    const accepted = this.#accepted;
    if (accepted?.offer.primaryNumber !== primaryNumber || this.#establishedNumber === primaryNumber) return;
    const first = this.#establishedNumber === undefined;
    this.#establishedNumber = primaryNumber;
    const { verdict, offer, log, status } = accepted;
    const shown = { quorate: verdict.quorate, coordinator };
    const tree = first ? composeCib(log.document, status, offer.version.numUpdates, shown) : undefined;
    assert(view.members.length === this.#states.size, "established without all states");
    this.#parts.established({ primaryNumber, verdict, tree, index: log.position.index });
  }
}
