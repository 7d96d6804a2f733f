// A package becomes one closed ES module. The same package gives the same bytes wherever it lies: nothing in them tells of a
// folder, and no setting from outside the package has a say. What is read is decided here, before it is read.

import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, dirname, extname, relative, sep } from "node:path";
import type {
  Loader,
  OnLoadResult,
  OnResolveArgs,
  OnResolveResult,
  PartialMessage,
  Plugin,
  PluginBuild,
} from "esbuild";
import { errorText } from "../../errors.ts";
import { PluginError } from "../plugin-error.ts";
import { ALLOWED_MODULES, ALLOWED_TEXT } from "./allowed-modules.ts";
import { refuseOpenBundle } from "./closed.ts";
import { sdkModule } from "./sdk-module.ts";
import type { PackageSource } from "./source.ts";

/** A bundle and its name: a plugin is its bytes. */
export interface Bundle {
  readonly bytes: Uint8Array;
  /** `sha512-` and the digest in base64, as npm writes integrity. */
  readonly sha512: string;
}

/** Longest file that is read for a bundle. */
const MAX_INPUT_BYTES = 4 * 1024 * 1024;

const LOADERS: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".json": "json",
};

/** The name of bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

/**
 * Bundles a package.
 * Throws PluginError: `plugin-outside` (an input outside of the package's folder), `plugin-closed` (it could load something),
 * `plugin-syntax`, `plugin-unreadable`.
 */
export async function bundlePackage(source: PackageSource): Promise<Bundle> {
  const shown = `Plugin ${source.shown}`;
  const sdk = await sdkModule();
  const refusals: PluginError[] = [];
  let outputs: readonly { readonly contents: Uint8Array }[];
  try {
    const esbuild = await import("esbuild");
    const result = await esbuild.build({
      stdin: {
        contents: `export { default } from ${JSON.stringify(`./${source.entry}`)};`,
        sourcefile: "entry.js",
        resolveDir: source.folder,
      },
      absWorkingDir: source.folder,
      plugins: [closedFolder(source, sdk, refusals)],
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      mainFields: ["module", "main"],
      target: "es2022",
      charset: "utf8",
      legalComments: "none",
      // Settings of folders above, or that differ from machine to machine, would make other bytes.
      tsconfigRaw: {},
      define: { "process.env.NODE_ENV": '"production"' },
      logLevel: "silent",
    });
    outputs = result.outputFiles;
  } catch (error) {
    const [refused] = refusals;
    throw refused ?? buildFailure(source, error);
  }
  const [output] = outputs;
  if (output === undefined || outputs.length !== 1) {
    throw new PluginError("plugin-syntax", `${shown} gives ${outputs.length} files; a bundle is one.`);
  }
  const bytes = Uint8Array.from(output.contents);
  refuseOpenBundle(bytes, shown);
  return { bytes, sha512: digestOf(bytes) };
}

/** What esbuild asks for before it reads anything. Refusals are kept as they are: esbuild would only hand on their text. */
function closedFolder(source: PackageSource, sdk: string, refusals: PluginError[]): Plugin {
  const refuse = (error: PluginError): { errors: PartialMessage[] } => {
    refusals.push(error);
    return { errors: [{ text: error.message }] };
  };
  return {
    name: "systole-closed-folder",
    setup(build: PluginBuild) {
      build.onResolve({ filter: /^systole\/sdk$/ }, () => ({ path: "systole/sdk", namespace: "systole" }));
      build.onLoad({ filter: /.*/, namespace: "systole" }, () => ({ contents: sdk, loader: "js" }));
      build.onResolve({ filter: /.*/ }, (asked) => resolved(asked, source, refuse));
      build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
        contents: `export * from "node:${path}"; export { default } from "node:${path}";`,
        loader: "js",
      }));
      build.onLoad({ filter: /.*/, namespace: "file" }, (asked) => loaded(asked.path, asked.with, source, refuse));
    },
  };
}

