// What no cluster should swallow: files that are no configuration, given to a running node by the command line, and a disk
// that is full or may not be written. Refused whole, in words, and what runs goes on.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { allowed, configuration, dummy, Field, type FieldNode } from "./field.ts";

const body = (inner: string, options = ""): string =>
  `<configuration><crm_config>${options}</crm_config><nodes><node id="1" uname="n1"/></nodes><resources>${inner}</resources><constraints/></configuration>`;

const bombs = Array.from({ length: 12 }, (_, index) => `<!ENTITY e${index + 1} "${`&e${index};`.repeat(10)}">`).join(
  "",
);

/** What is given, and what must be said of it. */
const HOSTILE: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ["no XML", "hello", /line 1, column 5: Not well-formed XML/],
  ["nothing", "", /must contain a root element/],
  ["binary", Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) % 256)), /is not UTF-8 text/],
  ["cut off", `<configuration><resources><primitive id="a"`, /unclosed tag/],
  ["another root", "<html><body/></html>", /html/],
  ["an id twice", body(dummy("app") + dummy("app")), /app/],
  [
    "a dangling reference",
    body(dummy("app")).replace(
      "<constraints/>",
      `<constraints><rsc_location id="l" rsc="appp" node="n1" score="5"/></constraints>`,
    ),
    /rsc_location.*l.*appp/s,
  ],
  ["an unknown element", body("<primitiv id='x'/>"), /primitiv/],
  [
    "an unknown value",
    body(
      dummy("app"),
      `<cluster_property_set id="o"><nvpair id="o-n" name="no-quorum-policy" value="halt"/></cluster_property_set>`,
    ),
    /no-quorum-policy.*halt/s,
  ],
  [
    "an entity bomb",
    `<?xml version="1.0"?><!DOCTYPE c [<!ENTITY e0 "boom">${bombs}]><configuration>&e12;</configuration>`,
    /document type declaration is not accepted/,
  ],
  [
    "100 MB",
    Buffer.concat([
      Buffer.from("<configuration>"),
      Buffer.alloc(100 * 1024 * 1024, "<!-- x -->"),
      Buffer.from("</configuration>"),
    ]),
    /more than 67108864 bytes/,
  ],
  ["very deep", `${"<configuration>".repeat(100_000)}`, /nested more than 64 deep/],
];

test("hostile configurations are refused whole, with element, id and reason; what runs goes on", async (t) => {
  const field = await Field.create(t, { nodes: 1 });
  const [node] = field.nodes;
  assert.ok(node);
  field.start(node);
  await field.together(node);
  await field.give(node, configuration(field));
  await field.runs(node, "app");
  const before = (await field.systole(node, "cib", "query")).out;
  for (const [index, [what, content, words]] of HOSTILE.entries()) {
    const file = join(field.directory, `bad-${index}.xml`);
    writeFileSync(file, content);
    const said = await field.systole(node, "cib", "apply", file);
    assert.equal(said.code, 65, `${what}: ${said.out}${said.err}`);
    assert.match(said.err, words, what);
  }
  const after = (await field.systole(node, "cib", "query")).out;
  assert.equal(after.slice(after.indexOf("<configuration")), before.slice(before.indexOf("<configuration")));
  await field.runs(node, "app");
});

const mount = allowed("unshare", "--mount", "true") ? false : "a file system cannot be mounted here: needs root";

test("a full disk takes the node out in words, nobody else; full or read-only, it does not start again", {
  skip: mount,
}, async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "systole-disk-"));
  const field = await Field.create(t);
  t.after(() => {
    spawnSync("umount", ["--lazy", disk]);
    rmSync(disk, { recursive: true });
  });
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", disk]).status, 0);
  const [one, two, three] = field.nodes;
  assert.ok(one && two && three);
  field.configure(three, { stateDirectory: join(disk, "state") });
  for (const node of field.nodes) field.start(node);
  await field.together(one, two, three);
  const prefer = `<rsc_location id="prefer" rsc="app" node="n1" score="50"/>`;
  await field.give(one, configuration(field, { constraints: prefer }));
  await field.runs(one, "app", (on) => on === "n1");

  assert.throws(() => writeFileSync(join(disk, "filler"), Buffer.alloc(1024 * 1024)), /ENOSPC/);
  const large = await field.systole(one, "attribute", "set", "n1", "note", "x".repeat(60_000));
  assert.equal(large.code, 0, large.err);
  assert.equal(await field.ended(three), 74);
  assert.match(
    field.log(three),
    /No space is left on the disk of .*cib\/log-.* this node stops\. Free some space, then start it again/,
  );
  await field.together(one, two);
  assert.equal(await field.runs(one, "app"), "n1");

  field.start(three);
  assert.equal(await field.ended(three), 74);
  assert.match(lastLine(field, three), /^systole: The state directory .*ENOSPC.*Make room there\.$/);
  assert.equal(spawnSync("mount", ["-o", "remount,ro", disk]).status, 0);
  field.start(three);
  assert.equal(await field.ended(three), 74);
  assert.match(lastLine(field, three), /^systole: The state directory .*mounted read-only: mount it for writing/);
  assert.equal(spawnSync("mount", ["-o", "remount,rw", disk]).status, 0);
  rmSync(join(disk, "filler"));
  field.start(three);
  await field.together(one, two, three);
});

function lastLine(field: Field, node: FieldNode): string {
  return field.log(node, 1);
}

/** Has the disk below a node fail from now on, once there is a file of that name: what the kernel says then comes out of each sync. */
const FAILING_DISK = (code: string, mark: string): string => `
import { existsSync, promises } from "node:fs";
const { open } = promises;
promises.open = async (...words) => {
  const handle = await open(...words);
  const { datasync } = handle;
  handle.datasync = async () => {
    if (existsSync(${JSON.stringify(mark)})) throw Object.assign(new Error("${code}: the disk failed"), { code: "${code}" });
    await datasync.call(handle);
  };
  return handle;
};`;

for (const [code, words] of [
  ["EIO", /The disk failed at .*cib\/log-.*\(EIO\).*this node stops\. Look at the disk, then start this node again/],
  ["EROFS", /mounted read-only, so changes cannot be stored\. Mount it writable/],
] as const) {
  test(`a disk that says ${code} under a running node takes it out in words; nothing is acknowledged that it has not`, async (t) => {
    const field = await Field.create(t);
    const [one, two, three] = field.nodes;
    assert.ok(one && two && three);
    const mark = join(field.directory, "fails");
    const hook = join(field.directory, "failing-disk.mjs");
    writeFileSync(hook, FAILING_DISK(code, mark));
    for (const node of [one, two]) field.start(node);
    field.start(three, { NODE_OPTIONS: `--import ${hook}` });
    await field.together(one, two, three);
    await field.give(one, configuration(field));

    writeFileSync(mark, "now");
    const said = await field.systole(three, "attribute", "set", "n1", "note", "x");
    assert.notEqual(said.code, 0, "who asked the node with the bad disk does not hear that it is done");
    assert.equal(await field.ended(three), 74);
    assert.match(field.log(three), words);
    await field.together(one, two);
    const after = await field.systole(one, "attribute", "set", "n2", "note", "y");
    assert.equal(after.code, 0, after.err);
    const told = field.log(three, 1000).match(/so changes cannot be stored/g) ?? [];
    assert.ok(told.length <= 3, "as an event, as the cause of the end, and as the last word; not again and again");

    rmSync(mark);
    field.start(three);
    await field.together(one, two, three);
  });
}
