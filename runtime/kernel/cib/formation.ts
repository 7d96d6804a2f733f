// From a new view to an established one: every member tells what it has, the coordinator brings all to the best log and the newest
// status, and a primary view is promised and adopted on every disk before anything is done in it.
//
// Why two rounds on the disk (the intuition): a promise makes the primary number unique. Two views that could both be primary
// share a member, and a member promises a number once, so only one of them gets all its promises. Only then is the log adopted
// under that number, and a later view takes the log with the highest adopted number: none of the tails that never reached
// every member, and that some old disk may still hold, can come back over what was acknowledged or refused since.
// Where the arbiter's vote decides, the coordinator asks for it before the first promise: what is in the register is never younger than
// what is on a disk.

import { assert } from "../assert.ts";
import type { NodeId, View } from "../membership/view.ts";
import type { ArbiterOutcome, KernelMessage, NodeLife, PastView } from "../messages.ts";
import { faultPlanted, type Plantable } from "../planted-fault.ts";
import type { QuorumConfig, QuorumVerdict } from "../quorum/votes.ts";
import { Arbitration } from "./arbitration.ts";
import {
  holderOfBestLog,
  holderOfNewestStatus,
  judgeStates,
  mergedStatus,
  NOTHING,
  nextNumUpdates,
  type State,
  whatIsKnown,
} from "./choice.ts";
import { childNamed, type Element, withChildren } from "./element.ts";
import { type DurableLog, differenceFor, extendLog, type LogState, type LogWork, livesOf } from "./log.ts";
import type { Outlet } from "./replication.ts";
import { composeCib, statusOf, versionOf } from "./version.ts";

type MessageOf<Type extends KernelMessage["type"]> = Extract<KernelMessage, { type: Type }>;
type Offer = MessageOf<"catch-up">;

/** What a node takes with it from view to view, besides its log. */
export interface Carried {
  /** The CIB as it is shown. */
  shown: Element;
  lastView: PastView | undefined;
  sequence: number;
  fenced: NodeLife[];
  startOverride: boolean;
  nodeState: Element | undefined;
}

/** What formation needs. */
export interface FormationParts extends Plantable {
  readonly self: NodeId;
  readonly view: View;
  readonly coordinator: NodeId;
  readonly log: DurableLog;
  readonly carried: Carried;
  readonly quorum: (cib: Element) => QuorumConfig;
  readonly mergeNodeState: (recorded: Element, own: Element) => Element;
  readonly digestOf: (element: Element) => string;
  readonly outlet: Outlet;
  readonly nowMs: () => number;
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

/** What the coordinator has put together. */
interface Candidate {
  log: LogState;
  status: Element;
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
  // The coordinator's.
  #candidate: Candidate | undefined;
  #fetching: { log: boolean; status: boolean } | undefined;
  #offered: { readonly primaryNumber: number; readonly synced: Set<NodeId>; readonly adopted: Set<NodeId> } | undefined;
  readonly #arbitration: Arbitration;
  /** Everything is put together, and the arbiter may answer any moment. */
  #waiting = false;
  // Every member's.
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
    this.#arbitration = new Arbitration(parts);
  }

