// What an instance of a plugin remembers on this node: one small JSON file each, replaced atomically. It is not fsynced:
// it has to survive a restart of Systole, and a crash of the machine ends everything that it could speak of.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../../sdk/errors.ts";
import { systemCode } from "../errors.ts";

/** All values of an instance together. */
const STATE_LIMIT_BYTES = 64 * 1024;

/** Values of one instance: the plugin's own, and those that the host keeps beside them under `host:` names. */
export interface InstanceState {
  get(key: string): string | undefined;
  /** Throws AgentError `generic` when the instance would hold too much, or the file cannot be written. */
  set(key: string, value: string): void;
  remove(key: string): void;
}

/** The states of all instances. */
export interface StateStore {
  of(instance: string): InstanceState;
  /** Instances that have a file, sorted. */
  instances(): string[];
}

function readRecord(file: string): Map<string, string> {
  const record = new Map<string, string>();
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof parsed === "object" && parsed !== null) {
      for (const [key, value] of Object.entries(parsed)) if (typeof value === "string") record.set(key, value);
    }
  } catch {
    // No file yet, or not one of ours: the instance remembers nothing, and its monitor finds the truth.
  }
  return record;
}

/** Opens the store in a folder, which is made when it is first written to. */
export function openStateStore(folder: string): StateStore {
  const open = new Map<string, InstanceState>();
  const fileOf = (instance: string): string => join(folder, `${encodeURIComponent(instance)}.json`);

  const openInstance = (instance: string): InstanceState => {
    const file = fileOf(instance);
    const record = readRecord(file);
    const write = (changed: ReadonlyMap<string, string>): void => {
      const text = JSON.stringify(Object.fromEntries([...changed].sort(([a], [b]) => (a < b ? -1 : 1))));
      if (Buffer.byteLength(text) > STATE_LIMIT_BYTES) {
        throw new AgentError(
          "generic",
          `The state of ${instance} would exceed ${STATE_LIMIT_BYTES} bytes; nothing was changed. Keep less in ctx.state.`,
        );
      }
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileSync(`${file}.new`, text, { mode: 0o600 });
        renameSync(`${file}.new`, file);
      } catch (error) {
        throw new AgentError(
          "generic",
          `The state of ${instance} cannot be written (${systemCode(error)}): check ${folder}.`,
        );
      }
    };
    return {
      get: (key) => record.get(key),
      set(key, value) {
        write(new Map(record).set(key, value));
        record.set(key, value);
      },
      remove(key) {
        if (!record.has(key)) return;
        const rest = new Map(record);
        rest.delete(key);
        if (rest.size === 0) rmSync(file, { force: true });
        else write(rest);
        record.delete(key);
      },
    };
  };

  return {
    of(instance) {
      const known = open.get(instance) ?? openInstance(instance);
      open.set(instance, known);
      return known;
    },
    instances() {
      try {
        const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
        return names.map((name) => decodeURIComponent(name.slice(0, -".json".length))).sort();
      } catch {
        return [];
      }
    },
  };
}
