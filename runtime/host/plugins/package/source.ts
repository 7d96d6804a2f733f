// From what an operator names (a file, a folder, a tarball, an npm package) to a folder with an entry file. A package from
// elsewhere is unpacked into a folder of its own that goes away afterwards; nothing of it is run.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { promisify } from "node:util";
import { errorText } from "../../errors.ts";
import { PluginError } from "../plugin-error.ts";
import { unpackTarball } from "./tarball.ts";

/** A package that can be bundled. */
export interface PackageSource {
  /** Everything that goes into the bundle is below this folder; a real path. */
  readonly folder: string;
  /** Where the plugin is defined, relative to `folder`. */
  readonly entry: string;
  /** As the operator named it. */
  readonly shown: string;
  /** Of its package.json, where it says so. */
  readonly version?: string;
  /** Removes what was made for it. May be called twice. */
  dispose(): void;
}

/** Names of the npm registry only: a folder, an address or a git repository has characters that are missing here. */
const NPM_NAME = /^(@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*(@[A-Za-z0-9.^~*+_-]{1,64})?$/;
const NPM_TIMEOUT_MS = 120_000;
/** So much of what npm says about a failure is repeated. */
const NPM_LINES = 3;
const NPM_OUTPUT_BYTES = 4 * 1024 * 1024;
const MAXIMUM_SETTINGS_BYTES = 1024 * 1024;
const CODE = /\.[cm]?[jt]s$/;
const TARBALL = /\.(tgz|tar\.gz)$/;

/**
 * Opens what `spec` names; relative paths count from `base`. To be disposed of by the caller. `shown`: what messages call it.
 * Throws PluginError `plugin-unreadable` (there is none), `plugin-package` (it is no package that can be used).
 */
export async function openPackage(spec: string, base: string, shown = spec): Promise<PackageSource> {
  const path = resolve(base, spec);
  const isPath = isAbsolute(spec) || spec.startsWith("./") || spec.startsWith("../") || existsSync(path);
  if (isPath) return openPath(shown, path);
  if (!NPM_NAME.test(spec)) {
    throw new PluginError(
      "plugin-unreadable",
      `Plugin ${spec} cannot be loaded: there is no such file, and it is no name of an npm package.`,
    );
  }
  return await inScratch(async (scratch) => {
    const tarball = await npmPack(spec, scratch);
    return unpacked(tarball, spec, scratch);
  });
}

function openPath(spec: string, path: string): PackageSource | Promise<PackageSource> {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined) {
    throw new PluginError("plugin-unreadable", `Plugin ${spec} cannot be loaded: there is no such file.`);
  }
  if (kind.isDirectory()) return folderSource(path, spec, () => undefined);
  if (TARBALL.test(path)) return inScratch(async (scratch) => unpacked(path, spec, scratch));
  if (!CODE.test(path)) {
    throw new PluginError(
      "plugin-package",
      `Plugin ${spec} is refused: it is neither a folder, a tarball (.tgz) nor a file of TypeScript or JavaScript.`,
    );
  }
  const file = realpathSync(path);
  return { folder: dirname(file), entry: basename(file), shown: spec, dispose: () => undefined };
}

async function inScratch(make: (scratch: string) => Promise<PackageSource>): Promise<PackageSource> {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), "systole-package-")));
  try {
    return await make(scratch);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    throw error;
  }
}

/** The tarball of an npm package. Only fetched: with --ignore-scripts npm runs nothing of it. */
async function npmPack(name: string, scratch: string): Promise<string> {
  const args = ["pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", scratch, "--", name];
  try {
    await promisify(execFile)("npm", args, { cwd: scratch, timeout: NPM_TIMEOUT_MS, maxBuffer: NPM_OUTPUT_BYTES });
  } catch (error) {
    const said = typeof error === "object" && error !== null && "stderr" in error ? String(error.stderr) : "";
    const lines = said.split("\n").flatMap((line) => /^npm error (?!A complete log|code )(.*\S)/.exec(line)?.[1] ?? []);
    const why = lines.length === 0 ? errorText(error) : lines.slice(0, NPM_LINES).join("; ");
    throw new PluginError("plugin-unreadable", `Plugin ${name} cannot be fetched with npm: ${why}.`);
  }
  const tarball = readdirSync(scratch).find((file) => TARBALL.test(file));
  if (tarball === undefined) throw new PluginError("plugin-package", `npm gave no tarball for ${name}.`);
  return join(scratch, tarball);
}

