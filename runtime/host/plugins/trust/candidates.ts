// Bytes that do not run yet: where they come from, what they say of themselves, and whether they see what the version that runs sees.
// Whatever is started for that is ended again.

import type { PluginVersion } from "../../../model/plugin-lock.ts";
import { describePlugin } from "../describe.ts";
import type { PluginSource } from "../loader.ts";
import type { Manifest } from "../manifest.ts";
import { digestOf } from "../package/bundler.ts";
import { refuseOpenBundle } from "../package/closed.ts";
import { PluginError } from "../plugin-error.ts";
import type { RunningPlugin } from "../sandbox/residents.ts";
import type { Trust } from "../types.ts";
import type { KnownVersions } from "./newcomer.ts";
import { type Probes, proofOf } from "./probes.ts";
import { judgeSignatures, type SignatureRules } from "./signature.ts";
import type { BundleStore } from "./store.ts";
import type { PluginOffer, PluginProof, PluginWish } from "./types.ts";

/** What it takes. */
export interface CandidateOptions {
  readonly nodeName: string;
  readonly store: BundleStore;
  readonly rules: SignatureRules;
  /** Starts a process for these bytes. Rejects with PluginError. */
  readonly start: (source: PluginSource) => Promise<RunningPlugin>;
  readonly probes: Probes;
  /** How far the processes of this node are held. */
  readonly trust: Trust;
  /** Bytes from another node. */
  readonly fetch: (sha512: string) => Promise<Uint8Array | undefined>;
}

/** Looks at versions before they run. */
export class Candidates {
  private readonly options: CandidateOptions;
  private readonly known: KnownVersions;

  /** @param known is told of each version that was found good. */
  constructor(options: CandidateOptions, known: KnownVersions) {
    this.options = options;
    this.known = known;
  }

  /** Bytes as something that can be started. Throws PluginError when they reach for more than they bring. */
  source(shown: string, bytes: Uint8Array): PluginSource {
    refuseOpenBundle(bytes, shown);
    return { shown, module: "", text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) };
  }

  /** What bytes say of themselves. Nothing of them runs afterwards. */
  async look(source: PluginSource): Promise<Manifest> {
    const { manifest, resident } = await this.options.start(source);
    await resident.close();
    return manifest;
  }

  /** From this node's store, or another node's. Throws PluginError. */
  async bytesOf(shown: string, version: Pick<PluginVersion, "sha512">): Promise<Uint8Array> {
    const { store, fetch, nodeName } = this.options;
    const here = store.read(version.sha512);
    if (here !== undefined) return here;
    const fetched = await fetch(version.sha512);
    if (fetched !== undefined && digestOf(fetched) === version.sha512) {
      store.write(fetched);
      return fetched;
    }
    throw new PluginError(
      "plugin-missing",
      `${shown} does not run on ${nodeName}: the cluster has agreed on the bytes ${version.sha512}, and this node does not have them.`,
    );
  }

  /** Takes bytes in, for people to decide about. */
  async offer(bytes: Uint8Array, signatures: readonly string[]): Promise<PluginOffer> {
    const source = this.source("The plugin", bytes);
    const manifest = await this.look(source);
    const { trust } = this.options;
    const sha512 = this.options.store.write(bytes);
    const found = {
      origin: "agreed",
      file: sha512,
      kind: manifest.kind,
      name: manifest.name,
      trust,
      manifest,
    } as const;
    const { problem, ...judged } = judgeSignatures(
      `The ${manifest.kind} ${manifest.name}`,
      sha512,
      signatures,
      this.options.rules,
    );
    const { policy } = this.options.rules;
    const signature = { ...judged, policy, ...(problem === undefined ? {} : { problem: problem.message }) };
    return { sha512, plugin: describePlugin(found), signature };
  }

  /** Whether the bytes start here and see what the running version sees; `running` is undefined where none runs. */
  async prove(wish: PluginWish, shown: string, running: RunningPlugin | undefined): Promise<PluginProof> {
    const { kind, name, sha512, signatures, shadowMs } = wish;
    const { problem } = judgeSignatures(shown, sha512, signatures, this.options.rules);
    if (problem !== undefined && this.options.rules.policy === "require") throw problem;
    const source = this.source(shown, await this.bytesOf(shown, { sha512 }));
    if (running === undefined) {
      await this.look(source);
      this.known.note(sha512);
      return {
        good: true,
        text: `it starts; the present version does not run on ${this.options.nodeName}.`,
        comparisons: [],
      };
    }
    const candidate = await this.options.start(source);
    try {
      const { comparisons, rounds } = await this.options.probes.shadow(kind, name, running, candidate, shadowMs);
      const proof = proofOf(comparisons, rounds);
      if (proof.good) this.known.note(sha512);
      return proof;
    } finally {
      await candidate.resident.close();
    }
  }
}
