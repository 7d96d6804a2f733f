// The disk of one computer, at the level of the store's records: what was persisted is there after a crash; of what was being
// written when the power went, a part may be there, in order, and its last record may be torn (which the store cuts off). One
// batch is written and synced at a time; the others wait.

import type { StoreRecord } from "../../runtime/kernel/messages.ts";
import type { DiskDials } from "./dials.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** What a planted disk, which acknowledges before it has written, may lose with its power. */
const FORGOTTEN_RECORDS = 12;

/** How a batch ended. */
export type PersistResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly text: string };

interface Batch {
  readonly records: readonly StoreRecord[];
  readonly done: (result: PersistResult) => void;
}

/** What a started process finds. */
export interface DiskContents {
  readonly records: readonly StoreRecord[];
  /** There was a store, and it is unreadable or gone. */
  readonly damaged: boolean;
}

/** One disk. */
export class Disk {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #dials: DiskDials;
  #records: StoreRecord[] = [];
  #waiting: Batch[] = [];
  #busy = false;
  #damaged = false;
  /** Invalidates what is under way when the process ends. */
  #life = 0;
  full = false;
  /** Factor on every sync while a fault lasts. */
  slowness = 1;
  syncs = 0;

  constructor(queue: EventQueue, random: Random, dials: DiskDials) {
    this.#queue = queue;
    this.#random = random;
    this.#dials = dials;
  }

  /** Writes and syncs; `done` is called once, unless the process ends before. */
  persist(records: readonly StoreRecord[], done: (result: PersistResult) => void): void {
    this.#waiting.push({ records, done });
    if (!this.#busy) this.#next();
  }

  #next(): void {
    const batch = this.#waiting[0];
    this.#busy = batch !== undefined;
    if (batch === undefined) return;
    const life = this.#life;
    const slow = this.#random.chance(this.#dials.slowRate) ? this.#random.exponential(this.#dials.slowMs) : 0;
    const duration = (this.#random.exponential(this.#dials.syncMs) + slow) * this.slowness;
    this.#queue.after(duration, () => {
      if (life !== this.#life) return;
      if (this.full) {
        this.#write(batch.records, this.#random.integer(0, batch.records.length));
        this.#finish({ ok: false, code: "ENOSPC", text: "no space left on device" });
        return;
      }
      this.#write(batch.records, batch.records.length);
      this.syncs += 1;
      this.#finish({ ok: true });
    });
  }

  #write(records: readonly StoreRecord[], count: number): void {
    for (const record of records.slice(0, count)) {
      // A whole replaces everything before it; the real store does that by an atomic rename.
      if (record.record === "whole") this.#records = [];
      this.#records.push(record);
    }
  }

  #finish(result: PersistResult): void {
    const batch = this.#waiting.shift();
    batch?.done(result);
    this.#next();
  }

  /** The process ends, or the power does: of what was being written, some is there. */
  interrupt(powerLost: boolean): void {
    this.#life += 1;
    const batch = this.#waiting[0];
    this.#waiting = [];
    this.#busy = false;
    if (batch !== undefined && !this.full) {
      this.#write(batch.records, this.#random.integer(0, batch.records.length));
    }
    if (powerLost && this.#dials.forgetful) {
      this.#records.length = Math.max(
        Math.min(1, this.#records.length),
        this.#records.length - this.#random.integer(0, FORGOTTEN_RECORDS),
      );
    }
  }

  /** The store is gone or rotten. */
  lose(): void {
    this.#damaged = this.#damaged || this.#records.length > 0;
    this.#records = [];
  }

  /** What a process finds at its start. Reported as damaged until a whole document has been written again. */
  read(): DiskContents {
    if (this.#records.some((record) => record.record === "whole")) this.#damaged = false;
    return { records: this.#records, damaged: this.#damaged };
  }
}
