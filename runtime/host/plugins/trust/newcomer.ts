// What this node says when the cluster agrees on new bytes of a plugin that it was not asked to prove: it joined after the others
// had proven them, or was away. It runs them only when they see what its own see, and until then it has other bytes than agreed.

import type { PluginVersion } from "../../../model/plugin-lock.ts";

/** Digests that are remembered; the oldest are forgotten. */
const REMEMBERED = 256;

/** The versions that have run here, or were proven here before the cluster agreed on them. */
export class KnownVersions {
  private readonly digests = new Set<string>();

  note(sha512: string): void {
    this.digests.delete(sha512);
    this.digests.add(sha512);
    const [oldest] = this.digests;
    if (this.digests.size > REMEMBERED && oldest !== undefined) this.digests.delete(oldest);
  }

  /** What there is to say about a version that is agreed on from now on, while another runs here; undefined if nothing. */
  news(shown: string, node: string, runs: PluginVersion | undefined, agreed: PluginVersion): string | undefined {
    if (runs === undefined || runs.sha512 === agreed.sha512 || this.digests.has(agreed.sha512)) return undefined;
    if (agreed.unproven === true || agreed.grants === undefined) return undefined;
    return `${shown}: ${node} has other bytes (${runs.sha512}) than the cluster has agreed on (${agreed.sha512}), and was not asked when those were proven. It proves them now, and does not run them before.`;
  }
}
