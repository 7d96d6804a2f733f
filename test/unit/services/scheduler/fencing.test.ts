// What people are told about a node that should be fenced and cannot be: the cause that holds, and the remedy for that cause.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { schedule } from "../../../../runtime/services/scheduler/schedule.ts";

function problemText(options: {
  readonly quorate: boolean;
  readonly fencing: boolean;
  readonly device: boolean;
}): string {
  const device = options.device ? `<primitive id="f" class="stonith" type="systole:dummy"/>` : "";
  const cib =
    parseXml(`<cib validate-with="pacemaker-4.0" admin_epoch="0" epoch="1" num_updates="0" have-quorum="${options.quorate ? 1 : 0}">
<configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="${options.fencing}"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
<resources>${device}<primitive id="r" class="ocf" provider="systole" type="dummy"/></resources><constraints/></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/>
<node_state id="2" uname="n2" in_ccm="false" crmd="offline" join="down" expected="member"/></status></cib>`);
  const md5Hex = (text: string): string => createHash("md5").update(text).digest("hex");
  const { problems } = schedule(cib, { nowEpochSeconds: 1_000, md5Hex });
  return problems.find((problem) => problem.code === "unclean-not-fenced")?.text ?? "";
}

test("a node that cannot be fenced is told with the cause and its remedy", () => {
  assert.match(problemText({ quorate: false, fencing: true, device: true }), /^Node "n2".*There is no quorum here/);
  assert.doesNotMatch(problemText({ quorate: false, fencing: true, device: true }), /confirm/);
  assert.match(
    problemText({ quorate: true, fencing: true, device: false }),
    /no fence device.*systole fence confirm n2/,
  );
  assert.equal(problemText({ quorate: true, fencing: true, device: true }), "");
});
