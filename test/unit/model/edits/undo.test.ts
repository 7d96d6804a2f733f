// Taking a change back: exactly it, or nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatXml, parseXml } from "../../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../../runtime/kernel/cib/element.ts";
import { undoEdits } from "../../../../runtime/model/edits/undo.ts";

function cib(resources: string, constraints = "", attributes = ""): Element {
  return parseXml(
    `<cib ${attributes}><configuration><crm_config/><resources>${resources}</resources><constraints>${constraints}</constraints></configuration></cib>`,
  );
}

/** The CIB after the undo, or why there is none. */
function undone(before: Element, after: Element, now: Element): string {
  const made = undoEdits(7, { before, after, now });
  if ("refused" in made) return made.refused;
  const edited = applyEdits(now, made.edits);
  assert.ok(edited.ok);
  return formatXml(edited.cib);
}

const A = `<primitive id="a"/>`;
const B = `<primitive id="b" class="ocf"/>`;
const C = `<primitive id="c"/>`;
const D = `<primitive id="d"/>`;

test("what was created goes, what was deleted comes back to its place, what came since stays", () => {
  assert.equal(undone(cib(A), cib(A + B), cib(A + B + C)), formatXml(cib(A + C)));
  assert.equal(undone(cib(A + B), cib(A), cib(A + C)), formatXml(cib(A + B + C)));
  assert.equal(undone(cib(B + A), cib(A), cib(A)), formatXml(cib(B + A)));
  assert.equal(undone(cib(A), cib(A, C), cib(B + A, C)), formatXml(cib(B + A)));
});

test("attributes go back one by one, those of the root too", () => {
  const [before, after, now] = [`<x id="1" p="1"/>`, `<x id="1" p="2" q="2"/>`, `<x id="1" p="2" q="2" r="3"/>`];
  assert.equal(undone(cib(before), cib(after), cib(now)), formatXml(cib(`<x id="1" p="1" r="3"/>`)));
  const root = undone(
    cib(A, "", 'validate-with="x" epoch="1"'),
    cib(A, "", 'validate-with="y" epoch="2"'),
    cib(A, "", 'validate-with="y" epoch="5"'),
  );
  assert.equal(root, formatXml(cib(A, "", 'validate-with="x" epoch="5"')));
});

test("the order goes back when nobody has changed it since", () => {
  assert.equal(undone(cib(A + B + C), cib(C + A + B), cib(C + A + B + D)), formatXml(cib(A + B + C + D)));
  assert.match(undone(cib(A + B + C), cib(C + A + B), cib(B + C + A)), /the order in \/cib\/configuration\/resources/);
});

test("what was touched again is refused whole, with the place", () => {
  const changed = `<primitive id="b" class="lsb"/>`;
  assert.match(undone(cib(A), cib(A + B), cib(A + changed)), /nothing was changed.*primitive\[@id='b'\]/);
  assert.match(undone(cib(A + B), cib(A + changed), cib(A)), /primitive\[@id='b'\] is gone/);
  assert.match(
    undone(cib(B), cib(changed), cib(`<primitive id="b" class="stonith"/>`)),
    /class of .*primitive\[@id='b'\]/,
  );
  assert.match(undone(cib(B), cib(""), cib(changed)), /primitive\[@id='b'\]/);
  assert.match(undone(cib("<n>1</n>".replace("1", "")), cib("<n/><n/>"), cib("<n/><n/><n/>")), /what stands in/);
  assert.match(
    undone(cib(A, "", 'admin_epoch="0"'), cib(A, "", 'admin_epoch="1"'), cib(A, "", 'admin_epoch="1"')),
    /never goes back/,
  );
});

test("what is taken back already needs nothing", () => {
  for (const [before, after] of [
    [A, A + B],
    [A + B, A],
    [A + B, B + A],
  ] as const) {
    const made = undoEdits(7, { before: cib(before), after: cib(after), now: cib(before) });
    assert.deepEqual("edits" in made && made.edits, []);
  }
});

test("without later changes an undo leads back exactly, whatever the change was", () => {
  const id = fc.constantFrom("a", "b", "c", "d");
  const leaf = fc.record({ id, p: fc.option(fc.constantFrom("1", "2"), { nil: undefined }) });
  const list = fc.uniqueArray(leaf, { selector: (each) => each.id, maxLength: 4 });
  const tree = fc.uniqueArray(fc.record({ id, children: list }), { selector: (each) => each.id, maxLength: 4 });
  const element = (name: string, attributes: Record<string, string | undefined>, children: Element[]): Element => ({
    name,
    attributes: Object.fromEntries(
      Object.entries(attributes).filter((pair): pair is [string, string] => pair[1] !== undefined),
    ),
    children,
  });
  const made = tree.map((groups) => {
    const children = groups.map((group) =>
      element(
        "group",
        { id: group.id },
        group.children.map((each) => element("x", each, [])),
      ),
    );
    return element("cib", {}, [element("configuration", {}, [element("resources", {}, children)])]);
  });
  fc.assert(
    fc.property(made, made, (before, after) => {
      assert.equal(undone(before, after, after), formatXml(before));
    }),
    { numRuns: 300, seed: 4 },
  );
});
