// A second wall around a guest, where bubblewrap is installed: namespaces of its own without any network, and of the file
// system only the program and its libraries. What Deno might let through by a mistake of its own ends here.
//
// Whether it works is tried once: containers often forbid it. Then guests run without, and the log says why.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { errorText } from "../../errors.ts";

const run = promisify(execFile);

const BUBBLEWRAP = "/usr/bin/bwrap";
const SETPRIV = "/usr/bin/setpriv";
const TRIAL_TIMEOUT_MS = 10_000;

/** A wall that works here, or why there is none. */
export type Wall =
  | {
      /** What is spawned; the program inside and its arguments follow. */
      readonly command: readonly string[];
      /** Where the program is inside. */
      readonly program: string;
    }
  | { readonly problem: string };

const walls = new Map<string, Promise<Wall>>();

/** Files of the loader and of the libraries that these programs need. */
async function librariesOf(programs: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const program of programs) {
    const { stdout } = await run("ldd", [program], { timeout: TRIAL_TIMEOUT_MS });
    for (const [, file = ""] of stdout.matchAll(/(?:^|\s)(\/\S+)/g)) found.add(file);
  }
  return [...found].filter((file) => existsSync(file)).sort();
}

/** Folders above these files, the upper ones first. */
function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = dirname(file); folder !== "/"; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].sort();
}

/** As root, bubblewrap needs no namespace of users, and its child becomes somebody else inside. */
async function buildWall(executable: string, env: Readonly<Record<string, string>>, uid: number): Promise<Wall> {
  const root = process.getuid?.() === 0;
  const programs = root ? [executable, SETPRIV] : [executable];
  const libraries = await librariesOf(programs);
  const mounts = [
    ...foldersOf(libraries).flatMap((folder) => ["--perms", "0755", "--dir", folder]),
    ...libraries.flatMap((file) => ["--ro-bind", file, file]),
    // Deno asks where its own program is when node:crypto is first imported, and panics when nobody says.
    ...["--perms", "0755", "--dir", "/proc/self", "--symlink", "/guest", "/proc/self/exe"],
    ...["--ro-bind", executable, "/guest", ...(root ? ["--ro-bind", SETPRIV, "/setpriv"] : []), "--remount-ro", "/"],
  ];
  const rights = root
    ? ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    : ["--unshare-all"];
  const kept = root ? ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((right) => ["--cap-add", right]) : [];
  const drop = root
    ? ["/setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    : [];
  const variables = Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]);
  return {
    program: "/guest",
    command: [
      ...[BUBBLEWRAP, "--die-with-parent", "--new-session", ...rights, ...kept, ...mounts],
      ...["--chdir", "/", "--clearenv", ...variables, "--", ...drop, ...(root ? ["--no-new-privs", "--"] : [])],
    ],
  };
}

async function tryWall(executable: string, env: Readonly<Record<string, string>>, uid: number): Promise<Wall> {
  if (process.platform !== "linux" || !existsSync(BUBBLEWRAP)) return { problem: "bubblewrap is not installed" };
  try {
    const wall = await buildWall(executable, env, uid);
    if ("problem" in wall) return wall;
    const [command = "", ...args] = wall.command;
    await run(command, [...args, wall.program, "--version"], { timeout: TRIAL_TIMEOUT_MS, env: {} });
    return wall;
  } catch (error) {
    return { problem: `bubblewrap does not work here (${errorText(error).slice(0, 300)})` };
  }
}

/** The wall around this program, tried once. */
export function wallAround(executable: string, env: Readonly<Record<string, string>>, uid: number): Promise<Wall> {
  const key = `${executable} ${uid}`;
  const wall = walls.get(key) ?? tryWall(executable, env, uid);
  walls.set(key, wall);
  return wall;
}
