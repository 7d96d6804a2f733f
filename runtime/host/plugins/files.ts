// Files for plugins. A path is checked as it is written and, when it leads through symbolic links, once more as what it
// really is, so that a link in a granted folder opens nothing else.

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { AgentError } from "../../../sdk/errors.ts";
import type { ReadFiles, WriteFiles } from "../../../sdk/mod.ts";
import { systemCode } from "../errors.ts";
import type { Grants } from "./grants.ts";
import { PluginError } from "./plugin-error.ts";

const FILE_LIMIT_BYTES = 1024 * 1024;

function problem(deed: string, path: string, error: unknown): AgentError {
  const code = systemCode(error);
  const kind = code === "EACCES" || code === "EPERM" || code === "EROFS" ? "privileges" : "generic";
  return new AgentError(kind, `Cannot ${deed} ${path} (${code || String(error)}): check the path and its permissions.`);
}

/** The path after the grant check; undefined when its folder does not exist. */
async function granted(grants: Grants, kind: "read" | "write", path: string): Promise<string | undefined> {
  if (!isAbsolute(path) || path.includes("\0")) throw new AgentError("arguments", `${path} is not an absolute path.`);
  const plain = normalize(path);
  grants.check({ kind, path: plain });
  try {
    const real = join(await realpath(dirname(plain)), basename(plain));
    if (real !== plain) grants.check({ kind, path: real });
    return real;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error instanceof PluginError ? error : problem(kind, path, error);
  }
}

async function readText(grants: Grants, path: string): Promise<string | undefined> {
  const real = await granted(grants, "read", path);
  if (real === undefined) return undefined;
  try {
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const buffer = Buffer.alloc(FILE_LIMIT_BYTES + 1);
      let size = 0;
      for (let more = 1; more > 0 && size < buffer.length; size += more) {
        more = (await file.read(buffer, size, buffer.length - size, null)).bytesRead;
      }
      if (size > FILE_LIMIT_BYTES) throw new AgentError("generic", `${path} has more than ${FILE_LIMIT_BYTES} bytes.`);
      return buffer.toString("utf8", 0, size);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error instanceof AgentError ? error : problem("read", path, error);
  }
}

async function writeText(grants: Grants, path: string, text: string): Promise<void> {
  const real = await granted(grants, "write", path);
  if (real === undefined) throw new AgentError("generic", `Cannot write ${path}: its folder does not exist.`);
  if (Buffer.byteLength(text) > FILE_LIMIT_BYTES)
    throw new AgentError("generic", `More than ${FILE_LIMIT_BYTES} bytes for ${path}; nothing was written.`);
  const fresh = join(dirname(real), `.${basename(real)}.${randomUUID()}`);
  try {
    await writeFile(fresh, text, { mode: 0o600, flag: "wx" });
    await rename(fresh, real);
  } catch (error) {
    await rm(fresh, { force: true });
    throw problem("write", path, error);
  }
}

/** Reading and writing under these grants. */
export function grantedFiles(grants: Grants): ReadFiles & WriteFiles {
  return {
    readText: (path) => readText(grants, path),
    writeText: (path, text) => writeText(grants, path, text),
    async remove(path) {
      const real = await granted(grants, "write", path);
      if (real === undefined) return;
      try {
        await rm(real, { force: true });
      } catch (error) {
        throw problem("remove", path, error);
      }
    },
  };
}
