// A plugin that is not part of the release becomes one closed ES module: TypeScript or JavaScript, a file or a package,
// bundled with esbuild, written below the node's state directory under its digest, and imported from there.

import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorText } from "../errors.ts";
import { PluginError } from "./plugin-error.ts";

/** Running from source, or from the built dist/systole.mjs? */
export const FROM_SOURCE = import.meta.url.endsWith(".ts");

/** Where a file of the release is: `source` counts from this project's root, `built` from dist. */
export function releaseFile(source: string, built: string): string {
  return fileURLToPath(new URL(FROM_SOURCE ? `../../../${source}` : `./${built}`, import.meta.url));
}

/** Whether an entry of `plugins` is a path; otherwise it is the name of a package. */
function isPath(entry: string): boolean {
  return isAbsolute(entry) || entry.startsWith("./") || entry.startsWith("../");
}

function buildFailure(entry: string, error: unknown): PluginError {
  const errors: unknown = typeof error === "object" && error !== null && "errors" in error ? error.errors : undefined;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (typeof first !== "object" || first === null || !("text" in first)) {
    return new PluginError("plugin-unreadable", `Plugin ${entry} cannot be bundled: ${errorText(error)}.`);
  }
  const text = String(first.text);
  if (text.includes(`Could not resolve "${entry}"`)) {
    const what = isPath(entry) ? "there is no such file" : "there is no such package beside the configuration file";
    return new PluginError("plugin-unreadable", `Plugin ${entry} cannot be loaded: ${what}.`);
  }
  const where: unknown = "location" in first ? first.location : undefined;
  const place =
    typeof where === "object" && where !== null && "file" in where && "line" in where && "column" in where
      ? ` at ${basename(String(where.file))}:${String(where.line)}:${Number(where.column) + 1}`
      : "";
  return new PluginError("plugin-syntax", `Plugin ${entry} does not compile${place}: ${text}.`);
}

/**
 * Bundles a plugin and returns the path of the module. `entry`: a path or a package name, counted from `base`;
 * `folder`: where bundles are kept. Throws PluginError `plugin-unreadable` or `plugin-syntax`.
 */
export async function bundlePlugin(entry: string, base: string, folder: string): Promise<string> {
  let code: Uint8Array | undefined;
  try {
    const esbuild = await import("esbuild");
    const result = await esbuild.build({
      stdin: {
        contents: `export { default } from ${JSON.stringify(entry)};`,
        resolveDir: base,
        sourcefile: "entry.js",
      },
      alias: { "systole/sdk": releaseFile("sdk/mod.ts", "sdk.mjs") },
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20",
      keepNames: true,
      sourcemap: "inline",
      logLevel: "silent",
    });
    code = result.outputFiles[0]?.contents;
  } catch (error) {
    throw buildFailure(entry, error);
  }
  if (code === undefined) throw new PluginError("plugin-unreadable", `Plugin ${entry} gave an empty bundle.`);
  const digest = createHash("sha256").update(code).digest("hex").slice(0, 16);
  const file = join(folder, `${basename(entry).replace(/[^\w.-]/g, "_")}-${digest}.mjs`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // The pulse's thread may bundle the same plugin at the same time.
    const fresh = `${file}.${randomUUID()}`;
    await writeFile(fresh, code, { mode: 0o600 });
    await rename(fresh, file);
  } catch (error) {
    throw new PluginError(
      "plugin-unreadable",
      `The bundle of plugin ${entry} cannot be written to ${folder}: ${errorText(error)}.`,
    );
  }
  return file;
}
