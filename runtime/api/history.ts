// What a node answers about the past of its configuration.

import { SystoleError } from "../host/errors.ts";
import type { Element } from "../kernel/cib/element.ts";
import { documentAfter } from "../kernel/cib/history.ts";
import { versionOf } from "../kernel/cib/version.ts";
import type { LogSnapshot, PastChange } from "../kernel/messages.ts";
import type { ApiResult } from "./schema.ts";

/** What a node has on its disk, and what of it is committed. */
export interface HistorySource {
  readonly stored: LogSnapshot;
  readonly cib: Element;
}

/** The last changes, oldest first, without what they did. */
export function historyOf(source: HistorySource, limit: number): PastChange[] {
  return committed(source)
    .slice(-limit)
    .map(({ patch: _patch, ...told }) => told);
}

/** What stands on the disk beyond the committed configuration is not yet known to count. */
function committed({ stored, cib }: HistorySource): readonly PastChange[] {
  const { adminEpoch, epoch } = versionOf(cib);
  return stored.history.filter(
    ({ version }) => version.adminEpoch < adminEpoch || (version.adminEpoch === adminEpoch && version.epoch <= epoch),
  );
}

/**
 * The document after a change.
 * @throws SystoleError `not-found` when the history does not have it.
 */
export function documentAt(source: HistorySource, number: number): ApiResult<"cib-document"> {
  const newest = committed(source).at(-1)?.number ?? 0;
  if (number > newest) {
    throw new SystoleError("not-found", `There is no change ${number} yet; the last one is ${newest}.`);
  }
  const found = documentAfter(source.stored.cib, source.stored.history, number);
  if ("refused" in found) throw new SystoleError("not-found", found.refused);
  return { version: versionOf(found.document), element: found.document };
}
