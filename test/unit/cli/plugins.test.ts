// The commands about trust where a person answers, a new version disagrees, or a signature is wanted.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { readTrustedKey } from "../../../runtime/host/plugins/trust/signature.ts";
import { type LockedPlugin, readPluginLock } from "../../../runtime/model/plugin-lock.ts";
import { FakeNode } from "./fake-node.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-cli-plugins-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const agent = (summary: string, permissions = ""): string => `import { defineResourceAgent, Type } from "systole/sdk";
export default defineResourceAgent({ name: "lamp", summary: "${summary}", parameters: Type.Object({ file: Type.String() }),
  permissions: { read: ["{file}"]${permissions} }, monitor: async () => "stopped" as const, start: async () => {}, stop: async () => {} });`;

writeFileSync(join(folder, "first.ts"), agent("first"));
writeFileSync(join(folder, "second.ts"), agent("second", ', run: ["lampctl"]'));

async function started(t: TestContext): Promise<{ node: FakeNode; locked: () => LockedPlugin | undefined }> {
  const node = await FakeNode.start();
  t.after(() => node.stop());
  return { node, locked: () => readPluginLock(node.cib).plugins[0] };
}

test("a person is shown what a plugin may do, and asked; anything but yes changes nothing", async (t) => {
  const { node, locked } = await started(t);
  const no = await node.run(`plugin add ${folder}/first.ts`, { answer: "no" });
  assert.equal(no.code, 1);
  assert.match(
    no.err,
    /It asks to be allowed:\n {3}read {2}\{file\} {2}read files\nand nothing else[\s\S]*May lamp do this\? \(yes or no\) [\s\S]*Nothing was changed: it was not approved\./,
  );
  assert.equal((await node.run(`plugin add ${folder}/first.ts`, { answer: "" })).code, 1);
  assert.equal(locked(), undefined);
  const yes = await node.run(`plugin add ${folder}/first.ts`, { answer: "yes" });
  assert.equal(yes.out, "The cluster agrees on the resource-agent lamp.\n");
  assert.deepEqual(locked()?.current.grants, { read: ["{file}"] });
});

test("what was withheld before stays withheld after an update, and what is new is asked for", async (t) => {
  const { node, locked } = await started(t);
  await node.run(`plugin add ${folder}/first.ts --pending`);
  await node.run("plugin approve lamp --without read --yes");
  const updated = await node.run(`plugin update ${folder}/second.ts`, { answer: "y" });
  assert.equal(updated.code, 0, updated.err);
  assert.match(updated.err, /It asks for MORE than before:\n[\s\S]*\+ {2}run/);
  assert.deepEqual(locked()?.current.grants, { run: ["lampctl"] });
});

test("a version that sees something else is refused, but for --force", async (t) => {
  const { node, locked } = await started(t);
  await node.run(`plugin add ${folder}/first.ts --yes`);
  node.plugins.candidateSays = "stopped";
  const refused = await node.run(`plugin update ${folder}/second.ts --yes`);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /Nothing was changed: it does not see what the present one sees\./);
  assert.match(refused.err, /! {2}monitor of web {2}running before, stopped with the new one/);
  assert.equal(locked()?.previous, undefined);
  assert.equal((await node.run(`plugin update ${folder}/second.ts --yes --force`)).code, 0);
  assert.equal(locked()?.current.unproven, true);
});

test("a version that another node does not want is refused, with that node's name and reason", async (t) => {
  const { node, locked } = await started(t);
  await node.run(`plugin add ${folder}/first.ts --yes`);
  const against = "it did not say within 45 s whether it can run the new version.";
  node.plugins.otherSays = { node: "n2", state: "silent", text: against };
  const refused = await node.run(`plugin update ${folder}/second.ts --yes`);
  assert.equal(refused.code, 1);
  assert.match(refused.err, new RegExp(`Nothing was changed: On n2: ${against}`));
  assert.equal(locked()?.previous, undefined);
  node.plugins.otherSays = { node: "n2", state: "proven", text: "it starts, and nothing of it runs on this node." };
  const updated = await node.run(`plugin update ${folder}/second.ts --yes`);
  assert.equal(updated.code, 0, updated.err);
  assert.match(updated.out, /On n2: it starts, and nothing of it runs on this node\./);
});

test("a node that joins after the proof is asked before the cluster agrees", async (t) => {
  const { node, locked } = await started(t);
  await node.run(`plugin add ${folder}/first.ts --yes`);
  node.plugins.otherSays = { node: "n2", state: "absent", text: "it is not in the cluster now." };
  node.plugins.saysThen = { node: "n2", state: "refused", text: "it has no room for it." };
  const refused = await node.run(`plugin update ${folder}/second.ts --yes`);
  assert.equal(refused.code, 1, refused.out);
  assert.match(refused.err, /Nothing was changed: On n2: it has no room for it\./);
  assert.equal(locked()?.previous, undefined);
  node.plugins.otherSays = { node: "n2", state: "absent", text: "it is not in the cluster now." };
  node.plugins.saysThen = { node: "n2", state: "proven", text: "it starts." };
  assert.equal((await node.run(`plugin update ${folder}/second.ts --yes`)).code, 0);
  assert.ok(locked()?.previous !== undefined);
});

test("where signatures are required, only a signed bundle is added", async (t) => {
  const { node, locked } = await started(t);
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const [key, trusted, signature] = ["key.pem", "key.pub.pem", "lamp.sig"].map((file) => join(folder, file));
  assert.ok(key !== undefined && trusted !== undefined && signature !== undefined);
  writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(trusted, publicKey.export({ type: "spki", format: "pem" }));
  node.plugins.policy = "require";
  node.plugins.keys = [readTrustedKey(trusted)];
  const unsigned = await node.run(`plugin add ${folder}/first.ts --yes`);
  assert.match(unsigned.err, /Refused, nothing was changed: lamp is not signed\. Sign it with `systole plugin sign`/);
  assert.match(
    (await node.run(`plugin sign ${folder}/second.ts --key ${key} --out ${signature}`)).out,
    /has the signature of sha512-\S+ by SHA256:/,
  );
  const wrong = await node.run(`plugin add ${folder}/first.ts --yes --signature ${signature}`);
  assert.match(wrong.err, /not signed by a trusted key/);
  const printed = await node.run(`plugin sign ${folder}/first.ts --key ${key}`);
  assert.match(printed.out, /^[A-Za-z0-9+/]{86}==\n$/);
  writeFileSync(signature, printed.out);
  const added = await node.run(`plugin add ${folder}/first.ts --yes --signature ${signature}`);
  assert.match(added.out, /signature {3}signed by SHA256:/);
  assert.equal(locked()?.current.signatures?.length, 1);
});

test("a bundle is written, carried and added as it is", async (t) => {
  const { node, locked } = await started(t);
  const file = join(folder, "lamp.mjs");
  assert.match(
    (await node.run(`plugin bundle ${folder}/first.ts ${file}`)).out,
    /lamp\.mjs has the bundle, \d+ bytes, sha512-/,
  );
  const text = readFileSync(file, "utf8");
  assert.match(text, /lamp/);
  const added = await node.run(`plugin add ${file} --bundled --yes`);
  assert.equal(added.code, 0, added.err);
  const carried = locked()?.current.sha512;
  assert.match(
    (await node.run(`plugin add ${folder}/first.ts`)).out,
    /agreed on these bytes of the resource-agent lamp already/,
  );
  writeFileSync(file, `import "node:fs";\n${text}`);
  const opened = await node.run(`plugin add ${file} --bundled --yes`);
  assert.equal(opened.code, 65);
  assert.match(opened.err, /imports "node:fs"; allowed are/);
  assert.equal(locked()?.current.sha512, carried);
});
