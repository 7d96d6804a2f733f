// A plugin's process as the rest of the host knows it: it is there, or it is being started again. When a guest ends in any
// way but by the host, the next one is started at once, and ever later when that does not help.
//
// The first guest says what the plugin is; a later one that says anything else runs other code, and is not used.

import { createHash } from "node:crypto";
import { errorText } from "../../errors.ts";
import type { HostContext } from "../context.ts";
import { checkManifest, type Manifest, PLUGIN_KINDS } from "../manifest.ts";
import { refuseOpenBundle } from "../package/closed.ts";
import { oneLine, PluginError } from "../plugin-error.ts";
import { API_VERSIONS } from "../trust/api-version.ts";
import { type ControlGroup, confine } from "./cgroup.ts";
import { familyOf, privateBytes } from "./memory.ts";
import { type MemoryWatch, watchMemory } from "./memory-watch.ts";
import type { GuestProgram } from "./program.ts";
import { GuestFailure, GuestGone, GuestSession } from "./session.ts";
import type { LoadAnswer } from "./wire.ts";

/** Pauses before the first, second, ... restart in a row; the last one from then on. */
const RESTART_PAUSES_MS = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** A guest that has lived so long is well: the pauses begin anew. */
const HEALTHY_AFTER_MS = 60_000;
const MEBIBYTE = 1024 * 1024;

/** What a plugin's process needs of its surroundings. */
export interface ResidentSurroundings {
  /** The program for a heap of so many MiB. Rejects with PluginError when no plugin may be started. */
  readonly program: (heapMiB: number) => Promise<GuestProgram>;
  /** An empty folder. */
  readonly folder: string;
  /** Lets only so many guests start at a time: they would take each other's time to answer. */
  readonly startTurn: <Result>(start: () => Promise<Result>) => Promise<Result>;
  readonly log: (level: "debug" | "info" | "warn" | "error", text: string) => void;
  /** It ended and is started again. `text`: a sentence. */
  readonly onEnded: (text: string) => void;
  /** It was closed for good. */
  readonly onClosed?: () => void;
  /** Versions of the plugin API that run here; those of this release if not given. */
  readonly apis?: readonly number[];
}

type LogLevel = "debug" | "info" | "warn" | "error";

/** Instances whose secrets are known here. */
const REMEMBERED_INSTANCES = 1_000;
/** Before a plugin has said how much it needs. */
const FIRST_LIMIT_MIB = 128;

/** One plugin of this node in its process. Its source is looked at before it runs for the first time: it cannot change here. */
export class Resident {
  /** `agents/dummy`, `Plugin ./mine.ts`. */
  private readonly shown: string;
  private readonly source: string;
  private readonly around: ResidentSurroundings;
  private session: GuestSession | undefined;
  private watch: MemoryWatch | undefined;
  private starting: Promise<GuestSession> | undefined;
  private manifest: Manifest | undefined;
  private limitMiB = FIRST_LIMIT_MIB;
  private failures = 0;
  private calls = 0;
  private startedMs = 0;
  private lastEnd = "";
  private closed = false;
  /** By resource. */
  private readonly redactors = new Map<string, (text: string) => string>();
  private restart: NodeJS.Timeout | undefined;
  private wake: (() => void) | undefined;

  constructor(shown: string, source: string, around: ResidentSurroundings) {
    this.shown = shown;
    this.source = source;
    this.around = around;
  }

  private get apis(): readonly number[] {
    return this.around.apis ?? API_VERSIONS;
  }

  /** Whether somebody waits for it. */
  get busy(): boolean {
    return this.calls > 0;
  }

  /** The process, while there is one. */
  get pid(): number | undefined {
    return this.session?.pid;
  }

  /** Starts it for the first time and says what the plugin is. Rejects with PluginError; then nothing runs. */
  async describe(): Promise<Manifest> {
    refuseOpenBundle(Buffer.from(this.source), this.shown);
    try {
      await this.start();
      if (this.manifest !== undefined && this.manifest.memoryLimitMiB !== this.limitMiB) {
        this.limitMiB = this.manifest.memoryLimitMiB;
        await this.stopSession();
        await this.start();
      }
    } catch (error) {
      await this.close();
      throw this.asPluginError(error);
    }
    if (this.manifest === undefined) throw new PluginError("plugin-import", `${this.shown} said nothing of itself.`);
    return this.manifest;
  }

  /** Runs a function of the plugin; see GuestSession.call. Waits for a guest that is being started, but not past the signal. */
  async call(member: string, args: readonly unknown[], contextAt: number, context: HostContext): Promise<unknown> {
    this.calls += 1;
    try {
      const session = this.session ?? (await this.available(context.signal));
      const { params, node, resource, redact } = context;
      this.remember(resource, redact);
      this.watch?.stir();
      const request = { member, arguments: args, contextAt, params, node, resource };
      return await session.call(request, context).catch((error: unknown) => {
        throw error instanceof GuestGone ? new GuestGone(`The process of ${this.shown} ${error.message}.`) : error;
      });
    } finally {
      this.calls -= 1;
    }
  }

  /** What is written to `console` belongs to no call: the secrets of every instance are blotted out of it. */
  private remember(resource: string, redact: (text: string) => string): void {
    this.redactors.delete(resource);
    this.redactors.set(resource, redact);
    const [oldest] = this.redactors.keys();
    if (this.redactors.size > REMEMBERED_INSTANCES && oldest !== undefined) this.redactors.delete(oldest);
  }

