// What will happen, in the order in which it will: a binary heap by time, and by order of insertion where times are equal,
// so that the same seed gives the same history.

/** Something that happens at its time. */
export type Action = () => void;

/** The events of the future. */
export class EventQueue {
  readonly #times: number[] = [];
  readonly #sequences: number[] = [];
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
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    this.#rise(this.#times.length, Math.max(timeMs, this.#nowMs), sequence, action);
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
      const next = this.#times[0];
      if (next === undefined || next > timeMs) break;
      this.#nowMs = next;
      this.#taken += 1;
      this.#takeFirst()();
      if (stop()) return true;
    }
    this.#nowMs = timeMs;
    return true;
  }

  #rise(from: number, time: number, sequence: number, action: Action): void {
    const times = this.#times;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      // Never equal to an older one in sequence, so only a smaller time lets a newer event rise.
      if ((times[parent] ?? 0) <= time) break;
      this.#copy(parent, index);
      index = parent;
    }
    this.#put(index, time, sequence, action);
  }

  #takeFirst(): Action {
    const first = this.#actions[0];
    const time = this.#times.pop();
    const sequence = this.#sequences.pop();
    const action = this.#actions.pop();
    if (first === undefined || time === undefined || sequence === undefined || action === undefined) {
      throw new Error("the queue is empty");
    }
    const size = this.#times.length;
    if (size > 0) this.#sink(time, sequence, action, size);
    return first;
  }

  #sink(time: number, sequence: number, action: Action, size: number): void {
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(child + 1, child)) child += 1;
      const childTime = this.#times[child] ?? 0;
      if (childTime > time || (childTime === time && (this.#sequences[child] ?? 0) > sequence)) break;
      this.#copy(child, index);
      index = child;
    }
    this.#put(index, time, sequence, action);
  }

  #before(a: number, b: number): boolean {
    const timeA = this.#times[a] ?? 0;
    const timeB = this.#times[b] ?? 0;
    return timeA < timeB || (timeA === timeB && (this.#sequences[a] ?? 0) < (this.#sequences[b] ?? 0));
  }

  #copy(from: number, to: number): void {
    const action = this.#actions[from];
    if (action === undefined) throw new Error("a hole in the heap");
    this.#put(to, this.#times[from] ?? 0, this.#sequences[from] ?? 0, action);
  }

  #put(index: number, time: number, sequence: number, action: Action): void {
    this.#times[index] = time;
    this.#sequences[index] = sequence;
    this.#actions[index] = action;
  }
}
