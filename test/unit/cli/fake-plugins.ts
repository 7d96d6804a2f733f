// What a node for tests answers about plugins: bundles are evaluated in this process, without a sandbox; they are the tests' own.

import type { ApiParams, ApiResult } from "../../../runtime/api/schema.ts";
import { errorText, SystoleError } from "../../../runtime/host/errors.ts";
import { describePlugin } from "../../../runtime/host/plugins/describe.ts";
import { checkManifest, PLUGIN_KINDS } from "../../../runtime/host/plugins/manifest.ts";
import { digestOf } from "../../../runtime/host/plugins/package/bundler.ts";
import { refuseOpenBundle } from "../../../runtime/host/plugins/package/closed.ts";
import { PluginError } from "../../../runtime/host/plugins/plugin-error.ts";
import { summarize } from "../../../runtime/host/plugins/sandbox/guest/summary.ts";
import { API_VERSIONS } from "../../../runtime/host/plugins/trust/api-version.ts";
import {
  judgeSignatures,
  type SignaturePolicy,
  signersOf,
  type TrustedKey,
} from "../../../runtime/host/plugins/trust/signature.ts";
import type { Element } from "../../../runtime/kernel/cib/element.ts";
import { readPluginLock } from "../../../runtime/model/plugin-lock.ts";

/** The part of a node that has to do with trust in plugins. */
export class FakePlugins {
  readonly bundles = new Map<string, Uint8Array>();
  keys: readonly TrustedKey[] = [];
  policy: SignaturePolicy = "off";
  /** What new versions see, where it is something else. */
  candidateSays = "running";

  async offer({ bytes: base64, signatures }: ApiParams<"plugin-offer">): Promise<ApiResult<"plugin-offer">> {
    const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
    try {
      refuseOpenBundle(bytes, "The plugin");
      const module: unknown = await import(`data:text/javascript;base64,${base64}`);
      const exported: unknown =
        typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
      const manifest = checkManifest(summarize(exported, PLUGIN_KINDS, API_VERSIONS), "The plugin");
      const sha512 = digestOf(bytes);
      this.bundles.set(sha512, bytes);
      const { problem, ...judged } = judgeSignatures(manifest.name, sha512, signatures, {
        policy: this.policy,
        keys: this.keys,
      });
      const found = {
        origin: "agreed" as const,
        file: sha512,
        kind: manifest.kind,
        name: manifest.name,
        trust: "sandboxed" as const,
        manifest,
      };
      const signature = {
        ...judged,
        policy: this.policy,
        ...(problem === undefined ? {} : { problem: problem.message }),
      };
      return { sha512, plugin: describePlugin(found), signature };
    } catch (error) {
      if (error instanceof PluginError) throw new SystoleError("plugin-invalid", error.message);
      throw new SystoleError("plugin-invalid", `The plugin failed while it was loaded: ${errorText(error)}.`);
    }
  }

  verify(cib: Element): ApiResult<"plugin-verify"> {
    const plugins = readPluginLock(cib).plugins.map(({ kind, name, current }) => {
      const here = this.bundles.has(current.sha512);
      const bytes = { what: "bytes" as const, good: here, text: here ? "here, and as agreed" : "not on this node" };
      const approved = current.grants !== undefined;
      const approval = {
        what: "approval" as const,
        good: approved,
        text: approved ? "approved" : "nobody has approved of it",
      };
      const signers = signersOf(current.sha512, current.signatures ?? [], this.keys);
      const signed = { what: "signature" as const, good: true, text: `by ${signers.length} trusted keys` };
      return { kind, name, sha512: current.sha512, good: here && approved, findings: [bytes, approval, signed] };
    });
    return { plugins };
  }

  /** What another node says of a new version. */
  otherSays: ApiResult<"plugin-prove">["nodes"][number] | undefined;
  /** What it says when it is asked again. */
  saysThen: ApiResult<"plugin-prove">["nodes"][number] | undefined;

  prove(): ApiResult<"plugin-prove"> {
    const agree = this.candidateSays === "running";
    const comparison = { subject: "web", verb: "monitor", present: "running", candidate: this.candidateSays, agree };
    const text = agree ? "it sees what the present one sees." : "it does not see what the present one sees.";
    const nodes = this.otherSays === undefined ? [] : [this.otherSays];
    this.otherSays = this.saysThen ?? this.otherSays;
    const good = agree && nodes.every(({ state }) => state === "proven" || state === "absent");
    return { good, text, comparisons: [comparison], nodes };
  }
}
