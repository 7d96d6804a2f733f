// The kernel of one node above the pulse: quorum and the replicated CIB, joined over the views that the pulse agrees on.
//
// Three parts take turns. Formation (cib/formation.ts) turns a new view into an established one; Replication
// (cib/replication.ts) makes changes flow in it; Clients (cib/clients.ts) remembers what was asked for here and has no answer.
// Under them is the log (cib/log.ts), which alone knows what is on the disk. This file routes inputs to them.
//
// A view can change at any moment. What makes each case safe:
// - Messages of an older view are dropped, so nobody acts on two views at once; those of a newer view wait until it is here.
// - While a write is under way, nobody knows where the log ends: `state` waits for it. Entries that were not handed to the disk
//   yet are forgotten; nobody was told that they are stored.
// - An entry that some members stored and others did not: never acknowledged. The next primary view has it on all members, if one of
//   those that stored it has the best log there, or on none, and then its number is higher than that of every log that has it.
// - The coordinator dies after the commit, before anybody hears of it: the entry is on the disk of every member, so it is in every
//   best log; the client's node asks the next coordinator under the same id and is told "done".
// - It dies before the commit: same as the entry above; the request is carried out again if it is in no log, never if it is.
// - It dies during formation: promised numbers stay promised (the next attempt takes a higher one). Members that adopted and
//   members that did not have equal logs, or the adopted one is better and contains all that was acknowledged.
// - The view shrinks or grows during formation: a new view, everything from the start. Formation keeps nothing but what is on disk.
// - A partition: one side at most is primary; the other side's coordinator refuses configuration changes. A coordinator that has not
//   noticed yet cannot commit: a member that has left its view says "stored" no more.
// - A node restarts quickly: a new incarnation is a new view, in which it begins with what its disk has.
// - The disk fails or is slow: step-out; clients of this node are told what can be told, the others form a view without it.
// - A fence is confirmed after the view was formed: formation's second half runs in the same view, while status changes go on.
// - The store is damaged: the position says so, the node counts no vote, and gets everything (`whole`) when a primary view adopts.

import { assert, unreachable } from "./assert.ts";
import { type Carried, noteFenced } from "./cib/carried.ts";
import { Clients } from "./cib/clients.ts";
import { createDigest } from "./cib/digest.ts";
import { EarlyMessages } from "./cib/early.ts";
import type { Element } from "./cib/element.ts";
import { type Established, Formation } from "./cib/formation.ts";
import { DurableLog, snapshotOf } from "./cib/log.ts";
import { type Outlet, Replication } from "./cib/replication.ts";
import { composeCib, durableDocument, statusOf, versionOf } from "./cib/version.ts";
import { earliest, type Machine } from "./machine.ts";
import { type ChainPosition, compareViewIds, coordinatorOf, type NodeId, type View } from "./membership/view.ts";
import type {
  ChangeOutcome,
  ChangeRequest,
  CibVersion,
  CompletedRequest,
  ConfigurationProblem,
  KernelEffect,
  KernelInput,
  KernelMessage,
  LogEntry,
  LogPosition,
  LogSnapshot,
  PastChange,
  Standing,
} from "./messages.ts";
import { faultPlanted, type Plantable } from "./planted-fault.ts";
import type { QuorumConfig } from "./quorum/votes.ts";

const PERSIST_TIMEOUT_MS = 2000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Messages to itself that a node handles in one step: far more than any step makes, so that a loop is found. */
const MAX_OWN_MESSAGES = 100_000;

