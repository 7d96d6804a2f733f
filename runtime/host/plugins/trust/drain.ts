// Ends processes of plugins that have been replaced, each when nobody waits for it any more.

import type { Resident } from "../sandbox/resident.ts";

/** A process that has been replaced is ended no earlier, so that who has just been given it finds it alive ... */
const DRAIN_LEAST_MS = 1_000;
/** ... and no later, though a call may still run in it. */
const DRAIN_MOST_MS = 600_000;
const DRAIN_LOOK_MS = 250;

/** Processes on their way out. */
export class Drain {
  private readonly ending = new Set<Promise<void>>();
  private closed = false;

  /** Ends this one in a while. */
  add(resident: Resident): void {
    const drained = this.end(resident);
    this.ending.add(drained);
    void drained.finally(() => this.ending.delete(drained));
  }

  /** Waits for nobody any more; resolves when all are gone. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(this.ending);
  }

  private async end(resident: Resident): Promise<void> {
    const startMs = performance.now();
    const waited = (): number => performance.now() - startMs;
    while (!this.closed && (waited() < DRAIN_LEAST_MS || (resident.busy && waited() < DRAIN_MOST_MS))) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
    }
    await resident.close();
  }
}
