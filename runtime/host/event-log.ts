// The last events of this node, for those who come later, and all further ones for those who listen.

import type { ClusterEvent } from "../services/messages.ts";

/** Events kept. */
const KEPT_EVENTS = 500;

/** Who listens. */
export interface EventListener {
  event(event: ClusterEvent): void;
  /** CIB or standing differ from before. */
  changed(): void;
}

/** Keeps and tells. */
export class EventLog {
  readonly #listeners = new Set<EventListener>();
  #kept: ClusterEvent[] = [];

  /** Returns what ends the listening. */
  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The last ones, oldest first. */
  recent(count: number): readonly ClusterEvent[] {
    return count === 0 ? [] : this.#kept.slice(-Math.min(count, KEPT_EVENTS));
  }

  add(event: ClusterEvent): void {
    this.#kept.push(event);
    if (this.#kept.length >= 2 * KEPT_EVENTS) this.#kept = this.#kept.slice(-KEPT_EVENTS);
    for (const listener of this.#listeners) listener.event(event);
  }

  changed(): void {
    for (const listener of this.#listeners) listener.changed();
  }
}
