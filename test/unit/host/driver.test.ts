// The driver: inputs in order, effects in order, deadlines kept, gaps noticed, bugs fatal. Under virtual time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Driver, type DriverOptions, type Timers } from "../../../runtime/host/driver.ts";
import type { Machine, Tick } from "../../../runtime/kernel/machine.ts";

type Input = { readonly type: "number"; readonly value: number };
type Effect = { readonly value: number; readonly atMs: number };

/** Time that moves when it is told to. */
class VirtualTimers implements Timers {
  atMs = 0;
  #timers: { atMs: number; call: () => void }[] = [];
  #soon: (() => void)[] = [];

  nowMs(): number {
    return this.atMs;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = { atMs: this.atMs + delayMs, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(call: () => void): void {
    this.#soon.push(call);
  }

  get pending(): number {
    return this.#timers.length;
  }

  runSoon(): number {
    const calls = this.#soon.splice(0);
    for (const call of calls) call();
    return calls.length;
  }

  advanceTo(untilMs: number): void {
    for (;;) {
      const [next] = this.#timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.atMs = Math.max(this.atMs, next.atMs);
      next.call();
    }
    this.atMs = untilMs;
  }
}

/** Gives back each number as an effect, and a 0 every `periodMs`. */
class Echo implements Machine<Input | Tick, Effect> {
  nextMs: number | undefined;
  readonly #periodMs: number | undefined;

  constructor(periodMs?: number) {
    this.#periodMs = periodMs;
    this.nextMs = periodMs;
  }

  step(input: Input | Tick, nowMs: number): Effect[] {
    if (input.type === "number") return [{ value: input.value, atMs: nowMs }];
    if (this.nextMs === undefined || nowMs < this.nextMs) return [];
    this.nextMs = this.#periodMs === undefined ? undefined : nowMs + this.#periodMs;
    return [{ value: 0, atMs: nowMs }];
  }

  deadlineMs(): number | undefined {
    return this.nextMs;
  }
}

const number = (value: number): Input => ({ type: "number", value });

function drive(machine: Machine<Input | Tick, Effect>, rest: Partial<DriverOptions<Input, Effect>> = {}) {
  const timers = new VirtualTimers();
  const effects: Effect[] = [];
  const bugs: unknown[] = [];
  const driver = new Driver<Input, Effect>({
    machine,
    timers,
    perform: (effect) => effects.push(effect),
    onBug: (bug) => bugs.push(bug),
    ...rest,
  });
  return { driver, timers, effects, bugs, values: () => effects.map((effect) => effect.value) };
}

test("an input that is given while effects are performed comes after them", () => {
  const order: string[] = [];
  const { driver } = drive(
    {
      step: (input) => (input.type === "number" ? [1, 2].map((n) => ({ value: input.value * 10 + n, atMs: 0 })) : []),
      deadlineMs: () => undefined,
    },
    {
      perform: (effect) => {
        order.push(`${effect.value}`);
        if (effect.value === 11) driver.input(number(2));
      },
    },
  );
  driver.input(number(1));
  assert.deepEqual(order, ["11", "12", "21", "22"]);
});

test("a deadline is kept without any input, and one timer is enough", () => {
  const { driver, timers, effects } = drive(new Echo(10));
  driver.wake();
  timers.advanceTo(35);
  assert.deepEqual(
    effects.map((effect) => effect.atMs),
    [10, 20, 30],
  );
  for (let i = 0; i < 100; i += 1) driver.input(number(1));
  assert.equal(timers.pending, 1);
});

test("a deadline that has passed comes before the inputs that wait", () => {
  const { driver, timers, values } = drive(new Echo(10));
  driver.wake();
  timers.atMs = 25;
  driver.input(number(7));
  assert.deepEqual(values(), [0, 7]);
});

test("what a step makes due at once waits for the next turn, so that what it has sent goes out first", () => {
  const machine = new Echo();
  const { driver, timers } = drive(machine, {
    perform: (effect) => {
      if (effect.value === 1) driver.input(number(2));
      machine.nextMs = effect.value === 1 ? timers.atMs : machine.nextMs;
      seen.push(effect.value);
    },
  });
  const seen: number[] = [];
  driver.input(number(1));
  assert.deepEqual(seen, [1]);
  timers.runSoon();
  assert.deepEqual(seen, [1, 0, 2]);
});

test("a deadline that moves nearer is kept too", () => {
  const machine = new Echo();
  machine.nextMs = 1_000;
  const { driver, timers, effects } = drive(machine);
  driver.wake();
  machine.nextMs = 5;
  driver.input(number(1));
  timers.advanceTo(6);
  assert.deepEqual(effects.at(-1), { value: 0, atMs: 5 });
});

test("a long queue lets sockets have their turn", () => {
  const { driver, timers, effects } = drive(new Echo(), {
    perform: (effect) => {
      effects.push(effect);
      if (effect.value === 1) for (let i = 0; i < 1_000; i += 1) driver.input(number(2));
    },
  });
  driver.input(number(1));
  assert.ok(effects.length < 300);
  driver.input(number(3));
  assert.ok(effects.length < 300, "an input in between does not jump the queue");
  let turns = 0;
  while (timers.runSoon() > 0) turns += 1;
  assert.equal(effects.length, 1_002);
  assert.equal(effects.at(-1)?.value, 3);
  assert.ok(turns >= 3);
});

test("after a gap nothing is stepped before it is released, and then what is new comes first", () => {
  const gaps: number[] = [];
  const { driver, timers, values } = drive(new Echo(), {
    gapGuard: { longerThanMs: 100, onGap: (gapMs) => gaps.push(gapMs) },
  });
  driver.input(number(1));
  timers.atMs = 90;
  driver.input(number(2));
  timers.atMs = 500;
  driver.input(number(3));
  driver.input(number(4));
  driver.wake();
  assert.deepEqual(values(), [1, 2]);
  assert.deepEqual(gaps, [410]);
  assert.equal(driver.held, true);
  timers.atMs = 700;
  driver.release([number(10), number(11)]);
  assert.deepEqual(values(), [1, 2, 10, 11, 3, 4]);
  assert.deepEqual(gaps, [410], "the time that it was held is no second gap");
});

test("whatever throws is a bug: it is reported once and nothing is stepped any more", () => {
  const { driver, bugs, values } = drive({
    step: (input) => {
      if (input.type === "number" && input.value === 2) throw new Error("broken");
      return input.type === "number" ? [{ value: input.value, atMs: 0 }] : [];
    },
    deadlineMs: () => undefined,
  });
  for (const value of [1, 2, 3]) driver.input(number(value));
  assert.deepEqual(values(), [1]);
  assert.match(String(bugs), /broken/);
  assert.equal(bugs.length, 1);
});

test("a machine whose deadline never moves is a bug, not a loop without end", () => {
  const { driver, timers, bugs } = drive({ step: () => [], deadlineMs: () => 0 });
  driver.wake();
  while (timers.runSoon() > 0);
  assert.match(String(bugs), /deadline does not move/);
});
