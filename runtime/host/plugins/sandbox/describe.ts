// Looks at a plugin by running it once in the sandbox, without a grant, and ending it again.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Evaluate, PluginSource } from "../loader.ts";
import type { Manifest } from "../manifest.ts";
import { findDeno, guestProgram, NOBODY } from "./program.ts";
import { Resident } from "./resident.ts";

/** What a plugin says of itself: its manifest, or PluginError with what is wrong. Nothing of it runs afterwards. */
export const describeInSandbox: Evaluate = async ({ shown, text }: PluginSource) => {
  const folder = await mkdtemp(join(tmpdir(), "systole-look-"));
  const deno = findDeno();
  const resident = new Resident(shown, text, {
    program: (heapMiB) => guestProgram(deno, { uid: NOBODY, gid: NOBODY, heapMiB, wall: true }),
    folder,
    startTurn: (start) => start(),
    log: () => undefined,
    onEnded: () => undefined,
  });
  try {
    const manifest: Manifest = await resident.describe();
    return { manifest, trust: deno === undefined ? "not sandboxed" : "sandboxed" };
  } finally {
    await resident.close();
    await rm(folder, { recursive: true, force: true });
  }
};
