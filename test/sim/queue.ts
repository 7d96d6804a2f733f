// What will happen, in the order in which it will: a heap by time, and by order of insertion where times are equal,
// so that the same seed gives the same history.

/** Something that happens at its time. */
export type Action = () => void;

/** Each event of the heap has four below it: fewer steps from the top down than with two. */
const WAYS_LOG2 = 2;
const FIRST_CAPACITY = 1024;

/** The events of the future. */
export class EventQueue {
  #size = 0;
  #times = new Float64Array(FIRST_CAPACITY);
  #sequences = new Float64Array(FIRST_CAPACITY);
  readonly #actions: Action[] = [];
  #nextSequence = 0;
  #nowMs = 0;
  #taken = 0;
  #yields = false;

  /** World time in milliseconds: that of the event which was taken last. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have been taken. */
  get taken(): number {
    return this.#taken;
  }

  /** At that time, or now if it has passed. */
  at(timeMs: number, action: Action): void {
    this.#rise(Math.max(timeMs, this.#nowMs), action);
  }

  after(delayMs: number, action: Action): void {
    this.at(this.#nowMs + delayMs, action);
  }

  /** Something waits for promises: after this event nothing happens before they are settled. */
  yield(): void {
    this.#yields = true;
  }

  /**
   * Lets everything happen until that time, and sets the clock to it. Ends early when `stop` says so, and when promises have to be settled
   * first: then it returns false, and is to be called again after that.
   */
  runUntil(timeMs: number, stop: () => boolean): boolean {
    for (;;) {
      if (this.#yields) {
        this.#yields = false;
        return false;
      }
      const next = this.#times[0] ?? 0;
      if (this.#size === 0 || next > timeMs) break;
      this.#nowMs = next;
      this.#taken += 1;
      this.#takeFirst()();
      if (stop()) return true;
    }
    this.#nowMs = timeMs;
    return true;
  }

  /** From the end up to its place. An older event at the same time stays before it. */
  #rise(time: number, action: Action): void {
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    let index = this.#size;
    this.#size += 1;
    while (index > 0) {
      const parent = (index - 1) >> WAYS_LOG2;
      const parentTime = times[parent] ?? 0;
      if (parentTime <= time) break;
      times[index] = parentTime;
      this.#moveRest(parent, index);
      index = parent;
    }
    times[index] = time;
    this.#sequences[index] = this.#nextSequence;
    this.#actions[index] = action;
    this.#nextSequence += 1;
  }

  #takeFirst(): Action {
    const first = this.#actions[0];
    // As many actions as events: to take the last one away is cheaper than to set the length.
    const last = this.#actions.pop();
    if (first === undefined || last === undefined) throw new Error("the queue is empty");
    this.#size -= 1;
    const size = this.#size;
    if (size > 0) this.#sink(this.#times[size] ?? 0, this.#sequences[size] ?? 0, last);
    return first;
  }

  /** What was last, from the top down to its place. */
  #sink(time: number, sequence: number, action: Action): void {
    const times = this.#times;
    let index = 0;
    for (;;) {
      const child = this.#firstChild(index);
      if (child < 0) break;
      const childTime = times[child] ?? 0;
      if (childTime > time || (childTime === time && (this.#sequences[child] ?? 0) > sequence)) break;
      times[index] = childTime;
      this.#moveRest(child, index);
      index = child;
    }
    times[index] = time;
    this.#sequences[index] = sequence;
    this.#actions[index] = action;
  }

  /** The child that happens first; -1 when there is none. */
  #firstChild(index: number): number {
    const times = this.#times;
    const begin = (index << WAYS_LOG2) + 1;
    if (begin >= this.#size) return -1;
    const end = Math.min(begin + (1 << WAYS_LOG2), this.#size);
    let best = begin;
    let bestTime = times[begin] ?? 0;
    for (let child = begin + 1; child < end; child += 1) {
      const time = times[child] ?? 0;
      if (time > bestTime) continue;
      if (time === bestTime && (this.#sequences[child] ?? 0) > (this.#sequences[best] ?? 0)) continue;
      best = child;
      bestTime = time;
    }
    return best;
  }

  #moveRest(from: number, to: number): void {
    this.#sequences[to] = this.#sequences[from] ?? 0;
    const action = this.#actions[from];
    if (action !== undefined) this.#actions[to] = action;
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#times.length);
    times.set(this.#times);
    this.#times = times;
    const sequences = new Float64Array(times.length);
    sequences.set(this.#sequences);
    this.#sequences = sequences;
  }
}
