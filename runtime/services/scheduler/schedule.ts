// CIB and time in, plan out: what should run where, and the graph of actions that leads there.
//
// A plain function: no clock, no I/O, nothing kept between calls. The same document at the same second gives the same plan
// on every node, so any node that becomes coordinator continues where the last one left off.

import type { Element } from "../../kernel/cib/element.ts";
import type { Cause, TransitionGraph } from "../transition.ts";
import { readCluster } from "./cluster.ts";
import type { ClusterExplanation } from "./explain/explanation.ts";
import { exportSchedule, planCluster } from "./plan.ts";

/** What the function needs from outside, because it may not look at a clock or hash by itself. */
export interface ScheduleOptions {
  /** Now, for rules, failure timeouts and recurring starts. Epoch seconds, UTC. */
  readonly nowEpochSeconds: number;
  /** MD5 of a text's UTF-8 bytes as 32 lower-case hexadecimal digits: the digest of operation parameters in the history. */
  readonly md5Hex: (text: string) => string;
  /** Minutes that local time is ahead of UTC, for rules that give a time without a zone (default 0). */
  readonly timeZoneOffsetMinutes?: number;
  /** Also return the score of each resource on each node (costs time; off by default). */
  readonly withScores?: boolean;
  /** Also return what nodes have and resources use up (utilization; off by default). */
  readonly withUtilization?: boolean;
  /** Also return the reasons for each place and action (costs time and memory; off by default). */
  readonly explain?: boolean;
  /** The CIB's secrets may have been blanked (a saved one): a change of secret parameters alone is none. */
  readonly secretsRemoved?: boolean;
}

/** What a resource instance is on a node. */
export type PlacedRole = "Stopped" | "Started" | "Unpromoted" | "Promoted";

/** Where one resource instance shall be. */
export interface Placement {
  /** Instance id: the primitive's id, with `:N` for clone instances. */
  readonly resource: string;
  /** Node name, absent when it shall be stopped. */
  readonly node?: string;
  readonly role: PlacedRole;
  /** Names of the nodes where it is active now. */
  readonly activeOn: readonly string[];
  /** It is promoted where it is active now. */
  readonly promotedNow?: true;
  readonly causes: readonly Cause[];
}

/** One line of "what will happen", as people read it. */
export interface PlannedAction {
  /** Start, Stop, Restart, Recover, Move, Migrate, Promote, Demote, Reload, Fence, Leave, ... */
  readonly verb: string;
  /** The resource, or the node for Fence and Shutdown. */
  readonly subject: string;
  /** From where to where, in words: "( node1 -> node2 )". */
  readonly detail: string;
  /** The cause in words, where there is one ("due to ..."). */
  readonly reason?: string;
}

/** Something in the CIB that keeps a part of it from being used, or that people should know of. */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly code: string;
  /** Id of the element concerned, where it has one. */
  readonly element?: string;
  /** Cause, effect and next step in a sentence or two. */
  readonly text: string;
}

/** One line of the table of scores. */
export interface ScoreLine {
  /** The step that gives it. */
  readonly step: "primitive" | "group" | "clone" | "bundle" | "promotion";
  readonly resource: string;
  /** Node name. */
  readonly node: string;
  /** -1000000 … 1000000, where the ends mean never and always. */
  readonly score: number;
}

/** A line about capacities: what a node has before anything is placed, what a resource uses up there, what is left at the end. */
export interface CapacityLine {
  readonly step: "original" | "used" | "remaining";
  /** The resource, for what is used. */
  readonly resource?: string;
  /** Node name. */
  readonly node: string;
  /** Names and amounts (`utilization`), in the order in which they were read. */
  readonly amounts: readonly (readonly [name: string, amount: string])[];
}

/** What is told of the assignment, in the order in which it happens. */
export type AssignmentLine = ScoreLine | CapacityLine;

/** The plan. */
export interface Schedule {
  readonly graph: TransitionGraph;
  readonly placements: readonly Placement[];
  readonly summary: readonly PlannedAction[];
  /** Scores and capacities; empty unless asked for. */
  readonly assignment: readonly AssignmentLine[];
  readonly problems: readonly Problem[];
  /** Does this partition have quorum, as the CIB says. */
  readonly quorate: boolean;
  /** Why each instance is where it shall be, when that was asked for (`explain`). */
  readonly explanation?: ClusterExplanation;
}

/** Decides what the cluster described by `cib` should do at that moment. */
export function schedule(cib: Element, options: ScheduleOptions): Schedule {
  const cluster = readCluster(cib, options);
  planCluster(cluster);
  return exportSchedule(cluster);
}