/** How the kernel is set up. */
export interface KernelConfig extends Plantable {
  readonly self: NodeId;
  /** How votes are counted, read from a CIB (and from what the host knows besides). Must depend on nothing else. */
  readonly quorum: (cib: Element) => QuorumConfig;
  /** A collision-resistant hash of a text, in hexadecimal (sha256 in production). */
  readonly hash: (text: string) => string;
  /** Everything that is wrong with a new CIB; empty when it may be used. `previous` shares every subtree that did not change. */
  readonly validateConfiguration: (next: Element, previous: Element) => readonly ConfigurationProblem[];
  /**
   * What the status shall say of a member that came from the same view as the coordinator, given what it says and what the member says of
   * itself. Absent: the status stays as it is.
   */
  readonly mergeNodeState?: (recorded: Element, own: Element) => Element;
  /** A disk that takes longer than this is a broken disk: the node steps out. Default 2,000. */
  readonly persistTimeoutMs?: number;
  /** A change that has no result after this time is answered "unknown" (or refused, when it was never sent). Default 10,000. */
  readonly requestTimeoutMs?: number;
}

/** What the store knows at the start. `cib` is the document of the store, or the founding one when the store is empty or damaged. */
export interface KernelInitial {
  readonly cib: Element;
  readonly position: LogPosition;
  /** Oldest first. */
  readonly recentRequests: readonly CompletedRequest[];
  /** The last entries of the log, so that others can be caught up by entries. */
  readonly entries: readonly LogEntry[];
  /** Oldest first. */
  readonly history: readonly PastChange[];
}

/** The kernel of one node above the pulse: quorum, and the replicated CIB. */
export interface Kernel extends Machine<KernelInput, KernelEffect> {
  /** The committed CIB, as last given by the effect `cib`. */
  readonly cib: Element;
  /** As last given by the effect `standing`; undefined before the first view. */
  readonly standing: Standing | undefined;
  /** Messages that were dropped: of older views, of no member, or beyond a bound. */
  readonly dropped: number;
  /** For the pulse at the start; later by the effect `chain`. */
  readonly chain: ChainPosition;
  /** What this node has on its disk: the configuration, its history, where its log ends. */
  readonly stored: LogSnapshot;
}

/** Makes the kernel of one node. It does nothing until the first view. */
export function createKernel(config: KernelConfig, initial: KernelInitial): Kernel {
  return new NodeKernel(config, initial);
}

class NodeKernel implements Kernel {
  dropped = 0;
  standing: Standing | undefined;
  chain: ChainPosition;
  readonly #config: KernelConfig;
  readonly #persistTimeoutMs: number;
  readonly #digestOf: (element: Element) => string;
  readonly #log: DurableLog;
  readonly #clients: Clients;
  readonly #carried: Carried;
  readonly #recentStatus = new Map<string, CibVersion>();
  readonly #early = new EarlyMessages();
  readonly #outlet: Outlet;
  #view: View | undefined;
  #coordinator: NodeId = 0;
  #formation: Formation | undefined;
  #replication: Replication | undefined;
  #effects: KernelEffect[] = [];
  #own: KernelMessage[] = [];
  #nowMs = 0;
  #wallClock = { epochMs: 0, atMs: 0 };
  #stopped = false;

  constructor(config: KernelConfig, initial: KernelInitial) {
    this.#config = config;
    this.#persistTimeoutMs = config.persistTimeoutMs ?? PERSIST_TIMEOUT_MS;
    this.#digestOf = createDigest(config.hash);
    this.#log = new DurableLog(initial);
    this.#clients = new Clients(config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
    const shown = composeCib(this.#log.document, statusOf(initial.cib), 0, { quorate: false, coordinator: 0 });
    this.#carried = { shown, lastView: undefined, sequence: 0, fenced: [], startOverride: false, nodeState: undefined };
    this.chain = { primaryNumber: initial.position.adoptedPrimary, seniority: 0 };
    this.#outlet = {
      send: (to, message) => this.#send(to, message),
      emit: (effect) => this.#emit(effect),
      askArbiter: (id, call, timeoutMs) => this.#emit({ type: "arbiter-call", id, call, timeoutMs }),
      stepOut: (code, text) => this.#stepOut(code, text),
    };
  }

  get cib(): Element {
    return this.#carried.shown;
  }

