// One simulation from beginning to end: the state now, the plan, its running, the state afterwards. As text and as data.

import { transitionElement } from "../../compat/transition-xml.ts";
import { formatXml } from "../../compat/xml.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { formatInstant, parseInstant } from "../../model/iso8601.ts";
import { formatScore } from "../../model/score.ts";
import { executionDate, readCluster } from "../../services/scheduler/cluster.ts";
import { exportSchedule, planCluster } from "../../services/scheduler/plan.ts";
import type { PlannedAction, Schedule, ScoreLine } from "../../services/scheduler/schedule.ts";
import type { Cluster } from "../../services/scheduler/state.ts";
import { findResource } from "../../services/scheduler/tree.ts";
import { dotText } from "./dot.ts";
import { runTransition } from "./run-transition.ts";
import { schemaNotices } from "./schema-notices.ts";
import { countInstances, statusLines } from "./status-text.ts";

/** What a simulation needs from outside. */
export interface SimulateOptions {
  /** Now, where neither the CIB nor `date` says. Epoch seconds. */
  readonly clockEpochSeconds: number;
  readonly md5Hex: (text: string) => string;
  /** The text of the CIB: with it, the simulation says what the schema named has against it. */
  readonly text?: string;
  /** The moment to pretend, as text (ISO 8601). */
  readonly date?: string;
  /** Run the plan, pretending that everything goes well. */
  readonly run: boolean;
  readonly withScores: boolean;
  /** Operations to pretend failed: RESOURCE_OPERATION_INTERVAL@NODE -> result code. */
  readonly failures?: ReadonlyMap<string, number>;
}

/** All that a simulation gives. */
export interface Simulation {
  readonly schedule: Schedule;
  readonly summary: string;
  /** The graph as XML; written when asked for. */
  readonly graphXml: () => string;
  /** The graph as a drawing; drawn when asked for. */
  readonly dot: () => string;
  readonly scores: () => string;
  /** The CIB after the plan was run. */
  readonly after: Element;
}

/** The moment that a simulation is about; undefined when the date given is none. */
function simulatedTime(cib: Element, options: Pick<SimulateOptions, "date" | "clockEpochSeconds">): number | undefined {
  if (options.date !== undefined) return parseInstant(options.date);
  return executionDate(cib) ?? options.clockEpochSeconds;
}

/** Says which moment a simulation is about. */
export function dateLine(cib: Element, date: string | undefined): string[] {
  if (date !== undefined) return [`Setting effective cluster time: ${date}`];
  const recorded = executionDate(cib);
  return recorded === undefined ? [] : [`Using the original execution date of: ${formatInstant(recorded)}`];
}

function beginning(cluster: Cluster): string[] {
  const lines: string[] = [];
  if (cluster.properties.maintenance) {
    lines.push("", "              *** Resource management is DISABLED ***");
    lines.push("  The cluster will not attempt to start, stop or recover services");
  }
  const { total, disabled, blocked } = countInstances(cluster);
  if (disabled > 0 || blocked > 0) {
    if (lines.length > 0) lines.push("");
    lines.push(
      `${disabled} of ${total} resource instances DISABLED and ${blocked} BLOCKED from further action due to failure`,
    );
  }
  if (lines.length > 0) lines.push("");
  return lines;
}

/** The lines of the plan, in columns. */
export function plannedLines(actions: readonly PlannedAction[]): string[] {
  const ofResources = actions.filter((action) => action.detail !== "");
  const subjectWidth = Math.max(0, ...ofResources.map((action) => action.subject.length));
  const detailWidth = Math.max(0, ...ofResources.map((action) => action.detail.length));
  const lines: string[] = [];
  for (const { verb, subject, detail, reason } of actions) {
    if (detail === "") {
      // A node action without a reason is logged, but not printed.
      if (reason !== undefined) lines.push(`  * ${verb} ${subject} '${reason}'`);
      continue;
    }
    const place = `( ${detail.padStart(detailWidth)} )${reason === undefined ? "" : `  ${reason}`}`;
    lines.push(`  * ${verb.padEnd(8)}   ${subject.padEnd(subjectWidth)}     ${place}`);
  }
  return lines;
}

const STEP_NAMES: Readonly<Record<string, string>> = {
  primitive: "pcmk__primitive_assign",
  group: "pcmk__group_assign",
  clone: "pcmk__clone_assign",
  bundle: "pcmk__bundle_assign",
};

/** A line of the table of scores. */
export function scoreText(line: ScoreLine): string {
  const score = formatScore(line.score);
  if (line.step !== "promotion")
    return `${STEP_NAMES[line.step]}: ${line.resource} allocation score on ${line.node}: ${score}`;
  return line.node === "none"
    ? `${line.resource} promotion score (inactive): ${score}`
    : `${line.resource} promotion score on ${line.node}: ${score}`;
}

/** Simulates. */
export function simulate(cib: Element, options: SimulateOptions): Simulation {
  const now = simulatedTime(cib, options) ?? options.clockEpochSeconds;
  const scheduling = {
    nowEpochSeconds: now,
    md5Hex: options.md5Hex,
    secretsRemoved: true,
    withScores: options.withScores,
  };
  const lines = [
    ...(options.text === undefined ? [] : schemaNotices(cib, options.text)),
    ...dateLine(cib, options.date),
  ];
  const cluster = readCluster(cib, scheduling);
  lines.push(...cluster.notices, ...beginning(cluster), "Current cluster status:", ...statusLines(cluster, true), "");
  planCluster(cluster);
  const schedule = exportSchedule(cluster);
  lines.push("Transition Summary:");
  lines.push(...plannedLines(schedule.summary));
  let after = cib;
  if (options.run) {
    const result = runTransition(cib, schedule.graph, {
      nowEpochSeconds: options.clockEpochSeconds,
      md5Hex: options.md5Hex,
      knows: (id) => findResource(cluster, id) !== undefined,
      ...(options.failures === undefined ? {} : { failures: options.failures }),
    });
    after = result.cib;
    lines.push("", "Executing Cluster Transition:", ...result.lines.map((line) => `  * ${line}`));
    if (!result.complete) lines.push("Transition failed: terminated", "An invalid transition was produced");
    const revised = readCluster(after, scheduling);
    lines.push(
      ...dateLine(cib, options.date),
      ...revised.notices,
      "",
      "Revised Cluster Status:",
      ...statusLines(revised, false),
    );
  }
  return {
    schedule,
    summary: `${lines.join("\n")}\n`,
    graphXml: () => formatXml(transitionElement(schedule.graph, 1), { indent: "  " }),
    dot: () => dotText(cluster),
    scores: () => `\n${schedule.scores.map(scoreText).join("\n")}\n`,
    after,
  };
}
