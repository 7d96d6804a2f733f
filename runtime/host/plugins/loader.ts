// Finds plugins, has each looked at when it is first needed, and remembers what is wrong with those that cannot be used.
//
// Two sources: those of the release, whose file names are their names, so none is looked at before it is asked for; and
// those that the node's configuration names, which have to be looked at to learn what they are. A module cannot be looked
// at without running it: that happens in the sandbox (`evaluate`). Only a transport is then imported into this process.

import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { PluginKind } from "../../../sdk/mod.ts";
import { errorText } from "../errors.ts";
import { checkTransport, KINDS, type Manifest, PLUGIN_KINDS } from "./manifest.ts";
import { PluginError } from "./plugin-error.ts";
import { FROM_SOURCE, releaseFile } from "./release-file.ts";
import type { Trust } from "./types.ts";

/** A transport that has not finished loading by then never will: it awaits something at its top level. */
const IMPORT_TIMEOUT_MS = 2_000;

/** A plugin whose process ended or was too slow is looked at again after this, when somebody asks for it. */
const LOOK_AGAIN_MS = 5_000;

/** A plugin that was found: usable, or with a problem. */
export interface FoundPlugin {
  readonly origin: "bundled" | "configured" | "agreed";
  readonly file: string;
  readonly kind: PluginKind | undefined;
  /** What it calls itself; the name of its file where it could not be looked at. */
  readonly name: string;
  readonly trust: Trust;
  /** The closed module that runs; undefined where there is none. */
  readonly source?: PluginSource;
  readonly manifest?: Manifest;
  readonly problem?: PluginError;
}

/** A plugin's bytes. */
export interface PluginSource {
  /** How messages call it: `plugins/agents/dummy`, `Plugin ./mine.ts`. */
  readonly shown: string;
  /** Where the module is. */
  readonly module: string;
  readonly text: string;
}

/** Looks at a plugin by running it where it can do no harm. Rejects with PluginError. */
export type Evaluate = (source: PluginSource) => Promise<{ readonly manifest: Manifest; readonly trust: Trust }>;

/** Where to look. */
export interface LoaderOptions {
  /** Paths or package names, counted from `pluginsBase`. */
  readonly plugins: readonly string[];
  readonly pluginsBase: string;
  /** Where bundles of plugins are kept. */
  readonly bundleFolder: string;
  readonly evaluate: Evaluate;
}

/** A plugin that can be used. */
export type UsablePlugin = FoundPlugin & { readonly source: PluginSource; readonly manifest: Manifest };

/** Finds plugins by kind and name. */
export interface Loader {
  /** Throws PluginError: `plugin-not-found`, or what is wrong with the plugin. */
  find(kind: PluginKind, name: string): Promise<UsablePlugin>;
  /** Every plugin, usable or refused, by kind and name. */
  all(): Promise<readonly FoundPlugin[]>;
  /** Those that the node's configuration names. */
  configured(): Promise<readonly FoundPlugin[]>;
}

/** Imports a transport into this process: its host sees only its `ctx`, but nothing holds it back from more. */
export async function importTransport({ shown, module }: PluginSource): Promise<ReturnType<typeof checkTransport>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = `${shown} did not finish loading within ${IMPORT_TIMEOUT_MS} ms: it waits for something at its top level.`;
      reject(new PluginError("plugin-import", text));
    }, IMPORT_TIMEOUT_MS);
  });
  try {
    const loaded: unknown = await Promise.race([import(pathToFileURL(module).href), late]);
    const exported: unknown =
      typeof loaded === "object" && loaded !== null && "default" in loaded ? loaded.default : undefined;
    return checkTransport(exported, shown);
  } catch (error) {
    if (error instanceof PluginError) throw error;
    throw new PluginError("plugin-import", `${shown} failed while it was loaded: ${errorText(error)}.`);
  } finally {
    clearTimeout(timer);
  }
}

/** Files of the release's plugins of a kind, by name: `agents/dummy.ts`, `comms/udp.ts` or `comms/udp/mod.ts`. */
function bundledFiles(kind: PluginKind): Map<string, string> {
  const { folder } = KINDS[kind];
  const directory = releaseFile(`plugins/${folder}`, `plugins/${folder}`);
  const files = new Map<string, string>();
  const extension = FROM_SOURCE ? ".ts" : ".mjs";
  for (const entry of existsSync(directory) ? readdirSync(directory, { withFileTypes: true }) : []) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && existsSync(join(path, `mod${extension}`)))
      files.set(entry.name, join(path, `mod${extension}`));
    else if (entry.name.endsWith(extension)) files.set(entry.name.slice(0, -extension.length), path);
  }
  return files;
}

/** A file of the release: it must be what its name says. */
async function loadBundled(kind: PluginKind, name: string, file: string, options: LoaderOptions): Promise<FoundPlugin> {
  const shown = `plugins/${KINDS[kind].folder}/${name}`;
  const found = { origin: "bundled", file, kind, name } as const;
  try {
    const imported = kind === "transport" || !FROM_SOURCE;
    const module = imported ? file : await bundleLate(file, dirname(file), options.bundleFolder);
    const source = { shown, module, text: await readFile(module, "utf8") };
    const { manifest, trust } = kind === "transport" ? await importedTransport(source) : await options.evaluate(source);
    if (manifest.kind !== kind || manifest.name !== name) {
      throw new PluginError(
        "plugin-manifest",
        `${shown} defines the ${manifest.kind} ${manifest.name}; its file's name and folder say otherwise.`,
      );
    }
    return { ...found, trust: trustOf(kind, trust), source, manifest };
  } catch (error) {
    return { ...found, trust: trustOf(kind, "sandboxed"), problem: asPluginError(error, shown) };
  }
}

