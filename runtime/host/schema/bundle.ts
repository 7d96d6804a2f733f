// What the plugin hosts of two nodes say to one another: the bytes of plugins, and whether new ones would do. Kernel and services do
// not hear of it.

import type { Static } from "typebox";
import * as Type from "typebox";
import { MAX_BUNDLE_BYTES, MAX_SHADOW_MS } from "../plugins/package/limits.ts";
import type { Proven, Same } from "./proof.ts";

/** New bytes of a plugin that another node is to prove, see PluginTrust.prove. */
export interface ProofWish {
  /** Of the node that asks, in this life of it. */
  readonly request: number;
  readonly kind: string;
  readonly name: string;
  readonly sha512: string;
  readonly signatures: readonly string[];
  readonly shadowMs: number;
}

/**
 * A bundle is asked for by its digest, and given or not. What is given counts only when it has that digest. A proof is asked for and
 * given once.
 */
export type BundleMessage =
  | { readonly type: "bundle-wanted"; readonly sha512: string }
  | { readonly type: "bundle-given"; readonly sha512: string; readonly bytes: Uint8Array }
  | { readonly type: "bundle-missing"; readonly sha512: string }
  | { readonly type: "proof-wanted"; readonly wish: ProofWish }
  | { readonly type: "proof-given"; readonly request: number; readonly good: boolean; readonly text: string };

const closed = { additionalProperties: false } as const;
const sha512 = Type.String({ pattern: "^sha512-[A-Za-z0-9+/]{86}==$" });
const bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({}),
  (value) => value instanceof Uint8Array && value.length <= MAX_BUNDLE_BYTES,
);

const text = Type.String({ maxLength: 256 });
const request = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const signatures = Type.Array(Type.String({ maxLength: 1_024 }), { maxItems: 16 });
const shadowMs = Type.Integer({ minimum: 0, maximum: MAX_SHADOW_MS });
const wish = Type.Object({ request, kind: text, name: text, sha512, signatures, shadowMs }, closed);

export const bundleMessageSchemas = [
  Type.Object({ type: Type.Literal("bundle-wanted"), sha512 }, closed),
  Type.Object({ type: Type.Literal("bundle-given"), sha512, bytes }, closed),
  Type.Object({ type: Type.Literal("bundle-missing"), sha512 }, closed),
  Type.Object({ type: Type.Literal("proof-wanted"), wish }, closed),
  Type.Object(
    { type: Type.Literal("proof-given"), request, good: Type.Boolean(), text: Type.String({ maxLength: 4_096 }) },
    closed,
  ),
] as const;

/** The compiler's word that the schemas above say what the types say. */
export type BundleProofs = [Proven<Same<Static<(typeof bundleMessageSchemas)[number]>, BundleMessage>>];
