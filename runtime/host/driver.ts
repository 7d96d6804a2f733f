// The one loop: takes inputs in order, steps a machine, performs its effects in order, and wakes it at its deadline.
// Whatever throws in here is a bug: the node stops at once, and its peers fence it.

import { BugError } from "../kernel/assert.ts";
import type { Machine, Tick } from "../kernel/machine.ts";

/** Inputs that wait; so many mean that the machine does not keep up with the world, which nothing can mend. */
const MAX_QUEUED_INPUTS = 1_000_000;

/** Inputs that are taken in one go before sockets and timers get their turn. */
const INPUTS_A_TURN = 256;

/** Ticks in a row without the deadline moving into the future. */
const MAX_TICKS_IN_A_ROW = 1_000;

/** setTimeout takes no more; the loop arms it again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const TICK: Tick = { type: "tick" };

/** Where time comes from and where it wakes us; the real one by default. */
export interface Timers {
  nowMs(): number;
  /** Calls back after so many milliseconds; returns what cancels it. */
  after(delayMs: number, call: () => void): () => void;
  /** Calls back once sockets have had their turn. */
  soon(call: () => void): void;
}

/** What to do when the process did not turn for long: it was stopped, or its thread was busy. */
export interface GapGuard {
  /** The driver is woken more often than this, so a longer pause is a gap. */
  readonly longerThanMs: number;
  /** Called before the first step after a gap; the driver is held until somebody releases it. */
  readonly onGap: (gapMs: number) => void;
}

/** What a driver needs. */
export interface DriverOptions<Input, Effect> {
  readonly machine: Machine<Input | Tick, Effect>;
  /** Does one effect. Must not throw; what fails comes back as an input. */
  readonly perform: (effect: Effect, nowMs: number) => void;
  /** Something threw. The driver has stopped. */
  readonly onBug: (error: unknown) => void;
  readonly timers: Timers;
  readonly gapGuard?: GapGuard;
}

/** Drives one machine in real time. */
export class Driver<Input, Effect> {
  readonly #options: DriverOptions<Input, Effect>;
  #queue: Input[] = [];
  #next = 0;
  #running = false;
  #stopped = false;
  #held = false;
  #continuing = false;
  #ticksInARow = 0;
  #turnedMs: number | undefined;
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(options: DriverOptions<Input, Effect>) {
    this.#options = options;
  }

  /** Takes a turn now: what is due, or waits, is done. Also the start. */
  wake(): void {
    this.#run();
  }

  /** Adds an input; steps at once unless a step is under way or the driver is held. */
  input(input: Input): void {
    if (this.#stopped) return;
    if (this.#queue.length - this.#next >= MAX_QUEUED_INPUTS) {
      this.#fail(new BugError(`Bug in Systole: ${MAX_QUEUED_INPUTS} inputs wait for one machine`));
      return;
    }
    this.#queue.push(input);
    if (!this.#continuing) this.#run();
  }

  /** Goes on after a gap, with `first` before everything that waited. */
  release(first: readonly Input[]): void {
    if (!this.#held) return;
    this.#held = false;
    this.#turnedMs = undefined;
    this.#queue = [...first, ...this.#queue.slice(this.#next)];
    this.#next = 0;
    this.#run();
  }

  get held(): boolean {
    return this.#held;
  }

  /** Steps no more. May be called twice. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#next = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    if (this.#running || this.#stopped || this.#held || this.#noticeGap()) return;
    this.#running = true;
    try {
      this.#work();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = false;
      this.#turnedMs = this.#options.timers.nowMs();
    }
  }

  #noticeGap(): boolean {
    const { gapGuard, timers } = this.#options;
    if (gapGuard === undefined || this.#turnedMs === undefined) return false;
    const gapMs = timers.nowMs() - this.#turnedMs;
    if (gapMs <= gapGuard.longerThanMs) return false;
    this.#held = true;
    gapGuard.onGap(gapMs);
    return true;
  }

  #work(): void {
    const { machine, timers } = this.#options;
    const beganMs = timers.nowMs();
    for (let taken = 0; !this.#stopped && !this.#held; taken += 1) {
      if (taken >= INPUTS_A_TURN) {
        this.#continueSoon();
        return;
      }
      const deadlineMs = machine.deadlineMs();
      if (deadlineMs !== undefined && deadlineMs <= timers.nowMs()) {
        // What a step of this turn has made due waits for the next: what the step has sent goes out first.
        if (taken > 0 && deadlineMs >= beganMs) {
          this.#continueSoon();
          return;
        }
        this.#ticksInARow += 1;
        if (this.#ticksInARow > MAX_TICKS_IN_A_ROW) throw new BugError("Bug in Systole: a deadline does not move");
        this.#step(TICK);
        continue;
      }
      this.#ticksInARow = 0;
      const input = this.#queue[this.#next];
      if (input === undefined) {
        this.#arm(deadlineMs);
        return;
      }
      this.#next += 1;
      this.#forgetTaken();
      this.#step(input);
    }
  }

  /** Now and then, because taking the first of a long array moves all the others. */
  #forgetTaken(): void {
    if (this.#next < INPUTS_A_TURN && this.#next < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
  }

  #step(input: Input | Tick): void {
    const nowMs = this.#options.timers.nowMs();
    for (const effect of this.#options.machine.step(input, nowMs)) this.#options.perform(effect, nowMs);
  }

  #continueSoon(): void {
    this.#continuing = true;
    this.#options.timers.soon(() => {
      this.#continuing = false;
      this.#run();
    });
  }

  /** A timer that is already there and comes earlier is left: it arms the right one when it fires. */
  #arm(deadlineMs: number | undefined): void {
    if (deadlineMs === undefined || (this.#timer !== undefined && this.#timer.atMs <= deadlineMs)) return;
    this.#timer?.cancel();
    const delayMs = Math.min(Math.ceil(deadlineMs - this.#options.timers.nowMs()), LONGEST_TIMER_MS);
    const cancel = this.#options.timers.after(delayMs, () => {
      this.#timer = undefined;
      this.#run();
    });
    this.#timer = { atMs: deadlineMs, cancel };
  }

  #fail(error: unknown): void {
    this.stop();
    this.#options.onBug(error);
  }
}
