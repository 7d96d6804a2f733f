// The disk of one computer. In most seeds it is at the level of the store's records: what was persisted is there after a crash; of what was
// being written when the power went, a part may be there, in order, and its last record may be torn (which the store cuts off). One
// batch is written and synced at a time; the others wait. In the other seeds the product's real store runs on simulated files (files.ts).

import type { Element } from "../../runtime/kernel/cib/element.ts";
import { DurableLog } from "../../runtime/kernel/cib/log.ts";
import { applyPatchset } from "../../runtime/kernel/cib/patchset.ts";
import type { KernelInitial } from "../../runtime/kernel/kernel.ts";
import type { LogPosition, StoreRecord } from "../../runtime/kernel/messages.ts";
import type { DiskDials } from "./dials.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** What a planted disk, which acknowledges before it has written, may lose with its power. */
const FORGOTTEN_RECORDS = 12;

/** How a batch ended. */
export type PersistResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly text: string };

/** How it goes with a disk while faults last. */
export class DiskTrouble {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #dials: DiskDials;
  /** A code of errno with which all that is written fails: ENOSPC, EIO, EROFS. */
  failure: string | undefined;
  /** Factor on every sync. */
  slowness = 1;

  constructor(queue: EventQueue, random: Random, dials: DiskDials) {
    this.#queue = queue;
    this.#random = random;
    this.#dials = dials;
  }

  /** Calls `done` when a sync that begins now has ended. */
  sync(done: () => void): void {
    const slow = this.#random.chance(this.#dials.slowRate) ? this.#random.exponential(this.#dials.slowMs) : 0;
    this.#queue.after((this.#random.exponential(this.#dials.syncMs) + slow) * this.slowness, done);
  }
}

/** One disk, with the store on it. */
export interface Disk {
  readonly trouble: DiskTrouble;
  /** A process starts: gives it what is there, now or in a while. */
  open(founding: Element, done: (initial: KernelInitial) => void): void;
  /** Writes and syncs; `done` is called once, unless the process ends before. */
  persist(records: readonly StoreRecord[], done: (result: PersistResult) => void): void;
  /** The process ends, or the power does: of what was being written, some is there. */
  interrupt(powerLost: boolean): void;
  /** The store is gone or cannot be read. */
  lose(): void;
  /** Some bits of it are others; says where. */
  rot(): string | undefined;
}

interface Batch {
  readonly records: readonly StoreRecord[];
  readonly done: (result: PersistResult) => void;
}

/** A disk that keeps records. */
export class RecordDisk implements Disk {
  readonly trouble: DiskTrouble;
  readonly #random: Random;
  readonly #dials: DiskDials;
  #records: StoreRecord[] = [];
  /** What the first of the records have led to when they were last read, so that the next start reads only what came since. */
  #read: { readonly log: DurableLog; count: number } | undefined;
  #waiting: Batch[] = [];
  #busy = false;
  #damaged = false;
  /** Invalidates what is under way when the process ends. */
  #life = 0;

  readonly #tell: (text: string) => void;

  /** @param tell is told when the records do not make a log: nothing that a disk does can bring that about. */
  constructor(queue: EventQueue, random: Random, dials: DiskDials, tell: (text: string) => void) {
    this.#random = random;
    this.#dials = dials;
    this.#tell = tell;
    this.trouble = new DiskTrouble(queue, random, dials);
  }

  persist(records: readonly StoreRecord[], done: (result: PersistResult) => void): void {
    this.#waiting.push({ records, done });
    if (!this.#busy) this.#next();
  }

  #next(): void {
    const batch = this.#waiting[0];
    this.#busy = batch !== undefined;
    if (batch === undefined) return;
    const life = this.#life;
    this.trouble.sync(() => {
      if (life !== this.#life) return;
      const { failure } = this.trouble;
      if (failure !== undefined) {
        this.#write(batch.records, this.#random.integer(0, batch.records.length));
        this.#finish({ ok: false, code: failure, text: "the disk has failed, as it was to" });
        return;
      }
      this.#write(batch.records, batch.records.length);
      this.#finish({ ok: true });
    });
  }

  #write(records: readonly StoreRecord[], count: number): void {
    for (const record of records.slice(0, count)) {
      // A whole replaces everything before it; the real store does that by an atomic rename.
      if (record.record === "whole") {
        this.#records = [];
        this.#read = undefined;
      }
      this.#records.push(record);
    }
  }

  #finish(result: PersistResult): void {
    const batch = this.#waiting.shift();
    batch?.done(result);
    this.#next();
  }

  interrupt(powerLost: boolean): void {
    this.#life += 1;
    const batch = this.#waiting[0];
    this.#waiting = [];
    this.#busy = false;
    if (batch !== undefined && this.trouble.failure === undefined) {
      this.#write(batch.records, this.#random.integer(0, batch.records.length));
    }
    if (powerLost && this.#dials.forgetful) {
      this.#records.length = Math.max(
        Math.min(1, this.#records.length),
        this.#records.length - this.#random.integer(0, FORGOTTEN_RECORDS),
      );
      this.#read = undefined;
    }
  }

  lose(): void {
    this.#damaged = this.#damaged || this.#records.length > 0;
    this.#records = [];
    this.#read = undefined;
  }

  /** At this level the store sees it, and sets everything aside. */
  rot(): string | undefined {
    if (this.#records.length === 0) return undefined;
    this.lose();
    return "its records";
  }

  /** The records in their order, through the kernel's own log. Damaged until a whole document has been written again. */
  open(founding: Element, done: (initial: KernelInitial) => void): void {
    if (this.#records.some((record) => record.record === "whole")) this.#damaged = false;
    const log = this.#readRecords(founding);
    const recentRequests = [...log.recent].map(([id, version]) => ({ id, version }));
    const entries = [...log.entries];
    done({ cib: log.document, position: log.position, recentRequests, entries, history: log.history });
  }

  #readRecords(founding: Element): DurableLog {
    const empty = this.#records.length === 0 && !this.#damaged;
    const position = { ...NOTHING, empty };
    const begin = { cib: founding, position, recentRequests: [], entries: [], history: [] };
    const read = this.#read ?? { log: new DurableLog(begin), count: 0 };
    const { log } = read;
    for (; read.count < this.#records.length; read.count += 1) {
      const record = this.#records[read.count];
      if (record === undefined) break;
      if (record.record !== "entry") log.advance({ record });
      else {
        const patched = applyPatchset(log.document, record.entry.patchset);
        if (!patched.ok || record.entry.index !== log.position.index + 1) {
          this.#tell(
            `entry ${record.entry.index} stands behind ${log.position.index}${patched.ok ? "" : `: ${patched.reason}`}`,
          );
          this.lose();
          return this.#readRecords(founding);
        }
        log.advance({ record, after: patched.cib });
      }
    }
    // Of an empty disk there is nothing to remember, and the next reading may begin otherwise.
    if (!empty && this.#records.length > 0) this.#read = read;
    return log;
  }
}

const NOTHING: LogPosition = {
  primaryNumber: 0,
  index: 0,
  adoptedPrimary: 0,
  promisedPrimary: 0,
  promisedMembers: [],
  intact: false,
  empty: true,
};
