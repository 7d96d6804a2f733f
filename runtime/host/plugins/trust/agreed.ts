// The plugins that the cluster has agreed on, as they run on this node. The lock says which bytes; this keeps to it: it gets
// them, looks at them, starts those that are used here, and ends what is no longer agreed on. A plugin is used when the CIB names it
// (on every node: the next failover may need it there) or as soon as it is called.
//
// Whenever the lock changes, each plugin is brought to what it says now. New bytes run beside the present ones until they have
// shown that they see what those see; only then calls go to them. What cannot be brought up leaves the version before in place,
// as long as the lock still names it: an update may fail, but it stops no resource.

import type { PluginKind } from "../../../../sdk/mod.ts";
import type { Element } from "../../../kernel/cib/element.ts";
import {
  crmConfig,
  type LockedPlugin,
  lockFileText,
  type PermissionPatterns,
  type PluginVersion,
  readPluginLock,
} from "../../../model/plugin-lock.ts";
import { errorText } from "../../errors.ts";
import type { FoundPlugin, PluginSource } from "../loader.ts";
import { KINDS, type Manifest, PLUGIN_KINDS } from "../manifest.ts";
import { PluginError } from "../plugin-error.ts";
import type { Resident } from "../sandbox/resident.ts";
import type { RunningPlugin } from "../sandbox/residents.ts";
import type { PluginEvent, PluginLogLine, UsedPlugin } from "../types.ts";
import { resourcesOf, usedPlugins } from "../used.ts";
import { apiProblem, isRunnableApi } from "./api-version.ts";
import { type CandidateOptions, Candidates } from "./candidates.ts";
import { Drain } from "./drain.ts";
import { granted, named, refuseOther, shownName } from "./entry.ts";
import { writeLockFile } from "./lock-file.ts";
import { KnownVersions } from "./newcomer.ts";
import { proofOf } from "./probes.ts";
import { judgeSignatures } from "./signature.ts";
import type { PluginOffer, PluginProof, PluginTrust, PluginVerification, PluginWish } from "./types.ts";
import { verifyPlugin } from "./verify.ts";

/** Bytes that are nowhere to be had are looked for again after this time; likewise a version that saw something else is tried again. */
const RETRY_MS = 3_000;

/** What it takes. */
export interface AgreedOptions extends CandidateOptions {
  readonly lockFile: string;
  /** Versions of the plugin API that run here. */
  readonly apis: readonly number[];
  readonly log: (line: PluginLogLine) => void;
  readonly onEvent: (event: PluginEvent) => void;
}

/** A version that runs, or can. */
interface Present {
  readonly version: PluginVersion;
  readonly source: PluginSource;
  /** With all that it asks for. */
  readonly manifest: Manifest;
  /** With what it was granted. */
  readonly granted: Manifest;
  /** Its process; none as long as nobody uses it here. */
  readonly resident: Resident | undefined;
}

interface Agreed {
  locked: LockedPlugin;
  present: Present | undefined;
  problem: PluginError | undefined;
  /** Everything that is to be done for it, one after the other. */
  work: Promise<void>;
}

/** The plugins of the lock on this node. */
export class AgreedPlugins implements PluginTrust {
  private readonly options: AgreedOptions;
  private readonly plugins = new Map<string, Agreed>();
  private readonly drain = new Drain();
  /** Those that are used here, by kind and name. */
  private readonly wanted = new Set<string>();
  private readonly unreadable = new Set<string>();
  /** Bytes about whose signatures the operator has been warned. */
  private readonly warned = new Set<string>();
  private readonly known = new KnownVersions();
  private readonly candidates: Candidates;
  private config: Element | undefined;
  private resources: Element | undefined;
  private retry: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(options: AgreedOptions) {
    this.options = options;
    this.candidates = new Candidates(options, this.known);
  }

