// A disk in memory that forgets what was not synced, as POSIX allows it to: for tests of the store and of power cuts.

import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { diskError, type StoreFiles } from "../../../runtime/host/store/files.ts";

interface Inode {
  durable: Buffer;
  current: Buffer;
  /** Sectors written since the last sync, by number, in the order in which they were written last. */
  dirty: Set<number>;
}

/** What a disk writes at once. */
const SECTOR = 512;

/** A disk in memory: names and bytes become durable only by sync; a crash keeps any part of the rest, in units of sectors and names. */
export class MemoryDisk {
  readonly durableNames = new Map<string, Inode>();
  readonly names = new Map<string, Inode>();
  onStep: () => void = () => undefined;

  constructor(failing = { now: false }, errorCode = "EIO") {
    this.#failing = failing;
    this.#errorCode = errorCode;
  }

  readonly #failing: { now: boolean };
  readonly #errorCode: string;

  #step(path: string): void {
    if (this.#failing.now) throw diskError(path, Object.assign(new Error("broken"), { code: this.#errorCode }));
    this.onStep();
  }

  readonly files: StoreFiles = {
    makeDirectory: async () => undefined,
    list: async (path) =>
      [...this.names.keys()]
        .filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1))
        .sort(),
    read: async (path) => {
      const inode = this.names.get(path);
      if (inode === undefined) throw new Error(`no ${path}`);
      return Uint8Array.from(inode.current);
    },
    open: async (path, fresh) => {
      this.#step(path);
      const inode = this.names.get(path) ?? {
        durable: Buffer.alloc(0),
        current: Buffer.alloc(0),
        dirty: new Set<number>(),
      };
      if (fresh) inode.current = Buffer.alloc(0);
      this.names.set(path, inode);
      return {
        write: async (bytes, position) => {
          this.#step(path);
          const end = Math.max(inode.current.length, position + bytes.length);
          const grown = Buffer.alloc(end);
          inode.current.copy(grown);
          grown.set(bytes, position);
          inode.current = grown;
          for (let sector = Math.floor(position / SECTOR); sector * SECTOR < position + bytes.length; sector += 1) {
            inode.dirty.delete(sector);
            inode.dirty.add(sector);
          }
        },
        truncate: async (length) => {
          this.#step(path);
          inode.current = inode.current.subarray(0, length);
        },
        sync: async () => {
          this.#step(path);
          inode.durable = Buffer.from(inode.current);
          inode.dirty.clear();
        },
        close: async () => undefined,
      };
    },
    rename: async (from, to) => {
      this.#step(from);
      const inode = this.names.get(from);
      if (inode === undefined) throw new Error(`no ${from}`);
      this.names.delete(from);
      this.names.set(to, inode);
    },
    remove: async (path) => {
      this.#step(path);
      this.names.delete(path);
    },
    syncDirectory: async () => {
      this.#step("/state");
      this.durableNames.clear();
      for (const [name, inode] of this.names) this.durableNames.set(name, inode);
    },
  };

  /** What a power cut leaves: of what was not synced, each sector and each name is old or new as the kind and chance have it. */
  cut(random: () => number, kind: CutKind = "torn"): MemoryDisk {
    const left = new MemoryDisk();
    const all = new Set([...this.durableNames.keys(), ...this.names.keys()]);
    for (const name of [...all].sort()) {
      const old = this.durableNames.get(name);
      const fresh = this.names.get(name);
      const isNew = kind === "all" || (kind !== "nothing" && random() < 0.5);
      const inode = old === fresh || !isNew ? old : fresh;
      if (inode === undefined) continue;
      const bytes = tear(inode, random, kind);
      left.names.set(name, { durable: bytes, current: Buffer.from(bytes), dirty: new Set() });
    }
    for (const [name, inode] of left.names) left.durableNames.set(name, inode);
    return left;
  }

  /** Writes everything that is on the disk into a directory. */
  writeTo(directory: string): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const [name, { current }] of this.names) {
      writeFileSync(join(directory, basename(name)), current, { mode: 0o600 });
    }
  }
}

/**
 * What of the unsynced writes survives a power cut: nothing, all, the first ones, the last ones without the first (reordered), or any
 * sectors (torn).
 */
export const CUT_KINDS = ["nothing", "all", "first", "reordered", "torn"] as const;
export type CutKind = (typeof CUT_KINDS)[number];

/** Whether the write of that rank among `count` unsynced ones survives. */
function survives(kind: CutKind, rank: number, count: number, border: number, random: () => number): boolean {
  if (kind === "first") return rank < border * count;
  if (kind === "reordered") return rank >= border * count;
  return kind === "all" || (kind === "torn" && random() < 0.5);
}

function tear(inode: Inode, random: () => number, kind: CutKind): Buffer {
  const { current, durable } = inode;
  const border = random();
  const isGrown = kind === "all" || (kind !== "nothing" && random() < 0.5);
  const partly = Math.max(durable.length, Math.floor(random() * current.length));
  let length = isGrown ? current.length : Math.min(current.length, partly);
  if (kind === "nothing" || (!isGrown && current.length < durable.length)) length = durable.length;
  const bytes = Buffer.alloc(length);
  durable.copy(bytes);
  [...inode.dirty].forEach((sector, rank) => {
    if (!survives(kind, rank, inode.dirty.size, border, random)) return;
    const end = Math.min((sector + 1) * SECTOR, bytes.length, current.length);
    current.copy(bytes, sector * SECTOR, sector * SECTOR, end);
  });
  return bytes;
}
