// The lock: what stands in the CIB, what is read of it, and what the verbs make of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseXml } from "../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../runtime/kernel/cib/edits.ts";
import { childNamed, type Element } from "../../../runtime/kernel/cib/element.ts";
import type { EditResult } from "../../../runtime/model/edits/plan.ts";
import {
  addPluginEdits,
  approvePluginEdits,
  removePluginEdits,
  rollbackPluginEdits,
  updatePluginEdits,
  usersOf,
} from "../../../runtime/model/edits/plugin.ts";
import {
  isWidened,
  keepPluginLock,
  lockFileText,
  MAX_ENTRY_CHARACTERS,
  MAX_LOCKED_PLUGINS,
  type PluginVersion,
  permissionChanges,
  readPluginLock,
} from "../../../runtime/model/plugin-lock.ts";
import { validateCib } from "../../../runtime/model/validate.ts";

const EMPTY = parseXml(`<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config><cluster_property_set id="options"><nvpair id="a" name="cluster-name" value="shop"/></cluster_property_set></crm_config>
<nodes/><resources><group id="g"><primitive id="lamp" class="ocf" provider="systole" type="blinker"/></group>
<primitive id="power" class="stonith" type="systole:blinker"/></resources><constraints/><alerts><alert id="ops" path="systole:blinker"/></alerts></configuration><status/></cib>`);

const digest = (letter: string): string => `sha512-${letter.repeat(86)}==`;

const version = (letter: string, more: Partial<PluginVersion> = {}): PluginVersion => ({
  sha512: digest(letter),
  api: 1,
  source: "blinker.tgz",
  permissions: { read: ["/b", "/a"], net: ["{address}:1/tcp"] },
  grants: { read: ["/a", "/b"], net: ["{address}:1/tcp"] },
  ...more,
});

function made(cib: Element, result: EditResult): Element {
  assert.ok(!("refused" in result), JSON.stringify(result));
  const edited = applyEdits(cib, result.edits);
  assert.ok(edited.ok);
  assert.deepEqual(
    validateCib(edited.cib).filter(({ severity }) => severity === "error"),
    [],
  );
  return edited.cib;
}

function refusal(result: EditResult): string {
  assert.ok("refused" in result);
  return result.refused;
}

const added = made(EMPTY, addPluginEdits(EMPTY, "resource-agent", "blinker", version("a")));

