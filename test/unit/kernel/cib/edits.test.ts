import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import { element } from "../../../../runtime/kernel/cib/element.ts";
import { elementAt, foundingCib } from "../../../../runtime/kernel/cib/version.ts";
import type { CibEdit } from "../../../../runtime/kernel/messages.ts";

const RESOURCES = [{ name: "configuration" }, { name: "resources" }];
const WEB = [...RESOURCES, { name: "primitive", id: "web" }];

function edit(...edits: CibEdit[]) {
  const result = applyEdits(foundingCib(), edits);
  assert.ok(result.ok, JSON.stringify(result));
  return result.cib;
}

test("put creates at the end, and replaces in place", () => {
  const put = (id: string, type: string): CibEdit => ({
    edit: "put",
    parent: RESOURCES,
    element: element("primitive", { id, type }),
  });
  const cib = edit(put("a", "1"), put("web", "1"), put("z", "1"), put("web", "2"));
  assert.deepEqual(
    elementAt(cib, RESOURCES)?.children.map((child) => child.attributes["id"]),
    ["a", "web", "z"],
  );
  assert.equal(elementAt(cib, WEB)?.attributes["type"], "2");
});

test("put makes sections that are missing, but no parent with an id", () => {
  const defaults = [{ name: "configuration" }, { name: "rsc_defaults" }];
  const set = element("meta_attributes", { id: "rsc-options" });
  assert.ok(
    elementAt(edit({ edit: "put", parent: defaults, element: set }), [
      ...defaults,
      { name: "meta_attributes", id: "rsc-options" },
    ]),
  );
  const refused = applyEdits(foundingCib(), [{ edit: "put", parent: WEB, element: set }]);
  assert.ok(!refused.ok && refused.code === "bad-edit");
  assert.match(refused.reason, /\/cib\/configuration\/resources\/primitive\[@id='web'\] is not there/);
});

test("set merges and removes attributes, and makes the path", () => {
  const cib = edit(
    { edit: "set", path: WEB, attributes: { class: "ocf", type: "dummy" } },
    { edit: "set", path: WEB, attributes: { class: null, provider: "systole" } },
  );
  assert.deepEqual(elementAt(cib, WEB)?.attributes, { id: "web", type: "dummy", provider: "systole" });
});

test("delete removes; what is not there is no error; nothing changed is the same tree", () => {
  const cib = edit({ edit: "set", path: WEB, attributes: { class: "ocf" } }, { edit: "delete", path: WEB });
  assert.equal(elementAt(cib, WEB), undefined);
  const before = foundingCib();
  const result = applyEdits(before, [
    { edit: "delete", path: WEB },
    { edit: "set", path: [], attributes: { "validate-with": "pacemaker-3.9" } },
  ]);
  assert.ok(result.ok);
  assert.equal(result.cib, before);
});

test("all edits or none, and nonsense is refused with a sentence", () => {
  const bad: CibEdit[] = [
    { edit: "delete", path: [] },
    { edit: "delete", path: [{ name: "status" }] },
    { edit: "set", path: [], attributes: { epoch: "7" } },
    { edit: "set", path: [], attributes: { admin_epoch: "-1" } },
    { edit: "set", path: [{ name: "elsewhere" }], attributes: {} },
    { edit: "put", parent: [], element: element("resources") },
    { edit: "replace-configuration", element: element("cib") },
  ];
  for (const one of bad) {
    const result = applyEdits(foundingCib(), [{ edit: "set", path: WEB, attributes: { class: "ocf" } }, one]);
    assert.ok(!result.ok && result.reason.length > 20, JSON.stringify(one));
  }
});
