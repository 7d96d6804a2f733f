// Configurations of earlier schemas in the words of the newest.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatXml, parseXml } from "../../../runtime/compat/xml.ts";
import { childNamed } from "../../../runtime/kernel/cib/element.ts";
import { upgradeCib } from "../../../runtime/model/upgrade.ts";

function upgraded(schema: string, configuration: string): string {
  const cib = parseXml(`<cib validate-with="${schema}"><configuration>${configuration}</configuration><status/></cib>`);
  const made = childNamed(upgradeCib(cib), "configuration");
  assert.ok(made !== undefined);
  return made.children
    .map((child) =>
      formatXml(child)
        .replace(/^<\?xml.*\?>\s*/, "")
        .trim(),
    )
    .join("");
}

/** The same text, but for white space between elements. */
function same(actual: string, expected: string): void {
  const flat = (text: string) => text.replaceAll(/>\s+</g, "><").trim();
  assert.equal(flat(actual), flat(expected));
}

test("what the newest schema takes stays the same object", () => {
  const cib = parseXml(
    '<cib validate-with="pacemaker-2.0"><configuration><resources><clone id="c"/></resources></configuration></cib>',
  );
  assert.equal(upgradeCib(cib), cib);
  const newest = parseXml(
    '<cib validate-with="pacemaker-4.0"><configuration><resources><master id="c"/></resources></configuration></cib>',
  );
  assert.equal(upgradeCib(newest), newest);
});

test("parameters of fence devices and attributes of operations", () => {
  same(
    upgraded(
      "pacemaker-1.2",
      '<resources><primitive id="p"><instance_attributes id="i"><nvpair id="i1" name="pcmk_off_cmd" value="x"/><nvpair id="i2" name="pcmk_arg_map" value="port:plug"/></instance_attributes><operations><op id="o" name="monitor" interval="5"><instance_attributes id="oi"><nvpair id="oi1" name="on-fail" value="fence"/><nvpair id="oi2" name="depth" value="1"/></instance_attributes></op></operations></primitive></resources>',
    ),
    '<resources><primitive id="p"><instance_attributes id="i"><nvpair id="i1" name="pcmk_off_action" value="x"/><nvpair id="i2" name="pcmk_host_argument" value="plug"/></instance_attributes><operations><op id="o" name="monitor" interval="5"><instance_attributes id="oi"><nvpair id="oi2" name="depth" value="1"/></instance_attributes><meta_attributes id="_2TO3_o-meta"><nvpair id="oi1" name="on-fail" value="fence"/></meta_attributes></op></operations></primitive></resources>',
  );
});

test("several rules are several constraints, and a lifetime is a condition", () => {
  same(
    upgraded(
      "pacemaker-3.0",
      '<constraints><rsc_location id="l" rsc="a"><rule id="r1" score="1"/><rule id="r2" score="2"/></rsc_location><rsc_location id="m" rsc="a" node="n" score="3"><lifetime><rule id="r3"/></lifetime></rsc_location></constraints>',
    ),
    '<constraints><rsc_location id="pcmk__3_10_upgrade-l-1" rsc="a"><rule id="r1" score="1"/></rsc_location><rsc_location id="pcmk__3_10_upgrade-l-2" rsc="a"><rule id="r2" score="2"/></rsc_location><rsc_location id="m" rsc="a"><rule id="pcmk__3_10_upgrade-m-lifetime-and-rule" boolean-op="and"><rule id="pcmk__3_10_upgrade-m-node-score-rule" score="3"><expression id="pcmk__3_10_upgrade-m-node-score-rule-expr" attribute="#uname" operation="eq" value="n"/></rule><rule id="r3"/></rule></rsc_location></constraints>',
  );
});

test("of pairs with one name the first counts, unless it is taken back", () => {
  same(
    upgraded(
      "pacemaker-3.0",
      '<crm_config><cluster_property_set id="s"><nvpair id="a" name="remove-after-stop" value="true"/><nvpair id="b" name="x" value="1"/><nvpair id="c" name="x" value="#default"/><nvpair id="d" name="x" value="2"/><nvpair id="e" name="x" value="3"/><nvpair id="f" name="stonith-action" value="poweroff"/></cluster_property_set></crm_config>',
    ),
    '<crm_config><cluster_property_set id="s"><nvpair id="d" name="x" value="2"/><nvpair id="f" name="stonith-action" value="off"/></cluster_property_set></crm_config>',
  );
});

test("what only spoke of dropped resources goes with them", () => {
  same(
    upgraded(
      "pacemaker-3.0",
      '<resources><template id="t" class="nagios"/><primitive id="a" template="t"/><clone id="c"><group id="g"><primitive id="b" class="upstart"/></group></clone><bundle id="d"><rkt image="i"/></bundle><primitive id="e"/></resources><constraints><rsc_order id="o"><resource_set id="s1"><resource_ref id="a"/></resource_set><resource_set id="s2"><resource_ref id="e"/><resource_ref id="d"/></resource_set></rsc_order><rsc_ticket id="p" rsc="c"/></constraints>',
    ),
    '<resources><primitive id="e"/></resources><constraints><rsc_order id="o"><resource_set id="s2"><resource_ref id="e"/></resource_set></rsc_order></constraints>',
  );
});

test("moved properties go to defaults that have a set for them, or to new ones", () => {
  const property =
    '<crm_config><cluster_property_set id="s"><nvpair id="a" name="default_resource_stickiness" value="5"/></cluster_property_set></crm_config>';
  const left = '<crm_config><cluster_property_set id="s"/></crm_config>';
  const pair = '<nvpair id="a" name="resource-stickiness" value="5"/>';
  same(
    upgraded("pacemaker-1.0", property),
    `${left}<rsc_defaults><meta_attributes id="_2TO3_-rsc-defaults">${pair}</meta_attributes></rsc_defaults>`,
  );
  const defaults = (inner: string) => `<rsc_defaults><meta_attributes id="d">${inner}</meta_attributes></rsc_defaults>`;
  same(upgraded("pacemaker-1.0", property + defaults("")), left + defaults(pair));
  const own = '<nvpair id="o" name="resource-stickiness" value="9"/>';
  same(upgraded("pacemaker-1.0", property + defaults(own)), left + defaults(own));
  same(upgraded("pacemaker-1.0", `${property}<rsc_defaults/>`), `${left}<rsc_defaults/>`);
});
