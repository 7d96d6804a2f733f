// The bundles of a node, each under the digest of its bytes: what is read is what was agreed on, or it is not read.

import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorText, systemCode } from "../../errors.ts";
import { digestOf } from "../package/bundler.ts";
import { MAX_BUNDLE_BYTES } from "../package/limits.ts";
import { PluginError } from "../plugin-error.ts";

/** Bundles that are kept although nothing names them, by age: for those that come back. */
const KEPT_UNNAMED = 8;

/** Bundles by digest. */
export interface BundleStore {
  /** Where the bundle is, or would be. */
  pathOf(sha512: string): string;
  /**
   * The bytes of that digest; undefined when this node does not have them. What is there under this name but is something
   * else counts as not there. Throws PluginError `plugin-unreadable` when the disk fails.
   */
  read(sha512: string): Uint8Array | undefined;
  /** Keeps bytes, durably enough for what can be fetched again; their digest. Throws PluginError `plugin-unreadable`. */
  write(bytes: Uint8Array): string;
  /** Removes what nothing names, but for the last few. */
  prune(named: ReadonlySet<string>): void;
}

/** `sha512-` and base64 as a file name: hexadecimal digits. */
function fileName(sha512: string): string {
  return `${Buffer.from(sha512.slice("sha512-".length), "base64").toString("hex")}.mjs`;
}

/** Opens the store in a folder of its own. */
export function openBundleStore(folder: string): BundleStore {
  const pathOf = (sha512: string): string => join(folder, fileName(sha512));
  return {
    pathOf,
    read(sha512) {
      const file = pathOf(sha512);
      try {
        const { size } = statSync(file);
        if (size > MAX_BUNDLE_BYTES) return undefined;
        const bytes = Uint8Array.from(readFileSync(file));
        return digestOf(bytes) === sha512 ? bytes : undefined;
      } catch (error) {
        if (systemCode(error) === "ENOENT") return undefined;
        throw new PluginError("plugin-unreadable", `The bundle ${file} cannot be read: ${errorText(error)}.`);
      }
    },
    write(bytes) {
      const sha512 = digestOf(bytes);
      const file = pathOf(sha512);
      const fresh = `${file}.${randomUUID()}`;
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileSync(fresh, bytes, { mode: 0o600, flush: true });
        renameSync(fresh, file);
      } catch (error) {
        if (existsSync(fresh)) rmSync(fresh);
        throw new PluginError("plugin-unreadable", `A bundle cannot be written to ${folder}: ${errorText(error)}.`);
      }
      return sha512;
    },
    prune(named) {
      const wanted = new Set([...named].map(fileName));
      try {
        const others = readdirSync(folder)
          .filter((file) => !wanted.has(file))
          .map((file) => ({ file, changedMs: statSync(join(folder, file)).mtimeMs }))
          .sort((a, b) => b.changedMs - a.changedMs);
        for (const { file } of others.slice(KEPT_UNNAMED)) rmSync(join(folder, file), { force: true });
      } catch (error) {
        // Only room on the disk is lost; the next time may do it.
        if (systemCode(error) !== "ENOENT")
          throw new PluginError("plugin-unreadable", `${folder}: ${errorText(error)}.`);
      }
    },
  };
}
