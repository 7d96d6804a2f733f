import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import { DEFAULT_TIMEOUT_MS, isWanted, readSinks } from "../../../../runtime/services/alerts/sinks.ts";
import { DEFAULT_TIMESTAMP_FORMAT } from "../../../../runtime/services/alerts/timestamp.ts";
import { makeResolver } from "../../../../runtime/services/scheduler/cluster.ts";

function pairs(owner: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `<nvpair id="${owner}-${name}" name="${name}" value="${value}"/>`)
    .join("");
}

const meta = (owner: string, values: Readonly<Record<string, string>>, inner = "") =>
  `<meta_attributes id="${owner}-m">${inner}${pairs(`${owner}-m`, values)}</meta_attributes>`;
const instance = (owner: string, values: Readonly<Record<string, string>>, inner = "") =>
  `<instance_attributes id="${owner}-i">${inner}${pairs(`${owner}-i`, values)}</instance_attributes>`;

function sinks(alerts: string, nowEpochSeconds = 0) {
  const section = parseXml(`<alerts>${alerts}</alerts>`);
  return readSinks(section, { nowEpochSeconds, zoneMinutes: 0, resolve: makeResolver(section) });
}

test("an alert without recipients is told as it is, of everything but attributes", () => {
  const [only, ...rest] = sinks(`<alert id="ops" path="systole:webhook"/>`);
  assert.deepEqual(rest, []);
  assert.ok(only);
  const { kinds, ...others } = only;
  assert.deepEqual([...kinds].sort(), ["fencing", "node", "resource"]);
  assert.deepEqual(others, {
    id: "ops",
    path: "systole:webhook",
    parameters: {},
    timeoutMs: DEFAULT_TIMEOUT_MS,
    timestampFormat: DEFAULT_TIMESTAMP_FORMAT,
    attributes: undefined,
  });
});

test("each recipient is told by itself, and what it sets comes before what its alert sets", () => {
  const first = `<recipient id="r1" value="one">${meta("r1", { timeout: "5s", "timestamp-format": "%s" })}${instance("r1", { level: "high" })}</recipient>`;
  const second = `<recipient id="r2" value="two"/>`;
  const own = `${meta("ops", { timeout: "15s" })}${instance("ops", { level: "low", url: "u" })}`;
  const read = sinks(`<alert id="ops" path="/x">${own}${first}${second}</alert>`);
  assert.deepEqual(
    read.map(({ id, recipient, timeoutMs, timestampFormat, parameters }) => ({
      ...{ id, recipient, timeoutMs, timestampFormat, parameters },
    })),
    [
      { id: "r1", recipient: "one", timeoutMs: 5_000, timestampFormat: "%s", parameters: { level: "high", url: "u" } },
      {
        ...{ id: "r2", recipient: "two", timeoutMs: 15_000, timestampFormat: DEFAULT_TIMESTAMP_FORMAT },
        parameters: { level: "low", url: "u" },
      },
    ],
  );
});

test("who is switched off is not told, and no recipient switches on what is off as a whole", () => {
  const off = (id: string) => meta(id, { enabled: "false" });
  const on = (id: string) => meta(id, { enabled: "true" });
  const recipients = `<recipient id="r1" value="1">${on("r1")}</recipient><recipient id="r2" value="2">${off("r2")}</recipient>`;
  assert.deepEqual(
    sinks(`<alert id="a" path="/x">${recipients}</alert>`).map(({ id }) => id),
    ["r1"],
  );
  assert.deepEqual(sinks(`<alert id="a" path="/x">${off("a")}${recipients}</alert>`), []);
  const allOff = `<recipient id="r2" value="2">${off("r2")}</recipient>`;
  assert.deepEqual(sinks(`<alert id="a" path="/x">${allOff}</alert>`), [], "not even without a recipient");
});

test("a timeout that is none is the default", () => {
  for (const timeout of ["0", "-5s", "soon", ""]) {
    const [sink] = sinks(`<alert id="a" path="/x">${meta("a", { timeout })}</alert>`);
    assert.equal(sink?.timeoutMs, DEFAULT_TIMEOUT_MS, timeout);
  }
});

test("select says of what, and of which attributes", () => {
  const select = (inner: string) => sinks(`<alert id="a" path="/x"><select>${inner}</select></alert>`)[0];
  const nodes = select("<select_nodes/><select_fencing/>");
  assert.ok(nodes);
  assert.deepEqual(
    [isWanted(nodes, "node", undefined), isWanted(nodes, "fencing", undefined), isWanted(nodes, "resource", undefined)],
    [true, true, false],
  );
  const some = select(`<select_attributes><attribute id="a1" name="ping"/></select_attributes>`);
  assert.ok(some);
  assert.deepEqual([isWanted(some, "attribute", "ping"), isWanted(some, "attribute", "cpu")], [true, false]);
  const all = select("<select_attributes/><select_resources/>");
  assert.ok(all);
  assert.deepEqual([isWanted(all, "attribute", "cpu"), isWanted(all, "resource", undefined)], [true, true]);
  assert.deepEqual(
    [...(select("")?.kinds ?? [])].sort(),
    ["fencing", "node", "resource"],
    "an empty one selects nothing",
  );
});

test("a rule decides by the time", () => {
  const night = `<rule id="night"><date_expression id="night-x" operation="date_spec"><date_spec id="night-s" hours="22-23"/></date_expression></rule>`;
  const quiet = `<meta_attributes id="quiet" score="2">${night}${pairs("quiet", { enabled: "false" })}</meta_attributes>`;
  const loud = `<instance_attributes id="loud" score="2">${night}${pairs("loud", { level: "night" })}</instance_attributes>`;
  const hour = (hours: number) => Date.UTC(2026, 0, 1, hours) / 1000;
  assert.equal(sinks(`<alert id="a" path="/x">${quiet}</alert>`, hour(12)).length, 1);
  assert.equal(sinks(`<alert id="a" path="/x">${quiet}</alert>`, hour(22)).length, 0);
  const levels = [12, 22].map(
    (at) => sinks(`<alert id="a" path="/x">${loud}${instance("a", { level: "day" })}</alert>`, hour(at))[0]?.parameters,
  );
  assert.deepEqual(levels, [{ level: "day" }, { level: "night" }]);
});
