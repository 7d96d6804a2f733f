import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  MAX_ATTEMPTS,
  MAX_WAITING_ALERTS,
  Recipient,
} from "../../../../runtime/services/alerts/recipient.ts";
import type { Sink } from "../../../../runtime/services/alerts/sinks.ts";
import type { AlertCall, AlertOutcome } from "../../../../runtime/services/calls.ts";
import type { UntimedEvent } from "../../../../runtime/services/node-events.ts";
import type { Alert } from "../../../../sdk/mod.ts";

const SINK: Sink = {
  id: "ops",
  path: "systole:webhook",
  parameters: {},
  timeoutMs: 30_000,
  timestampFormat: "%T",
  kinds: new Set(["node"]),
  attributes: undefined,
};

function alert(sequence: number): Alert {
  const facts = { sequence, epochMs: 1_000 + sequence, timestamp: "", sender: "n1", text: `event ${sequence}` };
  return {
    kind: "attribute",
    deliveryId: `life-${sequence}-ops`,
    ...facts,
    node: "n1",
    nodeId: 1,
    name: "a",
    value: "b",
  };
}

/** What was delivered, in words. */
function said(call: AlertCall | undefined): string {
  if (call === undefined) return "nothing";
  if (call.alert === undefined) return "check";
  return call.alert.kind === "dropped" ? `dropped ${call.alert.count}` : `${call.alert.sequence}`;
}

const ERROR: AlertOutcome = { outcome: "error", reason: "no answer" };
const DONE: AlertOutcome = { outcome: "done" };

class Bench {
  nowMs = 0;
  readonly calls: AlertCall[] = [];
  readonly events: UntimedEvent[] = [];
  readonly recipient: Recipient;
  private ids = 0;

  constructor(sink: Sink = SINK) {
    this.recipient = new Recipient(sink, {
      sender: "n1",
      nextCallId: () => ++this.ids,
      call: (call) => this.calls.push(call),
      tell: (event) => this.events.push(event),
    });
    this.proceed();
    this.answer(DONE);
    assert.deepEqual(this.taken(), ["check"]);
  }

  add(...sequences: number[]): void {
    for (const sequence of sequences) {
      this.recipient.add(alert(sequence));
      this.proceed();
    }
  }

  answer(outcome: AlertOutcome): void {
    this.recipient.outcome(outcome, this.nowMs);
    this.proceed();
  }

  proceed(): void {
    this.recipient.proceed(this.nowMs);
  }

  /** Lets time pass until it wants to do something; how long that was. */
  wait(): number {
    const untilMs = this.recipient.deadlineMs();
    assert(untilMs !== undefined, "it waits for something");
    const pauseMs = untilMs - this.nowMs;
    this.nowMs = untilMs;
    this.proceed();
    return pauseMs;
  }

  /** What was called since the last time. */
  taken(): string[] {
    return this.calls.splice(0).map(said);
  }

  get codes(): string[] {
    return this.events.map(({ code }) => code);
  }
}

test("alerts go one after the other, in order", () => {
  const bench = new Bench();
  bench.add(1, 2, 3);
  assert.deepEqual(bench.taken(), ["1"]);
  bench.answer(DONE);
  bench.answer(DONE);
  bench.answer(DONE);
  assert.deepEqual(bench.taken(), ["2", "3"]);
  assert.equal(bench.recipient.busy, false);
  assert.deepEqual(bench.events, []);
});

test("a failure is tried again after growing pauses, under the same delivery id, and holds up what is behind it", () => {
  const bench = new Bench();
  bench.add(1, 2);
  bench.answer(ERROR);
  assert.equal(bench.wait(), FIRST_PAUSE_MS);
  bench.answer({ outcome: "timeout", reason: "late" });
  assert.equal(bench.wait(), 2 * FIRST_PAUSE_MS);
  const ids = bench.calls.map((call) => call.alert?.deliveryId);
  assert.deepEqual(ids, ["life-1-ops", "life-1-ops", "life-1-ops"]);
  assert.deepEqual(bench.taken(), ["1", "1", "1"]);
  assert.match(
    bench.recipient.problem ?? "",
    /^Alerts to ops \(systole:webhook\) do not get through from n1: late\. 2 wait\.$/,
  );
  bench.answer(DONE);
  assert.deepEqual(bench.taken(), ["2"]);
  assert.equal(bench.recipient.problem, undefined);
  assert.deepEqual(bench.codes, ["alert-failed", "alert-works"]);
});

