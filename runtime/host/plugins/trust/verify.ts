// `systole plugin verify`: looks at a plugin of the lock on this node, as if for the first time.

import { type LockedPlugin, type PluginVersion, permissionChanges } from "../../../model/plugin-lock.ts";
import { errorText } from "../../errors.ts";
import type { Manifest } from "../manifest.ts";
import { PluginError } from "../plugin-error.ts";
import { refuseOther, shownName } from "./entry.ts";
import { judgeSignatures, type SignatureRules } from "./signature.ts";
import type { BundleStore } from "./store.ts";
import type { PluginFinding, PluginVerification } from "./types.ts";

/** What it takes to look. */
export interface VerifyTools {
  readonly nodeName: string;
  readonly store: BundleStore;
  readonly rules: SignatureRules;
  /** What bytes say of themselves. Rejects with PluginError, also when they are not closed. */
  readonly look: (shown: string, bytes: Uint8Array) => Promise<Manifest>;
}

/** What runs here of it. */
export interface WhatRuns {
  readonly sha512: string | undefined;
  /** It can run, and nobody uses it here. */
  readonly rests: boolean;
  /** Why the lock's version does not, if it does not. */
  readonly problem: string | undefined;
}

/** Everything that was looked at. */
export async function verifyPlugin(
  locked: LockedPlugin,
  runs: WhatRuns,
  tools: VerifyTools,
): Promise<PluginVerification> {
  const { current, kind, name } = locked;
  const asAgreed = runs.sha512 === current.sha512;
  const here = runs.rests ? "can run here as agreed, and starts when it is first used" : "runs here as agreed";
  const text = asAgreed ? here : (runs.problem ?? "does not run here yet");
  const findings = [
    ...(await bytesFindings(locked, tools)),
    approvalFinding(current),
    signatureFinding(locked, tools.rules),
    { what: "process", good: asAgreed, text } as const,
  ];
  return { kind, name, sha512: current.sha512, good: findings.every(({ good }) => good), findings };
}

async function bytesFindings(locked: LockedPlugin, { nodeName, store, look }: VerifyTools): Promise<PluginFinding[]> {
  const { current } = locked;
  const bytes = store.read(current.sha512);
  if (bytes === undefined) {
    const { message } = new PluginError("plugin-missing", `${nodeName} does not have the bytes.`);
    return [{ what: "bytes", good: false, text: message }];
  }
  const here: PluginFinding = { what: "bytes", good: true, text: `${bytes.length} bytes, as agreed` };
  try {
    const manifest = await look(shownName(locked), bytes);
    refuseOther(shownName(locked), locked, current, manifest);
    const text = `says of itself what was agreed on (plugin API ${manifest.api}), and imports nothing but what is allowed`;
    return [here, { what: "manifest", good: true, text }];
  } catch (error) {
    return [here, { what: "manifest", good: false, text: errorText(error) }];
  }
}

function signatureFinding(locked: LockedPlugin, rules: SignatureRules): PluginFinding {
  const { sha512, signatures = [] } = locked.current;
  const { text, problem } = judgeSignatures(shownName(locked), sha512, signatures, rules);
  return { what: "signature", good: problem === undefined || rules.policy !== "require", text };
}

function approvalFinding({ grants, permissions }: PluginVersion): PluginFinding {
  if (grants === undefined) return { what: "approval", good: false, text: "nobody has approved of it" };
  const withheld = permissionChanges(permissions, grants).filter(({ change }) => change === "removed");
  const list = withheld.map(({ kind, pattern }) => `${kind} ${pattern}`).join(", ");
  return {
    what: "approval",
    good: true,
    text: withheld.length === 0 ? "approved, with all it asks for" : `approved, without ${list}`,
  };
}
