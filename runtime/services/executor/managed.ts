// What the executor keeps of one resource on its node: what runs, what waits, what is watched, what is known.

import type { Element } from "../../kernel/cib/element.ts";
import { compareText } from "../../model/text.ts";
import type { Operation } from "../messages.ts";
import type { Ending } from "./ocf.ts";
import type { Next, Run, Seen } from "./run.ts";

interface Waiting {
  readonly operation: Operation;
  readonly arrivedMs: number;
  readonly recurring: boolean;
}

export interface Recurring {
  readonly operation: Operation;
  dueMs: number;
  queued: boolean;
  last: Ending | undefined;
}

/** An operation that is being carried out: a call is out, a pause is on, or it may not go on yet. */
interface Running {
  readonly run: Run;
  readonly waiting: Waiting;
  callId: number | undefined;
  pauseUntilMs: number | undefined;
  held: Next | undefined;
}

/** Everything about one resource on this node. */
export interface Managed {
  readonly id: string;
  readonly queue: Waiting[];
  running: Running | undefined;
  /** A call that was aborted at its deadline and has not come back. */
  aborted: { readonly id: number; readonly untilMs: number } | undefined;
  readonly recurring: Map<string, Recurring>;
  seen: Seen | undefined;
  promoted: boolean;
  /** It runs here, or may. */
  active: boolean;
  history: Element | undefined;
}

/** A resource of which nothing is known yet. */
export function newManaged(id: string): Managed {
  return {
    id,
    queue: [],
    running: undefined,
    aborted: undefined,
    recurring: new Map(),
    seen: undefined,
    promoted: false,
    active: false,
    history: undefined,
  };
}

/** The operations that have no result yet; of a recurring one the first counts: later ones nobody waits for. */
export function withoutResult(resources: Iterable<Managed>): readonly Operation[] {
  const operations: Operation[] = [];
  for (const { running, queue, recurring } of [...resources].sort((a, b) => compareText(a.id, b.id))) {
    for (const waiting of running === undefined ? queue : [running.waiting, ...queue]) {
      if (!waiting.recurring) operations.push(waiting.operation);
    }
    for (const { operation, last } of recurring.values()) if (last === undefined) operations.push(operation);
  }
  return operations;
}

/** Takes runs of recurring operations that have not begun out of the queue: of one operation, or of all. */
export function dropQueuedRecurring(managed: Managed, operationKey?: string): void {
  for (let at = managed.queue.length - 1; at >= 0; at--) {
    const waiting = managed.queue[at];
    if (waiting?.recurring !== true) continue;
    if (operationKey === undefined || waiting.operation.operationKey === operationKey) managed.queue.splice(at, 1);
  }
}
