// Tests what counts as a change that the coordinator did not cause itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Element, element } from "../../../../runtime/kernel/cib/element.ts";
import { unexpectedChange } from "../../../../runtime/services/controller/unexpected.ts";

function pair(id: string, name: string, value: string): Element {
  return element("nvpair", { id, name, value });
}

function cib(
  properties: readonly Element[],
  states: readonly Element[],
  attributes: Record<string, string> = {},
): Element {
  const options = element("cluster_property_set", { id: "options" }, properties);
  const configuration = element("configuration", {}, [element("crm_config", {}, [options])]);
  return element("cib", { epoch: "1", ...attributes }, [configuration, element("status", {}, states)]);
}

const standard = [pair("o-1", "stonith-enabled", "true")];
const state = (id: string, online: string) => element("node_state", { id, crmd: online });

test("what was expected is no difference, nor is what has not come yet", () => {
  const before = cib(standard, [state("1", "online"), state("2", "online")]);
  const expected = cib(standard, [state("1", "offline"), state("2", "offline")]);
  assert.equal(unexpectedChange(before, expected, expected), undefined);
  const half = cib(standard, [state("1", "offline"), state("2", "online")]);
  assert.equal(unexpectedChange(before, half, expected), undefined);
});

test("bookkeeping in the root does not count, another attribute does", () => {
  const before = cib(standard, []);
  assert.equal(unexpectedChange(before, cib(standard, [], { epoch: "2" }), before), undefined);
  assert.equal(unexpectedChange(before, cib(standard, [], { "have-quorum": "0" }), before), "/cib");
});

test("a difference is named by where it is", () => {
  const before = cib(standard, [state("1", "online"), state("2", "online")]);
  const where = "/cib/status/node_state[2]";
  assert.equal(unexpectedChange(before, cib(standard, [state("1", "online"), state("2", "lost")]), before), where);
  // Also where children have come, gone or changed places.
  assert.equal(unexpectedChange(before, cib(standard, [state("2", "lost"), state("1", "online")]), before), where);
  assert.equal(unexpectedChange(before, cib(standard, [state("1", "online")]), before), where);
  const third = cib(standard, [state("1", "online"), state("2", "online"), state("3", "online")]);
  assert.equal(unexpectedChange(before, third, before), "/cib/status/node_state[3]");
  assert.equal(unexpectedChange(before, third, third), undefined);
});

test("Systole's own cluster properties are no reason for a plan, others are", () => {
  const note = (value: string) => [...standard, pair("o-2", "systole-note", value)];
  const before = cib(note("a"), []);
  const option = "/cib/configuration/crm_config/cluster_property_set[options]/nvpair[o-1]";
  for (const after of [
    cib(note("b"), []),
    cib(standard, []),
    cib([...note("a"), pair("o-3", "systole-more", "1")], []),
  ]) {
    assert.equal(unexpectedChange(before, after, before), undefined);
  }
  const disabled = [pair("o-1", "stonith-enabled", "false"), pair("o-2", "systole-note", "a")];
  assert.equal(unexpectedChange(before, cib(disabled, []), before), option);
  assert.equal(unexpectedChange(before, cib(disabled.slice(0, 1), []), before), option);
  const renamed = [pair("o-1", "systole-note", "true"), pair("o-2", "systole-note", "a")];
  assert.equal(unexpectedChange(before, cib(renamed, []), before), option);
});
