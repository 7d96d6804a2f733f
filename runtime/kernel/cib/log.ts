// The durable log as the kernel knows it: what is on disk, what is on its way there, and what waits for its turn.
//
// `document`, `position`, `entries` and `recent` say what the disk has, no more: they move when the disk has confirmed. While
// one write is under way everything else is collected, and goes with the next one: many changes, one fsync.

import { assert } from "../assert.ts";
import type {
  CibVersion,
  CompletedRequest,
  KernelEffect,
  LogDifference,
  LogEntry,
  LogPosition,
  LogSnapshot,
  NodeLife,
  PastChange,
  StoreRecord,
} from "../messages.ts";
import type { Element } from "./element.ts";
import { withChange } from "./history.ts";
import { applyPatchset } from "./patchset.ts";
import { durableDocument } from "./version.ts";

/** How many requests are remembered, so that one asked again is not carried out again. Part of the replicated state. */
export const RECENT_REQUESTS = 8192;
/** A node that lacks more than this is caught up with the whole document: entries, and elements that they create. */
const RETAINED_ENTRIES = 512;
const RETAINED_ELEMENTS = 20_000;
/** Records in one write; the rest goes with the next. */
const MAX_BATCH_RECORDS = 1024;

/** A log: what is on a disk, or what the coordinator has put together in memory. */
export interface LogState {
  /** Without status section; see version.ts. */
  readonly document: Element;
  readonly position: LogPosition;
  /** The last entries; the newest of them is the one that `position` names. */
  readonly entries: readonly LogEntry[];
  readonly recent: ReadonlyMap<string, CibVersion>;
  /** What was changed up to here, as far as it is remembered; oldest first. */
  readonly history: readonly PastChange[];
}

/** A record for the disk, and the durable document that follows from it where it changes that. */
export interface LogWork {
  readonly record: StoreRecord;
  readonly after?: Element;
}

/** Better means: has everything that was ever acknowledged, if any of the two has. Positive when `a` is better. */
export function compareLogs(a: LogPosition, b: LogPosition): number {
  return a.adoptedPrimary - b.adoptedPrimary || a.index - b.index;
}

/** Adds what an entry completes, forgetting the oldest beyond the bound. */
function remember(recent: Map<string, CibVersion>, id: string, version: CibVersion): void {
  recent.delete(id);
  recent.set(id, version);
  if (recent.size <= RECENT_REQUESTS) return;
  const oldest = recent.keys().next();
  if (!oldest.done) recent.delete(oldest.value);
}

/** Everything of a log, for a node that has nothing in common with it. */
export function snapshotOf(log: LogState): LogSnapshot {
  const recentRequests: CompletedRequest[] = [];
  for (const [id, version] of log.recent) recentRequests.push({ id, version });
  return { cib: log.document, position: log.position, recentRequests, history: log.history };
}

/** What brings a log that ends at `position` up to this one; undefined when it is there already. */
export function differenceFor(log: LogState, position: LogPosition): LogDifference | undefined {
  const whole: LogDifference = { difference: "whole", snapshot: snapshotOf(log) };
  if (!position.intact || !log.position.intact) return whole;
  if (sameEnd(log.position, position)) return undefined;
  // (primaryNumber, index) names one entry for ever: logs that share it are equal up to there.
  const at = log.entries.findIndex((entry) => sameEnd(entry, position));
  if (at >= 0) return { difference: "entries", entries: log.entries.slice(at + 1) };
  if (position.index === 0 && log.entries[0]?.index === 1) return { difference: "entries", entries: log.entries };
  return whole;
}

function sameEnd(a: { primaryNumber: number; index: number }, b: { primaryNumber: number; index: number }): boolean {
  return a.primaryNumber === b.primaryNumber && a.index === b.index;
}

/** The log that follows, in memory, and what must be written to have it on disk. A sentence when it does not fit. */
export function extendLog(
  log: LogState,
  difference: LogDifference | undefined,
): { readonly log: LogState; readonly work: readonly LogWork[] } | string {
  if (difference === undefined) return { log, work: [] };
  if (difference.difference === "whole") {
    const { cib, position, recentRequests, history } = difference.snapshot;
    const recent = new Map(recentRequests.map((request) => [request.id, request.version]));
    const document = durableDocument(cib);
    const whole: LogState = { document, position: { ...position, intact: true }, entries: [], recent, history };
    return { log: whole, work: [{ record: { record: "whole", snapshot: difference.snapshot }, after: document }] };
  }
  let document = log.document;
  let index = log.position.index;
  const recent = new Map(log.recent);
  let history = log.history;
  const work: LogWork[] = [];
  for (const entry of difference.entries) {
    if (entry.index !== index + 1) return `Entry ${entry.index} came after ${index}.`;
    const patched = applyPatchset(document, entry.patchset);
    if (!patched.ok) return patched.reason;
    history = withChange(history, entry, document, patched.cib);
    document = patched.cib;
    index = entry.index;
    remember(recent, entry.requestId, entry.patchset.target);
    work.push({ record: { record: "entry", entry }, after: document });
  }
  const last = difference.entries[difference.entries.length - 1];
  const primaryNumber = last?.primaryNumber ?? log.position.primaryNumber;
  const position = { ...log.position, primaryNumber, index };
  return { log: { document, position, entries: [...log.entries, ...difference.entries], recent, history }, work };
}