  /** Tells the others where this node stands, as soon as no write is under way: only then is that certain. */
  start(): void {
    const { log, carried, view, digestOf } = this.#parts;
    if (this.#stateSent || log.busy) return;
    this.#stateSent = true;
    this.#toAll({
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

  #toAll(message: KernelMessage): void {
    for (const member of this.#parts.view.members) this.#parts.outlet.send(member.id, message);
  }

  /** All of formation's messages. */
  message(from: NodeId, message: KernelMessage): void {
    const { self, coordinator } = this.#parts;
    const leads = self === coordinator;
    if (message.type === "state") this.#state(from, message);
    else if (message.type === "fetch") this.#fetch(from, message);
    else if (message.type === "fetched") this.#fetched(from, message);
    else if (message.type === "synced" && leads) this.#synced(from, message.primaryNumber);
    else if (message.type === "adopted" && leads) this.#adopted(from, message.primaryNumber);
    else if (from !== coordinator) return;
    else if (message.type === "catch-up") this.#catchUp(message);
    else if (message.type === "adopt") this.#adopt(message.primaryNumber);
    else if (message.type === "established") this.#established(message.primaryNumber);
  }

  // --- the coordinator: choose and offer --------------------------------------------------------------------------------

  #state(from: NodeId, message: State): void {
    const { view, self, coordinator, log, carried, outlet } = this.#parts;
    this.#states.set(from, message);
    for (const life of message.fenced) noteFenced(carried, life);
    carried.startOverride ||= message.startOverride;
    if (this.#states.size < view.members.length) return;
    if (this.#heldOffer !== undefined && !this.#refetching) this.#catchUp(this.#heldOffer);
    if (self !== coordinator || this.#fetching !== undefined) return;
    const own = faultPlanted(this.#parts, "coordinators-log-wins");
    const best = own ? self : holderOfBestLog(self, this.#states);
    const newest = holderOfNewestStatus(this.#parts.self, this.#states);
    this.#candidate = { log, status: statusOf(carried.shown) };
    this.#fetching = { log: best !== self, status: newest !== self };
    if (best !== self) {
      outlet.send(best, { type: "fetch", view: view.id, after: log.position, status: newest === best });
    }
    if (newest !== self && newest !== best) outlet.send(newest, { type: "fetch", view: view.id, status: true });
    this.#offerWhenComplete();
  }

  #fetch(from: NodeId, message: MessageOf<"fetch">): void {
    const { log, carried, view, outlet } = this.#parts;
    const held = this.#candidate?.log ?? log;
    const difference = message.after === undefined ? undefined : differenceFor(held, message.after);
    outlet.send(from, {
      type: "fetched",
      view: view.id,
      ...(difference === undefined ? {} : { log: difference }),
      ...(message.status ? { status: statusOf(carried.shown) } : {}),
    });
  }

  #fetched(from: NodeId, message: MessageOf<"fetched">): void {
    if (this.#refetching && from === this.#parts.coordinator) {
      this.#refetched(message);
      return;
    }
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
    candidate.log = this.#sharing(candidate.log);
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

  /** A configuration that equals the shown one in content gives way to it, so that nothing counts as changed. */
  #sharing(log: LogState): LogState {
    const { carried, digestOf } = this.#parts;
    const shown = childNamed(carried.shown, "configuration");
    const own = childNamed(log.document, "configuration");
    if (shown === undefined || own === undefined || shown === own || digestOf(shown) !== digestOf(own)) return log;
    const { position, entries, recent, history } = log;
    return { document: withChildren(log.document, [shown]), position, entries, recent, history };
  }

  #judge(document: Element, learned: Parameters<typeof judgeStates>[3]): QuorumVerdict {
    const { view, quorum } = this.#parts;
    return judgeStates(quorum(document), view, this.#states, learned);
  }

  #judgeCandidate({ log }: Candidate): QuorumVerdict {
    const { fenced, startOverride } = this.#parts.carried;
    return this.#judge(log.document, { fenced, startOverride, arbiter: this.#arbitration.word });
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
    const { self, coordinator, outlet, view } = this.#parts;
    const candidate = this.#candidate;
    if (
      self !== coordinator ||
      candidate === undefined ||
      this.#establishedNumber !== 0 ||
      this.#offered?.primaryNumber !== 0
    )
      return;
    const verdict = this.#judgeCandidate(candidate);
    if (verdict.arbiter === "wanted") this.#askArbiter(candidate);
    if (!verdict.primary) return;
    const offer = this.#offer(this.#number(verdict), versionOf(head));
    for (const member of view.members) outlet.send(member.id, offer);
  }

  #synced(from: NodeId, primaryNumber: number): void {
    const { view } = this.#parts;
    const offered = this.#offered;
    if (offered?.primaryNumber !== primaryNumber) return;
    offered.synced.add(from);
    if (offered.synced.size < view.members.length) return;
    this.#toAll({ type: primaryNumber > 0 ? "adopt" : "established", view: view.id, primaryNumber });
  }

  #adopted(from: NodeId, primaryNumber: number): void {
    const { view } = this.#parts;
    const offered = this.#offered;
    if (offered?.primaryNumber !== primaryNumber) return;
    offered.adopted.add(from);
    if (offered.adopted.size < view.members.length) return;
    this.#toAll({ type: "established", view: view.id, primaryNumber });
  }

  // --- every member: accept, promise, adopt -----------------------------------------------------------------------------

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
      this.#accept({ offer, verdict, log: this.#sharing(extended.log), work: extended.work, status });
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

/** Remembers a life whose power-off was confirmed; of each node the last one. */
export function noteFenced(carried: Carried, life: NodeLife): void {
  const known = carried.fenced.find((other) => other.id === life.id);
  if (known !== undefined && known.incarnation >= life.incarnation) return;
  const others = carried.fenced.filter((other) => other.id !== life.id);
  carried.fenced = [...others, life].sort((a, b) => a.id - b.id);
}

function mismatch(node: NodeId, cause: string): string {
  return `The log of node ${node} does not continue as it should: ${cause} It is fetched as a whole.`;
}
