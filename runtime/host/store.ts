// The durable store of one node: a directory with a snapshot of the configuration and a log of what came after it.
//
// A change costs one write and one fdatasync, however many changes come at once. When the log is long, or a whole document comes,
// the next generation begins: its log is made first, then its snapshot appears under its final name in one step (written aside,
// synced, renamed, directory synced), and only then the old files go. Whatever a crash leaves, exactly one generation counts.
// What cannot be read is set aside, never deleted at once and never in the way of a start (see store/recover.ts).

import { assert } from "../kernel/assert.ts";
import type { Element } from "../kernel/cib/element.ts";
import { type DurableLog, snapshotOf } from "../kernel/cib/log.ts";
import type { CompletedRequest, LogEntry, LogPosition, PastChange, StoreRecord } from "../kernel/messages.ts";
import { faultPlanted, type Plantable } from "../kernel/planted-fault.ts";
import type { Timers } from "./driver.ts";
import { diskError, inDirectory, realFiles, type StoreFile, type StoreFiles } from "./store/files.ts";
import { encode, type LogBase, makeHeader } from "./store/format.ts";
import { FIRST_SUM, makeFrame } from "./store/frames.ts";
import { MARK, makeMark } from "./store/mark.ts";
import { type Recovered, recover, replayRecords } from "./store/recover.ts";
import { realTimers } from "./timers.ts";

/** A log that has grown beyond this gives way to the next generation. */
const ROTATE_BYTES = 8 * 1024 * 1024;
/** When nothing was written for so long, what is known of the log goes to the disk for good. */
const REST_MS = 100;
/** Damaged files that are kept for people to look at; older ones are removed. */
const MAX_DAMAGED_FILES = 6;
const DAMAGED = "damaged-";

/** What was found in the directory. */
export interface StoreInitial {
  /** The durable document (no status section); undefined when the store is empty or damaged. */
  readonly cib: Element | undefined;
  readonly position: LogPosition;
  readonly recentRequests: readonly CompletedRequest[];
  readonly entries: readonly LogEntry[];
  readonly history: readonly PastChange[];
  /** What was repaired or set aside, in sentences for the log. */
  readonly notes: readonly { readonly code: string; readonly text: string }[];
}