/** A transport of the release is trusted before it is looked at. */
async function importedTransport(source: PluginSource): ReturnType<Evaluate> {
  const { manifest } = await importTransport(source);
  return { manifest, trust: "in-process, trusted" };
}

/** Transports run in the pulse. */
function trustOf(kind: PluginKind | undefined, trust: Trust): Trust {
  return kind === "transport" ? "in-process, trusted" : trust;
}

function asPluginError(error: unknown, shown: string): PluginError {
  return error instanceof PluginError
    ? error
    : new PluginError("plugin-import", `${shown} cannot be loaded: ${errorText(error)}.`);
}

/** What a plugin that says nothing itself is called: by its file, or by the folder when the file is the folder's entry. */
function nameOfFile(entry: string): string {
  const bare = basename(entry).replace(/\.[cm]?[jt]s$/, "");
  return bare === "mod" || bare === "index" ? basename(dirname(entry)) : bare;
}

async function loadConfigured(entry: string, options: LoaderOptions): Promise<FoundPlugin> {
  const shown = `Plugin ${entry}`;
  try {
    const module = await bundleLate(entry, options.pluginsBase, options.bundleFolder);
    const source = { shown, module, text: await readFile(module, "utf8") };
    const { manifest, trust } = await options.evaluate(source);
    const { kind, name } = manifest;
    return { origin: "configured", file: entry, kind, name, trust: trustOf(kind, trust), source, manifest };
  } catch (error) {
    return {
      origin: "configured",
      file: entry,
      kind: undefined,
      name: nameOfFile(entry),
      trust: "sandboxed",
      problem: asPluginError(error, shown),
    };
  }
}

/** Two plugins of one kind and name would be a guess: the first one stays, the other is refused. */
function refuseDuplicates(
  found: readonly FoundPlugin[],
  bundled: (kind: PluginKind) => Map<string, string>,
): FoundPlugin[] {
  const seen = new Map<string, string>();
  return found.map((one) => {
    if (one.kind === undefined) return one;
    const key = `${one.kind} ${one.name}`;
    const other = bundled(one.kind).has(one.name) ? "the release itself" : seen.get(key);
    seen.set(key, other ?? one.file);
    if (other === undefined) return one;
    const problem = new PluginError(
      "plugin-duplicate",
      `Plugin ${one.file} defines the ${one.kind} ${one.name}, which ${other} defines already.`,
    );
    return { origin: one.origin, file: one.file, kind: one.kind, name: one.name, trust: one.trust, problem };
  });
}

/** Each plugin is looked at once; one whose trouble may have passed, again after a while. */
class Looks {
  private readonly found = new Map<string, Promise<FoundPlugin>>();

  look(key: string, look: () => Promise<FoundPlugin>): Promise<FoundPlugin> {
    const known = this.found.get(key);
    if (known !== undefined) return known;
    const fresh = look();
    this.found.set(key, fresh);
    fresh.then(({ problem }) => {
      if (problem?.passing === true) setTimeout(() => this.found.delete(key), LOOK_AGAIN_MS).unref();
    });
    return fresh;
  }
}

/** Bundles a plugin; what that takes is loaded when it is needed. */
async function bundleLate(entry: string, base: string, folder: string): Promise<string> {
  const { bundlePlugin } = await import("./bundle.ts");
  return await bundlePlugin(entry, base, folder);
}

/** A loader over these sources. Nothing is loaded before something is asked for. */
export function createLoader(options: LoaderOptions): Loader {
  const bundled = new Map(PLUGIN_KINDS.map((kind) => [kind, bundledFiles(kind)]));
  const filesOf = (kind: PluginKind): Map<string, string> => bundled.get(kind) ?? new Map();
  const remembered = new Looks();
  const loadOne = (kind: PluginKind, name: string, file: string): Promise<FoundPlugin> =>
    remembered.look(file, () => loadBundled(kind, name, file, options));
  const loadAllConfigured = async (): Promise<readonly FoundPlugin[]> => {
    const entries = [...new Set(options.plugins)];
    const found = entries.map((entry) => remembered.look(entry, () => loadConfigured(entry, options)));
    return refuseDuplicates(await Promise.all(found), filesOf);
  };

  return {
    async find(kind, name) {
      const file = filesOf(kind).get(name);
      const others = file === undefined ? await loadAllConfigured() : [];
      const found =
        file === undefined
          ? others.find((one) => one.kind === kind && one.name === name)
          : await loadOne(kind, name, file);
      if (found?.manifest !== undefined && found.source !== undefined)
        return { ...found, manifest: found.manifest, source: found.source };
      if (found?.problem !== undefined) throw found.problem;
      // Named after its file, it is most likely the one that is meant.
      const meant = others.find((one) => one.kind === undefined && one.name === name)?.problem;
      if (meant !== undefined) throw meant;
      const broken = others.filter((one) => one.problem !== undefined).map((one) => one.file);
      const perhaps =
        broken.length === 0 ? "" : ` It may be one of those that could not be loaded: ${broken.join(", ")}.`;
      throw new PluginError(
        "plugin-not-found",
        `There is no ${kind} ${KINDS[kind].reference(name)} on this node.${perhaps}`,
      );
    },
    configured: loadAllConfigured,
    async all() {
      const own = PLUGIN_KINDS.flatMap((kind) => [...filesOf(kind)].map(([name, file]) => loadOne(kind, name, file)));
      const found = [...(await Promise.all(own)), ...(await loadAllConfigured())];
      const order = (one: FoundPlugin): string => `${one.kind ?? "~"} ${one.name}`;
      return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    },
  };
}
