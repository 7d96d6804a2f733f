// Finds plugins, loads them when they are first needed, and remembers what is wrong with those that cannot be used.
//
// Two sources: those of the release, whose file names are their names, so none is loaded before it is asked for; and those
// that the node's configuration names, which have to be loaded to learn what they are. A bad plugin hurts only itself.

import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { PluginKind } from "../../../sdk/mod.ts";
import { errorText } from "../errors.ts";
import { bundlePlugin, FROM_SOURCE, releaseFile } from "./bundle.ts";
import { type CheckedPlugin, checkPlugin, KINDS } from "./manifest.ts";
import { PluginError } from "./plugin-error.ts";

/** A module that has not finished loading by then never will: it awaits something at its top level. */
const IMPORT_TIMEOUT_MS = 2_000;

/** A plugin that was found: usable, or with a problem. */
export interface FoundPlugin {
  readonly origin: "bundled" | "configured";
  readonly file: string;
  readonly kind: PluginKind | undefined;
  /** What it calls itself; the name of its file where it could not be loaded. */
  readonly name: string;
  readonly plugin?: CheckedPlugin;
  readonly problem?: PluginError;
}

/** Where to look. */
export interface LoaderOptions {
  /** Paths or package names, counted from `pluginsBase`. */
  readonly plugins: readonly string[];
  readonly pluginsBase: string;
  /** Where bundles of configured plugins are kept. */
  readonly bundleFolder: string;
}

/** Loads plugins by kind and name. */
export interface Loader {
  /** Throws PluginError: `plugin-not-found`, or what is wrong with the plugin. */
  load(kind: PluginKind, name: string): Promise<CheckedPlugin>;
  /** Every plugin, loaded or refused, by kind and name. */
  all(): Promise<readonly FoundPlugin[]>;
}

function isMissingModule(error: unknown, file: string): boolean {
  return (
    error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(file)
  );
}

/** Imports a module and checks what it exports. `shown`: how the file is called in messages. */
async function importPlugin(file: string, shown: string): Promise<CheckedPlugin> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new PluginError(
          "plugin-import",
          `${shown} did not finish loading within ${IMPORT_TIMEOUT_MS} ms: it waits for something at its top level.`,
        ),
      );
    }, IMPORT_TIMEOUT_MS);
  });
  try {
    const module: unknown = await Promise.race([import(pathToFileURL(file).href), late]);
    const exported: unknown =
      typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
    return checkPlugin(exported, shown);
  } catch (error) {
    if (error instanceof PluginError) throw error;
    if (isMissingModule(error, file)) throw new PluginError("plugin-unreadable", `${shown} does not exist.`);
    const code = error instanceof SyntaxError ? "plugin-syntax" : "plugin-import";
    throw new PluginError(code, `${shown} failed while it was loaded: ${errorText(error)}.`);
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

const PLUGIN_KINDS: readonly PluginKind[] = ["resource-agent", "fence-device", "transport"];

/** A file of the release: it must be what its name says. */
async function loadBundled(kind: PluginKind, name: string, file: string): Promise<FoundPlugin> {
  const shown = `plugins/${KINDS[kind].folder}/${name}`;
  try {
    const plugin = await importPlugin(file, shown);
    if (plugin.kind !== kind || plugin.spec.name !== name) {
      throw new PluginError(
        "plugin-manifest",
        `${shown} defines the ${plugin.kind} ${plugin.spec.name}; its file's name and folder say otherwise.`,
      );
    }
    return { origin: "bundled", file, kind, name, plugin };
  } catch (error) {
    return { origin: "bundled", file, kind, name, problem: asPluginError(error, shown) };
  }
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
  try {
    const file = await bundlePlugin(entry, options.pluginsBase, options.bundleFolder);
    const plugin = await importPlugin(file, `Plugin ${entry}`);
    return { origin: "configured", file: entry, kind: plugin.kind, name: plugin.spec.name, plugin };
  } catch (error) {
    return {
      origin: "configured",
      file: entry,
      kind: undefined,
      name: nameOfFile(entry),
      problem: asPluginError(error, `Plugin ${entry}`),
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
    return { origin: one.origin, file: one.file, kind: one.kind, name: one.name, problem };
  });
}

/** A loader over these sources. Nothing is loaded before something is asked for. */
export function createLoader(options: LoaderOptions): Loader {
  const bundled = new Map(PLUGIN_KINDS.map((kind) => [kind, bundledFiles(kind)]));
  const filesOf = (kind: PluginKind): Map<string, string> => bundled.get(kind) ?? new Map();
  const loaded = new Map<string, Promise<FoundPlugin>>();
  let configured: Promise<readonly FoundPlugin[]> | undefined;

  const loadOne = (kind: PluginKind, name: string, file: string): Promise<FoundPlugin> => {
    const known = loaded.get(file) ?? loadBundled(kind, name, file);
    loaded.set(file, known);
    return known;
  };
  const loadAllConfigured = (): Promise<readonly FoundPlugin[]> => {
    configured ??= Promise.all([...new Set(options.plugins)].map((entry) => loadConfigured(entry, options))).then(
      (found) => refuseDuplicates(found, filesOf),
    );
    return configured;
  };

  return {
    async load(kind, name) {
      const file = filesOf(kind).get(name);
      const others = file === undefined ? await loadAllConfigured() : [];
      const found =
        file === undefined
          ? others.find((one) => one.kind === kind && one.name === name)
          : await loadOne(kind, name, file);
      if (found?.plugin !== undefined) return found.plugin;
      if (found?.problem !== undefined) throw found.problem;
      const broken = others.filter((one) => one.problem !== undefined).map((one) => one.file);
      const perhaps =
        broken.length === 0 ? "" : ` It may be one of those that could not be loaded: ${broken.join(", ")}.`;
      throw new PluginError(
        "plugin-not-found",
        `There is no ${kind} ${KINDS[kind].reference(name)} on this node.${perhaps}`,
      );
    },
    async all() {
      const own = PLUGIN_KINDS.flatMap((kind) => [...filesOf(kind)].map(([name, file]) => loadOne(kind, name, file)));
      const found = [...(await Promise.all(own)), ...(await loadAllConfigured())];
      const order = (one: FoundPlugin): string => `${one.kind ?? "~"} ${one.name}`;
      return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    },
  };
}
