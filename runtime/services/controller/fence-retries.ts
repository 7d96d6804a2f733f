// When a fence may be asked for: once until it is answered, and after a failure not before a pause is over.
//
// Plans are made faster than fences are answered: several results that arrive together make several plans, and each wants the same fence.

import { earliest } from "../../kernel/machine.ts";
import type { FenceAction } from "../fencer/fencer.ts";

/** Pause after the first fence of a node that failed; doubled each time. */
export const FENCE_RETRY_FIRST_MS = 1000;
/** The longest pause between two tries to fence a node. It is never given up: what it runs cannot be recovered before. */
export const FENCE_RETRY_MAX_MS = 30_000;

interface Trouble {
  failures: number;
  notBeforeMs: number;
}

/** The coordinator's account of fences that it waits for, and of those that have failed, by the victim's name. */
export class FenceRetries {
  private readonly asked = new Map<string, FenceAction>();
  private readonly troubles = new Map<string, Trouble>();

  /** The pause after a failure is still on. */
  isPaused(target: string, nowMs: number): boolean {
    return (this.troubles.get(target)?.notBeforeMs ?? nowMs) > nowMs;
  }

  /** Some fence has failed and not succeeded since. */
  get isTroubled(): boolean {
    return this.troubles.size > 0;
  }

  /** Notes that the fence is wanted; says whether it has to be asked for, because no such fence is under way already. */
  ask(target: string, action: FenceAction): boolean {
    if (this.asked.get(target) === action) return false;
    this.asked.set(target, action);
    return true;
  }

  succeeded(target: string): void {
    this.asked.delete(target);
    this.troubles.delete(target);
  }

  /** What was asked for before the pause, or by a person meanwhile, does not make it longer. */
  failed(target: string, nowMs: number): void {
    this.asked.delete(target);
    if (this.isPaused(target, nowMs)) return;
    const failures = this.troubles.get(target)?.failures ?? 0;
    const pauseMs = Math.min(FENCE_RETRY_FIRST_MS * 2 ** Math.min(failures, 16), FENCE_RETRY_MAX_MS);
    this.troubles.set(target, { failures: failures + 1, notBeforeMs: nowMs + pauseMs });
  }

  /** The end of the first pause among these victims. */
  deadlineMs(targets: readonly string[], nowMs: number): number | undefined {
    let first: number | undefined;
    for (const target of targets) {
      if (this.isPaused(target, nowMs)) first = earliest(first, this.troubles.get(target)?.notBeforeMs);
    }
    return first;
  }

  /** What stood in the way may be gone (other devices, other members): the next try need not wait. */
  endPauses(): void {
    this.troubles.clear();
  }

  /** Answers that came while a view formed were not heard, so everything is asked again; the fencer joins what is the same. */
  clear(): void {
    this.asked.clear();
    this.troubles.clear();
  }
}
