// A log that grows by as many changes as a test wants.

import assert from "node:assert/strict";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import { DurableLog } from "../../../../runtime/kernel/cib/log.ts";
import { makePatchset } from "../../../../runtime/kernel/cib/patchset.ts";
import { durableDocument, foundingCib, versionOf, withVersion } from "../../../../runtime/kernel/cib/version.ts";
import type { CibEdit, LogPosition } from "../../../../runtime/kernel/messages.ts";
import { EMPTY, property } from "../cluster.ts";

export const FOUNDED: LogPosition = { ...EMPTY, adoptedPrimary: 1, promisedPrimary: 1, intact: true, empty: false };

export function newLog(): DurableLog {
  return new DurableLog({ cib: foundingCib(), position: FOUNDED, recentRequests: [], entries: [], history: [] });
}

/** Appends changes; each sets a property to another value unless `editsFor` says what it does. */
export function grow(
  log: DurableLog,
  count: number,
  primaryNumber = 1,
  editsFor: (index: number) => readonly CibEdit[] = (index) => [property("x", `${primaryNumber}.${index}`)],
): DurableLog {
  for (let i = 0; i < count; i += 1) {
    const index = log.position.index + 1;
    const edited = applyEdits(log.document, editsFor(index));
    assert.ok(edited.ok);
    const version = versionOf(log.document);
    const after = durableDocument(withVersion(edited.cib, { ...version, epoch: version.epoch + 1 }));
    const patchset = makePatchset(log.document, after);
    const entry = {
      primaryNumber,
      index,
      requestId: `${primaryNumber}.${index}`,
      who: "w",
      why: "y",
      epochMs: 0,
      patchset,
      durable: true,
    };
    log.advance({ record: { record: "entry", entry }, after });
  }
  return log;
}