test("an entry is written in a set of its own and read again, with sorted patterns", () => {
  const { plugins, unreadable } = readPluginLock(added);
  assert.deepEqual(unreadable, []);
  const permissions = { net: ["{address}:1/tcp"], read: ["/a", "/b"] };
  assert.deepEqual(plugins, [
    {
      kind: "resource-agent",
      name: "blinker",
      current: { sha512: digest("a"), api: 1, source: "blinker.tgz", permissions, grants: permissions },
    },
  ]);
  const sets = added.children[0]?.children[0]?.children ?? [];
  assert.deepEqual(
    sets.map(({ attributes }) => attributes["id"]),
    ["options", "systole-plugins"],
  );
  assert.equal(sets[0]?.children.length, 1);
  assert.match(
    lockFileText(readPluginLock(added)),
    /^\{\n {2}"lockVersion": 1,\n {2}"plugins": \{\n {4}"resource-agent blinker": \{\n {6}"sha512": /,
  );
});

test("the same bytes again change nothing, other bytes are no addition", () => {
  const again = addPluginEdits(added, "resource-agent", "blinker", version("a"));
  assert.ok(!("refused" in again) && again.edits.length === 0);
  assert.match(
    refusal(addPluginEdits(added, "resource-agent", "blinker", version("b"))),
    /agreed on other bytes of the resource-agent blinker \(sha512-a.*from blinker\.tgz\)\. Use "systole plugin update"/,
  );
});

test("an update remembers what was before, and a rollback goes back and forth", () => {
  const updated = made(added, updatePluginEdits(added, "resource-agent", "blinker", version("b")));
  const [entry] = readPluginLock(updated).plugins;
  assert.equal(entry?.current.sha512, digest("b"));
  assert.equal(entry?.previous?.sha512, digest("a"));
  const back = made(updated, rollbackPluginEdits(updated, "blinker"));
  assert.equal(readPluginLock(back).plugins[0]?.current.sha512, digest("a"));
  assert.equal(readPluginLock(back).plugins[0]?.previous?.sha512, digest("b"));
  assert.match(refusal(rollbackPluginEdits(added, "blinker")), /was not updated since it was added/);
  assert.match(
    refusal(updatePluginEdits(EMPTY, "resource-agent", "blinker", version("b"))),
    /agreed on no plugin "blinker"/,
  );
});

test("an approval can be of less than is asked for, never of more", () => {
  const waiting = made(
    EMPTY,
    addPluginEdits(EMPTY, "resource-agent", "blinker", (({ grants: _, ...rest }) => rest)(version("a"))),
  );
  assert.equal(readPluginLock(waiting).plugins[0]?.current.grants, undefined);
  const approved = made(waiting, approvePluginEdits(waiting, "blinker", { read: ["/a"] }));
  assert.deepEqual(readPluginLock(approved).plugins[0]?.current.grants, { read: ["/a"] });
  assert.match(refusal(approvePluginEdits(waiting, "blinker", { read: ["/c"] })), /does not ask for read "\/c"/);
  assert.match(refusal(approvePluginEdits(waiting, "blinker", { run: ["*"] })), /does not ask for run/);
});

test("what is used cannot be removed; the rest can", () => {
  assert.deepEqual(usersOf(added, "resource-agent", "blinker"), ["lamp"]);
  assert.deepEqual(usersOf(added, "fence-device", "blinker"), ["power"]);
  assert.deepEqual(usersOf(added, "alert", "blinker"), ["ops"]);
  assert.match(refusal(removePluginEdits(added, "blinker", ["lamp"])), /is used by lamp/);
  const removed = made(added, removePluginEdits(added, "blinker", []));
  assert.deepEqual(readPluginLock(removed).plugins, []);
});

test("two kinds of one name have to be told apart", () => {
  const both = made(added, addPluginEdits(added, "fence-device", "blinker", version("c")));
  assert.match(
    refusal(rollbackPluginEdits(both, "blinker")),
    /several plugins "blinker": fence-device and resource-agent\. Say which with --kind/,
  );
  assert.match(refusal(rollbackPluginEdits(both, "blinkr")), /Did you mean "blinker"\?/);
});

const BAD: readonly (readonly [string, string, string])[] = [
  ["no JSON", "systole-plugin-resource-agent-x", "{"],
  ["not an object", "systole-plugin-resource-agent-x", "[]"],
  ["a wrong digest", "systole-plugin-resource-agent-x", JSON.stringify({ ...version("a"), sha512: "sha512-x" })],
  ["an unknown member", "systole-plugin-resource-agent-x", JSON.stringify({ ...version("a"), more: 1 })],
  ["a missing member", "systole-plugin-resource-agent-x", JSON.stringify({ sha512: digest("a") })],
  [
    "permissions that are none",
    "systole-plugin-resource-agent-x",
    JSON.stringify({ ...version("a"), permissions: { read: "all" } }),
  ],
  ["an unknown kind", "systole-plugin-transport-x", JSON.stringify(version("a"))],
  ["a name that is none", "systole-plugin-resource-agent-X", JSON.stringify(version("a"))],
  ["too long", "systole-plugin-resource-agent-x", " ".repeat(MAX_ENTRY_CHARACTERS) + JSON.stringify(version("a"))],
];

for (const [what, name, value] of BAD) {
  test(`an entry that cannot be read counts as none and is named: ${what}`, () => {
    const pair: Element = { name: "nvpair", attributes: { id: "x", name, value }, children: [] };
    const set: Element = { name: "cluster_property_set", attributes: { id: "s" }, children: [pair] };
    const edited = applyEdits(added, [
      { edit: "put", parent: [{ name: "configuration" }, { name: "crm_config" }], element: set },
    ]);
    assert.ok(edited.ok);
    const lock = readPluginLock(edited.cib);
    assert.deepEqual(lock.unreadable, [name]);
    assert.equal(lock.plugins.length, 1);
  });
}

test("the lock has bounds", () => {
  let cib = EMPTY;
  for (let at = 0; at < MAX_LOCKED_PLUGINS; at += 1)
    cib = made0(cib, addPluginEdits(cib, "fence-device", `x${at}`, version("a")));
  assert.match(refusal(addPluginEdits(cib, "fence-device", "one-more", version("a"))), /has 256 plugins already/);
  const huge = { read: Array.from({ length: 200 }, (_, at) => `/${at}${"x".repeat(1_000)}`) };
  assert.match(
    refusal(addPluginEdits(EMPTY, "fence-device", "x", version("a", { permissions: huge }))),
    /65536 are allowed\. Declare fewer/,
  );
});

/** Without the validation, which takes its time on a long list. */
function made0(cib: Element, result: EditResult): Element {
  assert.ok(!("refused" in result));
  const edited = applyEdits(cib, result.edits);
  assert.ok(edited.ok);
  return edited.cib;
}

test("what is new in permissions is told from what was there", () => {
  const changes = permissionChanges({ read: ["/a", "/b"], run: ["ip"] }, { read: ["/b", "/c"], net: ["x:1/udp"] });
  assert.deepEqual(
    changes.map(({ kind, pattern, change }) => `${change} ${kind} ${pattern}`),
    ["added net x:1/udp", "removed read /a", "kept read /b", "added read /c", "removed run ip"],
  );
  assert.ok(isWidened({ read: ["/a"] }, { read: ["/a", "/b"] }));
  assert.ok(!isWidened({ read: ["/a", "/b"] }, { read: ["/a"] }));
});

test("whatever stands in the property, reading it does not fail, and what was read can be compared and written", () => {
  const key = fc.constantFrom(
    "read",
    "constructor",
    "__proto__",
    "toString",
    "sha512",
    "api",
    "source",
    "permissions",
    "grants",
  );
  const patterns = fc.dictionary(key, fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }));
  const near = fc.record({
    sha512: fc.constant(digest("a")),
    api: fc.nat(3),
    source: fc.string(),
    permissions: patterns,
    grants: patterns,
  });
  const value = fc.oneof(
    fc.json(),
    fc.string(),
    near.map((entry) => JSON.stringify(entry)),
  );
  fc.assert(
    fc.property(value, (text) => {
      const pair: Element = {
        name: "nvpair",
        attributes: { id: "x", name: "systole-plugin-resource-agent-x", value: text },
        children: [],
      };
      const set: Element = { name: "cluster_property_set", attributes: { id: "s" }, children: [pair] };
      const config: Element = { name: "crm_config", attributes: {}, children: [set] };
      const lock = readPluginLock({
        name: "cib",
        attributes: {},
        children: [{ name: "configuration", attributes: {}, children: [config] }],
      });
      assert.equal(lock.plugins.length + lock.unreadable.length, 1);
      for (const { current } of lock.plugins) permissionChanges(current.permissions, current.grants ?? {});
      lockFileText(lock);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("a configuration in the place of another keeps the lock that runs, unless it has one of its own", () => {
  const configurationOf = (cib: Element): Element => {
    const configuration = childNamed(cib, "configuration");
    assert.ok(configuration !== undefined);
    return configuration;
  };
  const replaced = (
    cib: Element,
    configuration: Element,
  ): { readonly kept: readonly string[]; readonly cib: Element } => {
    const { kept, configuration: kind } = keepPluginLock(configuration, configurationOf(cib));
    const edited = applyEdits(cib, [{ edit: "replace-configuration", element: kind }]);
    assert.ok(edited.ok);
    assert.deepEqual(
      validateCib(edited.cib).filter(({ severity }) => severity === "error"),
      [],
    );
    return { kept, cib: edited.cib };
  };
  const locked = made(EMPTY, addPluginEdits(EMPTY, "resource-agent", "blinker", version("A")));
  const names = (cib: Element): string[] => readPluginLock(cib).plugins.map(({ current }) => current.sha512);
  const kept = replaced(locked, configurationOf(EMPTY));
  assert.deepEqual([kept.kept, names(kept.cib)], [["resource-agent blinker"], [digest("A")]]);
  assert.deepEqual(keepPluginLock(configurationOf(locked), configurationOf(locked)).kept, []);
  const empty = parseXml("<configuration><nodes/><resources/><constraints/></configuration>");
  const bare = replaced(locked, empty);
  assert.deepEqual(names(bare.cib), [digest("A")]);
  assert.equal(configurationOf(bare.cib).children[0]?.name, "crm_config");
  const same = parseXml(
    `<configuration><crm_config><cluster_property_set id="systole-plugins"><nvpair id="x" name="batch-limit" value="1"/></cluster_property_set></crm_config><nodes/><resources/><constraints/></configuration>`,
  );
  assert.deepEqual(names(replaced(locked, same).cib), [digest("A")]);
  const other = made(EMPTY, addPluginEdits(EMPTY, "resource-agent", "blinker", version("B")));
  const own = replaced(locked, configurationOf(other));
  assert.deepEqual([own.kept, names(own.cib)], [[], [digest("B")]]);
});
