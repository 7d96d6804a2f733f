// The cluster key: 256 random bits in a file that only its owner may read, the same file on every node.

import { createHash, randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { errorText, SystoleError, systemCode } from "./errors.ts";

/** Bytes of a cluster key. */
const KEY_BYTES = 32;

/** A key file is this and a newline: the key in hexadecimal digits (`openssl rand -hex 32` makes one too). */
const KEY_TEXT = /^[0-9a-f]{64}$/i;

const GROUP_AND_OTHERS = 0o077;

/**
 * Makes a new key and writes it to `path`, which must not exist yet. Mode 0600.
 * @returns the key's fingerprint, by which people compare the files of two nodes.
 * @throws SystoleError `key-exists`, `key-unwritable`.
 */
export function createKeyFile(path: string): { readonly fingerprint: string } {
  const key = randomBytes(KEY_BYTES);
  try {
    writeFileSync(path, `${key.toString("hex")}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (systemCode(error) === "EEXIST") {
      throw new SystoleError(
        "key-exists",
        `${path} exists already and was left as it is: a new key would lock out nodes that have the old one. Choose another name, or remove it first.`,
      );
    }
    const remedy =
      systemCode(error) === "ENOENT" ? "Make the folder first." : "Choose a place that this user may write to.";
    throw new SystoleError(
      "key-unwritable",
      `No key was made: ${path} cannot be written (${errorText(error)}). ${remedy}`,
    );
  }
  return { fingerprint: keyFingerprint(key) };
}

/** Twelve hexadecimal digits that tell two keys apart and give nothing of them away. */
export function keyFingerprint(key: Uint8Array): string {
  return createHash("sha256").update("systole key fingerprint\0").update(key).digest("hex").slice(0, 12);
}

/**
 * Reads a key file.
 * @throws SystoleError `key-unreadable`, `key-permissions` (others may read it), `key-invalid`.
 */
export function readKeyFile(path: string): Uint8Array {
  const text = readPrivately(path).trim();
  if (!KEY_TEXT.test(text)) {
    throw new SystoleError(
      "key-invalid",
      `${path} is no cluster key (64 hexadecimal digits), so nothing could be sealed with it. Make one with "systole key new FILE" and copy it to every node.`,
    );
  }
  return Buffer.from(text, "hex");
}

/** The check is on the open file, so that nobody can put another in its place in between. */
function readPrivately(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const remedy =
      systemCode(error) === "ENOENT"
        ? `Make one with "systole key new ${path}", or copy it from another node.`
        : `Let the user that runs the node read it.`;
    throw new SystoleError("key-unreadable", `The cluster key ${path} cannot be read (${errorText(error)}). ${remedy}`);
  }
  try {
    const { mode } = fstatSync(file);
    if ((mode & GROUP_AND_OTHERS) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      throw new SystoleError(
        "key-permissions",
        `The cluster key ${path} may be read by others (mode ${shown}), who could then speak as a node, so it is refused. Run "chmod 600 ${path}"; if others may have read it, make a new one.`,
      );
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof SystoleError) throw error;
    throw new SystoleError("key-unreadable", `The cluster key ${path} cannot be read (${errorText(error)}).`);
  } finally {
    closeSync(file);
  }
}
