// The clocks of one machine. Nobody in the cluster sees world time: each has a monotonic clock that begins at an arbitrary
// value with each boot and runs a little too fast or too slow, and a wall clock that is wrong by some seconds.

/** The clocks of a machine; all times in milliseconds. */
export class Clock {
  /** Local milliseconds in a millisecond of the world: 1 is exact, 1.0002 is 200 ppm fast. */
  readonly #rate: number;
  #wallOffsetMs: number;
  #bootWorldMs = 0;
  #bootLocalMs = 0;

  constructor(rate: number, wallOffsetMs: number) {
    this.#rate = rate;
    this.#wallOffsetMs = wallOffsetMs;
  }

  /** The machine boots: its monotonic clock begins again. */
  boot(worldMs: number, localMs: number): void {
    this.#bootWorldMs = worldMs;
    this.#bootLocalMs = localMs;
  }

  monotonicMs(worldMs: number): number {
    return this.#bootLocalMs + (worldMs - this.#bootWorldMs) * this.#rate;
  }

  /** When the monotonic clock will show this; rounded up, so that a deadline has really been reached then. */
  worldMs(monotonicMs: number): number {
    return this.#bootWorldMs + (monotonicMs - this.#bootLocalMs) / this.#rate + 1e-6;
  }

  /** Somebody sets the wall clock wrong, or right again. */
  setWallOffset(offsetMs: number): void {
    this.#wallOffsetMs = offsetMs;
  }

  epochMs(worldMs: number): number {
    return Math.floor(WORLD_EPOCH_MS + this.#wallOffsetMs + worldMs * this.#rate);
  }
}

/** When the simulated world begins: an arbitrary Monday, 2026-01-05T00:00:00Z. */
export const WORLD_EPOCH_MS = 1_767_571_200_000;
