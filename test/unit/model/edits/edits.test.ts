import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatXml, parseXml } from "../../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import { childNamed, type Element } from "../../../../runtime/kernel/cib/element.ts";
import {
  clusterProperties,
  maintenanceEdits,
  nodeAttributeEdits,
  onlineEdits,
  propertyEdits,
  standbyEdits,
} from "../../../../runtime/model/edits/cluster.ts";
import { clearEdits, moveEdits } from "../../../../runtime/model/edits/move.ts";
import type { EditResult } from "../../../../runtime/model/edits/plan.ts";
import { startEdits, stopEdits } from "../../../../runtime/model/edits/resource.ts";
import { validateCib } from "../../../../runtime/model/validate.ts";

const CIB = parseXml(`<cib epoch="3" num_updates="0" admin_epoch="0"><configuration>
<crm_config><cluster_property_set id="options"><nvpair id="options-stonith-enabled" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"><instance_attributes id="nodes-2"><nvpair id="nodes-2-rack" name="rack" value="r7"/></instance_attributes></node></nodes>
<resources><primitive id="web" class="ocf" provider="systole" type="dummy"/>
<group id="shop"><primitive id="basket" class="ocf" provider="systole" type="dummy"/><primitive id="till" class="ocf" provider="systole" type="dummy"/></group>
<clone id="everywhere"><primitive id="cache" class="ocf" provider="systole" type="dummy"/></clone></resources>
<constraints/></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>
<lrm_resource id="web" class="ocf" provider="systole" type="dummy"><lrm_rsc_op id="web_last_0" operation="start" interval="0" call-id="2" rc-code="0" op-status="0"/></lrm_resource>
</lrm_resources></lrm></node_state></status></cib>`);

function after(cib: Element, result: EditResult): Element {
  assert.ok("edits" in result, "refused" in result ? result.refused : "");
  const edited = applyEdits(cib, result.edits);
  assert.ok(edited.ok, edited.ok ? "" : edited.reason);
  assert.deepEqual(
    validateCib(edited.cib).filter((problem) => problem.severity === "error"),
    [],
  );
  return edited.cib;
}

function refusal(result: EditResult): string {
  return "refused" in result ? result.refused : `not refused: ${result.summary}`;
}

function section(cib: Element, name: string): string {
  const found = childNamed(childNamed(cib, "configuration"), name);
  return found === undefined ? "" : formatXml(found);
}

describe("resource start and stop", () => {
  test("stop sets target-role in Pacemaker's place, start takes it away again", () => {
    const stopped = after(CIB, stopEdits(CIB, "web"));
    assert.match(
      section(stopped, "resources"),
      /<meta_attributes id="web-meta_attributes"><nvpair id="web-meta_attributes-target-role" name="target-role" value="Stopped"\/>/,
    );
    const again = stopEdits(stopped, "web");
    assert.ok("edits" in again && again.edits.length === 0);
    assert.match(again.summary, /already meant to be stopped/);
    const started = after(stopped, startEdits(stopped, "web"));
    assert.doesNotMatch(section(started, "resources"), /target-role/);
  });

  test("a member of a stopped group cannot be started by itself", () => {
    const stopped = after(CIB, stopEdits(CIB, "shop"));
    assert.equal(
      refusal(startEdits(stopped, "basket")),
      '"basket" stands in the group "shop", which is stopped as a whole. Start "shop".',
    );
  });

  test("where rsc_defaults stops everything, start says Started", () => {
    const text = formatXml(CIB).replace(
      "</configuration>",
      '<rsc_defaults><meta_attributes id="d"><nvpair id="d1" name="target-role" value="Stopped"/></meta_attributes></rsc_defaults></configuration>',
    );
    const cib = parseXml(text);
    assert.match(section(after(cib, startEdits(cib, "web")), "resources"), /name="target-role" value="Started"/);
  });

  test("new ids are fresh ones", () => {
    const taken = parseXml(formatXml(CIB).replace('id="options"', 'id="web-meta_attributes"'));
    assert.match(section(after(taken, stopEdits(taken, "web")), "resources"), /id="web-meta_attributes-1"/);
  });

  test("a name that does not exist gets the nearest one", () => {
    assert.equal(refusal(stopEdits(CIB, "wbe")), 'There is no resource "wbe". Did you mean "web"?');
    assert.match(refusal(stopEdits(CIB, "mailserver")), /"systole resource list" names all/);
  });
});

