// What the coordinator knows of the status, ahead of what is committed.
//
// The controller never waits for its own writes: it edits `working`, a tree that is the committed CIB with its own edits on top, and goes
// on from there. The edits reach the kernel in batches, one at a time; whatever gathers while one is under way goes out as the next,
// so many results make few changes and none is delayed by a timer. Edits are levels, so doing one twice does no harm. A batch that is
// refused goes out again piece by piece: what somebody's change has made impossible takes nothing else with it.
//
// Reports of results are levels only as long as nothing newer is known. When the view changes, the members themselves say what they have
// done, and report again what was not noted; so reports that were not committed by then are dropped, or they would put something older
// in the place of something newer, or say of a node's new life what an earlier one did.

import { applyEdits } from "../../kernel/cib/edits.ts";
import type { Element } from "../../kernel/cib/element.ts";
import type { ChangeOutcome, ChangeRequest, CibEdit } from "../../kernel/messages.ts";
import { unexpectedChange } from "./unexpected.ts";

/** Most edits of one change; a larger backlog goes out in several. */
export const MAX_EDITS_PER_CHANGE = 2000;
/** How often edits that were refused or whose outcome is unknown are tried again before they are given up with a warning. */
export const MAX_WRITE_ATTEMPTS = 5;

interface Item {
  readonly edits: readonly CibEdit[];
  readonly receipt: (() => void) | undefined;
  readonly isReport: boolean;
}

interface Batch {
  readonly id: string;
  readonly items: readonly Item[];
  readonly attempts: number;
}

/** How a batch ended. */
export type Written =
  | { readonly written: "mine"; readonly warning?: string; readonly lost?: boolean }
  | { readonly written: "not-mine" };

/** Gathers the coordinator's edits of the status section. */
export class StatusWriter {
  private readonly idPrefix: string;
  private readonly who: string;
  private committedTree: Element;
  private workingTree: Element;
  private waiting: Item[] = [];
  private batch: Batch | undefined;
  private attempts = 0;
  /** So many of those that wait go out alone: together they were refused. */
  private alone = 0;
  private count = 0;

  constructor(idPrefix: string, who: string, committed: Element) {
    this.idPrefix = idPrefix;
    this.who = who;
    this.committedTree = committed;
    this.workingTree = committed;
  }

  /** The committed CIB with everything that was edited here on top. */
  get working(): Element {
    return this.workingTree;
  }

  /** Everything that was edited here is committed. */
  get isSettled(): boolean {
    return this.batch === undefined && this.waiting.length === 0;
  }

  /** Edits the working tree at once and the committed one soon. `receipt` is called when it is committed. */
  write(edits: readonly CibEdit[], receipt?: () => void): void {
    this.add({ edits, receipt, isReport: false });
  }

  /** The same for what a node has reported, which does not outlive the view. */
  report(edits: readonly CibEdit[], receipt: (() => void) | undefined): void {
    this.add({ edits, receipt, isReport: true });
  }

  private add(item: Item): void {
    const { edits, receipt } = item;
    if (edits.length > 0) {
      const edited = applyEdits(this.workingTree, edits);
      // An edit that makes no sense in this tree makes none in the committed one.
      if (!edited.ok) return;
      this.workingTree = edited.cib;
    } else if (receipt === undefined) {
      return;
    } else if (this.isSettled) {
      receipt();
      return;
    }
    this.waiting.push(item);
  }

  /** The next batch, if none is under way and there is something to write. */
  flush(): ChangeRequest | undefined {
    if (this.batch !== undefined || this.waiting.length === 0) return undefined;
    this.count += 1;
    let size = this.waiting[0]?.edits.length ?? 0;
    let taken = 1;
    for (; taken < this.waiting.length && this.alone === 0; taken += 1) {
      size += this.waiting[taken]?.edits.length ?? 0;
      if (size > MAX_EDITS_PER_CHANGE) break;
    }
    const items = this.waiting.splice(0, taken);
    this.batch = { id: `${this.idPrefix}:${this.count}`, items, attempts: this.attempts + 1 };
    return { id: this.batch.id, edits: editsOf(items), who: this.who, why: "operation results and node states" };
  }

  /** The kernel has committed a CIB. Returns where it differs from what was to be expected; undefined when it does not. */
  committed(cib: Element): string | undefined {
    const before = this.committedTree;
    this.committedTree = cib;
    const inBatch = editsOf(this.batch?.items ?? []);
    const expected = this.batch === undefined ? before : withEdits(before, inBatch);
    const difference = unexpectedChange(before, cib, expected);
    this.workingTree = withEdits(withEdits(cib, inBatch), editsOf(this.waiting));
    return difference;
  }

  /** Another view was established, with this committed CIB. What waits is written there, but for reports; see the head of the file. */
  viewChanged(cib: Element): void {
    this.waiting = [...(this.batch?.items ?? []), ...this.waiting].filter((item) => !item.isReport);
    this.batch = undefined;
    this.attempts = 0;
    this.alone = 0;
    this.committedTree = cib;
    this.workingTree = withEdits(cib, editsOf(this.waiting));
  }

  /** The kernel's answer to a batch. */
  answered(id: string, outcome: ChangeOutcome): Written {
    const { batch } = this;
    if (batch?.id !== id) return { written: "not-mine" };
    this.batch = undefined;
    if (outcome.outcome === "refused" && batch.items.length > 1) {
      this.attempts = 0;
      this.alone = batch.items.length;
      this.waiting = [...batch.items, ...this.waiting];
      return { written: "mine" };
    }
    if (outcome.outcome === "done") {
      this.attempts = 0;
      this.alone = Math.max(0, this.alone - 1);
      for (const item of batch.items) item.receipt?.();
      while (this.waiting[0]?.edits.length === 0) this.waiting.shift()?.receipt?.();
      return { written: "mine" };
    }
    if (batch.attempts < MAX_WRITE_ATTEMPTS) {
      this.attempts = batch.attempts;
      this.waiting = [...batch.items, ...this.waiting];
      return { written: "mine" };
    }
    this.attempts = 0;
    this.alone = Math.max(0, this.alone - 1);
    this.workingTree = withEdits(this.committedTree, editsOf(this.waiting));
    return { written: "mine", lost: true, warning: `The status could not be written: ${outcome.reason}` };
  }
}

function editsOf(items: readonly Item[]): CibEdit[] {
  return items.flatMap((item) => item.edits);
}

/** Edits that no longer fit (what they were about is gone) are left out. */
function withEdits(cib: Element, edits: readonly CibEdit[]): Element {
  const all = applyEdits(cib, edits);
  if (all.ok) return all.cib;
  let tree = cib;
  for (const edit of edits) {
    const one = applyEdits(tree, [edit]);
    if (one.ok) tree = one.cib;
  }
  return tree;
}