/** The disk's log, and the writes that lead it on. */
export class DurableLog implements LogState {
  document: Element;
  position: LogPosition;
  entries: LogEntry[];
  recent: Map<string, CibVersion>;
  history: readonly PastChange[];
  #waiting: LogWork[] = [];
  #flight: { readonly id: number; readonly work: readonly LogWork[]; readonly sinceMs: number } | undefined;
  #lastId = 0;
  #weight = 0;

  constructor(initial: {
    readonly cib: Element;
    readonly position: LogPosition;
    readonly recentRequests: readonly CompletedRequest[];
    readonly entries: readonly LogEntry[];
    readonly history: readonly PastChange[];
  }) {
    this.document = durableDocument(initial.cib);
    this.position = initial.position;
    this.entries = [...initial.entries];
    this.recent = new Map(initial.recentRequests.map((request) => [request.id, request.version]));
    this.history = initial.history;
    for (const entry of this.entries) this.#weight += weightOf(entry);
    this.#forget();
  }

  /** Whether a write is under way: until it has ended nobody can say where the log ends. */
  get busy(): boolean {
    return this.#flight !== undefined;
  }

  /** Since when the write under way is under way. */
  get busySinceMs(): number | undefined {
    return this.#flight?.sinceMs;
  }

  enqueue(work: LogWork): void {
    this.#waiting.push(work);
  }

  /** Drops what has not been handed to the disk yet. */
  dropWaiting(): void {
    this.#waiting = [];
  }

  /** The next write, when there is something to write and no write is under way. */
  flush(nowMs: number): KernelEffect | undefined {
    if (this.#flight !== undefined || this.#waiting.length === 0) return undefined;
    const work = this.#waiting.slice(0, MAX_BATCH_RECORDS);
    this.#waiting = this.#waiting.slice(MAX_BATCH_RECORDS);
    this.#lastId += 1;
    this.#flight = { id: this.#lastId, work, sinceMs: nowMs };
    return { type: "persist", id: this.#lastId, records: work.map((item) => item.record) };
  }

  /** The disk has the write of this number. False when it is not the one under way. */
  persisted(id: number): boolean {
    if (this.#flight?.id !== id) return false;
    const { work } = this.#flight;
    this.#flight = undefined;
    for (const item of work) this.advance(item);
    return true;
  }

  /** A record is on the disk. Besides the kernel, the store calls this to know what it has written. */
  advance({ record, after }: LogWork): void {
    if (record.record === "promise") {
      this.position = { ...this.position, promisedPrimary: record.primaryNumber, promisedMembers: record.members };
    } else if (record.record === "adopt") {
      const { primaryNumber } = record;
      this.position = { ...this.position, adoptedPrimary: primaryNumber, wholePrimary: primaryNumber };
    } else if (record.record === "whole") {
      const { cib, position, recentRequests, history } = record.snapshot;
      this.document = after ?? durableDocument(cib);
      this.position = { ...position, intact: true, empty: false };
      this.entries = [];
      this.#weight = 0;
      this.recent = new Map(recentRequests.map((request) => [request.id, request.version]));
      this.history = history;
    } else {
      this.#append(record.entry, after);
    }
  }

  #append(entry: LogEntry, after: Element | undefined): void {
    assert(after !== undefined && entry.index === this.position.index + 1, `log entry ${entry.index} out of order`);
    this.history = withChange(this.history, entry, this.document, after);
    this.document = after;
    const adoptedPrimary = Math.max(this.position.adoptedPrimary, entry.primaryNumber);
    this.position = { ...this.position, primaryNumber: entry.primaryNumber, index: entry.index, adoptedPrimary };
    this.entries.push(entry);
    this.#weight += weightOf(entry);
    remember(this.recent, entry.requestId, entry.patchset.target);
    this.#forget();
  }

  #forget(): void {
    // Half at a time, so that dropping from the front of an array stays cheap.
    if (this.entries.length <= 2 * RETAINED_ENTRIES && this.#weight <= RETAINED_ELEMENTS) return;
    let keepFrom = Math.max(0, this.entries.length - RETAINED_ENTRIES);
    let weight = 0;
    for (let i = this.entries.length - 1; i >= keepFrom; i -= 1) {
      const entry = this.entries[i];
      const next = weight + (entry === undefined ? 0 : weightOf(entry));
      if (next > RETAINED_ELEMENTS / 2) keepFrom = i + 1;
      else weight = next;
    }
    this.entries = this.entries.slice(keepFrom);
    this.#weight = weight;
  }
}

/** Roughly what an entry costs to keep. */
function weightOf(entry: LogEntry): number {
  let weight = 0;
  for (const change of entry.patchset.changes) weight += change.operation === "create" ? sizeOf(change.element) : 1;
  return weight;
}

function sizeOf(element: Element): number {
  let size = 1;
  for (const child of element.children) size += sizeOf(child);
  return size;
}

/** The lives of a view's members, for a promise. */
export function livesOf(members: readonly NodeLife[]): NodeLife[] {
  return members.map(({ id, incarnation }) => ({ id, incarnation }));
}
