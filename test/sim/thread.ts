// One thread of a simulated process: what it is given happens in order, later than it was given, and not while it is stopped.

import type { Action, EventQueue } from "./queue.ts";

/** More datagrams than this wait in no socket buffer: the kernel drops them. */
const SOCKET_BUFFER_DATAGRAMS = 512;

/** A thread. */
export class Thread {
  readonly #queue: EventQueue;
  readonly #delayMs: number;
  #stopped = 0;
  #ended = false;
  #lastArrivalMs = 0;
  #backlog: Action[] = [];

  /** @param delayMs until what another thread posts arrives here. */
  constructor(queue: EventQueue, delayMs: number) {
    this.#queue = queue;
    this.#delayMs = delayMs;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** What is given to it now happens now. */
  get isFree(): boolean {
    return !this.#ended && this.#stopped === 0;
  }

  get stopped(): boolean {
    return this.#stopped > 0;
  }

  /** From another thread: arrives after a delay, in order. */
  post(action: Action): void {
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, this.#queue.nowMs + this.#delayMs);
    this.#queue.at(this.#lastArrivalMs, () => this.run(action));
  }

  /** Now, or as soon as the thread goes on. */
  run(action: Action): void {
    if (this.#ended) return;
    if (this.#stopped > 0) this.#backlog.push(action);
    else action();
  }

  /** A datagram: dropped when too much waits. */
  receive(action: Action): void {
    if (this.#stopped > 0 && this.#backlog.length >= SOCKET_BUFFER_DATAGRAMS) return;
    this.run(action);
  }

  /** Stops it; each stop needs its own `go`. */
  stop(): void {
    this.#stopped += 1;
  }

  go(): void {
    this.#stopped -= 1;
    if (this.#stopped > 0) return;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const action of backlog) this.run(action);
  }

  end(): void {
    this.#ended = true;
    this.#backlog = [];
  }
}
