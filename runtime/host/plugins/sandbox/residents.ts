// The plugin processes of a node: one for each agent and fence device that is used here. It is started when the CIB names the
// plugin, at the latest when it is called, and then kept. To look at one that nobody uses, it is started and ended again.

import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { PluginKind } from "../../../../sdk/mod.ts";
import { errorText } from "../../errors.ts";
import { createLoader, type FoundPlugin, type LoaderOptions, type PluginSource } from "../loader.ts";
import { KINDS, type Manifest } from "../manifest.ts";
import { PluginError } from "../plugin-error.ts";
import { turns } from "../turns.ts";
import type {
  PluginEvent,
  PluginLogLine,
  PluginReference,
  PluginsStanding,
  SandboxPolicy,
  Trust,
  UsedPlugin,
} from "../types.ts";
import { findDeno, type GuestProgram, guestProgram, NOBODY } from "./program.ts";
import { Resident } from "./resident.ts";

/** Why no plugin runs where none can be held and all must be. */
const NOTHING_HOLDS = "there is no Deno for this platform, and requireSandbox is set";

/** A plugin at work: what it is, and where its functions are called. */
export interface RunningPlugin {
  readonly manifest: Manifest;
  readonly resident: Resident;
}

/** Plugins by kind and name, each in its process. */
export interface Residents {
  /** Throws PluginError: `plugin-not-found`, or what is wrong with the plugin. */
  load(kind: Exclude<PluginKind, "transport">, name: string): Promise<RunningPlugin>;
  /** Starts what is used and does not run yet. What cannot be started is told when it is called. */
  keepReady(used: readonly PluginReference[]): void;
  /** Every plugin, usable or refused, by kind and name. */
  all(): Promise<readonly FoundPlugin[]>;
  /** Those that the node's configuration names. */
  configured(): Promise<readonly FoundPlugin[]>;
  /** Starts a process for these bytes, whatever else runs. Whoever asks for it ends it. Rejects with PluginError. */
  start(source: PluginSource): Promise<RunningPlugin>;
  /** How far the processes of this node are held. */
  readonly trust: Trust;
  /** The same for the status, with what is used of the plugins that are found here. */
  standing(): PluginsStanding;
  /** Ends all processes, but for those of `start`. */
  close(): Promise<void>;
}

/** What the processes of a node have around them. */
export interface ResidentsOptions extends Omit<LoaderOptions, "evaluate"> {
  /** An empty folder, made here, in which the processes stand. */
  readonly folder: string;
  readonly policy: SandboxPolicy;
  /** Versions of the plugin API that run here; those of this release if not given. */
  readonly apis?: readonly number[];
  readonly log: (line: PluginLogLine) => void;
  readonly onEvent: (event: PluginEvent) => void;
}

