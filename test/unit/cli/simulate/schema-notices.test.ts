// What is said about a CIB that uses something newer than the schema it names.

import assert from "node:assert/strict";
import { test } from "node:test";
import { schemaNotices } from "../../../../runtime/cli/simulate/schema-notices.ts";
import { parseXml } from "../../../../runtime/compat/xml.ts";

function notices(schema: string, constraints: string): string[] {
  const text = `<cib validate-with="${schema}">\n<configuration>\n<constraints>\n${constraints}</constraints>\n</configuration>\n</cib>`;
  return schemaNotices(parseXml(text), text);
}

const said = (line: number, name: string, sentence: string) =>
  `Entity: line ${line}: element ${name}: Relax-NG validity error : ${sentence}`;

test("an attribute that the schema does not know, once for each schema that refuses it", () => {
  const colocation =
    '<rsc_order id="o" first="a" then="b"/>\n<!-- a\ncomment -->\n<rsc_colocation id="c" influence="no"\nrsc="a" with-rsc="b"/>\n';
  assert.deepEqual(notices("pacemaker-3.4", colocation), [
    said(8, "rsc_colocation", "Invalid attribute influence for element rsc_colocation"),
    said(4, "rsc_order", "Element constraints has extra content: rsc_order"),
    said(8, "rsc_colocation", "Invalid attribute influence for element rsc_colocation"),
    said(4, "rsc_order", "Element constraints has extra content: rsc_order"),
  ]);
  assert.deepEqual(notices("pacemaker-3.6", colocation), []);
});

test("a role of a location, a ticket and a set", () => {
  const location = '<rsc_location id="l" rsc="a" role="Promoted" node="n" score="1"/>\n';
  assert.deepEqual(notices("pacemaker-3.6", location), [
    said(4, "rsc_location", "Invalid attribute role for element rsc_location"),
    said(4, "rsc_location", "Element constraints has extra content: rsc_location"),
  ]);
  const ticket = '<rsc_ticket id="t" ticket="T" rsc="a" rsc-role="Unpromoted"/>\n';
  assert.equal(
    notices("pacemaker-3.6", ticket)[0],
    said(4, "rsc_ticket", "Invalid attribute rsc-role for element rsc_ticket"),
  );
  const sets = (first: string, second: string) =>
    `<rsc_colocation id="c">\n<resource_set id="one"${first}/>\n<resource_set id="two"${second}/>\n</rsc_colocation>\n`;
  const role = ' role="Promoted"';
  assert.deepEqual(notices("pacemaker-3.6", sets(role, "")).slice(0, 2), [
    said(5, "resource_set", "Invalid attribute role for element resource_set"),
    said(4, "rsc_colocation", "Element rsc_colocation failed to validate content"),
  ]);
  assert.equal(
    notices("pacemaker-3.6", sets("", role))[0],
    said(6, "resource_set", "Element rsc_colocation has extra content: resource_set"),
  );
});

test("a type of comparison in a rule, from the inside out", () => {
  const rule =
    '<rsc_location id="l" rsc="a">\n<rule id="r" score="1">\n<expression id="e" attribute="x" operation="lt" type="integer" value="1"/>\n</rule>\n</rsc_location>\n';
  assert.deepEqual(notices("pacemaker-3.4", rule), [
    said(6, "expression", "Invalid attribute type for element expression"),
    said(6, "expression", "Element rule failed to validate content"),
    said(5, "rule", "Element rsc_location failed to validate content"),
    said(4, "rsc_location", "Element constraints has extra content: rsc_location"),
  ]);
});

test("no schema, no notice; none is said so", () => {
  assert.match(notices("none", "")[0] ?? "", /validation of configuration is disabled/);
  assert.deepEqual(notices("pacemaker-9.9", '<rsc_location id="l" role="Promoted"/>\n'), []);
});
