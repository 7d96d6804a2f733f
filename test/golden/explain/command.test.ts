// The command itself: files, standard input, the running cluster, data, and what it refuses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Compile } from "typebox/schema";
import { REASON_CODES, WAIT_CODES } from "../../../runtime/cli/explain/codes.ts";
import { ExplainSchema } from "../../../runtime/cli/explain/schema.ts";
import { formatXml } from "../../../runtime/compat/xml.ts";
import { applyPatchset } from "../../../runtime/kernel/cib/patchset.ts";
import { FakeNode } from "../../unit/cli/fake-node.ts";
import { cibFromLines } from "../scheduler/cib-text.ts";

const CIB = cibFromLines(`nodes n1 n2
property stonith-enabled=false
<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>
<rsc_location id="web-on-n2" rsc="web" node="n2" score="100"/>
ran web start n2 0
ran web monitor n1 7`);

async function withNode(work: (node: FakeNode) => Promise<void>): Promise<void> {
  const node = await FakeNode.start();
  try {
    await work(node);
  } finally {
    await node.stop();
  }
}

test("it explains standard input in words", () =>
  withNode(async (node) => {
    const { code, out } = await node.run("explain - --resource web", { stdin: formatXml(CIB) });
    assert.equal(code, 0);
    assert.match(out, /^web runs on n2 because:\n {2}- location web-on-n2 speaks for n2 with 100\n/);
    assert.match(out, /smallest change that would place it on n1: prefer n1 for web/);
  }));

test("it explains as data, with the change as edits and as a patchset", () =>
  withNode(async (node) => {
    const { code, out } = await node.run("explain - --resource web --node n1 --json", { stdin: formatXml(CIB) });
    assert.equal(code, 0);
    const { resources } = JSON.parse(out);
    assert.equal(resources.length, 1);
    const [n1] = resources[0].nodes;
    assert.equal(n1.excluded.code, "lower-score");
    assert.equal(n1.changes[0].change.edits.length, 1);
    assert.ok(applyPatchset(CIB, n1.changes[0].change.patchset).ok);
  }));

test("the data has the form that its schema says", () =>
  withNode(async (node) => {
    const schema = Compile(ExplainSchema);
    const text = readFileSync(join(import.meta.dirname, "explain.txt"), "utf8");
    for (const block of text.split(/^=== /m).slice(1)) {
      const [title = "", ...lines] = (block.split("\n---\n")[0] ?? "").split("\n");
      const stdin = formatXml(cibFromLines(lines.filter((line) => !line.startsWith("explain")).join("\n")));
      const question = lines.find((line) => line.startsWith("explain-node"))?.split(" ")[1];
      const {
        code: exit,
        out,
        err,
      } = await node.run(`explain - --json${question === undefined ? "" : ` --node ${question}`}`, {
        stdin,
      });
      assert.equal(exit, 0, err);
      const value: unknown = JSON.parse(out);
      assert.ok(schema.Check(value), `${title}: ${JSON.stringify(schema.Errors(value)[1].slice(0, 3))}`);
      for (const [, code = ""] of out.matchAll(/"code":"([^"]*)"/g)) {
        assert.ok(code in REASON_CODES || code in WAIT_CODES, `${title}: ${code}`);
      }
    }
  }));

test("it explains the running cluster", () =>
  withNode(async (node) => {
    node.cib = CIB;
    const { code, out, err } = await node.run("explain --live");
    assert.equal(code, 0, err);
    assert.match(out, /^web runs on n2 because:/);
  }));

test("it reads times without a zone as the running cluster does", () =>
  withNode(async (node) => {
    const zone = process.env["TZ"];
    process.env["TZ"] = "Etc/GMT-3";
    try {
      const rule = `<rule id="r" score="100"><date_expression id="d" operation="gt" start="2026-11-22 08:00:00"/></rule>`;
      node.cib = cibFromLines(`nodes n1 n2
property stonith-enabled=false
primitive web
<rsc_location id="later" rsc="web">${rule}</rsc_location>
ran web start n1 0`);
      const { out, err } = await node.run("explain --live --resource web --set-datetime 2026-11-22T06:00:00Z");
      assert.match(out, /location later speaks for n1 with 100/, err);
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  }));

test("it refuses what makes no sense, and says what does", () =>
  withNode(async (node) => {
    const stdin = formatXml(CIB);
    const cases: [string, number, RegExp][] = [
      ["explain", 64, /No CIB was named. Name a file/],
      ["explain - --live", 64, /Give one of the two/],
      ["explain - --resource wbe", 1, /There is no resource "wbe" in this CIB. Did you mean "web"\?/],
      ["explain - --node n3", 1, /There is no node "n3"/],
      ["explain - --set-datetime soon", 64, /"soon" is no date/],
      ["explain no-such-file.xml", 1, /cannot be read/],
    ];
    for (const [line, code, text] of cases) {
      const ran = await node.run(line, { stdin });
      assert.equal(ran.code, code, `${line}: ${ran.err}`);
      assert.match(ran.err, text);
      assert.equal(ran.out, "");
    }
  }));
