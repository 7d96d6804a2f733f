// What was dropped of each peer: counted each time, told once a minute, in words that name the cause and the remedy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type DropCause, PeerCounters } from "../../../runtime/host/peer-counters.ts";

const NOTHING = new Uint8Array();
const counters = () =>
  new PeerCounters("demo", [
    { number: 2, id: "b", addresses: ["127.0.0.2:7000", "127.1.0.2:7000"] },
    { number: 3, id: "c", addresses: ["127.0.0.3:7000", "127.1.0.3:7000"] },
  ]);

test("a cause is told of a peer once a minute and counted always", () => {
  const count = counters();
  const told = [0, 10, 59_999, 60_000, 60_001].map((atMs) => count.dropped("b", 0, "wrong-key", NOTHING, atMs));
  assert.deepEqual(
    told.map((note) => note !== undefined),
    [true, false, false, true, false],
  );
  assert.match(
    told[0]?.text ?? "",
    /^The node at 127\.0\.0\.2:7000 \(configured as b\) speaks with another cluster key/,
  );
  assert.match(told[3]?.text ?? "", /Dropped so far: 4\.$/);
  assert.ok(count.dropped("b", 0, "foreign-cluster", NOTHING, 60_002), "another cause is news");
  assert.ok(count.dropped("c", 1, "wrong-key", NOTHING, 60_002), "another peer is news");
  assert.equal(count.dropped("nobody", 0, "wrong-key", NOTHING, 0), undefined);
  const [b, c] = count.report(60_002).peers;
  assert.deepEqual(b?.dropped, { "foreign-cluster": 1, "wrong-key": 5 });
  assert.deepEqual(c?.dropped, { "wrong-key": 1 });
});

test("every cause has words with a next step, and other cluster managers are known by their first bytes", () => {
  const causes: DropCause[] = ["not-systole", "too-new", "too-old", "foreign-cluster", "unknown-node", "misdirected"];
  for (const cause of [...causes, "wrong-key", "old-life", "replayed", "wrong-life", "invalid"] as const) {
    const text = counters().dropped("b", 1, cause, Uint8Array.of(0x53, 9), 0)?.text ?? "";
    assert.match(text, /127\.1\.0\.2:7000/);
    assert.ok(!text.includes("undefined"), text);
  }
  const stranger = (head: Uint8Array) => counters().dropped("b", 0, "not-systole", head, 0)?.text ?? "";
  assert.match(stranger(new TextEncoder().encode("###\n14:(0)t=status")), /is Heartbeat, not Systole/);
  assert.match(stranger(Uint8Array.of(0xc0, 0x70, 3, 0)), /is Corosync/);
  assert.match(stranger(Uint8Array.of(0x70, 0xc0, 3, 0)), /is Corosync/);
  assert.match(stranger(NOTHING), /an unknown program/);
});

test("silence is measured for each link", () => {
  const count = counters();
  count.received("b", 1, 100);
  count.sent("b");
  const [b] = count.report(350).peers;
  assert.deepEqual(
    b?.links.map((link) => link.silenceMs),
    [undefined, 250],
  );
  assert.deepEqual([b?.sent, b?.received], [1, 1]);
});
