import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentCall, AgentOutcome } from "../../../../runtime/services/calls.ts";
import {
  ABORT_GRACE_MS,
  Executor,
  type ExecutorEffect,
  type ExecutorInput,
  MAX_QUEUED,
} from "../../../../runtime/services/executor/executor.ts";
import { READ_BACK_FIRST_MS } from "../../../../runtime/services/executor/run.ts";
import type { Operation, OperationResult } from "../../../../runtime/services/messages.ts";

let count = 0;

function operation(action: string, more: Partial<Operation> & { expected?: number; id?: string } = {}): Operation {
  count += 1;
  const { expected = 0, id = "web", ...rest } = more;
  const intervalMs = rest.intervalMs ?? 0;
  return {
    transitionKey: `${count}:1:${expected}:0a0a0a0a-0000-0000-0000-000000000000`,
    operationKey: `${id}_${action}_${intervalMs}`,
    resource: { id, class: "ocf", provider: "systole", type: "process" },
    action,
    intervalMs,
    timeoutMs: 20_000,
    startDelayMs: 0,
    parameters: {},
    meta: {},
    ...rest,
  };
}

/** The executor under a clock that the test moves. */
class Bench {
  nowMs = 1000;
  readonly calls: AgentCall[] = [];
  readonly results: OperationResult[] = [];
  readonly aborted: number[] = [];
  readonly checks: number[] = [];
  readonly executor: Executor;

  constructor() {
    let id = 0;
    const nextCallId = () => {
      id += 1;
      return id;
    };
    this.executor = new Executor({ self: 1, name: "n1", incarnation: 7, digest: () => "digest", nextCallId });
    this.give({ type: "wall-clock", epochMs: 1_700_000_000_000 });
  }

  give(input: ExecutorInput): ExecutorEffect[] {
    const effects = this.executor.step(input, this.nowMs);
    for (const effect of effects) {
      if (effect.type === "agent-call") this.calls.push(effect.call);
      else if (effect.type === "operation-result") this.results.push(effect.result);
      else if (effect.type === "agent-abort") this.aborted.push(effect.id);
      else if (effect.type === "device-call") this.checks.push(effect.call.id);
    }
    return effects;
  }

  run(wanted: Operation): void {
    this.give({ type: "operation", operation: wanted });
  }

  /** Answers the last call. */
  answer(outcome: AgentOutcome): void {
    const call = this.calls.at(-1);
    assert(call !== undefined);
    this.give({ type: "agent-outcome", id: call.id, outcome });
  }

  state(state: "running" | "promoted" | "stopped" | "failed"): void {
    this.answer({ outcome: "state", state });
  }

  tickTo(nowMs: number): void {
    this.nowMs = nowMs;
    this.give({ type: "tick" });
  }

  get verbs(): string[] {
    return this.calls.map((call) => call.verb);
  }

  get last(): OperationResult {
    const result = this.results.at(-1);
    assert(result !== undefined);
    return result;
  }
}

test("a start after a probe that found nothing is one call and one reading, in the same steps", () => {
  const bench = new Bench();
  bench.run(operation("monitor", { expected: 7 }));
  bench.state("stopped");
  assert.equal(bench.last.rc, 7);
  bench.run(operation("start"));
  bench.answer({ outcome: "done" });
  bench.state("running");
  assert.deepEqual(bench.verbs, ["monitor", "start", "monitor"]);
  assert.equal(bench.last.rc, 0);
  assert.equal(bench.last.status, "done");
});

test("a start of something unknown looks first, and does nothing when it runs already", () => {
  const bench = new Bench();
  bench.run(operation("start"));
  bench.state("running");
  assert.deepEqual(bench.verbs, ["monitor"]);
  assert.equal(bench.last.rc, 0);
});

test("a start counts only when it was read as running, however long that takes within its time", () => {
  const bench = new Bench();
  bench.run(operation("start", { timeoutMs: 10_000 }));
  bench.state("stopped");
  bench.answer({ outcome: "done" });
  bench.state("stopped");
  assert.equal(bench.results.length, 0);
  assert.equal(bench.executor.deadlineMs(), bench.nowMs + READ_BACK_FIRST_MS);
  bench.tickTo(bench.nowMs + READ_BACK_FIRST_MS);
  bench.state("failed");
  bench.tickTo(bench.nowMs + 2 * READ_BACK_FIRST_MS);
  bench.state("running");
  assert.equal(bench.last.rc, 0);
  assert.deepEqual(bench.verbs, ["monitor", "start", "monitor", "monitor", "monitor"]);
});

