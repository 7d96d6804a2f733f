// Ciphers that old devices speak and that Deno's crypto does not have (SNMPv3 privacy: RFC 3414 and RFC 3826). Everything else is
// done where the plugin is, by node:crypto and the Web's crypto.

import { createCipheriv, createDecipheriv } from "node:crypto";
import { AgentError } from "../../../sdk/errors.ts";
import type { Cipher, HostCrypto } from "../../../sdk/mod.ts";

interface Form {
  /** What OpenSSL calls it. */
  readonly algorithm: string;
  readonly keyBytes: number;
  readonly ivBytes: number;
  /** The key as OpenSSL wants it. */
  readonly key: (key: Uint8Array) => Uint8Array;
}

const same = (key: Uint8Array): Uint8Array => key;

const FORMS: Readonly<Record<Cipher, Form>> = {
  // OpenSSL 3 keeps single DES for legacy only; three times with one key, it is the same.
  "des-cbc": {
    algorithm: "des-ede3-cbc",
    keyBytes: 8,
    ivBytes: 8,
    key: (key) => Buffer.concat([key, key, key]),
  },
  "aes-128-cfb": { algorithm: "aes-128-cfb", keyBytes: 16, ivBytes: 16, key: same },
  "aes-192-cfb": { algorithm: "aes-192-cfb", keyBytes: 24, ivBytes: 16, key: same },
  "aes-256-cfb": { algorithm: "aes-256-cfb", keyBytes: 32, ivBytes: 16, key: same },
};

type Perform = HostCrypto["encrypt"];

function performer(make: typeof createCipheriv | typeof createDecipheriv): Perform {
  return async (cipher, key, iv, bytes) => {
    const { algorithm, keyBytes, ivBytes, key: asWanted } = FORMS[cipher];
    if (key.length !== keyBytes || iv.length !== ivBytes)
      throw new AgentError("generic", `${cipher} takes a key of ${keyBytes} and an iv of ${ivBytes} bytes.`);
    try {
      const one = make(algorithm, asWanted(key), iv);
      // SNMP pads by itself.
      one.setAutoPadding(false);
      return new Uint8Array(Buffer.concat([one.update(bytes), one.final()]));
    } catch (error) {
      throw new AgentError("generic", `${cipher} failed: ${error instanceof Error ? error.message : String(error)}.`);
    }
  };
}

/** The ciphers of `ctx.crypto`. */
export const hostCrypto: HostCrypto = { encrypt: performer(createCipheriv), decrypt: performer(createDecipheriv) };