  private log(level: LogLevel, text: string): void {
    let clean = text;
    for (const redact of this.redactors.values()) clean = redact(clean);
    this.around.log(level, clean);
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.restart);
    this.wake?.();
    await this.starting?.catch(() => undefined);
    await this.stopSession();
    this.around.onClosed?.();
  }

  /** A guest that is ready, when there is one before the signal fires. */
  private async available(signal: AbortSignal): Promise<GuestSession> {
    signal.throwIfAborted();
    const gone = (): GuestGone =>
      new GuestGone(
        `The process of ${this.shown} ${this.closed ? "is being ended" : `is not there: the last one ${this.lastEnd}`}.`,
      );
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(gone()), { once: true });
    });
    while (!this.closed) {
      const next =
        this.starting ??
        new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      await Promise.race([next.catch(() => undefined), aborted]);
      if (this.session !== undefined) return this.session;
    }
    throw gone();
  }

  private async start(): Promise<GuestSession> {
    this.starting = this.around.startTurn(() => this.startSession());
    try {
      return await this.starting;
    } finally {
      this.starting = undefined;
      this.wake?.();
    }
  }

  private async startSession(): Promise<GuestSession> {
    const program = await this.around.program(this.limitMiB);
    if (this.closed) throw new GuestGone("is being ended");
    const session = new GuestSession(program, this.around.folder, {
      log: (level, text) => this.log(level, text),
      ended: (why) => {
        watch?.stop();
        this.ended(session, why);
      },
    });
    const watch = this.watchMemory(session);
    try {
      const request = { name: this.shown, source: this.source, kinds: PLUGIN_KINDS, apis: this.apis };
      this.accept(await session.load(request));
    } catch (error) {
      session.end("was refused");
      throw error;
    }
    this.session = session;
    this.watch = watch;
    this.startedMs = performance.now();
    return session;
  }

  /** What a guest says that it has loaded. */
  private accept(answer: unknown): void {
    const loaded = readLoadAnswer(answer);
    const digest = createHash("sha512").update(this.source).digest("hex");
    if (loaded?.digest !== digest)
      throw new PluginError("plugin-import", `${this.shown}: its process has loaded other bytes than it was given.`);
    const manifest = checkManifest(loaded.summary, this.shown, this.apis);
    if (this.manifest === undefined) this.manifest = manifest;
    else if (JSON.stringify(manifest) !== JSON.stringify(this.manifest))
      throw new PluginError("plugin-manifest", `${this.shown} says something else of itself each time it is loaded.`);
  }

  private async stopSession(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    await session?.close();
  }

  /** A guest has ended. If it was the one at work, and not by the host's wish, there will be another. */
  private ended(session: GuestSession, why: string): void {
    this.lastEnd = why;
    if (this.session !== session) return;
    this.session = undefined;
    if (this.closed) return;
    if (performance.now() - this.startedMs >= HEALTHY_AFTER_MS) this.failures = 0;
    this.again(why);
  }

  private again(why: string): void {
    const pauseMs = RESTART_PAUSES_MS[Math.min(this.failures, RESTART_PAUSES_MS.length - 1)] ?? 0;
    this.failures += 1;
    const when = pauseMs === 0 ? "at once" : `in ${pauseMs} ms`;
    this.around.onEnded(`The process of ${this.shown} ${oneLine(why, 300)}; it is started again ${when}.`);
    this.restart = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.lastEnd = `could not be started: ${errorText(error)}`;
        if (!this.closed) this.again(this.lastEnd);
      });
    }, pauseMs);
  }

  /** Looks at the memory of a guest from its first moment on. */
  private watchMemory(session: GuestSession): MemoryWatch | undefined {
    const { pid } = session;
    if (pid === undefined) return undefined;
    const { limitMiB } = this;
    let group: ControlGroup | undefined;
    let confined = false;
    const watch = watchMemory({
      limitBytes: limitMiB * MEBIBYTE,
      busy: () => this.busy || this.session !== session,
      look: () => {
        const family = familyOf(pid);
        // By now whatever stands around the guest has started it.
        if (!confined) group = confine(family, limitMiB);
        confined = true;
        return privateBytes(family);
      },
      excess: (bytes) =>
        session.end(`used ${Math.ceil(bytes / MEBIBYTE)} MiB of memory, more than its memoryLimitMiB of ${limitMiB}`),
    });
    return {
      stir: () => watch.stir(),
      stop: () => {
        watch.stop();
        void group?.remove();
      },
    };
  }

  private asPluginError(error: unknown): PluginError {
    if (error instanceof PluginError) return error;
    if (error instanceof GuestFailure) {
      const code = error.code === "plugin-syntax" ? "plugin-syntax" : "plugin-import";
      return new PluginError(code, `${this.shown} failed while it was loaded: ${error.message}.`);
    }
    return new PluginError("plugin-import", `${this.shown} ${errorText(error)}.`, { passing: true });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The answer to `load`, if it is one. */
function readLoadAnswer(answer: unknown): LoadAnswer | undefined {
  if (!isRecord(answer) || typeof answer["digest"] !== "string" || !isRecord(answer["summary"])) return undefined;
  const { branded, kind, api, spec, functions } = answer["summary"];
  const names = Array.isArray(functions) ? functions.map(String) : [];
  return { digest: answer["digest"], summary: { branded: branded === true, kind, api, spec, functions: names } };
}