function unpacked(tarball: string, spec: string, scratch: string): PackageSource {
  const folder = join(scratch, "unpacked");
  unpackTarball(tarball, folder);
  // npm puts everything below one folder, which most call "package".
  const [only, ...more] = existsSync(folder) ? readdirSync(folder) : [];
  const top =
    only !== undefined && more.length === 0 && !existsSync(join(folder, "package.json")) ? join(folder, only) : folder;
  return folderSource(top, spec, () => rmSync(scratch, { recursive: true, force: true }));
}

function folderSource(path: string, spec: string, dispose: () => void): PackageSource {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new PluginError("plugin-package", `Plugin ${spec} is refused: there is nothing in it.`);
  }
  const folder = realpathSync(path);
  const settings = packageSettings(folder, spec);
  const version = settings["version"];
  return {
    folder,
    entry: entryOf(folder, settings, spec),
    shown: spec,
    ...(typeof version === "string" && /^[\w.+-]{1,64}$/.test(version) ? { version } : {}),
    dispose,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function packageSettings(folder: string, spec: string): Record<string, unknown> {
  const file = join(folder, "package.json");
  const facts = statSync(file, { throwIfNoEntry: false });
  if (facts === undefined) return {};
  if (!facts.isFile() || facts.size > MAXIMUM_SETTINGS_BYTES) {
    const text = `The package.json of plugin ${spec} is no regular file of up to ${MAXIMUM_SETTINGS_BYTES} bytes.`;
    throw new PluginError("plugin-package", text);
  }
  try {
    const settings: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (isRecord(settings)) return settings;
  } catch (error) {
    throw new PluginError("plugin-package", `The package.json of plugin ${spec} cannot be read: ${errorText(error)}.`);
  }
  throw new PluginError("plugin-package", `The package.json of plugin ${spec} is no object.`);
}

/** Conditions within conditions; beyond it nothing is found. */
const MAXIMUM_CONDITIONS = 8;

/** What `exports` names for an import of the package itself. */
function exported(exports: unknown, depth = 0): string | undefined {
  if (typeof exports === "string") return exports;
  if (!isRecord(exports) || depth > MAXIMUM_CONDITIONS) return undefined;
  if (Object.hasOwn(exports, ".")) return exported(exports["."], depth + 1);
  for (const condition of ["systole", "import", "default"]) {
    const found = Object.hasOwn(exports, condition) ? exported(exports[condition], depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function entryOf(folder: string, settings: Record<string, unknown>, spec: string): string {
  const named = exported(settings["exports"]) ?? settings["main"];
  if (typeof named === "string") {
    const path = resolve(folder, named);
    const inside = path.startsWith(`${folder}${sep}`);
    if (inside && statSync(path, { throwIfNoEntry: false })?.isFile() === true) return relative(folder, path);
    throw new PluginError(
      "plugin-package",
      `The package.json of plugin ${spec} names ${named} as its entry, which is no file in it.`,
    );
  }
  // A project of `systole new` has one file of its own name.
  const own = typeof settings["name"] === "string" ? [settings["name"].replace(/^@[^/]*\//, "")] : [];
  const candidates = [...own, "mod", "index"].flatMap((name) =>
    [".ts", ".mts", ".js", ".mjs"].map((end) => name + end),
  );
  const found = candidates.find(
    (file) => extname(file) !== "" && statSync(join(folder, file), { throwIfNoEntry: false })?.isFile(),
  );
  if (found !== undefined) return found;
  throw new PluginError(
    "plugin-package",
    `Plugin ${spec} has no entry: package.json names none in "exports" or "main", and there is no ${candidates.slice(0, 1).join("")}, mod.ts or index.ts.`,
  );
}
