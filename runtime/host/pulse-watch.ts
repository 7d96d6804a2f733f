// The main thread's regular turn: it tells the pulse that it turns, measures how late it was, and asks the pulse after a gap.

import { nowMs } from "./clock.ts";
import type { PulseLink } from "./pulse-link.ts";

/** So many turns fit into the time after which the pulse takes the main thread for hung. */
const TURNS_IN_SILENCE = 6;

const LONGEST_TURN_MS = 500;

/** The longest delay is that of the last one to two of these. */
const LAG_WINDOW_MS = 30_000;

/** Keeps main thread and pulse in touch. */
export class PulseWatch {
  readonly #pulse: PulseLink;
  readonly #intervalMs: number;
  readonly #onTurn: () => void;
  #timer: NodeJS.Timeout | undefined;
  #turnedMs = nowMs();
  #askedMs: number | undefined;
  #question = 0;
  #lag = { sinceMs: nowMs(), longestMs: 0, beforeMs: 0 };

  constructor(pulse: PulseLink, mainSilenceMs: number, onTurn: () => void) {
    this.#pulse = pulse;
    this.#intervalMs = Math.min(Math.floor(mainSilenceMs / TURNS_IN_SILENCE), LONGEST_TURN_MS);
    this.#onTurn = onTurn;
  }

  /** A pause longer than this is a gap: two turns were missed. */
  get gapMs(): number {
    return 2 * this.#intervalMs;
  }

  /** Since when an answer of the pulse is waited for; undefined when none is. */
  get askedMs(): number | undefined {
    return this.#askedMs;
  }

  /** How late a turn was at most, in the last half to whole minute. */
  get longestLagMs(): number {
    return Math.max(this.#lag.longestMs, this.#lag.beforeMs);
  }

  start(): void {
    this.#turn();
    this.#timer = setInterval(() => this.#turn(), this.#intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Asks the pulse how things stand. */
  ask(): void {
    this.#question += 1;
    this.#askedMs = nowMs();
    this.#pulse.confirm(this.#question);
  }

  /** Whether this answers the last question. */
  isAnswer(id: number): boolean {
    if (this.#askedMs === undefined || id !== this.#question) return false;
    this.#askedMs = undefined;
    return true;
  }

  #turn(): void {
    const atMs = nowMs();
    this.#measure(atMs);
    this.#turnedMs = atMs;
    this.#pulse.alive();
    this.#onTurn();
  }

  #measure(atMs: number): void {
    if (atMs - this.#lag.sinceMs > LAG_WINDOW_MS) {
      this.#lag = { sinceMs: atMs, longestMs: 0, beforeMs: this.#lag.longestMs };
    }
    this.#lag.longestMs = Math.max(this.#lag.longestMs, atMs - this.#turnedMs - this.#intervalMs);
  }
}