  get stored(): LogSnapshot {
    return snapshotOf(this.#log);
  }

  step(input: KernelInput, nowMs: number): KernelEffect[] {
    if (this.#stopped) return [];
    this.#nowMs = nowMs;
    this.#effects = [];
    this.#take(input);
    this.#handleOwn();
    this.#replication?.flush();
    this.#handleOwn();
    if (!this.#stopped) {
      const write = this.#log.flush(nowMs);
      if (write !== undefined) this.#emit(write);
    }
    return this.#effects;
  }

  deadlineMs(): number | undefined {
    if (this.#stopped) return undefined;
    const { busySinceMs } = this.#log;
    const disk = busySinceMs === undefined ? undefined : busySinceMs + this.#persistTimeoutMs;
    const { deadlineMs } = this.#clients;
    return earliest(disk, deadlineMs, this.#replication?.deadlineMs, this.#formation?.deadlineMs);
  }

  #take(input: KernelInput): void {
    switch (input.type) {
      case "tick":
        this.#tick();
        break;
      case "view":
        this.#install(input.view);
        break;
      case "message":
        this.#receive(input.from, input.message);
        break;
      case "persisted":
        this.#persisted(input.id);
        break;
      case "persist-failed":
        this.#stepOut(input.code, input.text);
        break;
      case "change":
        this.#ask(input.request, input.thisViewOnly === true);
        break;
      case "fenced":
        this.#fenced(input.node, input.incarnation);
        break;
      case "start-override":
        this.#override();
        break;
      case "arbiter-outcome":
        this.#formation?.arbiterOutcome(input.id, input.outcome);
        this.#reconsider();
        break;
      case "node-state":
        this.#carried.nodeState = input.element;
        break;
      case "wall-clock":
        this.#wallClock = { epochMs: input.epochMs, atMs: this.#nowMs };
        break;
      default:
        unreachable(input);
    }
  }

  // --- out -----------------------------------------------------------------------------------------------------------------

  #send(to: NodeId, message: KernelMessage): void {
    if (this.#stopped) return;
    if (to === this.#config.self) this.#own.push(message);
    else this.#effects.push({ type: "send", to, message });
  }

  #emit(effect: KernelEffect): void {
    if (this.#stopped) return;
    if (effect.type === "cib") this.#carried.shown = effect.cib;
    else if (effect.type === "standing") this.standing = effect.standing;
    else if (effect.type === "chain") this.chain = effect.chain;
    this.#effects.push(effect);
  }

  #stepOut(code: string, text: string): void {
    if (this.#stopped) return;
    for (const effect of this.#clients.giveUpAll(`This node steps out (${code}).`)) this.#emit(effect);
    this.#emit({ type: "step-out", code, text });
    this.#stopped = true;
    this.#own = [];
  }

  /** What this node told itself goes the same way as what others told it. */
  #handleOwn(): void {
    for (let handled = 0; this.#own.length > 0; handled += 1) {
      assert(handled < MAX_OWN_MESSAGES, "a node talks to itself without end");
      const batch = this.#own;
      this.#own = [];
      for (const message of batch) {
        if (!this.#stopped) this.#dispatch(this.#config.self, message);
      }
    }
  }

  // --- views and messages --------------------------------------------------------------------------------------------------

  #install(view: View): void {
    const isNewer = this.#view === undefined || compareViewIds(view.id, this.#view.id) > 0;
    if (!isNewer || !view.members.some((member) => member.id === this.#config.self)) {
      this.dropped += 1;
      return;
    }
    if (this.#replication !== undefined) this.#carried.sequence = this.#replication.committedSequence;
    this.#view = view;
    this.#coordinator = this.#coordinatorOf(view);
    this.#replication = undefined;
    if (!faultPlanted(this.#config, "waiting-writes-kept")) this.#log.dropWaiting();
    this.#formation = new Formation({
      self: this.#config.self,
      view,
      coordinator: this.#coordinator,
      log: this.#log,
      carried: this.#carried,
      quorum: this.#config.quorum,
      mergeNodeState: this.#config.mergeNodeState ?? ((recorded) => recorded),
      digestOf: this.#digestOf,
      outlet: this.#outlet,
      nowMs: () => this.#nowMs,
      planted: this.#config.planted,
      adopted: (primaryNumber) => this.#adopted(view, primaryNumber),
      established: (result) => this.#established(view, result),
    });
    this.#emit({ type: "standing", standing: undecided(view, this.#coordinator) });
    for (const effect of this.#clients.viewChanged()) this.#emit(effect);
    this.#formation.start();
    this.#receiveEarly(view);
  }

  #receive(from: NodeId, message: KernelMessage): void {
    const order = this.#view === undefined ? 1 : compareViewIds(message.view, this.#view.id);
    if (order > 0) {
      this.dropped += this.#early.keep(from, message);
      return;
    }
    if (order < 0 || !this.#view?.members.some((member) => member.id === from)) {
      this.dropped += 1;
      return;
    }
    this.#dispatch(from, message);
  }

  #coordinatorOf(view: View): NodeId {
    const { self } = this.#config;
    if (faultPlanted(this.#config, "tie-broken-by-each")) {
      const seniority = (id: NodeId) => view.members.find((member) => member.id === id)?.seniority ?? 0;
      return seniority(self) <= seniority(coordinatorOf(view)) ? self : coordinatorOf(view);
    }
    return coordinatorOf(view);
  }

  #receiveEarly(view: View): void {
    for (const { from, message } of this.#early.take(view.id)) this.#receive(from, message);
  }

  #dispatch(from: NodeId, message: KernelMessage): void {
    const leads = this.#coordinator === this.#config.self;
    const fromCoordinator = from === this.#coordinator;
    const replication = this.#replication;
    if (message.type === "append") {
      if (fromCoordinator) replication?.append(message, this.#nowMs);
    } else if (message.type === "commit") {
      if (fromCoordinator) replication?.commit(message.sequence);
    } else if (message.type === "stored") {
      if (leads) replication?.stored(from, message.sequence);
    } else if (message.type === "change") {
      if (leads) replication?.change(from, message.request, this.#nowMs, this.#epochMs());
    } else if (message.type === "change-answer") {
      if (fromCoordinator) this.#answered(message.requestId, message.outcome);
    } else if (message.type === "fenced") {
      noteFenced(this.#carried, { id: message.node, incarnation: message.incarnation });
      this.#reconsider();
    } else if (message.type === "start-override") {
      this.#carried.startOverride = true;
      this.#reconsider();
    } else {
      this.#formation?.message(from, message);
    }
  }

  #answered(requestId: string, outcome: ChangeOutcome): void {
    const effect = this.#clients.answer(requestId, outcome, this.standing?.primary === true);
    if (effect !== undefined) this.#emit(effect);
  }

  #epochMs(): number {
    // The monotonic clock has fractions; what goes to other nodes and to disk is whole milliseconds.
    return Math.floor(this.#wallClock.epochMs + Math.max(0, this.#nowMs - this.#wallClock.atMs));
  }

  // --- formation's results -------------------------------------------------------------------------------------------------

  #adopted(view: View, primaryNumber: number): void {
    const newest = Math.max(...view.members.map((member) => member.primaryNumber));
    const me = view.members.find((member) => member.id === this.#config.self);
    const wasInChain = me !== undefined && newest > 0 && me.primaryNumber === newest && me.seniority > 0;
    const seniority = wasInChain ? me.seniority : primaryNumber;
    this.#emit({ type: "chain", chain: { primaryNumber, seniority } });
  }

  #established(view: View, { primaryNumber, verdict, tree, index }: Established): void {
    const coordinator = this.#coordinator;
    const proposer = view.members.find((member) => member.id === view.id.proposer);
    assert(proposer !== undefined, "a view whose proposer is no member");
    this.#carried.lastView = { ...view.id, proposerIncarnation: proposer.incarnation };
    if (tree !== undefined) this.#replication = this.#replicationIn(view, tree, index);
    const replication = this.#replication;
    assert(replication !== undefined, "established twice, but never once");
    const { head } = replication;
    const numUpdates = versionOf(head).numUpdates + 1;
    const next =
      tree ?? composeCib(durableDocument(head), statusOf(head), numUpdates, { quorate: verdict.quorate, coordinator });
    replication.establish(primaryNumber, verdict.reason, next);
    if (primaryNumber > 0) {
      this.#carried.fenced = [];
      this.#carried.startOverride = false;
    }
    const { quorate, primary, votes, expectedVotes, reason, missing } = verdict;
    const judged = { quorate, primary, votes, expectedVotes, reason, missing };
    this.#emit({ type: "standing", standing: { view, coordinator, ...judged, established: true, primaryNumber } });
    for (const request of this.#clients.sendAll(primaryNumber > 0))
      this.#send(coordinator, { type: "change", view: view.id, request });
    this.#reconsider();
  }

  #replicationIn(view: View, tree: Element, index: number): Replication {
    return new Replication(
      {
        self: this.#config.self,
        view,
        coordinator: this.#coordinator,
        log: this.#log,
        digestOf: this.#digestOf,
        validate: this.#config.validateConfiguration,
        outlet: this.#outlet,
        planted: this.#config.planted,
        recentStatus: this.#recentStatus,
        persistTimeoutMs: this.#persistTimeoutMs,
      },
      { tree, index, shown: this.#carried.shown },
    );
  }

  #reconsider(): void {
    if (this.#replication !== undefined) this.#formation?.reconsider(this.#replication.head);
  }

  // --- the other inputs ----------------------------------------------------------------------------------------------------

  #tick(): void {
    const { busySinceMs } = this.#log;
    if (busySinceMs !== undefined && busySinceMs + this.#persistTimeoutMs <= this.#nowMs) {
      const text =
        `The disk has not stored a change within ${this.#persistTimeoutMs} ms, so this node leaves the cluster and stops: ` +
        `it would hold everybody up. Look at the disk of its state directory, then start it again.`;
      this.#stepOut("persist-timeout", text);
      return;
    }
    for (const effect of this.#clients.expire(this.#nowMs)) this.#emit(effect);
    this.#replication?.tick(this.#nowMs);
    if (this.#formation?.deadlineMs !== undefined && this.#formation.deadlineMs <= this.#nowMs) {
      this.#formation.tick();
      this.#reconsider();
    }
  }

  #persisted(id: number): void {
    if (!this.#log.persisted(id)) {
      this.dropped += 1;
      return;
    }
    this.#formation?.persisted();
    this.#replication?.persisted();
  }

  #ask(request: ChangeRequest, thisViewOnly: boolean): void {
    const refusal = this.#clients.ask(request, this.#nowMs, thisViewOnly);
    if (refusal !== undefined) {
      this.#emit(refusal);
      return;
    }
    const { standing } = this;
    if (this.#replication === undefined || standing === undefined) return;
    this.#clients.sent(request.id, standing.primary);
    this.#send(this.#coordinator, { type: "change", view: standing.view.id, request });
  }

  #fenced(node: NodeId, incarnation: number): void {
    const view = this.#view?.id;
    noteFenced(this.#carried, { id: node, incarnation });
    if (view !== undefined) this.#tellOthers({ type: "fenced", view, node, incarnation });
    this.#reconsider();
  }

  #override(): void {
    const view = this.#view?.id;
    this.#carried.startOverride = true;
    if (view !== undefined) this.#tellOthers({ type: "start-override", view });
    this.#reconsider();
  }

  #tellOthers(message: KernelMessage): void {
    for (const member of this.#view?.members ?? []) {
      if (member.id !== this.#config.self) this.#send(member.id, message);
    }
  }
}

/** The standing in a view that was just installed. */
function undecided(view: View, coordinator: NodeId): Standing {
  return {
    view,
    coordinator,
    quorate: false,
    primary: false,
    established: false,
    primaryNumber: 0,
    votes: 0,
    expectedVotes: 0,
    reason: "The members of the new view are comparing what they have; nothing is decided before that is over.",
    missing: [],
  };
}
