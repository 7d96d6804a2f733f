// Ticks a machine when its deadline has come, as the driver does in production: one timer, set anew only when it must ring
// earlier. Timers ring a little late, never early.

import type { Clock } from "./clock.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** How late a timer may ring. */
const TIMER_SLACK_MS = 1;
/** A machine that wants so many ticks without a millisecond passing will never stop. */
const MAX_TICKS_A_MILLISECOND = 2_000;

/** What is woken. */
export interface Sleeper {
  deadlineMs(): number | undefined;
  tick(): void;
}

/** The timer of one machine. */
export class Waker {
  readonly #queue: EventQueue;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sleeper: Sleeper;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #millisecond = 0;
  #ticks = 0;

  constructor(queue: EventQueue, clock: Clock, random: Random, sleeper: Sleeper) {
    this.#queue = queue;
    this.#clock = clock;
    this.#random = random;
    this.#sleeper = sleeper;
  }

  /** The machine has stepped: its deadline may be another. */
  set(): void {
    const deadline = this.#sleeper.deadlineMs();
    if (deadline === undefined) return;
    const at = Math.max(this.#clock.worldMs(deadline), this.#queue.nowMs);
    if (at >= this.#wakeAtMs - TIMER_SLACK_MS) return;
    this.#wakeAtMs = at + this.#random.fraction() * TIMER_SLACK_MS;
    const mine = this.#wakeAtMs;
    this.#queue.at(mine, () => this.#wake(mine));
  }

  #wake(mine: number): void {
    if (mine !== this.#wakeAtMs) return;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const deadline = this.#sleeper.deadlineMs();
    if (deadline !== undefined && this.#clock.monotonicMs(this.#queue.nowMs) >= deadline) {
      this.#count();
      this.#sleeper.tick();
    }
    this.set();
  }

  #count(): void {
    const millisecond = Math.floor(this.#queue.nowMs);
    if (millisecond !== this.#millisecond) this.#ticks = 0;
    this.#millisecond = millisecond;
    this.#ticks += 1;
    if (this.#ticks > MAX_TICKS_A_MILLISECOND) throw new Error("a machine's deadline is always in the past: it spins");
  }
}
