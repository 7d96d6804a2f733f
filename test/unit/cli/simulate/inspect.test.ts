// What is planned in spite of its faults: all that Pacemaker has a plan for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectCib } from "../../../../runtime/cli/simulate/inspect.ts";
import { parseXml } from "../../../../runtime/compat/xml.ts";

interface Parts {
  readonly schema?: string;
  readonly nodes?: string;
  readonly inside?: string;
  readonly constraints?: string;
  readonly sections?: string;
}

function codesOf(parts: Parts): string[] {
  const xml = `<cib validate-with="${parts.schema ?? "pacemaker-4.0"}"><configuration>
    <crm_config><cluster_property_set id="p"><nvpair id="p-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
    <nodes><node id="1" uname="n1"/>${parts.nodes ?? ""}</nodes>
    <resources>
      <primitive id="a" class="ocf" provider="systole" type="Dummy">${parts.inside ?? ""}</primitive>
      <primitive id="b" class="ocf" provider="systole" type="Dummy"/>
    </resources>
    <constraints>${parts.constraints ?? ""}</constraints>${parts.sections ?? ""}
  </configuration><status/></cib>`;
  return inspectCib(parseXml(xml), "It")
    .filter(({ severity }) => severity === "error")
    .map(({ code, text }) => {
      assert.match(text, /The plan is made (all the same|without it)\.$/);
      return code;
    });
}

test("what no schema forbids is told and planned", () => {
  assert.deepEqual(codesOf({ nodes: '<node id="2" uname="n1"/>' }), ["duplicate-node"]);
  assert.deepEqual(codesOf({ nodes: '<node id="1" uname="n2"/>' }), ["duplicate-id"]);
  const level = (devices: string) =>
    `<fencing-topology><fencing-level id="f" target="n1" index="1" devices="${devices}"/></fencing-topology>`;
  assert.deepEqual(codesOf({ sections: level("gone") }), ["dangling-reference"]);
  assert.deepEqual(codesOf({ sections: level("a") }), ["not-a-fence-device"]);
  assert.deepEqual(codesOf({ constraints: '<rsc_order id="o" first="a" then="p-s"/>' }), ["misdirected-reference"]);
  const expression = '<expression id="e" attribute="x" operation="eq"/>';
  const location = `<rsc_location id="l" rsc="a"><rule id="r" score="1">${expression}</rule></rsc_location>`;
  assert.deepEqual(codesOf({ constraints: location }), ["missing-value"]);
});

test("permissions in the words of old schemas are planned", () => {
  const sections = '<acls><acl_user id="alice"><role_ref id="admin"/></acl_user></acls>';
  assert.deepEqual(codesOf({ schema: "pacemaker-1.2", sections }), ["unknown-element"]);
});

test("what only the upgrade has against a document is nobody's fault", () => {
  const rule = (name: string) =>
    `<rule id="${name}" score="1"><expression id="${name}-e" attribute="x" operation="defined"/></rule>`;
  const set = '<resource_set id="s"><resource_ref id="a"/></resource_set>';
  const twoRules = `<rsc_location id="l">${set}${rule("r1")}${rule("r2")}</rsc_location>`;
  assert.deepEqual(codesOf({ schema: "pacemaker-3.9", constraints: twoRules }), []);
  const lifetime = `<rsc_colocation id="c" rsc="a" with-rsc="b" score="1"><lifetime>${rule("r")}</lifetime></rsc_colocation>`;
  const inside = '<meta_attributes id="m"><rule id-ref="r"/></meta_attributes>';
  assert.deepEqual(codesOf({ schema: "pacemaker-3.9", constraints: lifetime, inside }), []);
});

test("what a schema forbids is refused", () => {
  assert.throws(
    () => codesOf({ constraints: '<rsc_order id="o" first="a" then="gone"/>' }),
    /nothing of it was planned/,
  );
  assert.throws(() => codesOf({ inside: '<meta_attributes id="a"/>' }), /nothing of it was planned/);
  assert.throws(() => codesOf({ sections: "<unheard/>" }), /nothing of it was planned/);
});