test("a stop of what the host never started is over with the host's word; an agent's word is read back", () => {
  const bench = new Bench();
  bench.run(operation("stop"));
  bench.answer({ outcome: "state", state: "stopped", reason: "It was never started here." });
  assert.deepEqual(bench.verbs, ["stop"]);
  assert.equal(bench.last.rc, 0);
  bench.run(operation("stop"));
  bench.answer({ outcome: "done" });
  assert.deepEqual(bench.verbs, ["stop", "stop", "monitor"]);
});

test("at the deadline the call is aborted, the result is a timeout, and a late outcome is dropped", () => {
  const bench = new Bench();
  bench.run(operation("stop", { timeoutMs: 5000 }));
  const [call] = bench.calls;
  assert.equal(call?.timeoutMs, 5000);
  bench.tickTo(6000);
  assert.deepEqual(bench.aborted, [call?.id]);
  assert.equal(bench.last.status, "timeout");
  assert.match(bench.last.reason, /stop of web did not end within 5000 ms/);
  bench.run(operation("stop"));
  assert.equal(bench.calls.length, 1, "the aborted call is still out, so nothing else is called for this resource");
  bench.give({ type: "agent-outcome", id: call?.id ?? 0, outcome: { outcome: "done" } });
  assert.equal(bench.results.length, 1);
  assert.equal(bench.calls.length, 2);
});

test("an aborted call that never comes back holds the next one up for a bounded time", () => {
  const bench = new Bench();
  bench.run(operation("stop", { timeoutMs: 5000 }));
  bench.tickTo(6000);
  bench.run(operation("stop"));
  bench.tickTo(6000 + ABORT_GRACE_MS);
  assert.equal(bench.calls.length, 2);
});

test("operations of one resource wait for one another, those of another do not", () => {
  const bench = new Bench();
  bench.run(operation("stop"));
  bench.run(operation("monitor"));
  bench.run(operation("stop", { id: "db" }));
  assert.deepEqual(
    bench.calls.map((call) => `${call.resource.id} ${call.verb}`),
    ["web stop", "db stop"],
  );
});

test("a queue that is full refuses in words", () => {
  const bench = new Bench();
  for (let i = 0; i <= MAX_QUEUED + 1; i++) bench.run(operation("monitor"));
  assert.equal(bench.last.status, "error");
  assert.match(bench.last.reason, /operations wait for web/);
});

test("errors become OCF exit codes; a plugin that died says nothing", () => {
  const codes = { generic: 1, arguments: 2, unimplemented: 3, privileges: 4, "not-installed": 5, "not-configured": 6 };
  for (const [code, rc] of Object.entries(codes)) {
    const bench = new Bench();
    bench.run(operation("stop"));
    const known = code as keyof typeof codes;
    bench.answer({ outcome: "error", code: known, reason: "no" });
    assert.equal(bench.last.rc, rc);
    assert.equal(bench.last.reason, "no");
  }
  const bench = new Bench();
  bench.run(operation("monitor", { expected: 7 }));
  bench.answer({ outcome: "unknown", reason: "the plugin died" });
  assert.equal(bench.last.rc, 1);
  assert.equal(bench.last.status, "error");
});

test("a failure of what is promoted is 9", () => {
  const bench = new Bench();
  bench.run(operation("monitor", { expected: 7 }));
  bench.state("promoted");
  assert.equal(bench.last.rc, 8);
  bench.run(operation("monitor"));
  bench.state("failed");
  assert.equal(bench.last.rc, 9);
});