test("an alert that never gets through is given up, the next is tried, and the recipient hears how many are gone", () => {
  const bench = new Bench();
  bench.add(1, 2);
  const pauses: number[] = [];
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    bench.answer(ERROR);
    pauses.push(bench.wait());
  }
  assert.deepEqual(bench.taken(), [...Array.from({ length: MAX_ATTEMPTS }, () => "1"), "dropped 1"]);
  assert.equal(Math.max(...pauses), LONGEST_PAUSE_MS);
  bench.answer(DONE);
  bench.answer(DONE);
  assert.deepEqual(bench.taken(), ["2"]);
  assert.deepEqual(bench.codes, ["alert-failed", "alert-dropped", "alert-works"]);
  assert.equal(bench.recipient.busy, false);
  assert.equal(bench.recipient.deadlineMs(), undefined);
});

test("a count that is never taken does not hold up the alerts for ever", () => {
  const bench = new Bench();
  bench.add(1, 2);
  for (let attempt = 0; attempt < 2 * MAX_ATTEMPTS; attempt += 1) {
    bench.answer(ERROR);
    bench.wait();
  }
  assert.equal(bench.taken().at(-1), "2");
});

test("the oldest give way when too many wait; the one on its way may still arrive", () => {
  const bench = new Bench();
  for (let sequence = 1; sequence <= MAX_WAITING_ALERTS + 3; sequence += 1) bench.add(sequence);
  assert.deepEqual(bench.taken(), ["1"]);
  bench.answer(DONE);
  assert.equal(bench.calls[0]?.alert?.sequence, 4, "in the place of the last one that is gone");
  bench.answer(DONE);
  assert.deepEqual(bench.taken(), ["dropped 3", "5"]);
  const [event] = bench.events;
  assert.match(
    event?.text ?? "",
    /^An alert was given up, because ops \(systole:webhook\) did not take it from n1: 256 alerts waited/,
  );
});

test("an alert that is refused is not tried again", () => {
  const bench = new Bench();
  bench.add(1);
  bench.answer({ outcome: "refused", reason: "no such plugin" });
  bench.answer({ outcome: "refused", reason: "no such plugin" });
  assert.deepEqual(bench.taken(), ["1", "dropped 1"]);
  assert.equal(bench.recipient.deadlineMs(), undefined);
  bench.add(2);
  assert.deepEqual(bench.taken(), ["2"]);
  assert.equal(bench.events[0]?.severity, "error");
  assert.match(bench.events[0]?.text ?? "", /Put it right in the alert ops/);
});

test("a changed configuration is looked at, and what it had to make up for is told then", () => {
  const bench = new Bench();
  bench.add(1);
  bench.answer({ outcome: "refused", reason: "no such plugin" });
  bench.answer({ outcome: "refused", reason: "no such plugin" });
  bench.taken();
  bench.recipient.configure({ ...SINK });
  bench.proceed();
  assert.deepEqual(bench.taken(), [], "nothing has changed");
  bench.recipient.configure({ ...SINK, path: "systole:other" });
  bench.proceed();
  bench.answer(DONE);
  assert.deepEqual(bench.taken(), ["check", "dropped 1"]);
  assert.equal(bench.recipient.problem, undefined);
  assert.equal(bench.codes.at(-1), "alert-works");
});

test("a changed configuration ends the pause", () => {
  const bench = new Bench();
  bench.add(1);
  bench.answer(ERROR);
  bench.taken();
  bench.recipient.configure({ ...SINK, timeoutMs: 1_000 });
  bench.proceed();
  bench.answer(DONE);
  assert.deepEqual(bench.taken(), ["check", "1"]);
});

test("a program is called once for each alert, and is not told of what it missed", () => {
  const bench = new Bench({ ...SINK, path: "/usr/share/pacemaker/alerts/alert_file.sh" });
  bench.add(1, 2);
  bench.answer(ERROR);
  bench.answer(DONE);
  assert.deepEqual(bench.taken(), ["1", "2"]);
  assert.deepEqual(bench.codes, ["alert-failed", "alert-dropped", "alert-works"]);
});

test("many that are given up are told of at the 1st, 10th and 100th", () => {
  const bench = new Bench({ ...SINK, path: "/bin/false" });
  for (let sequence = 1; sequence <= 120; sequence += 1) {
    bench.add(sequence);
    bench.answer(ERROR);
  }
  assert.equal(bench.codes.filter((code) => code === "alert-dropped").length, 3);
  assert.equal(bench.codes.filter((code) => code === "alert-failed").length, 1);
});
