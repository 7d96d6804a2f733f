// What was changed in the configuration, by whom, when and why, and what leads back: part of the replicated state, so it is the same
// on every node, survives restarts, and comes along when a node is caught up with a whole document.
//
// It follows from the log alone: each entry and the document before it give one line of history, and the bounds below depend on
// nothing but the history itself. So nobody sends it around, and yet nobody's differs.

import type { CibChange, LogEntry, PastChange } from "../messages.ts";
import type { Element } from "./element.ts";
import { applyPatchset, makePatchset } from "./patchset.ts";

/** More changes than this are not remembered; the oldest go first. */
export const HISTORY_CHANGES = 1000;
/** Characters of all remembered changes together; the oldest go first. */
export const HISTORY_CHARACTERS = 6_000_000;
/** Of a change that is longer than this only who, when and why are remembered: it can be neither shown nor undone. */
export const HISTORY_CHANGE_CHARACTERS = 2_000_000;
/** So many go at once, so that forgetting is rare. */
const FORGOTTEN_AT_ONCE = 50;

/** The history with one more change. `before` and `after` are the durable documents around the entry. */
export function withChange(
  history: readonly PastChange[],
  entry: LogEntry,
  before: Element,
  after: Element,
): readonly PastChange[] {
  const change = pastChange(entry, before, after);
  const next = [...history, change];
  let characters = charactersOf(history) + change.characters;
  let forgotten = 0;
  if (next.length > HISTORY_CHANGES || characters > HISTORY_CHARACTERS) {
    for (; forgotten < next.length - 1; forgotten += 1) {
      if (forgotten >= FORGOTTEN_AT_ONCE && characters <= HISTORY_CHARACTERS) break;
      characters -= next[forgotten]?.characters ?? 0;
    }
  }
  const kept = forgotten === 0 ? next : next.slice(forgotten);
  lengths.set(kept, characters);
  return kept;
}

/** Lengths of whole histories, so that one more change costs no look at all the others. */
const lengths = new WeakMap<readonly PastChange[], number>();

function charactersOf(history: readonly PastChange[]): number {
  const known = lengths.get(history);
  if (known !== undefined) return known;
  let characters = 0;
  for (const change of history) characters += change.characters;
  return characters;
}

function pastChange(entry: LogEntry, before: Element, after: Element): PastChange {
  const { index, who, why, epochMs, patchset } = entry;
  const back = makePatchset(after, before);
  // That the root gets another version is a change of every change.
  const changes = Math.max(
    1,
    patchset.changes.filter(({ path, operation }) => path.length > 0 || operation !== "modify").length,
  );
  const told = { number: index, version: patchset.target, who, why, epochMs, changes };
  const characters = lengthOf(patchset.changes) + lengthOf(back.changes) + who.length + why.length;
  if (characters > HISTORY_CHANGE_CHARACTERS) return { ...told, characters: who.length + why.length };
  return { ...told, characters, patch: { forth: patchset, back } };
}

/** Roughly the characters that changes take when they are written down. */
function lengthOf(changes: readonly CibChange[]): number {
  let length = 0;
  for (const change of changes) {
    for (const step of change.path) length += step.name.length + (step.id?.length ?? 0);
    if (change.operation === "create") length += elementLength(change.element);
    else if (change.operation === "modify") {
      for (const name in change.set) length += name.length + (change.set[name]?.length ?? 0);
      for (const name of change.unset) length += name.length;
    }
  }
  return length;
}

function elementLength(element: Element): number {
  let length = element.name.length;
  for (const name in element.attributes) length += name.length + (element.attributes[name]?.length ?? 0);
  for (const child of element.children) length += elementLength(child);
  return length;
}

/**
 * The durable document as it was after the change of this number, from the newest one back.
 * @returns a sentence when the history does not reach so far.
 */
export function documentAfter(
  document: Element,
  history: readonly PastChange[],
  number: number,
): { readonly document: Element } | { readonly refused: string } {
  let found = document;
  for (let at = history.length - 1; at >= 0; at -= 1) {
    const change = history[at];
    if (change === undefined || change.number <= number) break;
    if (change.patch === undefined) {
      return { refused: `Change ${change.number} was too long to be remembered, so what was before it is not known.` };
    }
    const patched = applyPatchset(found, change.patch.back);
    if (!patched.ok) return { refused: `Change ${change.number} cannot be taken back in memory. ${patched.reason}` };
    found = patched.cib;
  }
  const oldest = history[0]?.number;
  if (oldest === undefined || number < oldest - 1) {
    return {
      refused: `The history does not reach back to change ${number}: it begins with ${oldest ?? "the next one"}.`,
    };
  }
  return { document: found };
}
