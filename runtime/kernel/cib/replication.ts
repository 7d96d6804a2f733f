// Changes in an established view: ordered by the coordinator, on the disk of every member before anybody is told "done".
//
// There are two trees. The head has every entry that was appended; the coordinator checks new changes against it, so that many
// can be under way at once. The committed one is what is shown: every durable entry in it is on the disk of all members of the
// view. Status entries need no disk: they are committed as soon as everything durable before them is.
//
// A client is answered by the coordinator when the sequence at which its request was carried out is committed. That holds too for a
// request that changes nothing, or that was carried out before: what it relies on may itself still be on its way to the disks.

import type { NodeId, View } from "../membership/view.ts";
import type {
  ArbiterCall,
  ChangeOutcome,
  ChangeRequest,
  CibChange,
  CibEdit,
  CibVersion,
  ConfigurationProblem,
  KernelEffect,
  KernelMessage,
  LogEntry,
} from "../messages.ts";
import { faultPlanted, type Plantable } from "../planted-fault.ts";
import { diffElements } from "./diff.ts";
import { applyEdits } from "./edits.ts";
import { childNamed, type Element, withAttributes } from "./element.ts";
import type { DurableLog } from "./log.ts";
import { applyPatchset, durablePart, isDurableChange, stampPatchset } from "./patchset.ts";
import {
  durableDocument,
  formatLastWritten,
  formatVersion,
  isDurablePath,
  statusOf,
  versionOf,
  withVersion,
} from "./version.ts";

/** Changes that are under way at once; more are refused with the code "busy". */
const MAX_PENDING_ENTRIES = 4096;
/** Every so many entries the members compare digests of the configuration. */
const DIGEST_EVERY_ENTRIES = 64;
/** Requests that changed only the status section, remembered in memory by each node. */
const RECENT_STATUS_REQUESTS = 2048;
/** Problems of a configuration that are told in one refusal. */
const MAX_PROBLEMS_TOLD = 5;

/** Where messages and effects go; a message to this node itself comes back in the same step. */
export interface Outlet {
  send(to: NodeId, message: KernelMessage): void;
  emit(effect: KernelEffect): void;
  /** The outcome comes back under the same id. */
  askArbiter(id: string, call: ArbiterCall, timeoutMs: number): void;
  /** This node cannot go on: its disk or its memory is wrong. */
  stepOut(code: string, text: string): void;
}

/** What replication needs besides the view. */
export interface ReplicationParts extends Plantable {
  readonly self: NodeId;
  readonly view: View;
  readonly coordinator: NodeId;
  readonly log: DurableLog;
  readonly digestOf: (element: Element) => string;
  readonly validate: (next: Element, previous: Element) => readonly ConfigurationProblem[];
  readonly outlet: Outlet;
  /** Lives longer than the view. */
  readonly recentStatus: Map<string, CibVersion>;
  /** How long a disk may take; a commit that takes much longer is worth a line in the log. */
  readonly persistTimeoutMs: number;
}

interface PendingEntry {
  readonly sequence: number;
  readonly entry: LogEntry;
  /** The whole CIB after the entry. */
  readonly tree: Element;
  readonly sinceMs: number;
}

interface WaitingAnswer {
  readonly sequence: number;
  readonly to: NodeId;
  readonly requestId: string;
  readonly outcome: ChangeOutcome;
}

/** The flow of changes in one view. */
export class Replication {
  /** The CIB that is shown. */
  committed: Element;
  /** Entries of the view up to this one are in `committed`. */
  committedSequence = 0;
  #parts: ReplicationParts;
  #primaryNumber = 0;
  #notPrimaryReason = "";
  #head: Element;
  #index: number;
  #sequence = 0;
  #pending: PendingEntry[] = [];
  #storedTold = 0;
  // The coordinator's.
  readonly #storedBy = new Map<NodeId, number>();
  readonly #openIds = new Map<string, PendingEntry>();
  #waiting: WaitingAnswer[] = [];
  #commitTold = 0;
  #stallTold = 0;

  /** `shown` is the CIB as it was shown before, to say what has changed. */
  constructor(
    parts: ReplicationParts,
    start: { readonly tree: Element; readonly index: number; readonly shown: Element },
  ) {
    this.#parts = parts;
    this.#head = start.tree;
    this.#index = start.index;
    this.committed = start.shown;
    this.#show(start.tree);
  }

