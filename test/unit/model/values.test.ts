import assert from "node:assert/strict";
import { test } from "node:test";
import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import { parseIntervalMs, parseIsoDuration, parseMilliseconds } from "../../../runtime/model/duration.ts";
import { addDuration, formatInstant, parseInstant, parseZonedInstant } from "../../../runtime/model/iso8601.ts";
import { ruleHolds } from "../../../runtime/model/rule.ts";
import { addScores, formatScore, INFINITY, parseScore } from "../../../runtime/model/score.ts";
import { compareNames, compareText, compareVersions, isTrue, parseBoolean } from "../../../runtime/model/text.ts";

test("scores are numbers with two ends", () => {
  assert.equal(parseScore("100"), 100);
  assert.equal(parseScore("-INFINITY"), -INFINITY);
  assert.equal(parseScore("+INFINITY"), INFINITY);
  assert.equal(parseScore("20000000"), INFINITY);
  assert.equal(addScores(INFINITY, -5), INFINITY);
  assert.equal(addScores(INFINITY, -INFINITY), -INFINITY, "never wins over always");
  assert.equal(formatScore(-INFINITY), "-INFINITY");
  assert.equal(formatScore(12), "12");
});

test("durations have units; without one they are seconds", () => {
  assert.equal(parseMilliseconds("10"), 10_000);
  assert.equal(parseMilliseconds("250ms"), 250);
  assert.equal(parseMilliseconds("2min"), 120_000);
  assert.equal(parseIntervalMs("1h"), 3_600_000);
  assert.equal(parseIntervalMs("PT1M30S"), 90_000);
  assert.equal(parseIntervalMs(undefined), 0);
  assert.equal(parseIsoDuration("10"), undefined);
});

test("moments are read and written", () => {
  const moment = parseInstant("2024-02-29 12:30:00Z");
  assert.equal(moment, 1_709_209_800);
  assert.equal(parseInstant("2024-02-29T14:30:00+02:00"), moment);
  assert.equal(formatInstant(1_709_209_800), "2024-02-29 12:30:00Z");
  assert.equal(parseInstant("yesterday"), undefined);
  const month = parseIsoDuration("P1M");
  assert.ok(month !== undefined && moment !== undefined);
  assert.equal(formatInstant(addDuration({ epochSeconds: moment, zoneMinutes: 0 }, month)), "2024-03-29 12:30:00Z");
});

test("a year later is the same day of the year, a month later the same day of the month in the zone of the text", () => {
  const later = (text: string, duration: string) => {
    const start = parseZonedInstant(text);
    const parts = parseIsoDuration(duration);
    return start === undefined || parts === undefined ? "" : formatInstant(addDuration(start, parts));
  };
  assert.equal(later("2023-11-14", "P1Y"), "2024-11-13 00:00:00Z");
  assert.equal(later("2023-01-31 23:30:00Z", "P1M"), "2023-02-28 23:30:00Z");
  assert.equal(later("2023-03-01 00:30:00+02:00", "P1M"), "2023-03-31 22:30:00Z");
  assert.equal(later("2023-01-31 12:00:00Z", "P1Y1MT1S"), "2024-02-29 12:00:01Z");
});

test("a version is the number that a text begins with", () => {
  assert.equal(compareVersions("1.10", "1.9"), 1);
  assert.equal(compareVersions("2", "2.0.0"), 0);
  assert.equal(compareVersions(" 1.2-rc3", "1.2"), 0);
  assert.equal(compareVersions("-1", "none"), 0);
  assert.equal(compareVersions("0.1", "x9"), 1);
});

test("words for yes and no", () => {
  for (const text of ["true", "YES", "on", "1", "y"]) assert.equal(parseBoolean(text), true);
  for (const text of ["false", "no", "OFF", "0", "n"]) assert.equal(parseBoolean(text), false);
  assert.equal(parseBoolean("maybe"), undefined);
  assert.equal(isTrue(undefined), false);
});

test("names with numbers are in the order that people expect, others by their bytes", () => {
  assert.ok(compareNames("node9", "node10") < 0);
  assert.ok(compareText("node9", "node10") > 0);
  assert.ok(compareVersions("1.9", "1.10") < 0);
  assert.equal(compareVersions("3.0", "3.0"), 0);
});

test("a rule joins its conditions", () => {
  const up = element("expression", { id: "e1", attribute: "pingd", operation: "gt", type: "number", value: "5" });
  const late = element("date_expression", { id: "e2", operation: "gt", start: "2024-01-01 00:00:00Z" });
  const resolve = (part: Element) => part;
  const input = { nowEpochSeconds: 1_709_209_800, zoneMinutes: 0, resolve, nodeAttributes: new Map([["pingd", "10"]]) };
  const rule = (how: string) => element("rule", { id: "r", "boolean-op": how }, [up, late]);
  assert.equal(ruleHolds(rule("and"), input), true);
  assert.equal(ruleHolds(rule("and"), { ...input, nodeAttributes: new Map([["pingd", "3"]]) }), false);
  assert.equal(ruleHolds(rule("or"), { ...input, nodeAttributes: new Map() }), true);
  assert.equal(ruleHolds(rule("and"), { ...input, nowEpochSeconds: 1_600_000_000 }), false);
});
