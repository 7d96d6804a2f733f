// The file system of one simulated computer, for the product's real store: what is written stands in memory until it is synced. When the
// power goes, of what was not synced each 512 bytes are there or not, as chance has it, and of the directory's unsynced changes the first
// few. When only the process ends, everything that was written is there for the next one, synced or not.

import { diskError, type StoreFile, type StoreFiles } from "../../runtime/host/store/files.ts";
import type { Random } from "./random.ts";

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;
/** Bits do not rot in what was written only now: the store promises to notice after a rest that is shorter than this. */
const OLD_MS = 250;

interface SimulatedFile {
  /** As a program sees it. */
  bytes: Uint8Array;
  /** As it is for certain after a loss of power. */
  synced: Uint8Array;
  /** When it was written last. */
  writtenMs: number;
}

/** How the file system is at this moment, and how long a sync takes. */
export interface FileWeather {
  nowMs(): number;
  /** A code of errno with which every write and sync fails; undefined: they work. */
  failure(): string | undefined;
  /** Calls `done` when a sync has ended. */
  sync(done: () => void): void;
}

/** One directory is all that a store has. */
export class SimulatedFiles implements StoreFiles {
  readonly #random: Random;
  readonly #weather: FileWeather;
  #names = new Map<string, SimulatedFile>();
  /** The directory on the disk, and what was done to it since. */
  #syncedNames = new Map<string, SimulatedFile>();
  #changes: ((names: Map<string, SimulatedFile>) => void)[] = [];
  /** A store of an earlier life does nothing any more. */
  #life = 0;

  constructor(random: Random, weather: FileWeather) {
    this.#random = random;
    this.#weather = weather;
  }

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  /** The process has ended: the next one reads all that was written, and a loss of power still takes what was not synced. */
  processEnded(): void {
    this.#life += 1;
  }

  /** The power has gone. */
  powerLost(): void {
    this.#life += 1;
    const survivors = this.#random.integer(0, this.#changes.length);
    for (const change of this.#changes.slice(0, survivors)) change(this.#syncedNames);
    this.#changes = [];
    this.#names = this.#syncedNames;
    this.#syncedNames = new Map(this.#names);
    for (const file of this.#names.values()) {
      file.synced = this.#tear(file);
      file.bytes = file.synced.slice();
    }
  }

  /** What stands on the disk of a file of which the end was on its way there. */
  #tear({ bytes, synced }: SimulatedFile): Uint8Array {
    if (Buffer.compare(bytes, synced) === 0) return synced;
    const length = this.#random.chance(0.5) ? bytes.length : this.#random.integer(0, bytes.length);
    const torn = new Uint8Array(Math.max(length, Math.min(synced.length, bytes.length)));
    torn.set(synced.subarray(0, torn.length));
    for (let at = 0; at < torn.length; at += SECTOR_BYTES) {
      if (this.#random.chance(0.5)) torn.set(bytes.subarray(at, Math.min(at + SECTOR_BYTES, torn.length)), at);
    }
    return torn;
  }

  /** Everything is gone. */
  lose(): void {
    this.#life += 1;
    this.#names.clear();
    this.#syncedNames.clear();
    this.#changes = [];
  }

  /** Some bits of a file that was long on the disk are others now. Returns its name; undefined when there is nothing to spoil. */
  rot(): string | undefined {
    const oldMs = this.#weather.nowMs() - OLD_MS;
    const files = [...this.#names].filter(
      ([name, file]) => file.bytes.length > 0 && file.writtenMs <= oldMs && !name.includes("damaged"),
    );
    if (files.length === 0) return undefined;
    const [name, file] = this.#random.pick(files);
    for (let flips = this.#random.integer(1, 8); flips > 0; flips -= 1) {
      const at = this.#random.integer(0, file.bytes.length - 1);
      file.bytes[at] = (file.bytes[at] ?? 0) ^ (1 << this.#random.integer(0, 7));
    }
    file.synced = file.bytes.slice();
    return name;
  }

  // --- what the store calls -------------------------------------------------------------------------------------------------

  async makeDirectory(): Promise<void> {}

  async list(): Promise<string[]> {
    return [...this.#names.keys()].map(nameOf).sort();
  }

  async read(path: string): Promise<Uint8Array> {
    const file = this.#names.get(path);
    if (file === undefined) throw diskError(path, failed("ENOENT"));
    return file.bytes.slice();
  }

  async open(path: string, fresh: boolean): Promise<StoreFile> {
    this.#check(path);
    const known = this.#names.get(path);
    const file = known ?? { bytes: new Uint8Array(), synced: new Uint8Array(), writtenMs: this.#weather.nowMs() };
    if (known === undefined) this.#change((names) => names.set(path, file));
    else if (fresh) file.bytes = new Uint8Array();
    return this.#handle(path, file, this.#life);
  }

  #handle(path: string, file: SimulatedFile, life: number): StoreFile {
    const alive = () => life === this.#life;
    return {
      write: async (bytes, position) => {
        if (!alive()) return;
        this.#check(path);
        const end = position + bytes.length;
        if (end > file.bytes.length) {
          const longer = new Uint8Array(end);
          longer.set(file.bytes);
          file.bytes = longer;
        }
        file.bytes.set(bytes, position);
        file.writtenMs = this.#weather.nowMs();
      },
      truncate: async (length) => {
        if (alive()) file.bytes = file.bytes.slice(0, length);
      },
      sync: () =>
        new Promise((resolve, reject) => {
          this.#weather.sync(() => {
            // Of a life that is over nobody waits any more.
            if (!alive()) return;
            const code = this.#weather.failure();
            if (code !== undefined) {
              reject(diskError(path, failed(code)));
              return;
            }
            file.synced = file.bytes.slice();
            resolve();
          });
        }),
      close: async () => {},
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#check(from);
    this.#change((names) => {
      const file = names.get(from);
      if (file === undefined) return;
      names.delete(from);
      names.set(to, file);
    });
  }

  async remove(path: string): Promise<void> {
    this.#change((names) => names.delete(path));
  }

  async syncDirectory(path: string): Promise<void> {
    this.#check(path);
    this.#syncedNames = new Map(this.#names);
    this.#changes = [];
  }

  #change(change: (names: Map<string, SimulatedFile>) => void): void {
    change(this.#names);
    this.#changes.push(change);
  }

  #check(path: string): void {
    const code = this.#weather.failure();
    if (code !== undefined) throw diskError(path, failed(code));
  }
}

function failed(code: string): Error {
  return Object.assign(new Error(`${code}, as it was to`), { code });
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