  /** The view is established, or has become primary: `tree` is the CIB with the attributes that say so. */
  establish(primaryNumber: number, reason: string, tree: Element): void {
    this.#primaryNumber = primaryNumber;
    this.#notPrimaryReason = reason;
    this.#head = tree;
    this.#show(tree);
  }

  get head(): Element {
    return this.#head;
  }

  #show(tree: Element): void {
    const before = this.committed;
    if (tree === before) return;
    this.committed = tree;
    const configuration = childNamed(tree, "configuration") !== childNamed(before, "configuration");
    this.#parts.outlet.emit({
      type: "cib",
      cib: tree,
      changed: { configuration, status: statusOf(tree) !== statusOf(before) },
    });
  }

  // --- the coordinator: a change comes in -------------------------------------------------------------------------------

  /** A change that a member's client asks for. Only the coordinator is asked. */
  change(from: NodeId, request: ChangeRequest, nowMs: number, epochMs: number): void {
    if (this.#knownRequest(from, request)) return;
    const previous = this.#head;
    const judged = this.#judge(previous, request);
    if ("code" in judged) {
      this.#answer(from, request.id, { outcome: "refused", code: judged.code, reason: judged.text });
      return;
    }
    const { edited, changes, durable } = judged;
    if (edited === previous) {
      this.#answerAt(this.#sequence, from, request.id, versionOf(previous));
      return;
    }
    const version = versionOf(edited);
    const next = durable
      ? this.#stamped(edited, from, request, epochMs)
      : withVersion(edited, { ...version, numUpdates: version.numUpdates + 1 });
    const entry: LogEntry = {
      primaryNumber: this.#primaryNumber,
      index: durable ? this.#index + 1 : this.#index,
      requestId: request.id,
      who: request.who,
      why: request.why,
      epochMs,
      patchset: stampPatchset(previous, next, changes),
      durable,
    };
    this.#order(from, entry, nowMs);
  }

  /** The configuration's next version, with the stamps that Pacemaker puts on it. */
  #stamped(next: Element, from: NodeId, request: ChangeRequest, epochMs: number): Element {
    const version = versionOf(next);
    const node = childNamed(childNamed(childNamed(next, "configuration"), "nodes"), "node", String(from));
    const stamps = {
      "cib-last-written": formatLastWritten(epochMs),
      "update-origin": node?.attributes["uname"] ?? String(from),
      "update-client": request.who,
    };
    return withAttributes(withVersion(next, { ...version, epoch: version.epoch + 1, numUpdates: 0 }), stamps);
  }

  /** A request that is under way, or was carried out: waits for the same commit, or is answered. */
  #knownRequest(from: NodeId, request: ChangeRequest): boolean {
    const open = this.#openIds.get(request.id);
    if (open !== undefined && !faultPlanted(this.#parts, "open-requests-forgotten")) {
      this.#answerAt(open.sequence, from, request.id, open.entry.patchset.target);
      return true;
    }
    const { log, recentStatus } = this.#parts;
    const done = faultPlanted(this.#parts, "client-table-lost") ? undefined : log.recent.get(request.id);
    if (done !== undefined && this.#primaryNumber === 0) {
      const reason = `The change is in the log here, but only a primary view can say whether it counts. ${this.#notPrimaryReason}`;
      this.#answer(from, request.id, { outcome: "unknown", reason });
      return true;
    }
    const version = done ?? recentStatus.get(request.id);
    if (version === undefined) return false;
    // What is in the log and not among the open ones is committed.
    this.#answerAt(this.committedSequence, from, request.id, version);
    return true;
  }

  #staleBase(request: ChangeRequest): string | undefined {
    const { base } = request;
    if (base === undefined) return undefined;
    const version = versionOf(this.#head);
    if (base.adminEpoch === version.adminEpoch && base.epoch === version.epoch) return undefined;
    return (
      `The configuration has changed since: the change was made for version ${base.adminEpoch}.${base.epoch}, now it is ` +
      `${formatVersion(version)}. Look at it again, and make the change anew.`
    );
  }

  /** The tree that the request leads to (`previous` itself when it changes nothing), or why it is refused. */
  #judge(
    previous: Element,
    request: ChangeRequest,
  ):
    | { readonly edited: Element; readonly changes: readonly CibChange[]; readonly durable: boolean }
    | ConfigurationProblem {
    if (this.#primaryNumber === 0 && request.edits.some((edit) => !isStatusEdit(edit))) {
      // Even when nothing would change: what is shown here is perhaps not acknowledged.
      return { code: "no-quorum", text: `The configuration cannot be changed here. ${this.#notPrimaryReason}` };
    }
    if (this.#pending.length >= MAX_PENDING_ENTRIES) {
      return { code: "busy", text: `${MAX_PENDING_ENTRIES} changes are under way already. Ask again later.` };
    }
    const edited = applyEdits(previous, request.edits);
    if (!edited.ok) return { code: edited.code, text: edited.reason };
    const stale = this.#staleBase(request);
    if (stale !== undefined) return { code: "stale", text: stale };
    const changes = diffElements(previous, edited.cib);
    if (changes.length === 0) return { edited: previous, changes, durable: false };
    const durable = changes.some(isDurableChange);
    const problems = durable ? this.#parts.validate(edited.cib, previous) : [];
    const [first] = problems;
    if (first === undefined) return { edited: edited.cib, changes, durable };
    const told = problems.slice(0, MAX_PROBLEMS_TOLD).map((problem) => problem.text);
    const more = problems.length > told.length ? ` And ${problems.length - told.length} more.` : "";
    return { code: first.code, text: `${told.join(" ")}${more}` };
  }

  #order(from: NodeId, entry: LogEntry, nowMs: number): void {
    const { view, self, digestOf, outlet } = this.#parts;
    const pending = this.#accept(this.#sequence + 1, entry, nowMs);
    if (pending === undefined) return;
    this.#openIds.set(entry.requestId, pending);
    this.#answerAt(pending.sequence, from, entry.requestId, entry.patchset.target);
    this.#commitWhatIsStored();
    const digest = pending.sequence % DIGEST_EVERY_ENTRIES === 0 ? digestOf(durableDocument(pending.tree)) : undefined;
    const message: KernelMessage = {
      type: "append",
      view: view.id,
      sequence: pending.sequence,
      entry,
      committed: this.committedSequence,
      ...(digest === undefined ? {} : { digest }),
    };
    for (const member of view.members) {
      if (member.id !== self) outlet.send(member.id, message);
    }
    this.#commitTold = this.committedSequence;
  }

  #answer(to: NodeId, requestId: string, outcome: ChangeOutcome): void {
    this.#parts.outlet.send(to, { type: "change-answer", view: this.#parts.view.id, requestId, outcome });
  }

  #answerAt(sequence: number, to: NodeId, requestId: string, version: CibVersion): void {
    this.#waiting.push({ sequence, to, requestId, outcome: { outcome: "done", version } });
  }

  // --- every member: entries come in, are stored, are committed --------------------------------------------------------

  /** An entry from the coordinator. */
  append(message: Extract<KernelMessage, { type: "append" }>, nowMs: number): void {
    const { outlet, digestOf } = this.#parts;
    if (message.sequence !== this.#sequence + 1) {
      outlet.stepOut("diverged", `Entry ${message.sequence} of the view came after ${this.#sequence}: ${START_AGAIN}`);
      return;
    }
    const pending = this.#accept(message.sequence, message.entry, nowMs);
    if (pending === undefined) return;
    if (message.digest !== undefined && message.digest !== digestOf(durableDocument(pending.tree))) {
      outlet.stepOut("diverged", `The configuration here differs from the coordinator's: ${START_AGAIN}`);
      return;
    }
    this.commit(message.committed);
  }

  #accept(sequence: number, entry: LogEntry, nowMs: number): PendingEntry | undefined {
    const { log, outlet } = this.#parts;
    const patched = applyPatchset(this.#head, entry.patchset);
    if (!patched.ok) {
      outlet.stepOut("diverged", `A change does not fit the configuration here. ${patched.reason} ${START_AGAIN}`);
      return undefined;
    }
    const pending = { sequence, entry, tree: patched.cib, sinceMs: nowMs };
    this.#sequence = sequence;
    this.#head = patched.cib;
    this.#pending.push(pending);
    if (entry.durable) {
      this.#index = entry.index;
      const stripped = { ...entry, patchset: durablePart(entry.patchset) };
      log.enqueue({ record: { record: "entry", entry: stripped }, after: durableDocument(patched.cib) });
      if (faultPlanted(this.#parts, "ack-before-persist")) this.#tellStored(sequence);
    }
    return pending;
  }

  /** The disk has confirmed something: tells the coordinator how far this member is. */
  persisted(): void {
    const { log } = this.#parts;
    let stored = this.#storedTold;
    for (const { sequence, entry } of this.#pending) {
      if (entry.durable && entry.index > log.position.index) break;
      if (entry.durable) stored = sequence;
    }
    if (stored > this.#storedTold) this.#tellStored(stored);
  }

  #tellStored(sequence: number): void {
    const { outlet, coordinator, view } = this.#parts;
    this.#storedTold = sequence;
    outlet.send(coordinator, { type: "stored", view: view.id, sequence });
  }

  /** The coordinator hears how far a member's disk is. */
  stored(from: NodeId, sequence: number): void {
    this.#storedBy.set(from, Math.max(sequence, this.#storedBy.get(from) ?? 0));
    this.#commitWhatIsStored();
  }

  #commitWhatIsStored(): void {
    let storedByAll = Number.MAX_SAFE_INTEGER;
    const alone = faultPlanted(this.#parts, "ack-by-coordinator-alone");
    for (const member of this.#parts.view.members) {
      if (alone && member.id !== this.#parts.self) continue;
      storedByAll = Math.min(storedByAll, this.#storedBy.get(member.id) ?? 0);
    }
    let upTo = this.committedSequence;
    for (const { sequence, entry } of this.#pending) {
      if (entry.durable && sequence > storedByAll) break;
      upTo = sequence;
    }
    this.commit(upTo);
  }

  /** Everything up to this sequence is on every disk that it must be on: it is shown. */
  commit(sequence: number): void {
    let done = 0;
    for (const pending of this.#pending) {
      if (pending.sequence > sequence) break;
      done += 1;
      if (!pending.entry.durable) this.#rememberStatus(pending.entry);
      this.#openIds.delete(pending.entry.requestId);
    }
    const last = this.#pending[done - 1];
    if (last === undefined) return;
    this.#pending = this.#pending.slice(done);
    this.committedSequence = last.sequence;
    this.#show(last.tree);
  }

  #rememberStatus(entry: LogEntry): void {
    const { recentStatus } = this.#parts;
    recentStatus.set(entry.requestId, entry.patchset.target);
    const oldest = recentStatus.keys().next();
    if (recentStatus.size > RECENT_STATUS_REQUESTS && !oldest.done) recentStatus.delete(oldest.value);
  }

  // --- the end of a step -------------------------------------------------------------------------------------------------

  /** Tells the members of new commits, then the clients: who hears "done" can see it. */
  flush(): void {
    const { view, self, outlet } = this.#parts;
    if (this.#commitTold < this.committedSequence && self === this.#parts.coordinator) {
      this.#commitTold = this.committedSequence;
      for (const member of view.members) {
        if (member.id !== self)
          outlet.send(member.id, { type: "commit", view: view.id, sequence: this.committedSequence });
      }
    }
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((waiting) => waiting.sequence <= this.committedSequence);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting.sequence > this.committedSequence);
    for (const { to, requestId, outcome } of ready) this.#answer(to, requestId, outcome);
  }

  /** When the coordinator should look whether a member's disk holds everybody up. */
  get deadlineMs(): number | undefined {
    const [first] = this.#pending;
    if (first === undefined || this.#parts.self !== this.#parts.coordinator || first.sequence <= this.#stallTold)
      return undefined;
    return first.sinceMs + 2 * this.#parts.persistTimeoutMs;
  }

  /**
   * A member whose disk is late steps out by itself. One that has not done so by now never will: the others go on without it, and the
   * change with them, in the next view.
   */
  tick(nowMs: number): void {
    const [first] = this.#pending;
    const deadlineMs = this.deadlineMs;
    if (first === undefined || deadlineMs === undefined || deadlineMs > nowMs) return;
    this.#stallTold = first.sequence;
    const late = this.#parts.view.members.filter((member) => (this.#storedBy.get(member.id) ?? 0) < first.sequence);
    const text =
      `A change has waited ${Math.round(nowMs - first.sinceMs)} ms for the disks of node ${late.map((member) => member.id).join(", ")}. ` +
      `Changes are acknowledged when all members have stored them, so the view is formed anew without them; look at these disks.`;
    this.#parts.outlet.emit({ type: "note", code: "commit-stalled", text, ...(late[0] ? { node: late[0].id } : {}) });
    for (const { id } of late) if (id !== this.#parts.self) this.#parts.outlet.emit({ type: "shun", node: id });
  }
}

const START_AGAIN = "this node must stop; started again it fetches the configuration afresh.";

/** Whether an edit can touch nothing but the status section. */
function isStatusEdit(edit: CibEdit): boolean {
  if (edit.edit === "replace-configuration") return false;
  if (edit.edit !== "put") return !isDurablePath(edit.path);
  return edit.parent.length === 0 ? edit.element.name === "status" : !isDurablePath(edit.parent);
}
