// The few file operations that the store is built from, as an interface: production has the disk behind it, a test has one that
// forgets what was not synced. All paths are absolute.

import { constants, promises as fs } from "node:fs";
import { dirname, join } from "node:path";
import { SystoleError, systemCode } from "../errors.ts";

/** Files and directories are for the user that runs the node, for nobody else. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** A file open for writing. */
export interface StoreFile {
  /** Writes all of the bytes at this place. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Returns when everything written is on the disk (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What the store needs of a file system. Every failure is a SystoleError that says what, where, and what to do. */
export interface StoreFiles {
  /** Creates the directory and those above it, where they are missing. */
  makeDirectory(path: string): Promise<void>;
  /** Names in the directory, sorted. */
  list(path: string): Promise<string[]>;
  read(path: string): Promise<Uint8Array>;
  /** Opens for writing; creates the file when it is missing, and empties it when `fresh`. */
  open(path: string, fresh: boolean): Promise<StoreFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>;
}

/** The file system of this machine. */
export const realFiles: StoreFiles = {
  makeDirectory: (path) => explained(path, () => makeDirectory(path)),
  list: (path) => explained(path, async () => (await fs.readdir(path)).sort()),
  read: (path) => explained(path, () => fs.readFile(path)),
  open: (path, fresh) =>
    explained(path, async () => {
      const flags = constants.O_RDWR | constants.O_CREAT | (fresh ? constants.O_TRUNC : 0);
      return wrap(path, await fs.open(path, flags, FILE_MODE));
    }),
  rename: (from, to) => explained(from, () => fs.rename(from, to)),
  remove: (path) => explained(path, () => fs.rm(path, { force: true })),
  syncDirectory: (path) => explained(path, () => syncDirectory(path)),
};

/** A directory that was made counts only when its parent knows of it for good. */
async function makeDirectory(path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  if (first !== undefined) {
    for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function wrap(path: string, handle: fs.FileHandle): StoreFile {
  return {
    write: (bytes, position) =>
      explained(path, async () => {
        let done = 0;
        while (done < bytes.length) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
          done += bytesWritten;
        }
      }),
    truncate: (length) => explained(path, () => handle.truncate(length)),
    sync: () => explained(path, () => handle.datasync()),
    close: () => explained(path, () => handle.close()),
  };
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(path, error);
  }
}

/** Says what an error of the file system means for the store. */
export function diskError(path: string, error: unknown): SystoleError {
  if (error instanceof SystoleError) return error;
  const code = systemCode(error);
  const cause = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT") {
    const text = `No space is left on the disk of ${path}, so changes cannot be stored and this node stops. Free some space, then start it again.`;
    return new SystoleError("disk-full", text, cause);
  }
  if (code === "EROFS") {
    const text = `${path} is on a file system that is mounted read-only, so changes cannot be stored. Mount it writable (a disk error often is the cause: see the kernel's log), then start this node again.`;
    return new SystoleError("disk-read-only", text, cause);
  }
  if (code === "EACCES" || code === "EPERM") {
    const text = `${path} may not be written by the user that runs this node. Give the directory to that user, or name another stateDirectory.`;
    return new SystoleError("directory-permission", text, cause);
  }
  if (code === "ENOTDIR" || code === "EEXIST") {
    const text = `${path} cannot be a directory: there is a file in its place. Name another stateDirectory, or move the file away.`;
    return new SystoleError("directory-unwritable", text, cause);
  }
  const text = `The disk failed at ${path} (${code || String(error)}), so changes cannot be stored and this node stops. Look at the disk, then start this node again.`;
  return new SystoleError("disk-failed", text, cause);
}

/** The path of a file of the store. */
export function inDirectory(directory: string, name: string): string {
  return join(directory, name);
}
