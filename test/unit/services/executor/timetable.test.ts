import assert from "node:assert/strict";
import { test } from "node:test";
import type { AgentCall } from "../../../../runtime/services/calls.ts";
import { Executor, type ExecutorEffect } from "../../../../runtime/services/executor/executor.ts";
import { MOST_TOGETHER, SLACK_MOST_MS, SLACK_SHARE } from "../../../../runtime/services/executor/timetable.ts";
import type { Operation } from "../../../../runtime/services/messages.ts";

const INTERVAL_MS = 10_000;
const SLACK_MS = Math.min(INTERVAL_MS * SLACK_SHARE, SLACK_MOST_MS);

function monitor(id: string, startDelayMs: number, provider = "systole", intervalMs = INTERVAL_MS): Operation {
  return {
    transitionKey: `1:1:0:${id}`,
    operationKey: `${id}_monitor_${intervalMs}`,
    resource: { id, class: "ocf", provider, type: "dummy" },
    action: "monitor",
    intervalMs,
    timeoutMs: 5_000,
    startDelayMs,
    parameters: {},
    meta: {},
  };
}

/** An executor whose agents answer at once; it is woken at its deadlines, as a driver does. */
class Clock {
  nowMs = 0;
  /** When each call was made. */
  readonly calls: { readonly atMs: number; readonly id: string }[] = [];
  readonly executor: Executor;

  constructor(gatherMonitors: boolean) {
    let id = 0;
    const nextCallId = (): number => {
      id += 1;
      return id;
    };
    const config = { self: 1, name: "n1", incarnation: 7, digest: () => "digest", nextCallId, gatherMonitors };
    this.executor = new Executor(config);
  }

  add(operation: Operation): void {
    this.perform(this.executor.step({ type: "operation", operation }, this.nowMs));
  }

  private perform(effects: readonly ExecutorEffect[]): void {
    const made: AgentCall[] = [];
    for (const effect of effects) if (effect.type === "agent-call") made.push(effect.call);
    for (const call of made) this.calls.push({ atMs: this.nowMs, id: call.resource.id });
    for (const { id } of made) {
      const outcome = { outcome: "state", state: "running" } as const;
      this.perform(this.executor.step({ type: "agent-outcome", id, outcome }, this.nowMs));
    }
  }

  runTo(endMs: number): void {
    for (;;) {
      const deadlineMs = this.executor.deadlineMs();
      if (deadlineMs === undefined || deadlineMs > endMs) break;
      assert(deadlineMs >= this.nowMs, "the deadline is in the future");
      this.nowMs = deadlineMs;
      this.perform(this.executor.step({ type: "tick" }, this.nowMs));
    }
    this.nowMs = endMs;
  }

  /** Different moments at which something started, from a time on. */
  wakeUps(fromMs: number): number {
    return new Set(this.calls.filter(({ atMs }) => atMs >= fromMs).map(({ atMs }) => atMs)).size;
  }

  /** Pauses between the runs of a resource. */
  pauses(id: string): number[] {
    const times = this.calls.filter((call) => call.id === id).map(({ atMs }) => atMs);
    return times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
  }
}

function spread(clock: Clock, count: number): void {
  for (let at = 0; at < count; at += 1) clock.add(monitor(`r${at}`, (at * INTERVAL_MS) / count));
}

test("monitors that are due at nearly the same time start together, and none too late or too early", () => {
  const clock = new Clock(true);
  spread(clock, 100);
  clock.runTo(120_000);
  assert(clock.wakeUps(110_000) <= 11, `a tenth of the wake-ups, not ${clock.wakeUps(110_000)}`);
  assert.deepEqual(new Set(clock.pauses("r7").slice(-5)), new Set([INTERVAL_MS]), "once together, none waits");
  for (let at = 0; at < 100; at += 1) {
    const pauses = clock.pauses(`r${at}`);
    assert(pauses.length >= 9);
    for (const pauseMs of pauses) {
      assert(pauseMs <= INTERVAL_MS + SLACK_MS, `r${at} waited ${pauseMs} ms`);
      assert(pauseMs >= INTERVAL_MS - SLACK_MS, `r${at} came after ${pauseMs} ms`);
    }
  }
});

test("switched off, each monitor starts when it is due", () => {
  const clock = new Clock(false);
  spread(clock, 100);
  clock.runTo(120_000);
  assert.equal(clock.wakeUps(110_000), 101);
  assert.deepEqual(new Set(clock.pauses("r7")), new Set([INTERVAL_MS]));
});

test("no more than a few are gathered: an agent may run programs", () => {
  const clock = new Clock(true);
  spread(clock, 1_000);
  clock.runTo(60_000);
  const together = new Map<number, number>();
  for (const { atMs } of clock.calls) together.set(atMs, (together.get(atMs) ?? 0) + 1);
  assert.equal(Math.max(...together.values()), MOST_TOGETHER);
  assert(clock.wakeUps(50_000) < 100);
});

test("the first run of a monitor and a script's monitor are not put off", () => {
  const clock = new Clock(true);
  clock.add(monitor("first", 3_000));
  clock.runTo(3_000);
  assert.deepEqual(clock.calls, [{ atMs: 3_000, id: "first" }]);
  clock.add(monitor("script", 0, "heartbeat"));
  clock.runTo(43_000);
  assert.deepEqual(new Set(clock.pauses("script")), new Set([INTERVAL_MS]));
});

test("a short interval has a small slack", () => {
  const clock = new Clock(true);
  clock.add(monitor("short", 0, "systole", 1_000));
  clock.runTo(20_000);
  for (const pauseMs of clock.pauses("short")) assert(Math.abs(pauseMs - 1_000) <= 50, `${pauseMs} ms`);
});