test("a recurring monitor right after the start takes over what was read, then reports changes only", () => {
  const bench = new Bench();
  bench.run(operation("start"));
  bench.state("stopped");
  bench.answer({ outcome: "done" });
  bench.state("running");
  const readAt = bench.nowMs;
  bench.run(operation("monitor", { intervalMs: 10_000 }));
  assert.equal(bench.calls.length, 3, "no call was needed");
  assert.equal(bench.last.operation.intervalMs, 10_000);
  assert.equal(bench.last.rc, 0);
  const reported = bench.results.length;
  bench.tickTo(readAt + 10_000);
  bench.state("running");
  assert.equal(bench.results.length, reported);
  bench.tickTo(readAt + 20_000);
  bench.state("stopped");
  assert.equal(bench.results.length, reported + 1);
  assert.equal(bench.last.rc, 7);
  bench.tickTo(readAt + 30_000);
  bench.state("stopped");
  assert.equal(bench.results.length, reported + 1);
});

test("a recurring monitor without anything known runs at once", () => {
  const bench = new Bench();
  bench.run(operation("monitor", { intervalMs: 10_000 }));
  assert.deepEqual(bench.verbs, ["monitor"]);
  bench.state("running");
  assert.equal(bench.last.rc, 0);
});

test("changing the state ends recurring monitors, also one that is being asked just now", () => {
  const bench = new Bench();
  bench.run(operation("monitor", { intervalMs: 10_000 }));
  bench.state("running");
  bench.tickTo(bench.nowMs + 10_000);
  bench.run(operation("stop"));
  bench.state("stopped");
  assert.equal(bench.results.length, 1, "the monitor's word is not reported any more");
  assert.deepEqual(bench.verbs, ["monitor", "monitor", "stop"]);
  bench.answer({ outcome: "done" });
  bench.state("stopped");
  assert.equal(bench.executor.deadlineMs(), undefined);
  const [history] = bench.executor.lrm.children[0]?.children ?? [];
  assert.deepEqual(
    history?.children.map((entry) => entry.attributes["id"]),
    ["web_last_0"],
  );
});

test("a cancelled monitor is gone, from the history too", () => {
  const bench = new Bench();
  const monitor = operation("monitor", { intervalMs: 10_000 });
  bench.run(monitor);
  bench.state("running");
  bench.give({ type: "operation-cancel", resource: "web", operationKey: monitor.operationKey });
  assert.equal(bench.executor.deadlineMs(), undefined);
  assert.equal(bench.executor.lrm.children[0]?.children[0]?.children.length, 0);
});

test("results are reported to a new coordinator until they are noted", () => {
  const bench = new Bench();
  bench.run(operation("monitor", { expected: 7 }));
  bench.state("stopped");
  const again = () => bench.give({ type: "report-again" }).filter((effect) => effect.type === "operation-result");
  assert.equal(again().length, 1);
  bench.give({ type: "operation-noted", callId: bench.last.callId });
  assert.equal(again().length, 0);
});

test("the same request twice is carried out once", () => {
  const bench = new Bench();
  const stop = operation("stop");
  bench.run(stop);
  bench.run(stop);
  bench.answer({ outcome: "done" });
  bench.state("stopped");
  bench.run(stop);
  assert.equal(bench.results.length, 1);
  assert.deepEqual(bench.verbs, ["stop", "monitor"]);
});

test("scripts of OCF are believed; their own start waits until the service works", () => {
  const bench = new Bench();
  const resource = { id: "ip", class: "ocf", provider: "heartbeat", type: "IPaddr2" };
  bench.run(operation("start", { id: "ip", resource }));
  bench.answer({ outcome: "done" });
  assert.deepEqual(bench.verbs, ["start"]);
  assert.equal(bench.last.rc, 0);
});

test("a fence device is checked, not started; its probe and its stop need no call", () => {
  const bench = new Bench();
  const resource = { id: "power", class: "stonith", type: "systole:dummy" };
  bench.run(operation("monitor", { id: "power", resource, expected: 7 }));
  assert.equal(bench.last.rc, 7);
  bench.run(operation("start", { id: "power", resource }));
  assert.equal(bench.checks.length, 1);
  bench.give({ type: "device-outcome", id: bench.checks[0] ?? 0, outcome: { outcome: "done" } });
  assert.equal(bench.last.rc, 0);
  bench.run(operation("stop", { id: "power", resource }));
  assert.equal(bench.last.rc, 0);
  assert.equal(bench.checks.length, 1);
  assert.deepEqual(bench.executor.active, []);
});

