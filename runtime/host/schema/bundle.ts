// What the plugin hosts of two nodes say to one another: the bytes of plugins. Kernel and services do not hear of it.

import type { Static } from "typebox";
import * as Type from "typebox";
import { MAX_BUNDLE_BYTES } from "../plugins/package/limits.ts";
import type { Proven, Same } from "./proof.ts";

/** A bundle is asked for by its digest, and given or not. What is given counts only when it has that digest. */
export type BundleMessage =
  | { readonly type: "bundle-wanted"; readonly sha512: string }
  | { readonly type: "bundle-given"; readonly sha512: string; readonly bytes: Uint8Array }
  | { readonly type: "bundle-missing"; readonly sha512: string };

const closed = { additionalProperties: false } as const;
const sha512 = Type.String({ pattern: "^sha512-[A-Za-z0-9+/]{86}==$" });
const bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({}),
  (value) => value instanceof Uint8Array && value.length <= MAX_BUNDLE_BYTES,
);

export const bundleMessageSchemas = [
  Type.Object({ type: Type.Literal("bundle-wanted"), sha512 }, closed),
  Type.Object({ type: Type.Literal("bundle-given"), sha512, bytes }, closed),
  Type.Object({ type: Type.Literal("bundle-missing"), sha512 }, closed),
] as const;

/** The compiler's word that the schemas above say what the types say. */
export type BundleProofs = [Proven<Same<Static<(typeof bundleMessageSchemas)[number]>, BundleMessage>>];
