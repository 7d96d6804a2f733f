// Signatures of plugins: Ed25519 over the digest of the bundle, by keys that the operator trusts. Which keys these are and whether a
// signature is required stands in each node's own configuration: who may change the CIB must not be able to switch it off.

import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { errorText, SystoleError } from "../../errors.ts";
import { PluginError } from "../plugin-error.ts";

/** require: an unsigned plugin does not run; warn: it runs, and an event says so; off: nobody looks. */
export type SignaturePolicy = "require" | "warn" | "off";

/** A public key that the operator trusts. */
export interface TrustedKey {
  /** The file that it is in. */
  readonly file: string;
  /** `SHA256:` and the digest of the key in base64, as OpenSSH writes it. */
  readonly fingerprint: string;
  readonly key: KeyObject;
}

/** What a node asks of signatures. */
export interface SignatureRules {
  readonly policy: SignaturePolicy;
  readonly keys: readonly TrustedKey[];
}

/** What is signed: the digest, with what it is the digest of, so that no signature of anything else will do. */
function signedText(sha512: string): Buffer {
  return Buffer.from(`systole plugin ${sha512}`);
}

/** Of a public key, over its DER form. */
export function fingerprintOf(key: KeyObject): string {
  const der = key.export({ type: "spki", format: "der" });
  return `SHA256:${createHash("sha256").update(der).digest("base64").replace(/=+$/, "")}`;
}

/**
 * Reads a public key in PEM form.
 * @throws SystoleError `key-unreadable`, `key-invalid`.
 */
export function readTrustedKey(file: string): TrustedKey {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new SystoleError(
      "key-unreadable",
      `The public key ${file} cannot be read, so no plugin could be verified with it (${errorText(error)}). Name the file that you mean under "pluginSignatures".`,
    );
  }
  if (/PRIVATE KEY/.test(text)) {
    throw new SystoleError(
      "key-invalid",
      `${file} is a private key, and a node needs the public one: "openssl pkey -in ${file} -pubout". Keep the private key off the cluster.`,
    );
  }
  try {
    const key = createPublicKey(text);
    if (key.asymmetricKeyType !== "ed25519") throw new Error(`it is of type ${key.asymmetricKeyType ?? "unknown"}`);
    return { file, fingerprint: fingerprintOf(key), key };
  } catch (error) {
    throw new SystoleError(
      "key-invalid",
      `${file} is no Ed25519 public key in PEM form (${errorText(error)}). Make one with "openssl genpkey -algorithm ed25519 -out key.pem" and "openssl pkey -in key.pem -pubout".`,
    );
  }
}

/** A detached signature, in base64. */
export function signDigest(sha512: string, privateKey: KeyObject): string {
  return sign(null, signedText(sha512), privateKey).toString("base64");
}

/** The trusted keys by which these bytes are signed. */
export function signersOf(sha512: string, signatures: readonly string[], keys: readonly TrustedKey[]): TrustedKey[] {
  const text = signedText(sha512);
  return keys.filter(({ key }) =>
    signatures.some((signature) => verify(null, text, key, Buffer.from(signature, "base64"))),
  );
}

/** What a node says of a plugin's signatures. */
export interface SignatureFinding {
  /** Fingerprints of the trusted keys that signed it. */
  readonly signers: readonly string[];
  readonly text: string;
  /** Set when it may not run for this, or should not. */
  readonly problem?: PluginError;
}

/** Looks at the signatures of a bundle. `shown` begins the sentences. */
export function judgeSignatures(
  shown: string,
  sha512: string,
  signatures: readonly string[],
  { policy, keys }: SignatureRules,
): SignatureFinding {
  const signers = signersOf(sha512, signatures, keys).map(({ fingerprint }) => fingerprint);
  if (signers.length > 0) return { signers, text: `signed by ${signers.join(", ")}` };
  const text =
    signatures.length === 0
      ? "not signed"
      : `${signatures.length} signature(s), none by one of the ${keys.length} trusted keys`;
  if (policy === "off") return { signers, text: `${text} (the policy is off)` };
  const problem = new PluginError(
    "plugin-signature",
    `${shown} is ${signatures.length === 0 ? text : `not signed by a trusted key: ${text}`}.`,
  );
  return { signers, text, problem };
}