type Refuse = (error: PluginError) => { errors: PartialMessage[] };

const BUILTINS: ReadonlySet<string> = new Set(builtinModules);

/** Modules of Node and addresses; everything else is found by esbuild, and looked at when it is loaded. */
function resolved(asked: OnResolveArgs, source: PackageSource, refuse: Refuse): OnResolveResult | undefined {
  const { path, kind } = asked;
  const bare = path.replace(/^node:/, "");
  const importer = asked.importer === "" ? "it" : relative(source.folder, asked.importer);
  if (ALLOWED_MODULES.has(bare)) {
    // An ES module that re-exports it, where it is asked for by require(), which is not there when the plugin runs.
    if (asked.namespace !== "builtin" && kind === "require-call") return { path: bare, namespace: "builtin" };
    if (kind !== "dynamic-import") return { path: `node:${bare}`, external: true };
  }
  const isBuiltin = path.startsWith("node:") || (BUILTINS.has(path) && kind !== "entry-point");
  if (!isBuiltin && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(path)) return undefined;
  const how = kind === "dynamic-import" ? "import()" : kind === "require-call" ? "require()" : "import";
  const text = `Plugin ${source.shown} is refused: ${importer} loads ${path} by ${how}; allowed are ${ALLOWED_TEXT}, by import at the top.`;
  return refuse(new PluginError("plugin-closed", text));
}

function loaded(
  path: string,
  attributes: Readonly<Record<string, string>>,
  source: PackageSource,
  refuse: Refuse,
): OnLoadResult {
  // Links are followed first: what counts is where a file is.
  const real = realpathSync(path);
  if (real !== source.folder && !real.startsWith(`${source.folder}${sep}`)) {
    const text = `Plugin ${source.shown} is refused: it takes in ${real}, which is outside of its folder ${source.folder}.`;
    return refuse(new PluginError("plugin-outside", text));
  }
  const inside = relative(source.folder, real);
  const loader = LOADERS[extname(real)];
  const type = attributes["type"];
  if (loader === undefined || (type !== undefined && !(type === "json" && loader === "json"))) {
    const as = type === undefined ? "" : ` as ${type}`;
    const text = `Plugin ${source.shown} is refused: it takes in ${inside}${as}; a plugin is made of TypeScript, JavaScript and JSON.`;
    return refuse(new PluginError("plugin-outside", text));
  }
  const facts = statSync(real);
  if (!facts.isFile() || facts.size > MAX_INPUT_BYTES) {
    const what = facts.isFile()
      ? `${facts.size} bytes; ${MAX_INPUT_BYTES} are allowed`
      : "no end: it is no regular file";
    return refuse(new PluginError("plugin-outside", `Plugin ${source.shown} is refused: ${inside} has ${what}.`));
  }
  const contents = readFileSync(real);
  return { contents, loader, resolveDir: dirname(real) };
}

function buildFailure({ shown }: PackageSource, error: unknown): PluginError {
  const errors: unknown = typeof error === "object" && error !== null && "errors" in error ? error.errors : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first !== "object" || first === null || !("text" in first)) {
    return new PluginError("plugin-unreadable", `Plugin ${shown} cannot be bundled: ${errorText(error)}.`);
  }
  const text = String(first.text);
  const where: unknown = "location" in first ? first.location : undefined;
  const place =
    typeof where === "object" && where !== null && "file" in where && "line" in where && "column" in where
      ? ` at ${basename(String(where.file))}:${String(where.line)}:${Number(where.column) + 1}`
      : "";
  const missing = /^Could not resolve "([^"]+)"/.exec(text)?.[1];
  if (missing === undefined || missing.startsWith(".")) {
    return new PluginError("plugin-syntax", `Plugin ${shown} does not compile${place}: ${text}.`);
  }
  return new PluginError(
    "plugin-outside",
    `Plugin ${shown} does not compile${place}: there is no ${missing} in its own folder, and nothing is taken from elsewhere.`,
  );
}