/** The durable store of one node. */
export interface Store {
  readonly initial: StoreInitial;
  /**
   * Writes the records in order and returns when they are on disk.
   * @throws SystoleError (disk-full, disk-read-only, disk-failed, directory-permission); the store takes nothing more after that.
   */
  persist(records: readonly StoreRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Settings for tests and measurements. */
export interface StoreOptions extends Plantable {
  readonly files?: StoreFiles;
  readonly rotateBytes?: number;
  readonly timers?: Pick<Timers, "after">;
}

/**
 * Opens the store in a directory, which is made when it is missing. A torn tail is cut off; damage is set aside.
 * @throws SystoleError when the directory cannot be used at all, or a later release wrote it (store-version).
 */
export async function openStore(directory: string, options: StoreOptions = {}): Promise<Store> {
  const files = options.files ?? realFiles;
  await files.makeDirectory(directory);
  const recovered = await recover(directory, files, options);
  const store = new DirectoryStore(directory, files, recovered, options);
  await store.open(recovered);
  return store;
}

class DirectoryStore implements Store {
  initial: StoreInitial;
  readonly #directory: string;
  readonly #files: StoreFiles;
  readonly #rotateBytes: number;
  readonly #timers: Pick<Timers, "after">;
  readonly #options: Plantable;
  /** What the disk has: from this the next snapshot is made. */
  readonly #log: DurableLog;
  #generation: number;
  #file: StoreFile | undefined;
  #mark: StoreFile | undefined;
  #end = 0;
  #sum: Uint8Array = FIRST_SUM;
  #cancelRest: () => void = () => undefined;
  /** One thing at a time; a failure stays. */
  #work: Promise<void> = Promise.resolve();

  constructor(directory: string, files: StoreFiles, recovered: Recovered, options: StoreOptions) {
    this.#options = options;
    this.#directory = directory;
    this.#files = files;
    this.#rotateBytes = options.rotateBytes ?? ROTATE_BYTES;
    this.#timers = options.timers ?? realTimers;
    this.#log = recovered.log;
    this.#generation = recovered.generation;
    const { position, document, entries } = recovered.log;
    const { recentRequests, history } = snapshotOf(recovered.log);
    this.initial = {
      cib: position.intact ? document : undefined,
      position,
      recentRequests,
      entries: [...entries],
      history,
      notes: [],
    };
  }

  /** Brings the directory in order and opens the log for writing. */
  async open(recovered: Recovered): Promise<void> {
    const notes: { code: string; text: string }[] = [];
    if (recovered.damage !== undefined) {
      this.#generation = recovered.generation + 1;
      await this.#beginLog("damaged");
      const aside = await this.#setAside(recovered.generation);
      const kept = aside === "" ? "Nothing of it is left to be set aside" : `It was set aside as ${aside}`;
      const text = `The store in ${this.#directory} is damaged: ${recovered.damage}. ${kept}; this node counts no vote until it has caught up from the others.`;
      notes.push({ code: "store-damaged", text });
    } else if (recovered.tail === undefined) {
      await this.#beginLog("empty");
    } else {
      await this.#continueLog(recovered.tail);
      if (recovered.tail.torn) {
        notes.push({
          code: "store-tail",
          text: `The last write to ${this.#directory} had not ended when the node stopped; it was cut off. Nothing that was acknowledged is lost.`,
        });
      }
    }
    for (const name of recovered.leftOver) {
      if (name !== this.#logName()) await this.#files.remove(this.#path(name));
    }
    this.#mark = await this.#files.open(this.#path(MARK), false);
    await this.#files.syncDirectory(this.#directory);
    await this.#writeMark();
    this.initial = { ...this.initial, notes };
  }

  persist(records: readonly StoreRecord[]): Promise<void> {
    const done = this.#work.then(() => this.#write(records));
    // Neither the mark nor the next generation is the business of who waits for this write, but the next write waits for them.
    this.#work = done.then(async () => {
      if (this.#end > this.#rotateBytes) await this.#rotate();
      await this.#writeMark();
    });
    this.#work.catch(() => undefined);
    return done;
  }

  async close(): Promise<void> {
    this.#cancelRest();
    await this.#work.catch(() => undefined);
    for (const file of [this.#file, this.#mark]) {
      await file?.sync().catch(() => undefined);
      await file?.close();
    }
    this.#file = undefined;
    this.#mark = undefined;
  }

  // --- writing ------------------------------------------------------------------------------------------------------------

  async #write(records: readonly StoreRecord[]): Promise<void> {
    if (records.some((record) => record.record === "whole")) {
      this.#remember(records);
      await this.#rotate();
      return;
    }
    await this.#append(encode(records));
    this.#remember(records);
  }

  #remember(records: readonly StoreRecord[]): void {
    const problem = replayRecords(this.#log, records);
    assert(problem === undefined, `a record was written that does not fit: ${problem}`);
  }

  /** One frame, on the disk when this returns. */
  async #append(payload: Uint8Array): Promise<void> {
    const file = this.#file;
    if (file === undefined) throw diskError(this.#directory, new Error("the store is closed"));
    const { bytes, sum } = makeFrame(this.#sum, payload);
    await file.write(bytes, this.#end);
    if (!faultPlanted(this.#options, "fsync-skipped")) await file.sync();
    this.#end += bytes.length;
    this.#sum = sum;
  }

  /** Notes that the log is on the disk so far. To sync the note too would double what a change costs, so that is done at rest. */
  async #writeMark(): Promise<void> {
    await this.#mark?.write(makeMark(this.#generation, this.#end, this.#sum), 0);
    this.#cancelRest();
    if (faultPlanted(this.#options, "mark-not-synced")) return;
    this.#cancelRest = this.#timers.after(REST_MS, () => {
      this.#work = this.#work.then(() => this.#mark?.sync());
      this.#work.catch(() => undefined);
    });
  }

  async #beginLog(base: LogBase): Promise<void> {
    const file = await this.#files.open(this.#path(this.#logName()), true);
    await this.#file?.close();
    this.#file = file;
    this.#end = 0;
    this.#sum = FIRST_SUM;
    await this.#append(makeHeader(this.#generation, base));
    await this.#files.syncDirectory(this.#directory);
  }

  async #continueLog(tail: { readonly end: number; readonly sum: Uint8Array; readonly torn: boolean }): Promise<void> {
    this.#file = await this.#files.open(this.#path(this.#logName()), false);
    this.#end = tail.end;
    this.#sum = Uint8Array.from(tail.sum);
    // What is believed now must be on the disk before it is told: the crash may have come before its sync.
    if (tail.torn) await this.#file.truncate(tail.end);
    await this.#file.sync();
  }

  /** The next generation: a log, then the snapshot that makes it count, then the old files go. */
  async #rotate(): Promise<void> {
    const old = this.#generation;
    this.#generation = old + 1;
    await this.#beginLog("snapshot");
    const name = `snapshot-${this.#generation}`;
    const header = makeFrame(FIRST_SUM, makeHeader(this.#generation, "snapshot"));
    const body = makeFrame(header.sum, encode(snapshotOf(this.#log)));
    const file = await this.#files.open(this.#path(`${name}.tmp`), true);
    await file.write(header.bytes, 0);
    await file.write(body.bytes, header.bytes.length);
    if (!faultPlanted(this.#options, "snapshot-not-synced")) await file.sync();
    await file.close();
    await this.#files.rename(this.#path(`${name}.tmp`), this.#path(name));
    await this.#files.syncDirectory(this.#directory);
    await this.#files.remove(this.#path(`snapshot-${old}`));
    await this.#files.remove(this.#path(`log-${old}`));
  }

  // --- names ---------------------------------------------------------------------------------------------------------------

  #path(name: string): string {
    return inDirectory(this.#directory, name);
  }

  #logName(): string {
    return `log-${this.#generation}`;
  }

  /** Renames the files of a generation out of the way; of earlier ones a few are kept. Returns the new names. */
  async #setAside(generation: number): Promise<string> {
    const names = await this.#files.list(this.#directory);
    const moved: string[] = [];
    for (const name of [`log-${generation}`, `snapshot-${generation}`]) {
      if (!names.includes(name)) continue;
      await this.#files.rename(this.#path(name), this.#path(`${DAMAGED}${name}`));
      moved.push(`${DAMAGED}${name}`);
    }
    const kept = [...new Set([...names.filter((name) => name.startsWith(DAMAGED)), ...moved])].sort(byGeneration);
    for (const name of kept.slice(0, Math.max(0, kept.length - MAX_DAMAGED_FILES)))
      await this.#files.remove(this.#path(name));
    await this.#files.syncDirectory(this.#directory);
    return moved.join(" and ");
  }
}

function byGeneration(a: string, b: string): number {
  return Number(a.split("-")[2]) - Number(b.split("-")[2]) || (a < b ? -1 : 1);
}
