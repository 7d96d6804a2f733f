// Which files a profile takes, and that each pass is a whole one.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CIB_TEXT, systole } from "../fake-node.ts";

let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "systole-profile-"));
  for (const name of ["b.xml", "a.xml", "C.xml", ".hidden.xml", "notes.txt"])
    writeFileSync(join(folder, name), CIB_TEXT);
  mkdirSync(join(folder, "folder.xml"));
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("a profile of a folder takes its .xml files in the order of their bytes", async () => {
  const { code, out } = await systole(["simulate", "--profile", folder, "--repeat", "2"]);
  const lines = out.replace(/\d+\.\d\d secs/g, "TIME").split("\n");
  const items = ["C", "a", "b"].map((name) => `  * Testing ${folder}/${name}.xml ... TIME`);
  assert.deepEqual(lines, ["Timings:", ...items, ""]);
  assert.equal(code, 0);
});

test("a profile of one file tells the passes and the seconds as data", async () => {
  const { out } = await systole(["simulate", "-P", join(folder, "a.xml"), "-N", "3", "--json"]);
  const [timing, ...more] = JSON.parse(out).timings;
  assert.deepEqual(more, []);
  assert.equal(timing.file, join(folder, "a.xml"));
  assert.equal(timing.passes, 3);
  assert.ok(timing.cpuSeconds > 0);
});

test("each pass plans anew: the scores are told as often as there are passes", async () => {
  const { out } = await systole(["simulate", "-P", join(folder, "a.xml"), "-N", "3", "-s", "-Q"]);
  const scores = out
    .split("\n")
    .filter((line) => line.startsWith("pcmk__primitive_assign: web allocation score on n1:"));
  assert.equal(scores.length, 3);
});

test("a number of passes that is none, and a folder that is not there, are refused in words", async () => {
  const often = await systole(["simulate", "-P", folder, "-N", "often"]);
  assert.equal(often.code, 64);
  assert.match(often.err, /--repeat says how often each file is planned, and "often" is no whole number/);
  const nowhere = await systole(["simulate", "-P", join(folder, "missing")]);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /cannot be read .* Name a CIB, or a folder with CIBs in files that end in \.xml\./);
});

test("a folder without a CIB is told of", async () => {
  const { code, out, err } = await systole(["simulate", "--profile", join(folder, "folder.xml")]);
  assert.equal(out, "");
  assert.match(err, /has no file that ends in \.xml, so nothing was timed/);
  assert.equal(code, 0);
});