/** Starts processes of plugins on this node, and says how far they are held. */
function createStarter({ folder, policy, apis, log, onEvent }: ResidentsOptions) {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const deno = policy.deno === "none" ? undefined : (policy.deno ?? findDeno());
  const trust: Trust = deno === undefined ? "not sandboxed" : "sandboxed";
  const startTurn = turns(availableParallelism());
  const uid = policy.uid ?? NOBODY;
  /** Where nothing holds plugins, and they must be held. */
  const refused = deno === undefined && policy.requireSandbox;
  let held = refused ? NOTHING_HOLDS : deno === undefined ? "Node child processes" : "Deno";
  let warned = false;
  const allowed = (shown: string): void => {
    if (deno !== undefined) return;
    if (refused) throw new PluginError("plugin-sandbox", `${shown} is not started: ${NOTHING_HOLDS}.`);
    if (warned) return;
    warned = true;
    const text =
      "Plugins are not sandboxed on this node: there is no Deno for this platform, so they run in Node processes, which nothing holds back.";
    onEvent({ kind: "plugin", code: "not-sandboxed", text, severity: "warning" });
  };
  /** Those that are not closed, also while they are being looked at. */
  const all = new Set<Resident>();
  let described = false;
  const program = async (heapMiB: number): Promise<GuestProgram> => {
    const found = await guestProgram(deno, { uid, gid: uid, heapMiB, wall: policy.wall ?? true });
    held = found.description;
    if (!described) log({ level: "info", text: `Plugins run in ${found.description}: ${found.confinement}.` });
    described = true;
    return found;
  };
  const start = async ({ shown, text }: PluginSource): Promise<RunningPlugin> => {
    allowed(shown);
    const resident = new Resident(shown, text, {
      program,
      folder,
      startTurn,
      log: (level, said) => log({ level, text: said, plugin: shown }),
      onEnded: (said) => onEvent({ kind: "plugin", code: "plugin-ended", text: said, severity: "error" }),
      onClosed: () => void all.delete(resident),
      ...(apis === undefined ? {} : { apis }),
    });
    all.add(resident);
    return { resident, manifest: await resident.describe() };
  };
  const confinement = (): Omit<PluginsStanding, "used"> => ({ confinement: refused ? "refused" : trust, held });
  return { start, trust, confinement, closeAll: () => Promise.all([...all].map((resident) => resident.close())) };
}

/** A process that has ended is being started again. */
function asUsed({ resident, ...used }: UsedPlugin & { readonly resident?: Resident }): UsedPlugin {
  return resident !== undefined && resident.pid === undefined ? { ...used, state: "starting" } : used;
}

const nameOf = ({ kind, name }: Pick<Manifest, "kind" | "name">): string => `${kind} ${name}`;

/** Opens the processes of a node; none is started before something is asked for. */
export function openResidents(options: ResidentsOptions): Residents {
  const { start, trust, confinement, closeAll } = createStarter(options);
  const wanted = new Map<string, UsedPlugin & { readonly resident?: Resident }>();
  /** By kind and name. */
  const running = new Map<string, Promise<RunningPlugin>>();
  let closed = false;

  const loader = createLoader({
    ...options,
    async evaluate(source) {
      const plugin = await start(source);
      const name = nameOf(plugin.manifest);
      // The process that was started to look at it is as good as any other, if one is wanted.
      if (wanted.has(name) && !running.has(name) && !closed) running.set(name, Promise.resolve(plugin));
      else await plugin.resident.close();
      return { manifest: plugin.manifest, trust };
    },
  });

  const load: Residents["load"] = async (kind, name) => {
    const key = nameOf({ kind, name });
    const plugin = KINDS[kind].reference(name);
    if (!wanted.has(key)) wanted.set(key, { plugin, state: "starting" });
    try {
      const running = await loadFound(kind, name, key);
      wanted.set(key, { plugin, state: "running", resident: running.resident });
      return running;
    } catch (error) {
      wanted.set(key, { plugin, state: "refused", problem: errorText(error) });
      throw error;
    }
  };

  const loadFound = async (
    kind: Exclude<PluginKind, "transport">,
    name: string,
    key: string,
  ): Promise<RunningPlugin> => {
    const { source } = await loader.find(kind, name);
    if (closed) throw new PluginError("plugin-not-found", `${key} is not started any more: this node is closing.`);
    const known = running.get(key) ?? start(source);
    running.set(key, known);
    try {
      return await known;
    } catch (error) {
      if (running.get(key) === known) running.delete(key);
      throw error;
    }
  };

  return {
    load,
    keepReady(used) {
      for (const { kind, name } of used) {
        if (!wanted.has(nameOf({ kind, name }))) load(kind, name).catch(() => undefined);
      }
    },
    all: () => loader.all(),
    configured: () => loader.configured(),
    start,
    trust,
    standing: () => ({ ...confinement(), used: [...wanted.values()].map(asUsed) }),
    async close() {
      closed = true;
      await closeAll();
    },
  };
}