test("a notification changes nothing about what runs here", () => {
  const bench = new Bench();
  bench.run(operation("notify"));
  bench.answer({ outcome: "done" });
  assert.deepEqual(bench.executor.active, []);
  bench.run(operation("start"));
  bench.state("stopped");
  bench.answer({ outcome: "done" });
  bench.state("running");
  bench.run(operation("notify"));
  bench.answer({ outcome: "done" });
  assert.deepEqual(bench.executor.active, ["web"]);
});

test("the history has Pacemaker's ids: last, last_failure, and a recurring operation under its key", () => {
  const bench = new Bench();
  bench.run(operation("start"));
  bench.state("running");
  bench.run(operation("monitor", { intervalMs: 10_000 }));
  bench.state("running");
  bench.tickTo(bench.nowMs + 10_000);
  bench.state("failed");
  const entries = () => bench.executor.lrm.children[0]?.children[0]?.children ?? [];
  assert.deepEqual(
    entries().map((entry) => entry.attributes["id"]),
    ["web_last_0", "web_monitor_10000", "web_last_failure_0"],
  );
  const failure = entries()[2]?.attributes ?? {};
  assert.equal(failure["operation_key"], "web_monitor_10000");
  assert.equal(failure["rc-code"], "1");
  assert.equal(failure["op-status"], "0");
  assert.match(failure["transition-magic"] ?? "", /^0:1;\d+:1:0:/);
});

test("nothing is made active in a view that is not primary; while a view forms, what would be waits", () => {
  const bench = new Bench();
  bench.give({ type: "activation", allowed: undefined });
  bench.run(operation("start"));
  bench.state("stopped");
  assert.deepEqual(bench.verbs, ["monitor"]);
  bench.give({ type: "activation", allowed: true });
  assert.deepEqual(bench.verbs, ["monitor", "start"]);
  bench.answer({ outcome: "done" });
  bench.state("running");
  bench.give({ type: "activation", allowed: undefined });
  bench.run(operation("promote"));
  bench.give({ type: "activation", allowed: false });
  assert.equal(bench.last.status, "cancelled");
  bench.run(operation("stop"));
  assert.equal(bench.verbs.at(-1), "stop", "what ends something is always done");
  const [history] = bench.executor.lrm.children[0]?.children ?? [];
  assert.equal(history?.children[0]?.attributes["operation"], "start", "what was not begun left no trace");
});

test("the roll call names what has no result yet, after the results that are not noted", () => {
  const bench = new Bench();
  bench.run(operation("monitor", { expected: 7 }));
  bench.state("stopped");
  bench.run(operation("start"));
  bench.run(operation("monitor", { intervalMs: 10_000 }));
  const called = () =>
    bench.give({ type: "report-again" }).map((effect) => {
      if (effect.type === "operations-under-way") return effect.operations.map(({ operationKey }) => operationKey);
      return effect.type === "operation-result" ? effect.result.operation.operationKey : effect.type;
    });
  assert.deepEqual(called(), ["web_monitor_0", ["web_start_0", "web_monitor_10000"]]);
  bench.answer({ outcome: "done" });
  bench.state("running");
  bench.tickTo(bench.nowMs);
  bench.state("running");
  const results = ["web_monitor_0", "web_start_0", "web_monitor_10000"];
  assert.deepEqual(called(), [...results, []]);
});

test("a recurring monitor that ends before its first result says so, or its coordinator would wait for it", () => {
  const bench = new Bench();
  bench.run(operation("monitor", { intervalMs: 10_000 }));
  bench.give({ type: "history-clear", resource: "web" });
  assert.equal(bench.last.status, "cancelled");
  assert.equal(bench.last.operation.intervalMs, 10_000);
  bench.state("running");
  assert.equal(bench.results.length, 1);
});

test("an operation whose time goes by before it may begin has not failed", () => {
  const bench = new Bench();
  bench.give({ type: "activation", allowed: undefined });
  bench.run(operation("start"));
  bench.state("stopped");
  bench.tickTo(bench.nowMs + 20_000);
  assert.equal(bench.last.status, "cancelled");
  assert.deepEqual(bench.verbs, ["monitor"]);
});