describe("resource move and clear", () => {
  test("to a node", () => {
    const moved = after(CIB, moveEdits(CIB, "web", { to: "n2" }));
    assert.equal(
      section(moved, "constraints"),
      '<constraints><rsc_location id="cli-prefer-web" rsc="web" role="Started" node="n2" score="INFINITY"/></constraints>',
    );
    const elsewhere = after(moved, moveEdits(moved, "web", { to: "n1" }));
    assert.match(section(elsewhere, "constraints"), /^<constraints><rsc_location id="cli-prefer-web"[^>]*node="n1"/);
    assert.equal(section(after(elsewhere, clearEdits(elsewhere, "web")), "constraints"), "<constraints/>");
  });

  test("away from where it runs, and a later move there takes the ban back", () => {
    const moved = after(CIB, moveEdits(CIB, "web", {}));
    assert.match(
      section(moved, "constraints"),
      /id="cli-ban-web-on-n1" rsc="web" role="Started" node="n1" score="-INFINITY"/,
    );
    const back = after(moved, moveEdits(moved, "web", { to: "n1" }));
    assert.doesNotMatch(section(back, "constraints"), /cli-ban/);
  });

  test("to a node that takes nothing now: what it waits for, and how to change that", () => {
    const said = (cib: Element): string[] => {
      const result = moveEdits(cib, "web", { to: "n2" });
      return "edits" in result ? [result.summary, ...result.notes] : [];
    };
    const stays = 'This holds until "systole resource clear web".';
    const later = '"web" shall run on n2 as soon as n2 is online again.';
    const offline =
      'n2 is offline, so nothing moves there now: start its node there with "systole node CONFIG", or its service.';
    assert.deepEqual(said(CIB), [later, offline, stays]);
    const ended = ' It is in standby too: "systole online n2" ends that.';
    assert.deepEqual(said(after(CIB, standbyEdits(CIB, "n2"))), [later, offline + ended, stays]);

    const online = parseXml(
      formatXml(CIB).replace(
        "</status>",
        '<node_state id="2" uname="n2" in_ccm="true" crmd="online" join="member" expected="member"/></status>',
      ),
    );
    assert.deepEqual(said(online), ['"web" shall run on n2.', stays]);
    const standby = 'n2 is in standby, so nothing moves there now: "systole online n2" ends that.';
    assert.deepEqual(said(after(online, standbyEdits(online, "n2"))), [later, standby, stays]);

    const transient = parseXml(
      formatXml(online).replace(
        'uname="n2" in_ccm="true" crmd="online" join="member" expected="member"/>',
        'uname="n2" in_ccm="true" crmd="online" join="member" expected="member"><transient_attributes id="2"><instance_attributes id="status-2"><nvpair id="status-2-standby" name="standby" value="on"/></instance_attributes></transient_attributes></node_state>',
      ),
    );
    assert.match(said(transient)[1] ?? "", /"systole attribute delete n2 standby --transient" ends that\.$/);
    const lost = parseXml(
      formatXml(online)
        .replace('value="false"', 'value="true"')
        .replace('uname="n2" in_ccm="true"', 'uname="n2" in_ccm="false"'),
    );
    assert.match(said(lost)[1] ?? "", /^n2 is unclean, so nothing moves there now: "systole status" says how its fenc/);
  });

  test("for a time", () => {
    const moved = after(CIB, moveEdits(CIB, "web", { to: "n2", until: "2026-11-22T12:00:00Z" }));
    assert.match(
      section(moved, "constraints"),
      /<date_expression id="cli-prefer-web-end" operation="lt" end="2026-11-22T12:00:00Z"\/>/,
    );
    assert.match(section(moved, "constraints"), /attribute="#uname" operation="eq" value="n2"/);
    assert.equal(section(after(moved, clearEdits(moved, "web", "n2")), "constraints"), "<constraints/>");
  });

  test("what is not clear is asked back", () => {
    assert.match(refusal(moveEdits(CIB, "shop", {})), /it runs nowhere. Name the node/);
    assert.match(refusal(moveEdits(CIB, "web", { to: "n3" })), /There is no node "n3". Did you mean "n1"\?/);
    assert.match(refusal(moveEdits(CIB, "web", { to: "n1", from: "n2" })), /not both/);
    const nothing = clearEdits(CIB, "web");
    assert.ok("edits" in nothing && nothing.edits.length === 0);
    assert.match(refusal(clearEdits(CIB, "webb")), /Did you mean "web"/);
  });
});

describe("nodes and the cluster", () => {
  test("standby and online", () => {
    const empty = after(CIB, standbyEdits(CIB, "n2"));
    assert.match(section(empty, "nodes"), /<nvpair id="nodes-2-standby" name="standby" value="on"\/>/);
    const one = after(CIB, standbyEdits(CIB, "N1"));
    assert.match(section(one, "nodes"), /<instance_attributes id="nodes-1"><nvpair id="nodes-1-standby"/);
    assert.doesNotMatch(section(after(empty, onlineEdits(empty, "n2")), "nodes"), /standby/);
    const already = onlineEdits(CIB, "n2");
    assert.ok("edits" in already && already.edits.length === 0);
  });

  test("maintenance of a node and of the cluster", () => {
    assert.match(section(after(CIB, maintenanceEdits(CIB, true, "n1")), "nodes"), /name="maintenance" value="true"/);
    const all = after(CIB, maintenanceEdits(CIB, true));
    assert.equal(clusterProperties(all)["maintenance-mode"], "true");
    assert.equal(clusterProperties(after(all, maintenanceEdits(all, false)))["maintenance-mode"], undefined);
  });

  test("node attributes", () => {
    const changed = after(CIB, nodeAttributeEdits(CIB, "n2", "rack", "r8"));
    assert.match(section(changed, "nodes"), /id="nodes-2-rack" name="rack" value="r8"/);
    assert.doesNotMatch(section(after(CIB, nodeAttributeEdits(CIB, "n2", "rack", undefined)), "nodes"), /rack/);
    assert.match(refusal(nodeAttributeEdits(CIB, "n2", "rak", undefined)), /Did you mean "rack"/);
  });

  test("properties: known ones with values they can have", () => {
    assert.equal(
      clusterProperties(after(CIB, propertyEdits(CIB, "no-quorum-policy", "freeze")))["no-quorum-policy"],
      "freeze",
    );
    assert.match(refusal(propertyEdits(CIB, "no-quorum-policy", "freese")), /Did you mean "freeze"/);
    assert.match(
      refusal(propertyEdits(CIB, "no-quorum-polcy", "stop")),
      /Did you mean "no-quorum-policy"\? With --force/,
    );
    assert.equal(clusterProperties(after(CIB, propertyEdits(CIB, "site", "x", true)))["site"], "x");
    assert.equal(clusterProperties(after(CIB, propertyEdits(CIB, "systole-site", "x")))["systole-site"], "x");
    assert.match(refusal(propertyEdits(CIB, "stonith-enable", undefined)), /Did you mean "stonith-enabled"/);
  });
});
