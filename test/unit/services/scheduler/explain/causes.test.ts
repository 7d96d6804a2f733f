// What is said of actions: each cause of fencing has words of its own, and changed parameters are narrowed down to names.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatXml, parseXml } from "../../../../../runtime/compat/xml.ts";
import { md5Hex } from "../../../../../runtime/host/md5.ts";
import { readCluster } from "../../../../../runtime/services/scheduler/cluster.ts";
import { fencingReason } from "../../../../../runtime/services/scheduler/explain/fencing-cause.ts";
import { schedule } from "../../../../../runtime/services/scheduler/schedule.ts";
import { cibFromLines } from "../../../../golden/scheduler/cib-text.ts";

const SCHEDULER = join(import.meta.dirname, "../../../../../runtime/services/scheduler");
const OPTIONS = { nowEpochSeconds: 1_000_600, md5Hex, explain: true };

test("each text with which the scheduler fences has words for people", () => {
  const [node] = readCluster(cibFromLines("nodes n1"), OPTIONS).nodes;
  assert.ok(node !== undefined);
  const texts = new Set<string>();
  for (const file of readdirSync(SCHEDULER).filter((name) => name.endsWith(".ts"))) {
    const source = readFileSync(join(SCHEDULER, file), "utf8");
    for (const call of source.matchAll(
      /\b(?:fenceNode|fence|triggerUnfencing)\((?:cluster, [^"`]*)?(["`])([^"`]+)\1/g,
    )) {
      texts.add((call[2] ?? "").replace(/\$\{[^}]+\}/g, "web"));
    }
  }
  assert.ok(texts.size > 12, `found ${texts.size} texts`);
  for (const text of texts) {
    const reason = fencingReason(node, text, text.startsWith("required by") ? "on" : "reboot");
    assert.notEqual(reason.text, text, `"${text}" is said as it is`);
    assert.doesNotMatch(reason.text, /^(because|due to)|\.$/);
  }
});

function causesOf(lines: string, change: (xml: string) => string = (xml) => xml): string[] {
  const cib = parseXml(change(formatXml(cibFromLines(lines))));
  return schedule(cib, OPTIONS)
    .graph.synapses.filter(({ action }) => action.kind !== "pseudo" && action.operation !== "monitor")
    .map(({ action }) => `${action.operation} ${action.node}: ${action.cause?.code}: ${action.cause?.text}`)
    .sort();
}

const WEB = `nodes n1 n2
property stonith-enabled=false
<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>
ran web start n1 0
ran web monitor n2 7`;

test("changed parameters make it restart, and those are named that can be the ones", () => {
  const digest = 'op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8"';
  const other = 'op-digest="00000000000000000000000000000000"';
  const unnamed = "parameters-changed: its parameters have changed since it was started";
  assert.deepEqual(
    causesOf(WEB, (xml) => xml.replace(digest, other)),
    [`start n1: ${unnamed}`, `stop n1: ${unnamed}`],
  );
  const list = `${other} op-force-restart=" port " op-restart-digest="11111111111111111111111111111111"`;
  const named = "parameters-changed: a parameter that it takes only at start (port) has changed since it was started";
  assert.deepEqual(
    causesOf(WEB, (xml) => xml.replace(digest, list)),
    [`start n1: ${named}`, `stop n1: ${named}`],
  );
});

test("another agent, and one that is no longer there", () => {
  const changed = causesOf(WEB, (xml) => xml.replace(/(<primitive [^>]*)type="Dummy"/, '$1type="Stateful"'));
  assert.ok(changed.includes("stop n1: agent-changed: its agent is another one now"), changed.join("\n"));
  const gone = causesOf(WEB, (xml) => xml.replace(/<primitive [^>]*\/>/, ""));
  assert.ok(gone.includes("stop n1: removed: it is no longer configured"), gone.join("\n"));
});

test("without quorum", () => {
  const causes = causesOf(WEB, (xml) => xml.replace('have-quorum="1"', 'have-quorum="0"'));
  assert.deepEqual(causes, ["stop n1: no-quorum: this partition has no quorum (no-quorum-policy stop)"]);
});
