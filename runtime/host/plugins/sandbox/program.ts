// Which program a guest runs in, and with what around it: Deno without any grant where there is a Deno for this platform,
// else Node, which holds nobody back and is called "not sandboxed" wherever it is shown.
//
// The guest's own source goes in as a `data:` address, the program as an open file: so an unprivileged user needs to be
// able to reach neither, wherever Systole is installed.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { FROM_SOURCE, releaseFile } from "../release-file.ts";
import { wallAround } from "./wall.ts";

/** How far a plugin is held: by Deno and what stands around it, or not at all. */
export type Confinement = "sandboxed" | "not sandboxed";

/** Where a guest's rights end: who it runs as, and how much memory it may have. */
export interface GuestLimits {
  /** The user and group that a guest of a privileged host runs as. */
  readonly uid: number;
  readonly gid: number;
  /** Of V8's heap; the host watches the whole. */
  readonly heapMiB: number;
  /** Whether to put bubblewrap around it, where that works. */
  readonly wall: boolean;
}

/** How to start a guest. */
export interface GuestProgram {
  readonly confinement: Confinement;
  /** In words, for status and log: `deno, user 65534`. */
  readonly description: string;
  /** Opened by the host and handed to the child as descriptor 3, by which the child executes it; not behind a wall. */
  readonly executable?: string;
  /** Program and arguments as they are spawned. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

/** The user of whom nothing is expected, on every Linux. */
export const NOBODY = 65_534;
/** Executes descriptor 3, wherever the file behind it lies and whoever may reach its folder. */
const INHERITED = "/proc/self/fd/3";
const SETPRIV = "/usr/bin/setpriv";

const NO_GRANTS = ["read", "write", "net", "env", "run", "ffi", "sys", "import"].map((grant) => `--deny-${grant}`);
const DENO_OPTIONS = [
  ...["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--no-npm", "--no-remote", "--cached-only"],
  ...["--no-code-cache", ...NO_GRANTS],
];
/** Deno looks for a newer Deno on the net unless told not to; and where it would keep a cache, there is nothing. */
const DENO_ENVIRONMENT = { DENO_NO_UPDATE_CHECK: "1", DENO_DIR: "/nonexistent", NO_COLOR: "1" };

let guestSource: Promise<string> | undefined;

/** The guest as one closed module. */
async function readGuestSource(): Promise<string> {
  if (!FROM_SOURCE) return readFileSync(releaseFile("", "guest.mjs"), "utf8");
  const esbuild = await import("esbuild");
  const { outputFiles } = await esbuild.build({
    entryPoints: [releaseFile("runtime/host/plugins/sandbox/guest/main.ts", "")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    external: ["node:*"],
    target: "es2023",
    minify: true,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

/** The Deno that came with the package for this platform; undefined where there is none. */
export function findDeno(): string | undefined {
  const require = createRequire(import.meta.url);
  const platform = process.platform === "linux" ? `linux-${process.arch}-glibc` : `${process.platform}-${process.arch}`;
  try {
    const file = join(dirname(require.resolve(`@deno/${platform}/package.json`)), "deno");
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** What drops the rights of a child of root, and ends it with its parent, where the tool for that is installed. */
function dropRights({ uid, gid }: GuestLimits): readonly string[] {
  if (process.platform !== "linux" || !existsSync(SETPRIV)) return [];
  const user =
    process.getuid?.() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--bounding-set=-all"] : [];
  return [SETPRIV, ...user, "--inh-caps=-all", "--no-new-privs", "--pdeathsig=KILL", "--"];
}

function address(source: string): string {
  return `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
}

/** How guests are started here. `deno`: its file, or undefined for a Node child. */
export async function guestProgram(deno: string | undefined, limits: GuestLimits): Promise<GuestProgram> {
  guestSource ??= readGuestSource();
  const source = await guestSource;
  const executable = deno ?? process.execPath;
  const env = deno === undefined ? {} : DENO_ENVIRONMENT;
  const wall = limits.wall ? await wallAround(executable, env, limits.uid) : { problem: "it is switched off" };
  const heap = `--max-old-space-size=${limits.heapMiB}`;
  const args =
    deno === undefined
      ? [heap, "--disallow-code-generation-from-strings", "--input-type=module", "--eval", source]
      : [...DENO_OPTIONS, `--v8-flags=${heap},--disallow-code-generation-from-strings`, address(source)];
  const who = process.getuid?.() === 0 ? `, user ${limits.uid}` : "";
  const what = `${deno === undefined ? "Node child process" : "Deno"}${who}`;
  const confinement = deno === undefined ? "not sandboxed" : "sandboxed";
  if (!("problem" in wall)) {
    const [first = "", ...rest] = [...wall.command, wall.program, ...args];
    return { confinement, description: `${what}, bubblewrap`, command: [first, ...rest], env: {} };
  }
  const program = process.platform === "linux" ? INHERITED : executable;
  const [first = program, ...rest] = [...dropRights(limits), program, ...args];
  return {
    confinement,
    description: `${what} (no second wall: ${wall.problem})`,
    executable,
    command: [first, ...rest],
    env,
  };
}
