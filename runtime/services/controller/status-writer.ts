// What the coordinator knows of the status, ahead of what is committed.
//
// The controller never waits for its own writes: it edits `working`, a tree that is the committed CIB with its own edits on top, and goes
// on from there. The edits reach the kernel in batches, one at a time; whatever gathers while one is under way goes out as the next,
// so many results make few changes and none is delayed by a timer. Edits are levels, so doing one twice does no harm.

import { applyEdits } from "../../kernel/cib/edits.ts";
import type { Element } from "../../kernel/cib/element.ts";
import type { ChangeOutcome, ChangeRequest, CibEdit } from "../../kernel/messages.ts";
import { unexpectedChange } from "./unexpected.ts";

/** Most edits of one change; a larger backlog goes out in several. */
export const MAX_EDITS_PER_CHANGE = 2000;
/** How often edits that were refused or whose outcome is unknown are tried again before they are given up with a warning. */
export const MAX_WRITE_ATTEMPTS = 5;

interface Batch {
  readonly id: string;
  readonly edits: readonly CibEdit[];
  readonly receipts: readonly (() => void)[];
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
  private edits: CibEdit[] = [];
  private receipts: (() => void)[] = [];
  private batch: Batch | undefined;
  private attempts = 0;
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
    return this.batch === undefined && this.edits.length === 0;
  }

  /** Edits the working tree at once and the committed one soon. `receipt` is called when it is committed. */
  write(edits: readonly CibEdit[], receipt?: () => void): void {
    if (edits.length > 0) {
      const edited = applyEdits(this.workingTree, edits);
      // An edit that makes no sense in this tree makes none in the committed one.
      if (!edited.ok) return;
      this.workingTree = edited.cib;
      this.edits.push(...edits);
    }
    if (receipt === undefined) return;
    if (this.isSettled) receipt();
    else this.receipts.push(receipt);
  }

  /** The next batch, if none is under way and there is something to write. */
  flush(): ChangeRequest | undefined {
    if (this.batch !== undefined || this.edits.length === 0) return undefined;
    this.count += 1;
    const edits = this.edits.splice(0, MAX_EDITS_PER_CHANGE);
    // Receipts belong to the last edits: with some left over they wait for those.
    const receipts = this.edits.length === 0 ? this.receipts.splice(0) : [];
    this.batch = { id: `${this.idPrefix}:${this.count}`, edits, receipts, attempts: this.attempts + 1 };
    return { id: this.batch.id, edits, who: this.who, why: "operation results and node states" };
  }

  /** The kernel has committed a CIB. Returns where it differs from what was to be expected; undefined when it does not. */
  committed(cib: Element): string | undefined {
    const before = this.committedTree;
    this.committedTree = cib;
    const expected = this.batch === undefined ? before : withEdits(before, this.batch.edits);
    const difference = unexpectedChange(before, cib, expected);
    this.workingTree = withEdits(withEdits(cib, this.batch?.edits ?? []), this.edits);
    return difference;
  }

  /** The kernel's answer to a batch. */
  answered(id: string, outcome: ChangeOutcome): Written {
    const { batch } = this;
    if (batch?.id !== id) return { written: "not-mine" };
    this.batch = undefined;
    if (outcome.outcome === "done") {
      this.attempts = 0;
      for (const receipt of batch.receipts) receipt();
      return { written: "mine" };
    }
    if (batch.attempts < MAX_WRITE_ATTEMPTS) {
      this.attempts = batch.attempts;
      this.edits = [...batch.edits, ...this.edits];
      this.receipts = [...batch.receipts, ...this.receipts];
      return { written: "mine" };
    }
    this.attempts = 0;
    this.workingTree = withEdits(this.committedTree, this.edits);
    return { written: "mine", lost: true, warning: `The status could not be written: ${outcome.reason}` };
  }
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
