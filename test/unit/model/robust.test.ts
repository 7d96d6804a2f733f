// Whatever stands in a document: judging it, looking at it and drawing it end with an answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { renderStatus } from "../../../runtime/cli/render/status.ts";
import { parseXml } from "../../../runtime/compat/xml.ts";
import type { Element } from "../../../runtime/kernel/cib/element.ts";
import { moveEdits } from "../../../runtime/model/edits/move.ts";
import { startEdits, stopEdits } from "../../../runtime/model/edits/resource.ts";
import { clusterStatus } from "../../../runtime/model/status.ts";
import { validateCib } from "../../../runtime/model/validate.ts";
import { CIB_TEXT } from "../cli/fake-node.ts";

const CIB = parseXml(CIB_TEXT);
const words = fc.oneof(
  fc.constantFrom("", "web", "0", "-1", "INFINITY", "true", "Stopped", "n1", "primitive", "clone", "nvpair", "status"),
  fc.constantFrom("constructor", "toString", "__proto__x", "PT", "P1Y", "99999999999999999999", "\u0000", "a\nb"),
  fc.string({ maxLength: 12 }),
);
const spoil = fc.record({
  place: fc.nat(),
  what: fc.constantFrom("drop", "repeat", "rename", "set", "unset"),
  word: words,
});
type Spoil = typeof spoil extends fc.Arbitrary<infer T> ? T : never;

/** Spoils the element at a place, counted in the order of the document. */
function spoiled(root: Element, { place, what, word }: Spoil): Element {
  const size = (element: Element): number => element.children.reduce((sum, child) => sum + size(child), 1);
  let left = place % size(root);
  const visit = (element: Element): Element[] => {
    if (left-- === 0) return change(element, what, word);
    return [{ ...element, children: element.children.flatMap(visit) }];
  };
  return visit(root)[0] ?? root;
}

function change(element: Element, what: string, word: string): Element[] {
  const names = Object.keys(element.attributes);
  const name = names[word.length % Math.max(1, names.length)] ?? "id";
  if (what === "drop") return [];
  if (what === "repeat") return [element, element];
  if (what === "rename") return [{ ...element, name: word }];
  const { [name]: _, ...rest } = element.attributes;
  return [{ ...element, attributes: what === "unset" ? rest : { ...rest, [name]: word } }];
}

test("spoiled documents are judged and drawn", () => {
  const options = { width: 60, colour: false, unicode: false };
  fc.assert(
    fc.property(fc.array(spoil, { minLength: 1, maxLength: 8 }), (spoils) => {
      const document = spoils.reduce(spoiled, CIB);
      for (const problem of validateCib(document)) assert.ok(problem.text.length > 10 && problem.path.startsWith("/"));
      for (const line of renderStatus(clusterStatus(document), options)) assert.ok(!line.includes("\n"));
      for (const result of [startEdits(document, "web"), stopEdits(document, "desk"), moveEdits(document, "web", {})]) {
        assert.ok("refused" in result || result.summary !== "");
      }
    }),
    { seed: 20261122, numRuns: 1_000 },
  );
});
