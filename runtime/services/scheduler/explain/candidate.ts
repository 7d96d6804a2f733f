// One thing that could be changed to get what is wished for.

import type { CibEdit } from "../../../kernel/messages.ts";
import type { EditResult } from "../../../model/edits/plan.ts";

/** See the head of the file. */
export interface Candidate {
  readonly edits: readonly CibEdit[];
  /** What it is, as a clause: "clear the fail-count of db on n1". */
  readonly text: string;
  /** The command that does it (and perhaps a little more). */
  readonly command?: string;
  /** Makes room for more, which something else may take as well: together with everything else it can do harm. */
  readonly widens?: boolean;
}

/** Adds a candidate, where the edits are possible and change something. */
export function offer(list: Candidate[], result: EditResult, text: string, command?: string): void {
  if ("refused" in result || result.edits.length === 0) return;
  list.push({ edits: result.edits, text, ...(command === undefined ? {} : { command }) });
}