  lockChanged(cib: Element): void {
    if (this.closed) return;
    this.useResources(resourcesOf(cib));
    const config = crmConfig(cib);
    if (config === this.config) return;
    this.config = config;
    const lock = readPluginLock(cib);
    const keys = new Set<string>();
    for (const locked of lock.plugins) {
      const key = keyOf(locked.kind, locked.name);
      keys.add(key);
      const known = this.plugins.get(key);
      if (known === undefined) this.plugins.set(key, this.added(locked));
      else if (JSON.stringify(known.locked) !== JSON.stringify(locked)) {
        known.locked = locked;
        this.tellOther(known);
        this.settleSoon(known);
      }
    }
    for (const [key, agreed] of [...this.plugins]) if (!keys.has(key)) this.removed(key, agreed);
    this.tellUnreadable(lock.unreadable);
    this.prune();
    if (keys.size > 0 || lock.unreadable.length > 0)
      writeLockFile(this.options.lockFile, lockFileText(lock), this.options.log);
  }

  private useResources(resources: Element | undefined): void {
    if (resources === undefined || resources === this.resources) return;
    this.resources = resources;
    for (const { kind, name } of usedPlugins(resources)) this.use(keyOf(kind, name));
  }

  /** From now on this one has a process here. */
  private use(key: string): void {
    if (this.wanted.has(key)) return;
    this.wanted.add(key);
    const agreed = this.plugins.get(key);
    if (agreed?.present !== undefined) this.settleSoon(agreed);
  }

  /** Whether the cluster has agreed on a plugin of this kind and name. */
  has({ kind, name }: { readonly kind: string; readonly name: string }): boolean {
    return this.plugins.has(keyOf(kind, name));
  }

  /** The plugin that runs under this kind and name; undefined when the lock has none. Throws PluginError. */
  async load(kind: PluginKind, name: string): Promise<RunningPlugin | undefined> {
    const agreed = this.plugins.get(keyOf(kind, name));
    if (agreed === undefined) return undefined;
    this.use(keyOf(kind, name));
    if (agreed.present?.resident === undefined) await agreed.work;
    const running = runningOf(agreed.present);
    if (running !== undefined) return running;
    throw (
      agreed.problem ??
      new PluginError("plugin-lock", `${shownName(agreed.locked)} does not run on ${this.options.nodeName}.`)
    );
  }

  /** All of the lock, usable or not, by kind and name. */
  async all(): Promise<readonly FoundPlugin[]> {
    const all = [...this.plugins.values()];
    await Promise.all(all.map(({ work, present }) => (present === undefined ? work : undefined)));
    return all.map(({ locked, present, problem }): FoundPlugin => {
      const sha512 = present?.version.sha512 ?? locked.current.sha512;
      const kind = PLUGIN_KINDS.find((one) => one === locked.kind);
      const common = { origin: "agreed", file: sha512, kind, name: locked.name, trust: this.options.trust } as const;
      const running = present === undefined ? {} : { source: present.source, manifest: present.granted };
      return { ...common, ...running, ...(problem === undefined ? {} : { problem }) };
    });
  }

  /** How they stand, without waiting for anything. */
  used(): readonly UsedPlugin[] {
    const wanted = [...this.plugins].filter(([key]) => this.wanted.has(key));
    return wanted.map(([, { locked, present, problem }]): UsedPlugin => {
      const kind = PLUGIN_KINDS.find((one) => one === locked.kind);
      const plugin = kind === undefined ? `${locked.kind} ${locked.name}` : KINDS[kind].reference(locked.name);
      const runs = present?.resident?.pid !== undefined;
      const refused = present === undefined && problem !== undefined;
      return {
        plugin,
        state: runs ? "running" : refused ? "refused" : "starting",
        ...(problem === undefined ? {} : { problem: problem.message }),
      };
    });
  }

  offer(bytes: Uint8Array, signatures: readonly string[]): Promise<PluginOffer> {
    return this.candidates.offer(bytes, signatures);
  }

  async prove(wish: PluginWish): Promise<PluginProof> {
    const { kind, name } = wish;
    const agreed = this.plugins.get(keyOf(kind, name));
    if (agreed === undefined) {
      throw new PluginError(
        "plugin-missing",
        `${this.options.nodeName} has not heard of the ${kind} ${name}, so it has nothing to compare with.`,
      );
    }
    return this.candidates.prove(wish, shownName(agreed.locked), runningOf(agreed.present));
  }

