// What the cluster would do if the configuration were another one: the scheduler is asked with the changed CIB, and with the running
// one, so that what would happen anyway is not taken for a consequence of the change.

import { md5Hex } from "../../host/md5.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { versionOf, withVersion } from "../../kernel/cib/version.ts";
import { type PlannedAction, schedule } from "../../services/scheduler/schedule.ts";
import { plannedLines } from "../simulate/report.ts";

/** What would follow, for people and as data. */
export interface PlanAfter {
  readonly lines: readonly string[];
  readonly data: {
    readonly actions: readonly PlannedAction[];
    /** What the cluster is about to do with the running configuration already. */
    readonly alreadyPlanned: readonly PlannedAction[];
  };
}

/** The plan for a running CIB with another configuration. */
export function planAfter(cib: Element, configuration: Element): PlanAfter {
  const options = {
    nowEpochSeconds: Math.floor(Date.now() / 1000),
    md5Hex,
    timeZoneOffsetMinutes: -new Date().getTimezoneOffset(),
  };
  const children = cib.children.map((child) => (child.name === "configuration" ? configuration : child));
  const version = versionOf(cib);
  const changed = withVersion({ ...cib, children }, { ...version, epoch: version.epoch + 1, numUpdates: 0 });
  const now = new Set(schedule(cib, options).summary.map(keyOf));
  const all = schedule(changed, options).summary;
  const actions = all.filter((action) => !now.has(keyOf(action)));
  const alreadyPlanned = all.filter((action) => now.has(keyOf(action)));
  const lines = actions.length === 0 ? ["No action follows from this."] : ["What follows:", ...plannedLines(actions)];
  if (alreadyPlanned.length > 0) lines.push("Under way or planned already:", ...plannedLines(alreadyPlanned));
  return { lines, data: { actions, alreadyPlanned } };
}

function keyOf({ verb, subject, detail }: PlannedAction): string {
  return JSON.stringify([verb, subject, detail]);
}
