// One simulation from beginning to end: the state now, what is pretended to happen, the plan, its running, the state
// afterwards. As data, and line by line as crm_simulate prints it.

import { transitionElement } from "../../compat/transition-xml.ts";
import { formatXml } from "../../compat/xml.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { formatInstant, parseInstant } from "../../model/iso8601.ts";
import { executionDate, readCluster } from "../../services/scheduler/cluster.ts";
import { exportSchedule, planCluster } from "../../services/scheduler/plan.ts";
import type { PlannedAction, Schedule } from "../../services/scheduler/schedule.ts";
import type { Cluster } from "../../services/scheduler/state.ts";
import { findResource } from "../../services/scheduler/tree.ts";
import { assignmentHeader, assignmentText } from "./assignment-text.ts";
import { type DetailOptions, type Details, detailLines, detailsOf } from "./details.ts";
import { dotText } from "./dot.ts";
import { hasInjections, type Injections, inject, type OperationSpec } from "./inject.ts";
import { type RunResult, runTransition } from "./run-transition.ts";
import { schemaNotices } from "./schema-notices.ts";
import { countInstances, statusLines } from "./status-text.ts";

/** What a simulation shall do, and what it needs from outside. */
export interface SimulateOptions {
  /** Now, where neither the CIB nor `date` says. Epoch seconds. */
  readonly clockEpochSeconds: number;
  readonly md5Hex: (text: string) => string;
  /** The text of the CIB: with it, the simulation says what the schema named has against it. */
  readonly text?: string;
  /** The moment to pretend, as text (ISO 8601). */
  readonly date?: string;
  /** What is to happen before the plan is made. */
  readonly injections?: Injections;
  /** Make a plan. */
  readonly plan: boolean;
  /** Run the plan, pretending that everything goes well, but for `failures`. */
  readonly run: boolean;
  readonly failures?: readonly OperationSpec[];
  /** Also work out the scores, without telling of them. */
  readonly withScores?: boolean;
  /** Tell of scores and of capacities between the state and the plan. */
  readonly showScores?: boolean;
  readonly showUtilization?: boolean;
  /** Tell more of the state. */
  readonly details?: DetailOptions;
  /** Tell only scores and capacities. */
  readonly quiet?: boolean;
}

/** A line of output. */
export interface OutputLine {
  readonly stream: "out" | "err";
  readonly text: string;
}

/** All that a simulation gives. */
export interface Simulation {
  readonly lines: readonly OutputLine[];
  readonly details: Details;
  /** What was injected, in words. */
  readonly modifications: readonly string[];
  /** The CIB that is planned for: after injections, before anything runs. */
  readonly input: Element;
  /** The plan, where one was made. */
  readonly schedule?: Schedule;
  /** The graph as XML, and as a drawing; made when asked for, empty without a plan. */
  readonly graphXml: () => string;
  readonly dot: (allActions: boolean) => string;
  /** How the plan went, where it was run, and what is the case afterwards. */
  readonly run?: RunResult;
  readonly detailsAfter?: Details;
  /** The CIB at the end. */
  readonly after: Element;
}

const NO_DETAILS: DetailOptions = { attributes: false, failCounts: false };
const NO_INJECTIONS: Injections = {
  ...{ nodesUp: [], nodesDown: [], nodesFailed: [], operations: [] },
  ...{ ticketsGranted: [], ticketsRevoked: [], ticketsStandby: [], ticketsActivated: [] },
};

/** Says which moment a simulation is about. */
function dateLine(cib: Element, date: string | undefined): string[] {
  if (date !== undefined) return [`Setting effective cluster time: ${date}`];
  const recorded = executionDate(cib);
  return recorded === undefined ? [] : [`Using the original execution date of: ${formatInstant(recorded)}`];
}

