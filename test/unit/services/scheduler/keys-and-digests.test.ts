import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { digestText, filterForDigest } from "../../../../runtime/services/scheduler/digests.ts";
import {
  formatTransitionKey,
  formatTransitionMagic,
  notifyKey,
  operationKey,
  parseOperationKey,
  parseTransitionKey,
  parseTransitionMagic,
} from "../../../../runtime/services/scheduler/operation-key.ts";

const COORDINATOR = "12345678-1234-1234-1234-123456789012";

test("operation keys come apart as they were put together", () => {
  for (const [resource, operation, interval] of [
    ["web", "start", 0],
    ["a_b", "monitor", 10_000],
    ["vm", "migrate_to", 0],
    ["web:0", "clear_failcount", 0],
  ] as const) {
    const key = operationKey(resource, operation, interval);
    assert.deepEqual(parseOperationKey(key), { resource, operation, intervalMs: interval });
  }
  assert.equal(parseOperationKey("web"), undefined);
  assert.equal(parseOperationKey("web_start"), undefined);
  assert.equal(notifyKey("web", "pre", "start"), "web_pre_notify_start_0");
});

test("transition keys and magic come apart as they were put together", () => {
  const key = { action: 4, transition: 12, expectedResult: 7, coordinator: COORDINATOR };
  assert.equal(formatTransitionKey(key), `4:12:7:${COORDINATOR}`);
  assert.deepEqual(parseTransitionKey(formatTransitionKey(key)), key);
  const magic = { status: 0, result: 7, key };
  assert.deepEqual(parseTransitionMagic(formatTransitionMagic(magic)), magic);
  assert.equal(parseTransitionMagic("0:7"), undefined);
  assert.equal(parseTransitionKey("x:1:2:y"), undefined);
});

test("the digest of no parameters is the one that every history has", () => {
  const digest = createHash("md5").update(digestText(new Map())).digest("hex");
  assert.equal(digest, "f2317cad3d54cec5d7d7aa7d0bf35cf8");
});

test("names are in order and values escaped in what a digest is made of", () => {
  assert.equal(
    digestText(
      new Map([
        ["b", 'x"<&>'],
        ["a", "1\n2"],
      ]),
    ),
    ' <parameters a="1&#10;2" b="x&quot;&lt;&amp;&gt;"/>\n',
  );
});

test("meta attributes are no parameters, but a recurring operation keeps its timeout", () => {
  const once = filterForDigest(
    new Map([
      ["ip", "1"],
      ["CRM_meta_timeout", "20000"],
      ["crm_feature_set", "3"],
    ]),
  );
  assert.deepEqual([...once.keys()], ["ip"]);
  const recurring = filterForDigest(
    new Map([
      ["CRM_meta_interval", "10000"],
      ["CRM_meta_timeout", "20000"],
    ]),
  );
  assert.deepEqual([...recurring.keys()], ["CRM_meta_timeout"]);
});
