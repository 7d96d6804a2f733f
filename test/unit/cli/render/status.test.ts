// What stands under Failures: what failed alike on several nodes is one line.

import assert from "node:assert/strict";
import { test } from "node:test";
import { renderStatus } from "../../../../runtime/cli/render/status.ts";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { clusterStatus } from "../../../../runtime/model/status.ts";

const options = { width: 200, colour: false, unicode: true };

function failuresOf(entries: readonly (readonly [node: string, attributes: string])[]): string[] {
  const states = entries.map(
    (
      [node, attributes],
      at,
    ) => `<node_state id="${at + 1}" uname="${node}" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="${at + 1}"><lrm_resources>
<lrm_resource id="web" class="ocf" provider="systole" type="process"><lrm_rsc_op id="web_last_failure_0" operation="monitor" op-status="0" call-id="2" ${attributes}/></lrm_resource></lrm_resources></lrm></node_state>`,
  );
  const lines = renderStatus(
    clusterStatus(parseXml(`<cib><configuration/><status>${states.join("")}</status></cib>`)),
    options,
  );
  const first = lines.indexOf("Failures") + 1;
  return first === 0 ? [] : lines.slice(first, lines.indexOf("", first) < 0 ? lines.length : lines.indexOf("", first));
}

const PROBE = 'interval="0" rc-code="5" exit-reason="there is no program"';

test("a probe that fails alike everywhere is one line with all nodes and the last time", () => {
  assert.deepEqual(
    failuresOf([
      ["n3", `${PROBE} last-rc-change="1795348740"`],
      ["n1", `${PROBE} last-rc-change="1795348742"`],
      ["n2", `${PROBE} last-rc-change="1795348741"`],
    ]).map((line) => line.replace(/\d\d:\d\d:(\d\d)/, "HH:MM:$1")),
    ["  web: probe on n1, n2, n3: not installed (5), last at HH:MM:02, because there is no program"],
  );
});

test("other words, another result or another operation are lines of their own", () => {
  assert.deepEqual(
    failuresOf([
      ["n1", PROBE],
      ["n2", PROBE.replace("program", "disk")],
      ["n3", PROBE.replace('"5"', '"2"')],
      ["n4", PROBE.replace('interval="0"', 'interval="10000"')],
    ]),
    [
      "  web: probe on n1: not installed (5), because there is no program",
      "  web: probe on n2: not installed (5), because there is no disk",
      "  web: probe on n3: wrong parameters (2), because there is no program",
      "  web: monitor (every 10 s) on n4: not installed (5), because there is no program",
    ],
  );
});
