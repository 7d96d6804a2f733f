// The plugin processes of a node: one for each agent and fence device, started when it is first looked at, and kept.

import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { PluginKind } from "../../../../sdk/mod.ts";
import type { FoundPlugin, Loader, LoaderOptions, PluginSource } from "../loader.ts";
import { createLoader } from "../loader.ts";
import { KINDS, type Manifest } from "../manifest.ts";
import { PluginError } from "../plugin-error.ts";
import type { PluginEvent, PluginLogLine } from "../types.ts";
import { findDeno, guestProgram, NOBODY } from "./program.ts";
import { Resident } from "./resident.ts";

/** A plugin at work: what it is, and where its functions are called. */
export interface RunningPlugin {
  readonly manifest: Manifest;
  readonly resident: Resident;
}

/** Plugins by kind and name, each in its process. */
export interface Residents {
  /** Throws PluginError: `plugin-not-found`, or what is wrong with the plugin. */
  load(kind: Exclude<PluginKind, "transport">, name: string): Promise<RunningPlugin>;
  /** Every plugin, usable or refused, by kind and name. */
  all(): Promise<readonly FoundPlugin[]>;
  /** Ends all processes. */
  close(): Promise<void>;
}

/** What the processes of a node have around them. */
export interface ResidentsOptions extends Omit<LoaderOptions, "evaluate"> {
  /** An empty folder, made here, in which the processes stand. */
  readonly folder: string;
  readonly log: (line: PluginLogLine) => void;
  readonly onEvent: (event: PluginEvent) => void;
}

/** Lets so many at a time; the others wait in order. */
function turns(count: number): <Result>(start: () => Promise<Result>) => Promise<Result> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (start) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await start();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** Opens the processes of a node; none is started before something is asked for. */
export function openResidents(options: ResidentsOptions): Residents {
  const { folder, log, onEvent } = options;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const deno = findDeno();
  const startTurn = turns(availableParallelism());
  /** By the text of the module. */
  const running = new Map<string, Resident>();

  const evaluate = async ({ shown, text }: PluginSource) => {
    const resident = new Resident(shown, text, {
      program: (heapMiB) => guestProgram(deno, { uid: NOBODY, gid: NOBODY, heapMiB }),
      folder,
      startTurn,
      log: (level, said) => log({ level, text: said, plugin: shown }),
      onEnded: (said) => onEvent({ kind: "plugin", code: "plugin-ended", text: said, severity: "error" }),
    });
    running.set(text, resident);
    const manifest = await resident.describe();
    if (manifest.kind === "transport") {
      running.delete(text);
      await resident.close();
    }
    return { manifest, trust: deno === undefined ? "not sandboxed" : "sandboxed" } as const;
  };
  const loader: Loader = createLoader({ ...options, evaluate });

  return {
    async load(kind, name) {
      const { manifest, source } = await loader.find(kind, name);
      const resident = running.get(source.text);
      if (resident === undefined)
        throw new PluginError("plugin-not-found", `${KINDS[kind].reference(name)} has no process on this node.`);
      return { manifest, resident };
    },
    all: () => loader.all(),
    async close() {
      await Promise.all([...running.values()].map((resident) => resident.close()));
    },
  };
}
