// Plugins that the node's configuration names: bundled as closed modules when the node starts, written below its state
// directory under their digest, and imported from there.

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { errorText } from "../errors.ts";
import { bundlePackage } from "./package/bundler.ts";
import { openPackage } from "./package/source.ts";
import { PluginError } from "./plugin-error.ts";

/** Whether an entry of `plugins` is a path; otherwise it is the name of a package. */
function isPath(entry: string): boolean {
  return isAbsolute(entry) || entry.startsWith("./") || entry.startsWith("../");
}

/** The folder of an installed package: beside the configuration file, or in a folder above. */
function installed(name: string, base: string): string {
  for (let folder = base; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (existsSync(path)) return path;
    if (dirname(folder) === folder) break;
  }
  throw new PluginError(
    "plugin-unreadable",
    `Plugin ${name} cannot be loaded: there is no such package beside the configuration file.`,
  );
}

/**
 * Bundles a plugin and returns the path of the module. `entry`: a path or a package name, counted from `base`;
 * `folder`: where bundles are kept. Throws PluginError.
 */
export async function bundlePlugin(entry: string, base: string, folder: string): Promise<string> {
  const source = await openPackage(isPath(entry) ? entry : installed(entry, base), base, entry);
  let bundle: Awaited<ReturnType<typeof bundlePackage>>;
  try {
    bundle = await bundlePackage(source);
  } finally {
    source.dispose();
  }
  const digest = Buffer.from(bundle.sha512.slice("sha512-".length), "base64").toString("hex").slice(0, 16);
  const file = join(folder, `${basename(entry).replace(/[^\w.-]/g, "_")}-${digest}.mjs`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // The pulse's thread may bundle the same plugin at the same time.
    const fresh = `${file}.${randomUUID()}`;
    await writeFile(fresh, bundle.bytes, { mode: 0o600 });
    await rename(fresh, file);
  } catch (error) {
    throw new PluginError(
      "plugin-unreadable",
      `The bundle of plugin ${entry} cannot be written to ${folder}: ${errorText(error)}.`,
    );
  }
  return file;
}
