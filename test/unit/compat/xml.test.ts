import assert from "node:assert/strict";
import { test } from "node:test";
import { formatXml, parseXml, XmlError } from "../../../runtime/compat/xml.ts";

function refusal(text: string, limits = {}): XmlError {
  try {
    parseXml(text, limits);
  } catch (error) {
    if (error instanceof XmlError) return error;
    throw error;
  }
  throw new Error("was accepted");
}

test("elements, attributes and their order survive a round trip", () => {
  const text = '<cib b="2" a="1"><nodes><node id="x &amp; &quot;y&quot;&#10;z"/></nodes><status/></cib>';
  assert.equal(formatXml(parseXml(text)), text);
});

test("text, comments and processing instructions are dropped", () => {
  const read = parseXml('<?xml version="1.0"?>\n<!-- c --><a>\n text <b/><!-- d --></a>');
  assert.equal(formatXml(read), "<a><b/></a>");
});

test("indented output puts one element on a line", () => {
  assert.equal(formatXml(parseXml("<a><b><c/></b></a>"), { indent: "  " }), "<a>\n  <b>\n    <c/>\n  </b>\n</a>\n");
});

test("a document type and with it every entity bomb is refused", () => {
  const error = refusal('<!DOCTYPE a [<!ENTITY x "y">]><a b="&x;"/>');
  assert.equal(error.code, "xml-doctype");
});

test("broken text is refused with its place", () => {
  const error = refusal("<a>\n<b></a>");
  assert.equal(error.code, "xml-malformed");
  assert.equal(error.line, 2);
  assert.equal(refusal("").code, "xml-malformed");
  assert.equal(refusal("<a/><b/>").code, "xml-malformed");
  assert.equal(refusal('<a x="1" x="2"/>').code, "xml-malformed");
  assert.equal(refusal('<a x="&nope;"/>').code, "xml-malformed");
});

test("depth, number and size are bounded", () => {
  assert.equal(refusal("<a><b><c/></b></a>", { maxDepth: 2 }).code, "xml-too-deep");
  assert.equal(refusal("<a><b/><b/></a>", { maxElements: 2 }).code, "xml-too-large");
  assert.equal(refusal("<a><b/></a>", { maxCharacters: 5 }).code, "xml-too-large");
});

test("a name that would change the object it is stored in is refused", () => {
  assert.equal(refusal('<a __proto__="x"/>').code, "xml-reserved-name");
});
