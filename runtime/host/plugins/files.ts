// Files for plugins. A path is checked as it is written and, when it leads through symbolic links, once more as what it
// really is, so that a link in a granted folder opens nothing else, even when it becomes one in between.

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { AgentError } from "../../../sdk/errors.ts";
import type { ReadFiles, WriteFiles } from "../../../sdk/mod.ts";
import { systemCode } from "../errors.ts";
import type { Grants } from "./grants.ts";
import { PluginError } from "./plugin-error.ts";
import { turns } from "./turns.ts";

const FILE_LIMIT_BYTES = 1024 * 1024;

function problem(deed: string, path: string, error: unknown): AgentError {
  const code = systemCode(error);
  const kind = code === "EACCES" || code === "EPERM" || code === "EROFS" ? "privileges" : "generic";
  return new AgentError(kind, `Cannot ${deed} ${path} (${code || String(error)}): check the path and its permissions.`);
}

/** Opens a folder to name what is in it, without the right to read it. */
const O_PATH = process.platform === "linux" ? 0o10000000 : 0;

/** What a granted path leads to, while its folder is held. */
interface Held {
  /** The file below the folder that was checked, whatever the path leads to by now. */
  readonly file: string;
  readonly folder: string;
  readonly name: string;
  release(): Promise<void>;
}

/** The path as it is checked first; throws AgentError, or PluginError as the grants do. */
function checkedPath(grants: Grants, kind: "read" | "write", path: string): string {
  if (!isAbsolute(path) || path.includes("\0")) throw new AgentError("arguments", `${path} is not an absolute path.`);
  const plain = normalize(path);
  grants.check({ kind, path: plain });
  return plain;
}

/**
 * Takes hold of a path's folder and checks what it really is. What is done then is done by way of the open folder: who swaps
 * it for a link in the meantime has swapped something else. Undefined when there is no such folder.
 */
async function hold(grants: Grants, kind: "read" | "write", path: string): Promise<Held | undefined> {
  const plain = checkedPath(grants, kind, path);
  const name = basename(plain);
  let folder: FileHandle;
  try {
    folder = await open(dirname(plain), constants.O_RDONLY | constants.O_DIRECTORY | O_PATH);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw problem(kind, path, error);
  }
  try {
    const below = `/proc/self/fd/${folder.fd}`;
    const linux = process.platform === "linux";
    const real = linux ? await readlink(below) : await realpath(dirname(plain));
    if (join(real, name) !== plain) grants.check({ kind, path: join(real, name) });
    const held = linux ? below : real;
    return { file: join(held, name), folder: held, name, release: () => folder.close() };
  } catch (error) {
    await folder.close();
    throw error instanceof PluginError ? error : problem(kind, path, error);
  }
}

/** Does something with what a granted path leads to; `missing` is the answer where its folder does not exist. */
async function holding<Result>(
  held: Held | undefined,
  perform: (held: Held) => Promise<Result>,
  missing: () => Result,
): Promise<Result> {
  if (held === undefined) return missing();
  try {
    return await perform(held);
  } finally {
    await held.release();
  }
}

/** Checks a path that somebody else will open, as it is written and as what it is now; what it leads to by way of links. */
export async function checkPath(grants: Grants, kind: "read" | "write", path: string): Promise<string> {
  return await holding(
    await hold(grants, kind, path),
    async (held) => {
      const target = await targetOf(held).catch((error: unknown) => {
        throw problem(kind, path, error);
      });
      if (target !== normalize(path)) grants.check({ kind, path: target });
      return target;
    },
    () => path,
  );
}

/** The file itself, also where there is none yet; a link to nowhere is an error. */
async function targetOf({ file, folder, name }: Held): Promise<string> {
  const there = await lstat(file).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  return there === undefined ? join(await realpath(folder), name) : await realpath(file);
}

/** What is in an open file; throws when that is too much, or when it is no file that has an end. */
async function wholeFile(file: FileHandle, path: string): Promise<string> {
  if (!(await file.stat()).isFile()) throw new AgentError("generic", `${path} is no regular file.`);
  const buffer = Buffer.alloc(FILE_LIMIT_BYTES + 1);
  let size = 0;
  for (let more = 1; more > 0 && size < buffer.length; size += more) {
    more = (await file.read(buffer, size, buffer.length - size, null)).bytesRead;
  }
  if (size > FILE_LIMIT_BYTES) throw new AgentError("generic", `${path} has more than ${FILE_LIMIT_BYTES} bytes.`);
  return buffer.toString("utf8", 0, size);
}

/** Reading: no link is followed, and nobody waits for the other end of a pipe, which would hold a thread of this process. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** So many files are in memory at a time. */
const MAXIMUM_READS = 4;

const readTurn = turns(MAXIMUM_READS);

async function readHeld({ file: name }: Held, path: string): Promise<string | undefined> {
  try {
    const file = await open(name, READ_FLAGS);
    try {
      return await wholeFile(file, path);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error instanceof AgentError ? error : problem("read", path, error);
  }
}

async function writeHeld({ file, folder, name }: Held, path: string, text: string): Promise<void> {
  if (Buffer.byteLength(text) > FILE_LIMIT_BYTES)
    throw new AgentError("generic", `More than ${FILE_LIMIT_BYTES} bytes for ${path}; nothing was written.`);
  const fresh = join(folder, `.${name}.${randomUUID()}`);
  try {
    await writeFile(fresh, text, { mode: 0o600, flag: "wx" });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw problem("write", path, error);
  }
}

async function removeHeld({ file }: Held, path: string): Promise<void> {
  try {
    await rm(file, { force: true });
  } catch (error) {
    throw problem("remove", path, error);
  }
}

/** Reading and writing under these grants. */
export function grantedFiles(grants: Grants): ReadFiles & WriteFiles {
  const nowhere = (path: string): never => {
    throw new AgentError("generic", `Cannot write ${path}: its folder does not exist.`);
  };
  return {
    readText: (path) =>
      readTurn(async () =>
        holding(
          await hold(grants, "read", path),
          (held) => readHeld(held, path),
          () => undefined,
        ),
      ),
    writeText: async (path, text) =>
      holding(
        await hold(grants, "write", path),
        (held) => writeHeld(held, path, text),
        () => nowhere(path),
      ),
    remove: async (path) =>
      holding(
        await hold(grants, "write", path),
        (held) => removeHeld(held, path),
        () => undefined,
      ),
  };
}
