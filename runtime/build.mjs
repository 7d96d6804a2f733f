// Builds what ships into dist/: the program, the pulse's worker, the SDK that configured plugins are bundled against, and
// each plugin of the release. Everything is bundled but esbuild itself. Does nothing when no source is newer than the last build.

import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const DIST = join(ROOT, "dist");
/** Built here and put in place when it is whole: neither another build nor a program that starts sees half of it. */
const FRESH = join(ROOT, `dist.${process.pid}`);
const OLD = join(ROOT, `dist.${process.pid}.old`);
/** Written last: as old as the last build that was whole. */
const STAMP = join(DIST, ".built");
const SOURCES = ["runtime", "sdk", "plugins", "package.json", "package-lock.json"];

/** When anything below a path was last changed, in milliseconds since 1970; a folder changes when a file in it comes or goes. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((entry) => newest(join(path, entry))));
}

/** Name in dist without `.mjs` -> source, for each plugin: plugins/KIND/NAME.ts or plugins/KIND/NAME/mod.ts. */
function pluginEntries() {
  const entries = {};
  for (const kind of readdirSync(join(ROOT, "plugins"))) {
    for (const entry of readdirSync(join(ROOT, "plugins", kind), { withFileTypes: true })) {
      const path = join(ROOT, "plugins", kind, entry.name);
      if (entry.isFile() && entry.name.endsWith(".ts"))
        entries[`plugins/${kind}/${basename(entry.name, ".ts")}`] = path;
      else if (existsSync(join(path, "mod.ts"))) entries[`plugins/${kind}/${entry.name}`] = join(path, "mod.ts");
    }
  }
  return entries;
}

const OPTIONS = {
  outdir: FRESH,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.20",
  external: ["esbuild"],
  alias: { "systole/sdk": join(ROOT, "sdk/mod.ts") },
  sourcemap: "external",
  legalComments: "none",
  // Packages written for `require` (undici, commander) ask for Node's own modules by it.
  banner: {
    js: 'import { createRequire as createSystoleRequire } from "node:module";\nconst require = createSystoleRequire(import.meta.url);',
  },
  logLevel: "warning",
};

/** Plugins and the program that they run in import nothing but what is pure computation (`node:crypto`). */
const CLOSED = { ...OPTIONS, platform: "neutral", banner: {}, external: ["node:*"] };

/** The SDK goes into bundles of others, which hold nothing but what may run in a sandbox: runtime/host/plugins/package/sdk-module.ts. */
const SDK_OPTIONS = {
  entryPoints: { sdk: "sdk/mod.ts" },
  absWorkingDir: ROOT,
  outdir: FRESH,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};

/** Two renames: who starts a program meanwhile finds the old build or the new one. */
function putInPlace() {
  try {
    if (existsSync(DIST)) renameSync(DIST, OLD);
    renameSync(FRESH, DIST);
  } catch (error) {
    // Another build was faster by a hair, and has built the same.
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
  }
}

const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const changed = Math.max(...SOURCES.map((source) => newest(join(ROOT, source))));
if (changed >= built) {
  const programs = {
    systole: join(ROOT, "runtime/cli/main.ts"),
    pulse: join(ROOT, "runtime/host/pulse-worker.ts"),
    "demo-web": join(ROOT, "runtime/cli/demo/web-server.ts"),
  };
  const started = new Date();
  try {
    // Programs share what they have in common, and load late what they import late (undici). A plugin is one closed file.
    await build({ ...OPTIONS, entryPoints: programs, splitting: true });
    await build({ ...CLOSED, entryPoints: pluginEntries() });
    await build({
      ...CLOSED,
      minify: true,
      entryPoints: { guest: join(ROOT, "runtime/host/plugins/sandbox/guest/main.ts") },
    });
    await build(SDK_OPTIONS);
    // With the time at which the build began: what was changed meanwhile is built next time.
    const stamp = join(FRESH, basename(STAMP));
    writeFileSync(stamp, `${started.toISOString()}\n`);
    utimesSync(stamp, started, started);
    putInPlace();
  } finally {
    for (const folder of [FRESH, OLD]) rmSync(folder, { recursive: true, force: true });
  }
}