/** What is said before the state: that nothing is managed, or that something may not run. */
function preamble(cluster: Cluster): string[] {
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

/** The least width of the columns, and the room that a longer name brings with it for those after it. */
const NARROWEST = 5;
const MARGIN = 2;

/** The lines of the plan, in columns as wide as crm_simulate makes them. */
export function plannedLines(actions: readonly PlannedAction[]): string[] {
  let [subjectWidth, detailWidth] = [NARROWEST, NARROWEST];
  for (const { subject, detail } of actions) {
    if (detail === "") continue;
    if (subject.length > subjectWidth) subjectWidth = subject.length + MARGIN;
    detailWidth = Math.max(detailWidth, detail.length);
  }
  const lines: string[] = [];
  for (const { verb, subject, detail, reason } of actions) {
    if (detail === "") {
      // A node action without a reason is logged, but not printed.
      if (reason !== undefined) lines.push(`  * ${verb} ${subject} '${reason}'`);
      continue;
    }
    const place = `( ${detail.padStart(detailWidth)} )${reason === undefined ? "" : `  ${reason}`}`;
    lines.push(`  * ${verb.padEnd(8)}   ${subject.padEnd(subjectWidth)}   ${place}`);
  }
  return lines;
}

/** A simulation while it goes on: what it found out, and what it said of it. */
class Simulator {
  readonly lines: OutputLine[] = [];
  readonly options: SimulateOptions;
  readonly details: DetailOptions;
  readonly injections: Injections;
  /** Something was printed, so that a further section begins with an empty line. */
  private printed = false;

  constructor(options: SimulateOptions) {
    this.options = options;
    this.details = options.details ?? NO_DETAILS;
    this.injections = options.injections ?? NO_INJECTIONS;
  }

  private print(...texts: readonly string[]): void {
    for (const text of texts) this.lines.push({ stream: "out", text });
  }

  private complain(...texts: readonly string[]): void {
    for (const text of texts) this.lines.push({ stream: "err", text });
  }

  /** A complaint about an action stands behind the last item: headings wait for what comes below them. */
  private complainAfterItem(text: string): void {
    const last = this.lines.findLastIndex((line) => line.stream === "err" || line.text.startsWith("  "));
    this.lines.splice(last + 1, 0, { stream: "err", text });
  }

  private gap(): void {
    if (this.printed) this.print("");
    this.printed = true;
  }

  private tell(...texts: readonly string[]): void {
    if (!this.options.quiet) this.print(...texts);
  }

  private read(cib: Element): Cluster {
    const { options } = this;
    this.tell(...dateLine(cib, options.date));
    const pretended = options.date === undefined ? executionDate(cib) : parseInstant(options.date);
    const cluster = readCluster(cib, {
      nowEpochSeconds: pretended ?? options.clockEpochSeconds,
      md5Hex: options.md5Hex,
      secretsRemoved: true,
      withScores: options.showScores === true || options.withScores === true,
      withUtilization: options.showUtilization === true,
    });
    this.tell(...cluster.notices);
    return cluster;
  }

  begin(cib: Element): { cluster: Cluster; details: Details } {
    if (this.options.text !== undefined) this.complain(...schemaNotices(cib, this.options.text));
    const cluster = this.read(cib);
    const details = detailsOf(cluster, this.details);
    if (!this.options.quiet) {
      this.print(...preamble(cluster), "Current cluster status:", ...statusLines(cluster, true));
      this.print(...detailLines(details));
      this.printed = true;
    }
    return { cluster, details };
  }

  inject(cib: Element, cluster: Cluster): { cib: Element; cluster: Cluster; modifications: readonly string[] } {
    if (!hasInjections(this.injections)) return { cib, cluster, modifications: [] };
    const injected = inject(cib, this.injections, {
      nowEpochSeconds: this.options.clockEpochSeconds,
      md5Hex: this.options.md5Hex,
      startFailureFatal: cluster.properties.startFailureFatal,
      agentOf: (id) => {
        const attributes = findResource(cluster, id)?.config.attributes;
        if (attributes === undefined) return undefined;
        return { class: attributes["class"], provider: attributes["provider"], type: attributes["type"] };
      },
    });
    this.gap();
    this.tell("Performing Requested Modifications:", ...injected.lines.map((line) => `  * ${line}`));
    this.complain(...injected.remarks);
    return { cib: injected.cib, cluster: this.read(injected.cib), modifications: injected.lines };
  }

  plan(cluster: Cluster): Schedule {
    const { showScores = false, showUtilization = false, quiet = false } = this.options;
    const known = cluster.notices.length;
    planCluster(cluster);
    const schedule = exportSchedule(cluster);
    if (showScores || showUtilization) {
      this.gap();
      // Who asks for scores and nothing else gets them bare.
      const bare = quiet && showScores;
      if (!bare) this.print(`${assignmentHeader(showScores, showUtilization)}:`);
      this.tell(...cluster.notices.slice(known));
      for (const line of schedule.assignment) this.print(`${bare ? "" : "  * "}${assignmentText(line)}`);
    }
    if (!quiet) {
      this.gap();
      this.print("Transition Summary:", ...plannedLines(schedule.summary));
    }
    return schedule;
  }

  run(cib: Element, cluster: Cluster, schedule: Schedule): RunResult {
    const result = runTransition(cib, schedule.graph, {
      nowEpochSeconds: this.options.clockEpochSeconds,
      md5Hex: this.options.md5Hex,
      knows: (id) => findResource(cluster, id) !== undefined,
      failures: this.options.failures ?? [],
      startFailureFatal: cluster.properties.startFailureFatal,
      createNodes: this.injections.nodesUp.length > 0,
    });
    const terminated = () => this.complain("Transition failed: terminated", "An invalid transition was produced");
    // A list begins with its first item; that of a plan of which nothing can be done is only begun at its end.
    const nothing = !result.complete && result.lines.length === 0;
    if (nothing) terminated();
    this.gap();
    this.tell("Executing Cluster Transition:");
    for (const { kind, text } of result.lines) {
      if (kind === "error") this.complainAfterItem(text);
      else this.tell(kind === "item" ? `  * ${text}` : text);
    }
    if (!result.complete && !nothing) terminated();
    return result;
  }

  end(cib: Element): Details {
    const cluster = this.read(cib);
    const details = detailsOf(cluster, this.details);
    this.print("", "Revised Cluster Status:", ...statusLines(cluster, false), ...detailLines(details));
    return details;
  }
}

/** Simulates. A date that is none is a bug of the caller. */
export function simulate(cib: Element, options: SimulateOptions): Simulation {
  const simulator = new Simulator(options);
  const { cluster: first, details } = simulator.begin(cib);
  const { cib: input, cluster, modifications } = simulator.inject(cib, first);
  const schedule = options.plan || options.run ? simulator.plan(cluster) : undefined;
  const run = schedule !== undefined && options.run ? simulator.run(input, cluster, schedule) : undefined;
  const detailsAfter = run !== undefined && !options.quiet ? simulator.end(run.cib) : undefined;
  return {
    lines: simulator.lines,
    ...{ details, modifications, input, after: run?.cib ?? input },
    ...(schedule === undefined ? {} : { schedule }),
    graphXml: () => (schedule === undefined ? "" : formatXml(transitionElement(schedule.graph, 1), { indent: "  " })),
    dot: (allActions) => (schedule === undefined ? "" : dotText(cluster, allActions)),
    ...(run === undefined ? {} : { run }),
    ...(detailsAfter === undefined ? {} : { detailsAfter }),
  };
}

/** All lines as one text, those of both streams in the order in which they were written. */
export function textOf(lines: readonly OutputLine[], stream?: OutputLine["stream"]): string {
  const wanted = stream === undefined ? lines : lines.filter((line) => line.stream === stream);
  return wanted.map(({ text }) => `${text}\n`).join("");
}
