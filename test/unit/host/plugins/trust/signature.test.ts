// Signatures: who signed, what the policy makes of it, and keys that are none.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { digestOf } from "../../../../../runtime/host/plugins/package/bundler.ts";
import {
  fingerprintOf,
  judgeSignatures,
  readTrustedKey,
  signDigest,
  signersOf,
  type TrustedKey,
} from "../../../../../runtime/host/plugins/trust/signature.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-signature-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function keyPair(name: string): { readonly privateKey: KeyObject; readonly trusted: TrustedKey } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const file = join(folder, `${name}.pub.pem`);
  writeFileSync(file, publicKey.export({ type: "spki", format: "pem" }));
  return { privateKey, trusted: readTrustedKey(file) };
}

const release = keyPair("release");
const stranger = keyPair("stranger");
const bytes = digestOf(Buffer.from("a bundle"));
const other = digestOf(Buffer.from("another bundle"));
const signature = signDigest(bytes, release.privateKey);

test("a signature is of one digest and one key", () => {
  const keys = [stranger.trusted, release.trusted];
  assert.deepEqual(signersOf(bytes, [signature], keys), [release.trusted]);
  assert.deepEqual(signersOf(other, [signature], keys), []);
  assert.deepEqual(signersOf(bytes, [signDigest(bytes, stranger.privateKey)], [release.trusted]), []);
  assert.deepEqual(signersOf(bytes, [Buffer.alloc(64).toString("base64"), "garbage", signature], keys), [
    release.trusted,
  ]);
});

test("what each policy makes of it", () => {
  const keys = [release.trusted];
  const strange = signDigest(bytes, stranger.privateKey);
  for (const policy of ["require", "warn", "off"] as const) {
    const signed = judgeSignatures("Plugin x", bytes, [signature], { policy, keys });
    assert.deepEqual(signed, {
      signers: [release.trusted.fingerprint],
      text: `signed by ${release.trusted.fingerprint}`,
    });
    const unsigned = judgeSignatures("Plugin x", bytes, [], { policy, keys });
    const wrong = judgeSignatures("Plugin x", bytes, [strange], { policy, keys });
    if (policy === "off") {
      assert.equal(unsigned.problem, undefined);
      assert.equal(unsigned.text, "not signed (the policy is off)");
    } else {
      assert.match(unsigned.problem?.message ?? "", /^Plugin x is not signed\. Sign it with `systole plugin sign`/);
      assert.match(
        wrong.problem?.message ?? "",
        /^Plugin x is not signed by a trusted key: 1 signature\(s\), none by one of the 1 trusted keys\./,
      );
    }
  }
});

test("keys that are none are refused with what to do", () => {
  const wrong = (name: string, text: string | Buffer): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ type: "spki", format: "pem" });
  const secret = release.privateKey.export({ type: "pkcs8", format: "pem" });
  assert.throws(
    () => readTrustedKey(join(folder, "nowhere")),
    /cannot be read, so no plugin could be verified with it/,
  );
  assert.throws(() => readTrustedKey(wrong("rsa.pem", rsa)), /no Ed25519 public key in PEM form \(it is of type rsa\)/);
  assert.throws(() => readTrustedKey(wrong("text.pem", "hello")), /no Ed25519 public key/);
  assert.throws(() => readTrustedKey(wrong("secret.pem", secret)), /is a private key, and a node needs the public one/);
});

test("openssl makes the same signatures", (t) => {
  const key = join(folder, "release.pem");
  writeFileSync(key, release.privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(join(folder, "message"), `systole plugin ${bytes}`);
  let made: Buffer;
  try {
    made = execFileSync("openssl", ["pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", join(folder, "message")]);
  } catch (error) {
    return t.skip(`openssl: ${error instanceof Error ? error.message.split("\n")[0] : ""}`);
  }
  assert.equal(made.toString("base64"), signature);
  assert.match(fingerprintOf(release.trusted.key), /^SHA256:[A-Za-z0-9+/]{43}$/);
});