  async verify(): Promise<readonly PluginVerification[]> {
    const { nodeName, store, rules } = this.options;
    const tools = {
      nodeName,
      store,
      rules,
      look: async (shown: string, bytes: Uint8Array) => this.candidates.look(this.candidates.source(shown, bytes)),
    };
    const verified = [...this.plugins.values()].map(({ locked, present, problem }) =>
      verifyPlugin(
        locked,
        {
          sha512: present?.version.sha512,
          rests: present !== undefined && present.resident === undefined,
          problem: problem?.message,
        },
        tools,
      ),
    );
    return Promise.all(verified);
  }

  bundle(sha512: string): Uint8Array | undefined {
    return this.options.store.read(sha512);
  }

  /** Waits until everything is as the lock says, or cannot be. */
  async settled(): Promise<void> {
    await Promise.all([...this.plugins.values()].map(({ work }) => work));
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retry);
    await this.settled();
    await Promise.all([...this.plugins.values()].map(({ present }) => present?.resident?.close()));
    await this.drain.close();
  }

  // --- keeping to the lock --------------------------------------------------------------------------------------------------

  private added(locked: LockedPlugin): Agreed {
    const agreed: Agreed = { locked, present: undefined, problem: undefined, work: Promise.resolve() };
    this.settleSoon(agreed);
    return agreed;
  }

  private tellOther({ locked, present }: Agreed): void {
    const { nodeName } = this.options;
    const news = this.known.news(shownName(locked), nodeName, present?.version, locked.current);
    if (news !== undefined) this.tell("warning", "plugin-other-bytes", news);
  }

  private removed(key: string, agreed: Agreed): void {
    this.plugins.delete(key);
    agreed.work = agreed.work.then(() => this.end(agreed));
  }

  private settleSoon(agreed: Agreed): void {
    agreed.work = agreed.work
      .then(() => this.settle(agreed))
      .catch((error: unknown) => {
        agreed.problem = asPluginError(error, agreed.locked);
      });
  }

  private async settle(agreed: Agreed): Promise<void> {
    if (this.closed || this.plugins.get(keyOf(agreed.locked.kind, agreed.locked.name)) !== agreed) return;
    const { locked } = agreed;
    const problem = await this.bringUp(agreed, locked.current);
    if (problem === undefined) {
      if (agreed.problem !== undefined)
        this.tell("info", "plugin-runs", `${shownName(locked)} runs on ${this.options.nodeName} as agreed.`);
      agreed.problem = undefined;
      return;
    }
    const news = agreed.problem?.message !== problem.message;
    agreed.problem = problem;
    if (isPassing(problem)) this.retrySoon();
    const kept = locked.previous !== undefined && (await this.bringUp(agreed, locked.previous)) === undefined;
    if (!kept) this.end(agreed);
    if (!news) return;
    if (kept)
      this.tell("warning", problem.code, `${problem.message} The version before (${named(locked.previous)}) goes on.`);
    else this.tell("error", problem.code, problem.message);
  }

  /** Makes a version the present one; why it cannot be. */
  private async bringUp(agreed: Agreed, version: PluginVersion): Promise<PluginError | undefined> {
    try {
      await this.makePresent(agreed, version);
      return undefined;
    } catch (error) {
      return asPluginError(error, agreed.locked);
    }
  }

  private async makePresent(agreed: Agreed, version: PluginVersion): Promise<void> {
    const { locked, present } = agreed;
    const shown = shownName(locked);
    const grants = this.refuseUnwanted(shown, version);
    const isWanted = this.wanted.has(keyOf(locked.kind, locked.name));
    if (present?.version.sha512 === version.sha512 && (present.resident !== undefined || !isWanted)) {
      agreed.present = { ...present, version, granted: granted(present.manifest, grants) };
      return;
    }
    const source = this.candidates.source(shown, await this.candidates.bytesOf(shown, version));
    const { manifest, resident } = await this.options.start(source);
    try {
      refuseOther(shown, locked, version, manifest);
      const running = { manifest: granted(manifest, grants), resident };
      const before = runningOf(present);
      if (before !== undefined && version.unproven !== true) await this.refuseWorse(locked, before, running);
      if (this.closed) throw new PluginError("plugin-lock", `${shown}: the node stops.`);
      // Somebody may have come to use it meanwhile.
      const kept = this.wanted.has(keyOf(locked.kind, locked.name));
      agreed.present = { version, source, manifest, granted: running.manifest, resident: kept ? resident : undefined };
      this.known.note(version.sha512);
      if (!kept) await resident.close();
    } catch (error) {
      await resident.close();
      throw error;
    }
    if (present?.resident === undefined) return;
    this.tell(
      "info",
      "plugin-updated",
      `${shown} runs as ${named(version)} on ${this.options.nodeName} now, instead of ${named(present.version)}; no resource was stopped for it.`,
    );
    this.drain.add(present.resident);
  }

  /** Approval, signature and API version, for which nothing has to be started. What it was granted. */
  private refuseUnwanted(shown: string, version: PluginVersion): PermissionPatterns {
    if (version.grants === undefined)
      throw new PluginError("plugin-approval", `${shown} does not run: nobody has approved of it.`);
    const { apis } = this.options;
    if (!isRunnableApi(version.api, apis)) throw new PluginError("plugin-api", apiProblem(shown, version.api, apis));
    const { problem } = judgeSignatures(shown, version.sha512, version.signatures ?? [], this.options.rules);
    if (problem !== undefined && this.options.rules.policy === "require") throw problem;
    if (problem !== undefined && !this.warned.has(version.sha512))
      this.tell("warning", "plugin-signature", problem.message);
    this.warned.add(version.sha512);
    return version.grants;
  }

  private async refuseWorse(
    { kind, name }: LockedPlugin,
    present: RunningPlugin,
    candidate: RunningPlugin,
  ): Promise<void> {
    const { good, text } = proofOf(await this.options.probes.compare(kind, name, present, candidate));
    if (!good)
      throw new PluginError(
        "plugin-unproven",
        `The ${kind} ${name} was not updated on ${this.options.nodeName}: ${text}`,
      );
  }

  private end(agreed: Agreed): void {
    const { present } = agreed;
    agreed.present = undefined;
    if (present?.resident !== undefined) this.drain.add(present.resident);
  }

  private retrySoon(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      for (const agreed of this.plugins.values()) if (isPassing(agreed.problem)) this.settleSoon(agreed);
    }, RETRY_MS);
    this.retry.unref();
  }

  private tellUnreadable(properties: readonly string[]): void {
    for (const property of properties) {
      if (this.unreadable.has(property)) continue;
      const error = new PluginError(
        "plugin-lock",
        `The property ${property} of the CIB is no entry of the plugin lock, so that plugin does not run.`,
      );
      this.tell("error", error.code, error.message);
    }
    this.unreadable.clear();
    for (const property of properties) this.unreadable.add(property);
  }

  /** Bundles that the lock has forgotten go away in the end. */
  private prune(): void {
    const versions = [...this.plugins.values()].flatMap(({ locked, present }) => [
      locked.current,
      ...(locked.previous === undefined ? [] : [locked.previous]),
      ...(present === undefined ? [] : [present.version]),
    ]);
    try {
      this.options.store.prune(new Set(versions.map(({ sha512 }) => sha512)));
    } catch (error) {
      this.options.log({ level: "warn", text: `Old bundles cannot be removed: ${errorText(error)}` });
    }
  }

  private tell(severity: PluginEvent["severity"], code: string, text: string): void {
    this.options.onEvent({ kind: "plugin", code, text, severity });
  }
}

/** The present version where it has a process. */
function runningOf(present: Present | undefined): RunningPlugin | undefined {
  return present?.resident === undefined ? undefined : { manifest: present.granted, resident: present.resident };
}

/** What may be otherwise in a moment, without anybody changing the lock. */
function isPassing(problem: PluginError | undefined): boolean {
  return problem?.code === "plugin-missing" || problem?.code === "plugin-unproven" || problem?.passing === true;
}

function keyOf(kind: string, name: string): string {
  return `${kind} ${name}`;
}

function asPluginError(error: unknown, locked: LockedPlugin): PluginError {
  return error instanceof PluginError
    ? error
    : new PluginError("plugin-import", `${shownName(locked)} cannot be started: ${errorText(error)}.`);
}
