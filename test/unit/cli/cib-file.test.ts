import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type Ran, systole } from "./fake-node.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-cib-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function verify(content: string | Uint8Array, stdin = false): Promise<Ran> {
  return stdin
    ? systole(["cib", "verify", "-"], { stdin: content })
    : systole(["cib", "verify", file("cib.xml", content)]);
}

function inConfiguration(inner: string): string {
  return `<cib><configuration><crm_config/><nodes/><resources>${inner}</resources><constraints/></configuration></cib>`;
}

describe("hostile XML is refused whole, at once, with exit code 65", () => {
  test("entities that multiply", async () => {
    const levels = Array.from({ length: 30 }, (_, i) => `<!ENTITY e${i + 1} "&e${i};&e${i};&e${i};&e${i};">`).join("");
    const { code, err } = await verify(`<!DOCTYPE x [<!ENTITY e0 "ha">${levels}]><cib>&e30;</cib>`);
    assert.equal(code, 65);
    assert.match(err, /document type declaration is not accepted/);
  });

  test("external entities", async () => {
    const { code, err } = await verify('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><cib a="&f;"/>');
    assert.equal(code, 65);
    assert.doesNotMatch(err, /root:/);
  });

  test("an entity that nothing defines", async () => {
    assert.equal((await verify("<cib>&e;</cib>")).code, 65);
  });

  test("deep nesting", async () => {
    const { code, err } = await verify(`${"<rule>".repeat(200_000)}${"</rule>".repeat(200_000)}`);
    assert.equal(code, 65);
    assert.match(err, /nested more than 64 deep/);
  });

  test("a file of hundreds of megabytes is not read", async () => {
    const path = file("large.xml", "<cib>");
    truncateSync(path, 500 * 1024 * 1024);
    const { code, err } = await systole(["cib", "verify", path]);
    assert.equal(code, 65);
    assert.match(err, /more than \d+ bytes, so it was not read/);
  });

  test("more than that on standard input", async () => {
    const { code, err } = await verify(new Uint8Array(64 * 1024 * 1024 + 1), true);
    assert.equal(code, 65);
    assert.match(err, /The standard input has more than/);
  });

  test("what is not UTF-8", async () => {
    const latin = Buffer.from(inConfiguration('<primitive id="caf\u00e9" class="stonith" type="x"/>'), "latin1");
    const { code, err } = await verify(latin);
    assert.equal(code, 65);
    assert.match(err, /not UTF-8/);
    assert.equal((await verify(inConfiguration('<primitive id="caf\u00e9" class="stonith" type="x"/>'))).code, 0);
  });

  test("the same attribute twice, and a name that objects keep for themselves", async () => {
    assert.match((await verify('<cib a="1" a="2"/>')).err, /duplicate attribute: a/);
    assert.equal((await verify('<cib __proto__="1"/>')).code, 65);
  });

  test("nothing at all", async () => {
    assert.equal((await verify("")).code, 65);
    assert.equal((await verify("   \n", true)).code, 65);
    assert.equal((await verify("<cib/><cib/>")).code, 65);
  });

  test("values of absurd length", async () => {
    const { code, err } = await verify(
      inConfiguration(`<primitive id="p" class="stonith" type="${"x".repeat(1_000_000)}"/>`),
    );
    assert.equal(code, 65);
    assert.match(err, /"type" has 1000000 characters/);
    assert.ok(err.length < 1_000, "the message does not repeat the value");
  });
});

test("a good one is taken from standard input", async () => {
  const { code, out } = await verify(inConfiguration('<primitive id="p" class="stonith" type="x"/>'), true);
  assert.equal(code, 0);
  assert.equal(out, "The CIB is valid.\n");
});
