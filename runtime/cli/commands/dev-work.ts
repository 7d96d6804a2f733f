// What `systole dev` does: at each change of a file it bundles anew, has the node look at the bytes, and has the cluster agree on
// them. The new process takes over from the present one, so resources go on. A mistake is told and changes nothing.

import { existsSync, watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { ApiClient } from "../../api/client.ts";
import type { Push } from "../../api/schema.ts";
import { errorText } from "../../host/errors.ts";
import { openPackage } from "../../host/plugins/package/source.ts";
import { addPluginEdits, findLocked, updatePluginEdits } from "../../model/edits/plugin.ts";
import { permissionChanges } from "../../model/plugin-lock.ts";
import { reportOf } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import { authorOf, type ChangeOptions, change, queryCib, withClient } from "../session.ts";
import { approve, offer, prepare, refuseReleaseName, versionOf } from "./plugin-offer.ts";
import { addedText } from "./plugin-trust-text.ts";

/** Editors write a file in several steps: what comes within this time is one change. */
const QUIET_MS = 30;
/** A version that has not taken over by then will be told of when it does, or does not. */
const TAKEOVER_MS = 5_000;

/** Options of the command. */
export interface DevFlags extends ChangeOptions {
  readonly yes?: true;
}

/** Runs until the person wants out. */
export async function develop(io: CliIo, options: DevFlags, spec: string): Promise<void> {
  const folder = await folderOf(spec);
  const stop = io.interrupted();
  await withClient(io, options, async (client) => {
    const news = new News(io);
    await client.subscribe(0, (push) => news.hear(push));
    // What is nowhere cannot be watched; this says so in words.
    if (!existsSync(folder)) await prepare(spec, false);
    // Before anything is read or said: whoever changes a file from now on is not overlooked.
    const changes = watchFolder(folder, stop);
    try {
      const name = await begin(io, options, client, spec);
      news.about = name;
      io.out(
        `Watching ${folder}. Each change goes to all nodes of cluster ${client.hello.cluster}; Ctrl-C ends it, and ${name} stays as it is then.\n`,
      );
      const ended = client.closed.then((cause) => {
        throw new Error(cause);
      });
      for (;;) {
        const changed = await Promise.race([changes.next(), ended]);
        if (!changed) return;
        await takeOver(io, options, client, spec, news);
      }
    } finally {
      changes.close();
    }
  });
}

/** The package's folder; what is wrong with it is told when it is bundled. */
async function folderOf(spec: string): Promise<string> {
  try {
    const source = await openPackage(spec, process.cwd());
    source.dispose();
    return source.folder;
  } catch {
    return dirname(resolve(spec));
  }
}

/** The first version, with the approval that goes for those to come. */
async function begin(io: CliIo, options: DevFlags, client: ApiClient, spec: string): Promise<string> {
  const prepared = await prepare(spec, false);
  const offered = await offer(client, prepared, []);
  await refuseReleaseName(client, offered);
  const { name } = offered.plugin;
  await approve(
    io,
    options,
    addedText(offered, prepared, renderOptions(io)),
    `May ${name} do this, and what you write into it from now on?`,
  );
  io.out(`${await agree(io, options, client, spec)}\n`);
  return name;
}

/** Has the cluster agree on the present bytes; what came of it in a sentence. */
async function agree(io: CliIo, options: DevFlags, client: ApiClient, spec: string): Promise<string> {
  const prepared = await prepare(spec, false);
  const offered = await offer(client, prepared, []);
  const { kind, name, permissions } = offered.plugin;
  const known = findLocked((await queryCib(client)).cib, name, kind);
  const version = { ...versionOf(prepared, offered, []), unproven: true as const, grants: permissions };
  const changed = await change(client, authorOf(io, options), (cib) => {
    const now = findLocked(cib, name, kind);
    if ("refused" in now) return addPluginEdits(cib, kind, name, version);
    return updatePluginEdits(cib, kind, name, version);
  });
  if (!changed.changed) return "Nothing has changed in its bytes.";
  const before = "refused" in known ? permissions : known.current.permissions;
  const news = permissionChanges(before, permissions).filter(({ change: what }) => what !== "kept");
  const list = news.map(({ kind: what, pattern, change: how }) => `${how === "added" ? "+" : "-"} ${what} ${pattern}`);
  return [`The cluster agrees on ${name} as it is now.`, ...list].join("\n");
}

/** A change of the files, until the new bytes run here or it is clear that they do not. */
async function takeOver(io: CliIo, options: DevFlags, client: ApiClient, spec: string, news: News): Promise<void> {
  const startMs = performance.now();
  news.hold();
  try {
    const said = await agree(io, options, client, spec);
    io.out(`${said}\n`);
    if (said.startsWith("Nothing")) return;
    const heard = news.next(startMs);
    news.release();
    if (await Promise.race([heard.then(() => true), late()])) return;
    const tookMs = Math.round(performance.now() - startMs);
    io.out(`It does not run here after ${tookMs} ms, and is told of when it does; see systole plugin verify.\n`);
  } catch (error) {
    const report = reportOf(error);
    io.err(`${basename(spec)}: ${report?.message ?? errorText(error)} What ran before goes on.\n`);
  } finally {
    news.release();
  }
}

function late(): Promise<false> {
  return new Promise((done) => {
    setTimeout(() => done(false), TAKEOVER_MS).unref();
  });
}

/** What happens to processes is no word about a version. */
const OTHER_NEWS = new Set(["plugin-signature", "plugin-ended", "plugin-hangs", "plugin-excess"]);

/** Says what becomes of the versions of one plugin, whenever it comes to that. */
class News {
  /** The plugin's name. */
  about = "";
  private readonly io: CliIo;
  private held: string[] | undefined;
  /** When the last version was begun. */
  private startMs = 0;
  private tell: () => void = () => undefined;

  constructor(io: CliIo) {
    this.io = io;
  }

  hear(push: Push): void {
    if (push.push !== "event" || push.event.kind !== "plugin" || OTHER_NEWS.has(push.event.code)) return;
    const { text } = push.event;
    if (this.about === "" || !text.includes(this.about)) return;
    if (this.held === undefined) this.say(text);
    else this.held.push(text);
  }

  /** Keeps what is heard to itself while something else is said. */
  hold(): void {
    this.held = [];
  }

  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const text of held) this.say(text);
  }

  /** Resolves with the next word, which is about the version that was begun then. */
  next(startMs: number): Promise<void> {
    this.startMs = startMs;
    return new Promise((done) => {
      this.tell = done;
    });
  }

  private say(text: string): void {
    this.io.out(`${text} (${Math.round(performance.now() - this.startMs)} ms)\n`);
    this.tell();
  }
}

/** Changes below a folder, several at once as one. `next` answers false when it is over. */
function watchFolder(folder: string, stop: AbortSignal): { next(): Promise<boolean>; close(): void } {
  let changed = false;
  let wake: () => void = () => {};
  const watcher = watch(folder, { recursive: true, signal: stop });
  watcher.on("change", (_type, file) => {
    if (/(^|\/)(node_modules|\.git)(\/|$)|~$|\.sw.$/.test(String(file))) return;
    changed = true;
    wake();
  });
  watcher.on("error", () => wake());
  stop.addEventListener("abort", () => wake(), { once: true });
  return {
    async next() {
      while (!changed && !stop.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (stop.aborted) return false;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      changed = false;
      return true;
    },
    close: () => watcher.close(),
  };
}
