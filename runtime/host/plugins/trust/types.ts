// What the node's API and driver ask about plugins that the cluster has agreed on.

import type { Element } from "../../../kernel/cib/element.ts";
import type { PluginDescription } from "../types.ts";

/** Bytes that somebody wants the cluster to agree on, as this node sees them. */
export interface PluginOffer {
  readonly sha512: string;
  /** What the plugin says of itself when it is evaluated without any grant. */
  readonly plugin: PluginDescription;
  readonly signature: SignatureReport;
}

/** What this node says of a plugin's signatures. */
export interface SignatureReport {
  /** Fingerprints of the trusted keys that signed it. */
  readonly signers: readonly string[];
  readonly text: string;
  /** Why it may not run here for this (policy require), or should not (policy warn). */
  readonly problem?: string;
  readonly policy: "require" | "warn" | "off";
}

/** One thing that was looked at. */
export interface PluginFinding {
  readonly what: "bytes" | "manifest" | "approval" | "signature" | "process";
  readonly good: boolean;
  readonly text: string;
}

/** A plugin of the lock, looked at on this node. */
export interface PluginVerification {
  readonly kind: string;
  readonly name: string;
  readonly sha512: string;
  readonly good: boolean;
  readonly findings: readonly PluginFinding[];
}

/** One observation of a new version beside that of the present one. */
export interface ProbeComparison {
  /** Id of the resource or device. */
  readonly subject: string;
  readonly verb: string;
  /** What the present process and the new one answered, in a word: running, stopped, failed, on, off, unknown, error. */
  readonly present: string;
  readonly candidate: string;
  readonly agree: boolean;
  /** Why, where one of them gave a reason. */
  readonly reason?: string;
}

/** A new version that is to be proven. */
export interface PluginWish {
  readonly kind: string;
  readonly name: string;
  readonly sha512: string;
  /** Detached ones, which are judged by this node's own rules. */
  readonly signatures: readonly string[];
  readonly shadowMs: number;
}

/** How a new version did beside the present one. */
export interface PluginProof {
  readonly good: boolean;
  /** One sentence. */
  readonly text: string;
  readonly comparisons: readonly ProbeComparison[];
}

/** The part of the plugin host that has to do with trust. */
export interface PluginTrust {
  /** The lock of this CIB counts from now on. Cheap when it has not changed. */
  lockChanged(cib: Element): void;
  /** Looks at bytes, evaluates them without grants, and keeps them here. Throws PluginError. */
  offer(bytes: Uint8Array, signatures: readonly string[]): Promise<PluginOffer>;
  /** The bytes of that digest, if this node has them. Throws PluginError when the disk fails. */
  bundle(sha512: string): Uint8Array | undefined;
  /** Looks at everything that the lock names. */
  verify(): Promise<readonly PluginVerification[]>;
  /**
   * Starts these bytes, fetched from another node if need be, beside the process of now and compares what both see of every
   * resource that is here: once, or for `shadowMs`. Nothing is switched. Throws PluginError when they cannot run here.
   */
  prove(wish: PluginWish): Promise<PluginProof>;
}
